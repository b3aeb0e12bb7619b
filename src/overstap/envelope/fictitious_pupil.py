"""Fictitious pupil that stands for the test message of a school that pulls (docs/pull.md)."""

from datetime import date

from overstap.envelope.pull_messages import DossierRequest

NUMBER, SURNAME, BIRTH_DATE = "000000000", "Proefbericht", date(2000, 1, 1)
"""The number passes the checks of its form and is never issued."""

TEST_VERSION = "2019.1"
"""Version of the OSO data set that the test message states."""


def is_test_request(request: DossierRequest) -> bool:
    """Return whether a request is for the test message, of whichever primary school."""
    return request.pupil_number == NUMBER
