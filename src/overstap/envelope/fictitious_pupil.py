"""Fictitious pupil of test messages to schools that pull (docs/pull.md)."""

from datetime import date

from overstap.envelope.pull_messages import DossierRequest

NUMBER, SURNAME, BIRTH_DATE = "000000000", "Proefbericht", date(2000, 1, 1)
"""Nobody's: the number passes every check of its form and is given to no one."""

TEST_VERSION = "2019.1"
"""Of the OSO data set, as the message says of itself."""


def is_test_request(request: DossierRequest) -> bool:
    """Tell whether a request is for the test message; of which primary school it is makes no difference."""
    return request.pupil_number == NUMBER
