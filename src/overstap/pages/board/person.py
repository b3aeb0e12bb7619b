"""Airflow account that uses the board, with its permissions."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoardUser:
    """An account of Airflow.

    Args:
        account: its login.
        key: its unique id, for form tokens.
        regions: regions whose rounds it may see.
        reruns: regions in which it may clear tasks.
        sees_dossiers: whether it may see single dossiers, by pseudonym, in its regions.
        is_administrator: whether it may see the page of all regions.
        coordinates: regions of which it is a coordinator.
    """

    account: str
    key: str
    regions: frozenset[str]
    reruns: frozenset[str] = frozenset()
    sees_dossiers: bool = False
    is_administrator: bool = False
    coordinates: frozenset[str] = frozenset()
