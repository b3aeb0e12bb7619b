"""Tests of later changes: a decision, a registration, a pupil's key, a file under the same number."""

from collections import Counter
from datetime import date

import pytest
from owned import by_owner
from test_walk import (
    NOW,
    PO,
    PUPIL,
    REGION,
    ROUND,
    VO,
    accept_all,
    agreement,
    breaches,
    incoming,
    inspect,
    register,
    release,
    seal,
    send,
    states,
    supply,
)

from overstap.agreements.model import RegistrationStage, RoundKind
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries, withdrawals
from overstap.ledger.dossiers import dossiers
from overstap.ledger.review import decisions
from overstap.ledger.rounds import counts, registrations, rounds

YEAR = "2026-2027"


def decide(
    ledger: Ledger, agreed: str, day: int, view: str | None = None, pupil: str = "17"
) -> decisions.DecisionOutcomes:
    with ledger.unit(REGION, "school") as unit:
        decision = decisions.ReviewDecision(pupil, date(2027, 1, day), agreed, view)
        return decisions.record(unit, ROUND, PO, [decision], ground="school_single")


def to_leave(ledger: Ledger) -> list[tuple[str, str | None]]:
    """Return what would go along now, and leave everything as it is."""
    with ledger.unit(REGION, "test") as unit:
        found = deliveries.claim_to_seal(
            unit, ROUND, RegistrationStage.REGISTERED, senders=[PO], receivers=[VO], limit=10
        )
        return [(item.agreed, item.decrypted(unit.keys)[1]) for item in found]


def withdraw(ledger: Ledger, *stated: tuple[str, str]) -> int:
    with ledger.unit(REGION, "test") as unit:
        registrations.mark_unstated(unit, YEAR, stated)
        return registrations.withdraw_unstated(unit, YEAR)


def expected(ledger: Ledger) -> tuple[int, int]:
    """Return how many pupils are waited for and how many dossiers came: of one school and of the round alike."""
    with ledger.unit(REGION, "test") as unit:
        (school,) = (one for one in counts.primary_schools(unit, ROUND) if one.school == PO)
        assert counts.expected(unit).get(ROUND, Counter())[PO] == school.expected
    return school.expected, school.supplied


def until_released(ledger: Ledger, *, closes_in: float = 3600) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    register(ledger)
    release(ledger, closes_in=closes_in)


def test_parents_who_change_their_mind_in_time_are_heard(ledger: Ledger) -> None:
    until_released(ledger)
    assert decide(ledger, "Ja", 12).recorded == (0,)
    assert decide(ledger, "Nee", 13, "Toch niet.").recorded == (0,)
    assert to_leave(ledger) == [("Nee", "Toch niet.")]
    assert breaches(ledger) == []


def test_an_older_list_supplied_again_does_not_silence_an_objection(ledger: Ledger) -> None:
    until_released(ledger)
    decide(ledger, "Ja", 12)
    decide(ledger, "Nee", 13, "Toch niet.")
    assert decide(ledger, "Ja", 12).repeated == (0,)
    assert to_leave(ledger) == [("Nee", "Toch niet.")]


def test_another_decision_after_sealing_is_told_not_to_count(ledger: Ledger) -> None:
    until_released(ledger)
    decide(ledger, "Ja", 12)
    seal(ledger)
    assert decide(ledger, "Ja", 12).repeated == (0,)
    assert decide(ledger, "Nee", 13).not_open == (0,)


def test_another_decision_after_the_window_is_told_not_to_count(ledger: Ledger, owner_dsn: str) -> None:
    until_released(ledger)
    decide(ledger, "Ja", 12)
    by_owner(ledger, "update overstap.dossier set review_closes_at = clock_timestamp()")
    assert decide(ledger, "Nee", 13).not_open == (0,)
    assert to_leave(ledger) == [("Ja", None)]


@pytest.mark.fault("F66")
def test_a_key_of_two_pupils_is_nobodys_decision(ledger: Ledger) -> None:
    supply(ledger, incoming(), incoming("999990020", b"<dossier>other</dossier>"))
    accept_all(ledger)
    release(ledger)
    result = inspect(ledger)
    assert (result.recorded, result.unknown, result.ambiguous) == ((), (), (0,))
    assert states(ledger) == ["in_review", "in_review"]
    assert decide(ledger, "Ja", 12, pupil=PUPIL).recorded == (0,)


def test_a_dossier_is_found_by_the_key_that_it_has_now(ledger: Ledger) -> None:
    supply(ledger, incoming())
    supply(ledger, incoming(text=b"<dossier>new</dossier>", las_key="18"))
    accept_all(ledger)
    release(ledger)
    assert decide(ledger, "Ja", 12, pupil="17").unknown == (0,)
    assert decide(ledger, "Ja", 12, pupil="18").recorded == (0,)


def test_a_withdrawn_registration_keeps_a_dossier_here(ledger: Ledger) -> None:
    until_released(ledger)
    inspect(ledger)
    assert withdraw(ledger, (PUPIL, VO)) == 0
    assert withdraw(ledger, (PUPIL, "98XB00")) == 1
    assert withdraw(ledger) == 0
    assert to_leave(ledger) == []
    register(ledger)
    assert len(to_leave(ledger)) == 1


def test_who_goes_elsewhere_is_not_waited_for(ledger: Ledger) -> None:
    until_released(ledger)
    assert expected(ledger) == (1, 1)
    withdraw(ledger)
    assert expected(ledger) == (0, 1)
    register(ledger)
    assert expected(ledger) == (1, 1)


def test_where_secondary_schools_tell_back_they_are_waited_for(ledger: Ledger) -> None:
    until_released(ledger)
    agreed = agreement()
    primary, secondary = agreed.schools
    schools = (primary.model_copy(update={"receives": secondary.receives}), secondary)
    agreed = agreed.model_copy(
        update={"schools": schools, "rounds": {RoundKind.FEEDBACK: agreed.round(RoundKind.ADVICE)}}
    )
    with ledger.unit(REGION, "open_round") as unit:
        assert rounds.open_round(unit, agreed, RoundKind.FEEDBACK)
        found = counts.expected(unit)
        told = counts.primary_schools(unit, agreed.round_id(RoundKind.FEEDBACK))
    assert found == {ROUND: {PO: 1}, agreed.round_id(RoundKind.FEEDBACK): {VO: 1}}
    assert {one.school: one.expected for one in told}[VO] == 1


def test_a_dossier_that_was_taken_back_is_not_waited_for_and_hides_nobody(ledger: Ledger) -> None:
    until_released(ledger)
    with ledger.unit(REGION, "test") as unit:
        registrations.record_registrations(
            unit, YEAR, [registrations.Registration("999990020", PO, VO, "registered", NOW)]
        )
    inspect(ledger)
    seal(ledger)
    send(ledger)
    assert expected(ledger) == (2, 1)
    with ledger.unit(REGION, "coordinator") as unit:
        ((dossier,),) = unit.rows("select dossier from overstap.dossier")
        reason = withdrawals.WithdrawalReason.OBJECTION
        assert withdrawals.withdraw(unit, ROUND, [dossier], reason=reason, decided_by="coordinator") == 1
    assert expected(ledger) == (1, 0)


def test_what_was_sealed_before_the_withdrawal_is_not_sent(ledger: Ledger) -> None:
    until_released(ledger)
    inspect(ledger)
    seal(ledger)
    withdraw(ledger)
    assert send(ledger) == 0
    with ledger.unit(REGION, "test") as unit:
        assert deliveries.unsettled(unit, ROUND, VO).problems == {"DELIVERY-104": 1}
    assert breaches(ledger) == []
    register(ledger)
    assert send(ledger) == 1
    assert states(ledger) == ["confirmed"]


@pytest.mark.parametrize("name", ["17", "Andr\udce9.xml"])
def test_the_name_of_a_refused_file_is_that_of_now(ledger: Ledger, name: str) -> None:
    """Row 3 may be another pupil tomorrow; a name on disk need not be UTF-8."""
    supply(ledger, incoming())
    for one in ("16", name):
        with ledger.unit(REGION, "test") as unit:
            dossiers.note_refused(unit, ROUND, PO, [dossiers.RefusedFile("rij 3", one, "INTAKE-022", {})])
    with ledger.unit(REGION, "test") as unit:
        assert [one.file_name for one in dossiers.refused_files(unit, ROUND, PO)] == [name.replace("\udce9", "?")]
