"""Quality of dossiers: rules, findings, and lists of faults for schools.

- `rules.judge` judges one dossier: the official rules of its version and our own suite.
- `expectations.validate_region` judges a whole region's dossiers at once, as tables.
- `report` tells a school, in plain Dutch.
"""
