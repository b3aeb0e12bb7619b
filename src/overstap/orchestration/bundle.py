"""Bundle of the DAG files: has them read anew when an agreement changed, and not every minute when none did.

A reading of eighty regions takes half a minute of a processor: Airflow writes the rights of each DAG anew, whether it
changed or not. At an interval of a minute the DAG processor hardly ever stood still. So files are read anew seldom
(`MIN_FILE_PROCESS_INTERVAL`), and at once when it is requested, as by the button in Airflow's pages. Airflow calls
`refresh` in the dag-processor alone, once in `REFRESH_INTERVAL`; everywhere else this is a folder.
"""

import logging
import time
from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from overstap.agreements.load import agreement_paths
from overstap.settings import Settings

log = logging.getLogger(__name__)

_ONCE_MORE_AFTER = 60
"""Seconds from a change to a second reading. Airflow drops a request for a file that is being read at that moment, and
takes a DAG for gone when a reading did not have it that ended 50 seconds later than the last that had."""
_NOT_MORE_OFTEN = 0.9
"""Of `REFRESH_INTERVAL`: a request is followed by a refresh at once, which would request again."""
_ALL_AGAIN_AFTER = 600
"""Seconds after which files without errors are read too, while another one has some: the rounds of a broken agreement
come from the ledger, which may have been away."""

_LISTS = ("csv", "xlsx")
"""Forms in which an agreement names a list of schools."""

State = tuple[tuple[Path, int, int, int], ...]


class AgreementsBundle(LocalDagBundle):
    """Folder of DAG files whose DAGs are made from the agreements (OVERSTAP_REGIONS)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._seen: State | None = None
        self._once_more_at: float | None = None
        self._requested_at = self._all_requested_at = float("-inf")

    def refresh(self) -> None:
        """Request a reading of each file when an agreement changed, and of those with errors in any case.

        What mends an error is not seen here, such as the roles of a new region or a ledger that was away.
        """
        before, found, at = self._seen, _state(Settings().regions), time.monotonic()
        has_changed = before is not None and before != found
        is_due = has_changed or (self._once_more_at is not None and at >= self._once_more_at)
        if not is_due and at - self._requested_at < _NOT_MORE_OFTEN * self.refresh_interval:
            return
        names = {path.name for path in self.path.glob("*.py")}
        failed = _with_errors(self.name)
        # Only now: where the database was away, Airflow logs it and calls again
        self._seen = found
        if is_due or (failed and at - self._all_requested_at >= _ALL_AGAIN_AFTER):
            self._all_requested_at = at
            failed = names
        if failed & names:
            _request(self.name, failed & names)
            self._requested_at = at
            log.info("reading DAG files anew: %s", "an agreement changed" if is_due else "the last reading had errors")
        if is_due:
            self._once_more_at = at + _ONCE_MORE_AFTER if has_changed else None


def _state(folder: Path) -> State:
    """Return what tells whether an agreement, or a list of schools that one names, was added, changed or removed."""
    found = []
    lists = sorted(path for kind in _LISTS for path in folder.glob(f"*/*.{kind}"))
    for path in [*agreement_paths(folder), *lists]:
        try:
            stat = path.stat()
        except OSError:  # removed since it was listed
            continue
        found.append((path, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
    return tuple(found)


# A task's process knows the bundle too, and has neither the modules below nor the database.


def _with_errors(bundle: str) -> set[str]:
    """Return the files of a bundle whose last reading had errors."""
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(ParseImportError.filename).where(ParseImportError.bundle_name == bundle))
        return {name for name in found if name is not None}


def _request(bundle: str, names: set[str]) -> None:
    """Request a reading of each file that is not requested already."""
    from airflow.models.dagbag import DagPriorityParsingRequest
    from airflow.utils.session import create_session
    from sqlalchemy import select

    of_bundle = DagPriorityParsingRequest.bundle_name == bundle
    with create_session() as session:
        requested = set(session.scalars(select(DagPriorityParsingRequest.relative_fileloc).where(of_bundle)))
        for name in names - requested:
            session.add(DagPriorityParsingRequest(bundle, name))
