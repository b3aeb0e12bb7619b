"""Overstap: the conductor of OSO.

Turns what a region's schools agreed into dated rounds of exchanging transfer dossiers, from the schools' own systems
to signed confirmations. Only `overstap.orchestration` imports Airflow; everything else is plain Python (see
docs/architecture.md).
"""

__version__ = "0.1.0"
SOFTWARE = f"Overstap {__version__}"
"""How this software names itself to others: in what it signs and as a client."""
