"""Account that looks at the board, and its rights in Airflow."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BoardUser:
    """An account of Airflow.

    Args:
        account: its login.
        key: what tells it apart from all other accounts, for the mark of a form.
        regions: regions whose rounds it may see.
        reruns: regions in which it may clear tasks.
        sees_dossiers: whether it may see single dossiers, by pseudonym, in its regions.
        is_administrator: whether it may see the page of all regions.
    """

    account: str
    key: str
    regions: frozenset[str]
    reruns: frozenset[str] = frozenset()
    sees_dossiers: bool = False
    is_administrator: bool = False
