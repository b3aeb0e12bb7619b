"""Agreements of which DAGs are made: those of the files; for a broken file, what the ledger holds of its rounds."""

import logging
from collections.abc import Callable
from contextlib import closing

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from overstap.agreements import Agreement
from overstap.agreements.load import agreement_paths, load_agreement
from overstap.errors import OverstapError
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.round_agreements import newest_of_year
from overstap.ledger.session import UnitOfWork
from overstap.settings import Settings

log = logging.getLogger(__name__)

_PATIENCE = "-c statement_timeout=2s -c lock_timeout=1s"
"""Airflow gives a DAG file 30 s, and all regions wait for it."""


def last_agreed(settings: Settings, region: str | None = None) -> list[Agreement]:
    """Return the agreements of which rounds are made: in production, no examples.

    A file that cannot be read is not taken for one that is gone. Its rounds that were opened go on by the version that
    they run under, which is in the ledger; only when a file is broken is the ledger asked.

    Args:
        settings: of this process.
        region: read those of one region only.
    """
    found: dict[tuple[str, str], Agreement] = {}
    broken: list[tuple[str, str]] = []
    for path in agreement_paths(settings.regions, region):
        year = (path.parent.name, path.stem)
        try:
            found[year] = load_agreement(path)
        except OverstapError as error:
            log.warning("%s/%s: %s | %s", *year, error.code, error.message_nl)
            broken.append(year)
    if broken:
        found |= _from_ledger(settings, broken)
    return [found[year] for year in sorted(found) if not (settings.production and found[year].example)]


def _from_ledger(settings: Settings, broken: list[tuple[str, str]]) -> dict[tuple[str, str], Agreement]:
    """Return what the ledger holds of these regions and school years; of some it may hold nothing."""
    if settings.ledger is None:
        log.warning("OVERSTAP_LEDGER is not set: rounds of a broken agreement have no DAG")
        return {}
    found: dict[tuple[str, str], Agreement] = {}
    try:
        with closing(ReadOnlyLedger(_impatient(settings.ledger))) as looker, looker.regions() as turn:
            for region, school_year in broken:
                agreement = _of_year(turn, region, school_year)
                if agreement is not None:
                    found[region, school_year] = agreement
    # A database that cannot be asked must not take down the DAGs of the regions whose agreements are good.
    except (OverstapError, psycopg.Error) as error:
        log.warning("rounds of a broken agreement have no DAG until the ledger answers: %s", type(error).__name__)
    return found


def _impatient(dsn: str) -> str:
    """Return a connection string that gives up soon."""
    options = f"{conninfo_to_dict(dsn).get('options') or ''} {_PATIENCE}".strip()
    return make_conninfo(dsn, connect_timeout=2, options=options)


def _of_year(turn: Callable[[str], UnitOfWork], region: str, school_year: str) -> Agreement | None:
    try:
        return newest_of_year(turn(region), school_year)
    except OverstapError as error:
        if error.code != "LEDGER-007":
            raise
        return None  # a region that was never made has no rounds
