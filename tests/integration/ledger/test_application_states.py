"""Applications with order of preference and states: read from a list, kept with history, and what ends one."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest
from owned import by_owner
from test_walk import NOW, PO, PUPIL, REGION, ROUND, VO, accept_all, agreement, inspect, release, seal, send, supply
from test_walk import incoming as dossier_of

from overstap.agreements import Agreement
from overstap.agreements.model import RoundKind
from overstap.intake import applications
from overstap.intake.applications import HEADER, OPTIONAL
from overstap.intake.registrations import SourceRegistrations, collect_registrations
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries, withdrawals
from overstap.ledger.invariants import check
from overstap.ledger.rosters import by_application
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.rounds import open_round
from overstap.ledger.rounds.undecided_applications import undecided_applications
from overstap.simulation.synthetic.numbers import bsn

YEAR = "2026-2027"
ONE, TWO = bsn(1), bsn(2)


def line(
    number: str = ONE, *more: str, moment: str = "2027-03-26 9:05", school: str = VO, stage: str = "aangemeld"
) -> str:
    return ";".join((number, "", PO, school, stage, moment, *more))


def collect(
    ledger: Ledger, folder: Path, *lines: str, header: tuple[str, ...] = (*HEADER, *OPTIONAL)
) -> dict[str, int]:
    path = folder / "aanmeldingen.csv"
    path.write_text("\r\n".join((";".join(header), *lines, "")), encoding="utf-8")
    found = SourceRegistrations("file", *applications.read_file(path))
    return dict(collect_registrations(ledger, agreement(), [found], "platform"))


def history(ledger: Ledger) -> list[tuple[object, ...]]:
    with ledger.unit(REGION, "test") as unit:
        return unit.rows(
            "select preference, status, status_reason, is_withdrawn, source, noted_by from overstap.application_event "
            "order by application_event"
        )


def standing(ledger: Ledger) -> int:
    with ledger.unit(REGION, "test") as unit:
        return registrations.unstated(unit, YEAR).in_force


def sound(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


@pytest.fixture
def opened(ledger: Ledger) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(), RoundKind.ADVICE)
    return ledger


def test_each_state_is_kept_with_its_source_and_who(opened: Ledger, tmp_path: Path) -> None:
    collect(opened, tmp_path, line(ONE, "1", "Aangemeld", ""))
    assert collect(opened, tmp_path, line(ONE, "1", "aangemeld", ""))["changed"] == 0
    collect(opened, tmp_path, line(ONE, "1", "Ondersteuning in onderzoek", "", moment="2027-04-02 9:00"))
    collect(opened, tmp_path, line(ONE, "1", "geweigerd", "vol", moment="2027-04-12 9:00"))
    assert standing(opened) == 0
    assert history(opened) == [
        (1, "applied", None, False, "file", "platform"),
        (1, "support_examined", None, False, "file", "platform"),
        (1, "refused", "full", True, "file", "platform"),
    ]
    assert collect(opened, tmp_path, line(ONE, "1", "geweigerd", "vol", moment="2027-04-12 9:00"))["changed"] == 0
    collect(opened, tmp_path, line(ONE, "1", "toelaatbaar", "", moment="2027-04-20 9:00"))
    assert standing(opened) == 1
    sound(opened)


def test_a_list_without_the_columns_or_an_older_one_takes_no_state_away(opened: Ledger, tmp_path: Path) -> None:
    collect(opened, tmp_path, line(ONE, "2", "ingetrokken", "elders"))
    assert collect(opened, tmp_path, line(ONE), header=HEADER)["changed"] == 0
    assert collect(opened, tmp_path, line(ONE, "2", "compleet", "", moment="2027-03-01 9:00"))["changed"] == 0
    assert standing(opened) == 0
    assert history(opened) == [(2, "withdrawn", "elsewhere", True, "file", "platform")]
    sound(opened)


def test_what_a_list_states_no_more_is_history_too(opened: Ledger, tmp_path: Path) -> None:
    collect(opened, tmp_path, line(ONE, "1", "", ""))
    collect(opened, tmp_path)
    assert [(row[3], row[4]) for row in history(opened)] == [(False, "file"), (True, "unstated")]
    collect(opened, tmp_path, line(ONE, "1", "", ""))
    assert [row[3] for row in history(opened)] == [False, True, False]
    sound(opened)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("1", "verdwaald", ""), "INTAKE-048"),
        (("1", "geweigerd", "lastig kind"), "INTAKE-048"),
        (("1", "compleet", "vol"), "INTAKE-048"),
        (("0", "", ""), "INTAKE-049"),
        (("100", "", ""), "INTAKE-049"),
        (("eerste", "", ""), "INTAKE-049"),
        (("-1", "", ""), "INTAKE-049"),
        (("²", "", ""), "INTAKE-049"),
    ],
)
def test_a_cell_that_is_not_known_refuses_its_row_and_keeps_what_stood(
    opened: Ledger, tmp_path: Path, cells: tuple[str, ...], code: str
) -> None:
    collect(opened, tmp_path, line(ONE, "1", "compleet", ""))
    counted = collect(opened, tmp_path, line(ONE, *cells, moment="2027-04-20 9:00"))
    assert counted[code] == 1
    assert (standing(opened), len(history(opened))) == (1, 1)
    with opened.unit(REGION, "test") as unit:
        [told] = registrations.refused(unit, YEAR)
    assert ONE not in str(told.error)
    assert "lastig" not in str(told.error)


def test_an_application_that_ended_is_sealed_and_sent_no_more(ledger: Ledger, tmp_path: Path) -> None:
    supply(ledger, dossier_of())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    collect(ledger, tmp_path, line(PUPIL, "1", "toelaatbaar", "", stage="ingeschreven", moment=f"{NOW:%Y-%m-%d} 00:01"))
    assert len(seal(ledger)) == 1
    collect(
        *(ledger, tmp_path),
        line(PUPIL, "1", "ingetrokken", "elders", stage="ingeschreven", moment=f"{NOW:%Y-%m-%d} 00:02"),
    )
    with ledger.unit(REGION, "test") as unit:
        assert deliveries.claim_to_send(unit, ROUND, VO, limit=10) == []
        assert unit.rows("select problem from overstap.delivery") == [("DELIVERY-104",)]
    sound(ledger)


def test_a_school_that_was_sent_the_dossier_of_who_does_not_come_is_a_list(ledger: Ledger, tmp_path: Path) -> None:
    def vain() -> list[tuple[str, ...]]:
        with ledger.unit(REGION, "test") as unit:
            found = by_application.listed(unit, ROUND)
        return [one.secondary_schools for one in found if one.list is RosterList.SENT_IN_VAIN]

    supply(ledger, dossier_of())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    row = partial(line, PUPIL, "1", stage="ingeschreven")
    collect(ledger, tmp_path, row("toelaatbaar", "", moment=f"{NOW:%Y-%m-%d} 00:01"))
    assert len(seal(ledger)) == 1
    collect(ledger, tmp_path, row("ingetrokken", "", moment=f"{NOW:%Y-%m-%d} 00:02"))
    assert vain() == [], "it was sealed and not sent"
    collect(ledger, tmp_path, row("toelaatbaar", "", moment=f"{NOW:%Y-%m-%d} 00:03"))
    assert send(ledger) == 1
    assert vain() == []
    collect(ledger, tmp_path, row("geweigerd", "vol", moment=f"{NOW:%Y-%m-%d} 00:04"))
    assert vain() == [(VO,)]
    with ledger.unit(REGION, "coordinator") as unit:
        [dossier] = unit.one("select dossier from overstap.dossier")
        reason = withdrawals.WithdrawalReason.PUPIL_NOT_COMING
        withdrawals.withdraw(unit, ROUND, [dossier], reason=reason, decided_by="coordinator")
    assert vain() == []


def test_several_first_choices_are_a_list(opened: Ledger, tmp_path: Path) -> None:
    with opened.unit(REGION, "test") as unit:
        at = datetime(2027, 3, 26, tzinfo=UTC)
        stated = [registrations.Registration(ONE, PO, VO, "applied", at, 1)]
        unit.run(
            "insert into overstap.school (region, school, kind, name, contact) "
            "values (%(r)s, '98XB00', 'VO', 'B', 'b@example.org')",
            r=REGION,
        )
        stated.append(registrations.Registration(ONE, PO, "98XB00", "applied", at, 1))
        stated.append(registrations.Registration(TWO, PO, VO, "applied", at, 2))
        registrations.record_registrations(unit, YEAR, stated)
        [found] = by_application.listed(unit, ROUND)
    assert (found.list, found.secondary_schools) == (RosterList.SEVERAL_FIRST, (VO, "98XB00"))


@pytest.mark.parametrize(
    "damage",
    [
        "update overstap.application set status = 'admissible'",
        "delete from overstap.application_event",
        "update overstap.application_event set is_withdrawn = true",
    ],
)
def test_a_state_without_a_source_is_found(opened: Ledger, tmp_path: Path, damage: str) -> None:
    collect(opened, tmp_path, line(ONE, "1", "compleet", ""))
    sound(opened)
    by_owner(opened, damage)
    with opened.unit(REGION, "test") as unit:
        assert "the state of this application has no source" in {one.why for one in check(unit)}


def test_a_legal_period_without_a_start_is_found(opened: Ledger, tmp_path: Path) -> None:
    collect(opened, tmp_path, line(ONE, "1", "compleet", ""))
    by_owner(opened, "update overstap.application_event set stated_at = stated_at + interval '3 weeks'")
    with opened.unit(REGION, "test") as unit:
        assert "I11" in {one.invariant for one in check(unit)}


def test_no_login_writes_history(opened: Ledger, tmp_path: Path) -> None:
    collect(opened, tmp_path, line(ONE, "1", "compleet", ""))
    for statement in (
        "delete from overstap.application_event",
        "update overstap.application_event set status = 'placed'",
        "update overstap.application set status = 'placed'",
    ):
        with opened.unit(REGION, "test") as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
            unit.run(statement)
    with opened.unit("beta", "test") as unit:
        assert unit.one("select count(*) from overstap.application_event")[0] == 0


def test_undecided_applications_count_from_their_first_moment_until_somebody_decides(
    opened: Ledger, tmp_path: Path
) -> None:
    def undecided() -> list[tuple[str, str, bool, int]]:
        with opened.unit(REGION, "test") as unit:
            found = undecided_applications(unit, YEAR)
        return [(one.secondary_school, one.first_day.isoformat(), one.is_support_examined, one.count) for one in found]

    first = line(ONE, "1", "aangemeld", "", moment="2027-03-31 23:30")  # still Wednesday in the Netherlands
    other = line(TWO, "1", "", "", moment="2027-04-02 0:30")
    collect(opened, tmp_path, first, other)
    assert undecided() == [(VO, "2027-03-31", False, 1), (VO, "2027-04-02", False, 1)]
    examined = line(ONE, "1", "ondersteuning in onderzoek", "", moment="2027-04-05 9:00")
    collect(opened, tmp_path, examined, other)
    assert undecided() == [(VO, "2027-03-31", True, 1), (VO, "2027-04-02", False, 1)]
    complete = line(ONE, "1", "compleet", "", moment="2027-04-06 9:00")
    placed = line(TWO, "1", "", "", moment="2027-04-07 9:00", stage="geplaatst")
    collect(opened, tmp_path, complete, placed)
    assert undecided() == [(VO, "2027-03-31", True, 1)], "it stays the longer period"
    collect(opened, tmp_path, line(ONE, "1", "geweigerd", "advies", moment="2027-05-01 9:00"), placed)
    assert undecided() == []


def test_who_got_no_decision_in_time_is_listed_with_a_temporary_place(ledger: Ledger) -> None:
    plain = agreement().model_dump(mode="json") | {"school_year": "2024-2025"}
    plain["rounds"] = {"placement": {**plain["rounds"]["advice"], "receivers": "placed"}}
    past = Agreement.model_validate(plain)
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, past, RoundKind.PLACEMENT)
        at = datetime(2025, 3, 26, 9, tzinfo=UTC)
        stated = [
            registrations.Registration(ONE, PO, VO, "applied", at, 1, "support_examined"),
            registrations.Registration(TWO, PO, VO, "applied", at, 1, "complete"),
        ]
        registrations.record_registrations(unit, "2024-2025", stated)
    round_id = past.round_id(RoundKind.PLACEMENT)

    def late() -> list[tuple[str, ...]]:
        with ledger.unit(REGION, "test") as unit:
            found = by_application.listed(unit, round_id)
        return [one.secondary_schools for one in found if one.list is RosterList.TEMPORARY_PLACE]

    assert late() == [(VO,), (VO,)]
    with ledger.unit(REGION, "test") as unit:
        decided = registrations.Registration(TWO, PO, VO, "applied", datetime(2025, 5, 1, tzinfo=UTC), 1, "refused")
        registrations.record_registrations(unit, "2024-2025", [decided])
    assert late() == [(VO,)]
    sound(ledger)
