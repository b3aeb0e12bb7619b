"""A pupil of whom nothing but a registration for the test is left can ask what is known all the same."""

from owned import by_owner

from overstap.ledger import Ledger
from overstap.ledger.subject_access import collect, find
from overstap.test_chain.registering import Registrar

from .conftest import NUMBERS, REGION, SCHOOL, SECOND, SUPPLIER_OIN


def test_a_registration_alone_is_told_at_its_school(registrar: Registrar, opened: Ledger) -> None:
    registrar.register(SCHOOL)
    by_owner(opened, "delete from overstap.roster_pupil where true")
    with opened.unit(REGION, "test") as unit:
        subject = find(unit, NUMBERS[0], SCHOOL, None)
        assert subject is not None
        found = collect(unit, subject)
        assert found is not None
        [row] = found.tables["test_registration"]
        assert (row["primary_school"], row["supplier"]) == (SCHOOL, SUPPLIER_OIN)
        assert find(unit, NUMBERS[0], SECOND, None) is None
