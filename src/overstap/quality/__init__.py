"""Quality rules for dossiers: official and own rules, expectations over a region, and lists of faults for schools.

- `rules.judge` checks one dossier by the official rules of its version and our own rules.
- `expectations.validate_region` checks all dossiers of a region together, as tables.
- `report` writes a school's list of faults in plain Dutch.
"""
