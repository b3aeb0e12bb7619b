"""Tests of questions and corrections of parents: settled once by the school, visible to the person who asked."""

from uuid import UUID

import psycopg
import pytest
from test_walk import PO, REGION, ROUND, accept_all, breaches, incoming, release, supply

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import access_log, parent_requests, windows

WORDS = "De achternaam klopt niet."


@pytest.fixture
def ref(ledger: Ledger) -> VersionRef:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    with ledger.unit(REGION, "test") as unit:
        return VersionRef(dossiers.find_by_las_key(unit, ROUND, PO, "17"), 1)


def ask(ledger: Ledger, ref: VersionRef, kind: parent_requests.Kind = "correction", text: str = WORDS) -> UUID:
    with ledger.unit(REGION, "parent") as unit:
        return parent_requests.ask(unit, ref, kind=kind, text=text, person="a")


def of_school(ledger: Ledger) -> list[parent_requests.ParentRequest]:
    with ledger.unit(REGION, "school") as unit:
        return parent_requests.of_school(unit, ROUND, PO)


def settle(ledger: Ledger, request: UUID, state: str, answer: str | None = None, school: str = PO) -> None:
    with ledger.unit(REGION, "office") as unit:
        parent_requests.settle(unit, request, state, primary_school=school, answer=answer)  # type: ignore[arg-type]


def test_a_refusal_with_its_reason_is_seen_by_the_parent(ledger: Ledger, ref: VersionRef) -> None:
    request = ask(ledger, ref)
    (asked,) = of_school(ledger)
    assert (asked.text, asked.state, asked.is_overdue) == (WORDS, "open", False)
    settle(ledger, request, "refused", "Zo staat het in de basisregistratie.")
    with ledger.unit(REGION, "parent") as unit:
        (seen,) = parent_requests.of_dossier(unit, ref.dossier, person="a")
        assert parent_requests.of_dossier(unit, ref.dossier, person="b") == []
    assert (seen.state, seen.answer, seen.settled_by) == ("refused", "Zo staat het in de basisregistratie.", "office")
    with pytest.raises(OverstapError, match="REVIEW-024"):
        settle(ledger, request, "answered", "Toch iets anders.")
    assert breaches(ledger) == []


def test_a_correction_is_made_by_a_newer_version_only(ledger: Ledger, ref: VersionRef) -> None:
    request = ask(ledger, ref)
    with pytest.raises(OverstapError, match="REVIEW-025"):
        settle(ledger, request, "mended")
    supply(ledger, incoming(text=b"<dossier>mended</dossier>"))
    settle(ledger, request, "mended", "Aangepast.")
    assert of_school(ledger)[0].state == "mended"


@pytest.mark.parametrize("state", ["answered", "refused"])
def test_a_refusal_without_words_is_none(ledger: Ledger, ref: VersionRef, state: str) -> None:
    request = ask(ledger, ref)
    with pytest.raises(OverstapError, match="REVIEW-023"):
        settle(ledger, request, state, "  ")


def test_another_school_settles_nothing(ledger: Ledger, ref: VersionRef) -> None:
    with pytest.raises(OverstapError, match="REVIEW-024"):
        settle(ledger, ask(ledger, ref), "answered", "x", school="99AC00")


@pytest.mark.parametrize("text", ["", " \n", "x" * (parent_requests.MAX_CHARACTERS + 1)])
def test_nothing_and_too_much_are_not_asked(ledger: Ledger, ref: VersionRef, text: str) -> None:
    with pytest.raises(OverstapError, match="REVIEW-023"):
        ask(ledger, ref, text=text)


def test_what_is_overdue_is_counted_for_the_coordinator(ledger: Ledger, ref: VersionRef, owner_dsn: str) -> None:
    import psycopg

    ask(ledger, ref)
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("update overstap.review_request set due_at = clock_timestamp() - interval '1 second'")
    assert of_school(ledger)[0].is_overdue
    with ledger.unit(REGION, "test") as unit:
        (school,) = windows.school_inspections(unit, ROUND)
    assert (school.open_requests, school.overdue_requests) == (1, 1)


def test_words_stand_nowhere_in_the_clear(ledger: Ledger, ref: VersionRef) -> None:
    settle(ledger, ask(ledger, ref), "refused", "Zo hoort het.")
    with ledger.unit(REGION, "test") as unit:
        text, answer = unit.one("select text, answer from overstap.review_request")
        lines = "".join(row[0] for row in unit.rows("select payload from overstap.audit_line"))
    for words in (WORDS, "Zo hoort het."):
        assert words.encode() not in text + answer
        assert words not in lines


def test_who_opened_a_dossier_is_kept(ledger: Ledger, ref: VersionRef) -> None:
    with ledger.unit(REGION, "test") as unit:
        access_log.note_opened(unit, [ref, ref], by="office", purpose="print")
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit(REGION, "test") as unit:
        access_log.note_opened(unit, [ref], by="parent", purpose="parent_page", person="a")
    with ledger.unit(REGION, "test") as unit:
        seen = access_log.opened(unit, ref.dossier)
    assert [(one.opened_by, one.purpose, one.person) for one in seen] == [("office", "print", None)]
