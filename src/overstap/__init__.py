"""Overstap: exchange of pupils' transfer dossiers (OSO) between the schools of a region, in dated rounds.

It turns a region's agreement into rounds on Apache Airflow, from the schools' own systems to signed receipts. Only
`overstap.orchestration` imports Airflow; everything else is plain Python (see docs/architecture.md).
"""

__version__ = "0.1.0"
SOFTWARE = f"Overstap {__version__}"
"""Name and version of this software, in signed statements and in the User-Agent header."""
