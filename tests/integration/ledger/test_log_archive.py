"""Test of what the doctor says about the archive of PostgreSQL's log."""

from datetime import timedelta

import psycopg
import pytest

from overstap.clock import now
from overstap.doctor.ledger_check import of_log_archive
from overstap.ledger.server import LogArchive, log_archive

EARLIER, LATER = now() - timedelta(hours=2), now() - timedelta(hours=1)


def test_a_server_without_one_has_no_finding(app_dsn: str) -> None:
    with psycopg.connect(app_dsn) as connection:
        assert log_archive(connection) is None


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (LogArchive(None, None), "mind"),
        (LogArchive(LATER, None), "good"),
        (LogArchive(LATER, EARLIER), "good"),
        (LogArchive(EARLIER, LATER), "wrong"),
        (LogArchive(None, LATER), "wrong"),
    ],
)
def test_a_failure_is_told_until_the_next_file(archive: LogArchive, says: str) -> None:
    assert of_log_archive(archive).level == says
