"""Tests of the end of the review window by the database's clock: held, extended, attested, with two parents."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from owned import by_owner
from test_walk import (
    PO,
    REGION,
    ROUND,
    VO,
    accept_all,
    agreement,
    breaches,
    incoming,
    register,
    release,
    seal,
    send,
    states,
)

from overstap.agreements import RoundKind
from overstap.agreements.model import RegistrationStage
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries, withdrawals
from overstap.ledger.dossiers import dossiers
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import decisions, parent_requests, windows
from overstap.ledger.rounds import rounds

OTHER = "999990020"


def begin(ledger: Ledger, rule: str = "withhold", *, closes_in: float = 3600, consent: str = "not_asked") -> None:
    agreed = agreement().model_dump(mode="json")
    agreed["rounds"]["advice"] |= {"not_inspected": rule, "consent": consent}
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, type(agreement()).model_validate(agreed), RoundKind.ADVICE)
        dossiers.store(unit, ROUND, PO, [incoming(), incoming(OTHER, b"<dossier>2</dossier>", "18")])
    accept_all(ledger)
    register(ledger)
    release(ledger, closes_in=closes_in)


def decide(ledger: Ledger, pupil: str = "17", agreed: str = "Ja", **more: str | None) -> decisions.DecisionOutcomes:
    ground = str(more.pop("ground", None) or "school_single")
    decision = decisions.ReviewDecision(pupil, date(2027, 1, 12), agreed, more.pop("view", None), **more)
    with ledger.unit(REGION, "school") as unit:
        return decisions.record(unit, ROUND, PO, [decision], ground=ground)


def close(ledger: Ledger) -> None:
    by_owner(ledger, "update overstap.dossier set review_closes_at = clock_timestamp()")


def end(ledger: Ledger, choice: str = "", schools: tuple[str, ...] = (PO,), hours: float = 1, key: str = "a") -> int:
    with ledger.unit(REGION, "coordinator") as unit:
        decisions.lapse(unit, ROUND)
        if not choice:
            return 0
        closes_at = datetime.now(UTC) + timedelta(hours=hours) if choice == "extend" else None
        return windows.decide_window(
            unit,
            ROUND,
            choice=choice,  # type: ignore[arg-type]
            schools=schools,
            decided_by="coordinator",
            reason="storing",
            answer_key=key,
            closes_at=closes_at,
        )


def to_leave(ledger: Ledger) -> list[tuple[str, str | None]]:
    with ledger.unit(REGION, "test") as unit:
        found = deliveries.claim_to_seal(
            unit, ROUND, RegistrationStage.REGISTERED, senders=[PO], receivers=[VO], limit=10
        )
        return [(item.agreed, item.decrypted(unit.keys)[1]) for item in found]


def dossier(ledger: Ledger, key: str = "17") -> UUID:
    with ledger.unit(REGION, "test") as unit:
        return dossiers.find_by_las_key(unit, ROUND, PO, key)


def test_the_coordinator_sees_who_has_not_looked_in_counts(ledger: Ledger) -> None:
    begin(ledger)
    decide(ledger)
    close(ledger)
    with ledger.unit(REGION, "coordinator") as unit:
        (school,) = windows.school_inspections(unit, ROUND)
    assert (school.school, school.released, school.inspected, school.waiting, school.lapsed) == (PO, 2, 1, 0, 1)


@pytest.mark.parametrize(("rule", "choice"), [("withhold", "extend"), ("withhold", "attest"), ("extend", "attest")])
def test_what_was_not_agreed_cannot_be_decided(ledger: Ledger, rule: str, choice: str) -> None:
    begin(ledger, rule)
    close(ledger)
    with pytest.raises(OverstapError, match="REVIEW-020"):
        end(ledger, choice)
    assert states(ledger) == ["in_review", "in_review"]


def test_families_of_a_school_get_longer(ledger: Ledger) -> None:
    begin(ledger, "extend")
    close(ledger)
    end(ledger)
    assert states(ledger) == ["not_inspected", "not_inspected"]
    assert decide(ledger).not_open == (0,)
    assert end(ledger, "extend") == 2
    assert end(ledger, "extend") == 2, "the same answer again is the same decision"
    assert states(ledger) == ["in_review", "in_review"]
    assert decide(ledger).recorded == (0,)
    with ledger.unit(REGION, "test") as unit:
        assert [(one.school, one.choice, one.dossiers) for one in windows.decisions(unit, ROUND)] == [(PO, "extend", 2)]
    assert breaches(ledger) == []


@pytest.mark.parametrize(
    ("schools", "hours", "code"),
    [((), 1, "REVIEW-021"), (("99ZZ00",), 1, "REVIEW-021"), ((PO,), -1, "REVIEW-022"), ((PO,), 24, "REVIEW-022")],
)
def test_an_extension_names_a_school_and_a_moment(
    ledger: Ledger, schools: tuple[str, ...], hours: float, code: str
) -> None:
    begin(ledger, "extend")
    close(ledger)
    with pytest.raises(OverstapError, match=code):
        end(ledger, "extend", schools, hours)


def test_a_school_attests_with_a_reason_after_the_window(ledger: Ledger) -> None:
    begin(ledger, "attest")
    attest = {"ground": "attested", "agreed": "Onbekend", "note": "Gezien op het huisbezoek; formulier kwijt."}
    assert decide(ledger, **attest).not_open == (0,), "not while the window is open"
    close(ledger)
    end(ledger)
    assert decide(ledger, **attest).recorded == (0,)
    assert states(ledger) == ["inspected", "not_inspected"]
    assert to_leave(ledger) == [("Onbekend", None)], "the reason stays here"
    assert breaches(ledger) == []


def test_a_held_school_attests_nothing(ledger: Ledger) -> None:
    begin(ledger, "attest")
    close(ledger)
    assert end(ledger, "hold") == 2
    assert decide(ledger, ground="attested", note="x").not_open == (0,)
    assert end(ledger, "attest", key="b") == 2
    assert decide(ledger, ground="attested", note="x").recorded == (0,)


def test_nothing_is_attested_where_that_was_not_agreed(ledger: Ledger) -> None:
    begin(ledger, "extend")
    close(ledger)
    end(ledger)
    assert decide(ledger, ground="attested", note="x").not_open == (0,)


def test_no_decision_counts_before_the_window_opens(ledger: Ledger) -> None:
    begin(ledger)
    by_owner(ledger, "update overstap.dossier set review_opens_at = clock_timestamp() + interval '1 minute'")
    assert decide(ledger).not_open == (0,)


def together(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.fault("F72")
@pytest.mark.parametrize("late", [False, True])
def test_the_last_second_counts_or_not_and_never_both(
    ledger: Ledger, app_dsn: str, keys_folder: object, late: bool
) -> None:
    """The dossier is held by somebody until the window has closed: the clock that counts is that after the wait."""
    begin(ledger, closes_in=1.5 if late else 3600)
    results: list[decisions.DecisionOutcomes] = []
    holder, decider = (Ledger(app_dsn, ledger._where_keys_are) for _ in range(2))
    held = threading.Event()

    def hold() -> None:
        with holder.unit(REGION, "holder") as unit:
            unit.rows("select from overstap.dossier order by dossier for update")
            held.set()
            unit.run("select pg_sleep(2)")

    def decide_last() -> None:
        held.wait()
        results.append(decide(decider))

    together(hold, decide_last)
    holder.close()
    decider.close()
    with ledger.unit(REGION, "test") as unit:
        decisions.lapse(unit, ROUND)
        rows = unit.rows(
            "select r.recorded_at < d.review_closes_at from overstap.review_decision r "
            "join overstap.dossier d using (dossier)"
        )
    assert results[0].recorded == (() if late else (0,))
    assert rows == ([] if late else [(True,)])
    assert states(ledger)[0] == ("not_inspected" if late else "inspected")


def invite(ledger: Ledger, *persons: str) -> VersionRef:
    ref = VersionRef(dossier(ledger), 1)
    with ledger.unit(REGION, "test") as unit:
        columns = {"region": "text", "dossier": "uuid", "number": "int4", "person": "text", "kind": "text"}
        unit.insert("entitled", columns, [(REGION, ref.dossier, 1, person, "carer") for person in persons])
    return ref


def test_of_two_parents_each_is_waited_for_and_heard(ledger: Ledger) -> None:
    begin(ledger)
    invite(ledger, "a", "b")
    decide(ledger, agreed="Nee", view="Mijn kant.", person="a")
    assert to_leave(ledger) == [], "the other may still answer"
    decide(ledger, agreed="Ja", person="b")
    assert to_leave(ledger) == [("Nee", "Mijn kant.")]
    decide(ledger, agreed="Nee", view="Ook mijn kant.", person="b")
    assert to_leave(ledger) == [("Nee", "Mijn kant.\n\nOok mijn kant.")]
    decide(ledger, agreed="Ja")  # the school's own list silences nobody
    assert to_leave(ledger) == [("Nee", "Mijn kant.\n\nOok mijn kant.")]
    decide(ledger, agreed="Ja", person="a", view="Toch goed.")
    assert to_leave(ledger) == [("Nee", "Ook mijn kant.\n\nToch goed.")]


def test_who_does_not_answer_holds_nobody_up_after_the_window(ledger: Ledger) -> None:
    begin(ledger)
    invite(ledger, "a", "b")
    decide(ledger, person="a")
    with ledger.unit(REGION, "test") as unit:
        assert decisions.window(unit, ROUND).waiting == 2
    close(ledger)
    assert to_leave(ledger) == [("Ja", None)]
    with ledger.unit(REGION, "test") as unit:
        assert decisions.window(unit, ROUND).waiting == 0


@pytest.mark.parametrize(
    ("setting", "consent", "leaves"),
    [
        ("not_asked", None, True),
        ("asked", "Nee", True),
        ("required", "Ja", True),
        ("required", "Nee", False),
        ("required", None, False),
    ],
)
def test_consent_follows_the_agreement(ledger: Ledger, setting: str, consent: str | None, leaves: bool) -> None:
    begin(ledger, consent=setting)
    decide(ledger, consent=consent)
    assert bool(to_leave(ledger)) == leaves


@pytest.mark.fault("F72")
def test_an_objection_while_sending_starts_is_heard_or_told(ledger: Ledger, app_dsn: str) -> None:
    """F72: whoever holds the dossier first wins, and nobody is told both."""
    begin(ledger)
    decide(ledger)
    other = Ledger(app_dsn, ledger._where_keys_are)
    claimed, result = threading.Event(), []

    def object_late() -> None:
        claimed.wait()
        result.append(decide(other, agreed="Nee", view="Toch niet."))

    thread = threading.Thread(target=object_late)
    thread.start()
    with ledger.unit(REGION, "seal") as unit:
        found = deliveries.claim_to_seal(
            unit, ROUND, RegistrationStage.REGISTERED, senders=[PO], receivers=[VO], limit=10
        )
        claimed.set()
        unit.run("select pg_sleep(0.3)")
        assert [item.agreed for item in found] == ["Ja"]
        digest = b"\0" * 32
        sealed = [deliveries.Envelope(UUID(int=1), item.ref, VO, b"sealed", digest, digest) for item in found]
        deliveries.keep_sealed(unit, ROUND, sealed)
    thread.join()
    other.close()
    assert result[0].not_open == (0,)
    with ledger.unit(REGION, "test") as unit:
        assert unit.one("select count(*) from overstap.review_decision")[0] == 1


@pytest.mark.fault("F73")
def test_an_objection_after_delivery_is_a_task_and_can_take_the_dossier_back(ledger: Ledger) -> None:
    """F73: it does not count as an answer and is not lost: the school has to deal with it, the region may withdraw."""
    begin(ledger)
    decide(ledger)
    seal(ledger)
    send(ledger)
    assert states(ledger)[0] == "confirmed"
    assert decide(ledger, agreed="Nee", view="Toch niet.").not_open == (0,)
    ref = VersionRef(dossier(ledger), 1)
    with ledger.unit(REGION, "school") as unit:
        parent_requests.ask(unit, ref, kind="correction", text="Toch niet: het advies klopt niet.")
    with ledger.unit(REGION, "coordinator") as unit:
        (task,) = parent_requests.of_school(unit, ROUND, PO)
        assert (task.state, task.kind) == ("open", "correction")
        reason = withdrawals.WithdrawalReason.OBJECTION
        assert withdrawals.withdraw(unit, ROUND, [ref.dossier], reason=reason, decided_by="coordinator") == 1
        assert [one.reason for one in withdrawals.to_revoke(unit, ROUND)] == [reason]
    assert states(ledger)[0] == "withdrawn"
    assert breaches(ledger) == []
