"""Tests of damaged or truncated lists of registrations, which withdraw nothing without a decision."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_walk import PO, REGION, ROUND, VO, agreement

from overstap.agreements.model import RoundKind
from overstap.delivery.unusual import DeliverySituation, unusual
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.applications import HEADER
from overstap.intake.registrations import SourceRegistrations, collect_registrations, wait_until_written
from overstap.ledger import Ledger
from overstap.ledger.rounds import gate_holds, registrations
from overstap.ledger.rounds.rounds import open_round
from overstap.simulation.synthetic.numbers import bsn

YEAR = "2026-2027"
NUMBERS = [bsn(position) for position in range(1, 25)]


def line(number: str, moment: str = "2027-03-26 9:05", school: str = VO, stage: str = "geplaatst") -> str:
    return f"{number};;{PO};{school};{stage};{moment}"


def collect(ledger: Ledger, folder: Path, *lines: str) -> dict[str, int]:
    path = folder / "aanmeldingen.csv"
    path.write_text("\r\n".join((";".join(HEADER), *lines, "")), encoding="utf-8")
    return dict(
        collect_registrations(ledger, agreement(), [SourceRegistrations("file", *applications.read_file(path))], "test")
    )


def standing(ledger: Ledger) -> registrations.UnstatedRegistrations:
    with ledger.unit(REGION, "test") as unit:
        return registrations.unstated(unit, YEAR)


@pytest.fixture
def filled(ledger: Ledger, tmp_path: Path) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(), RoundKind.ADVICE)
    assert collect(ledger, tmp_path, *map(line, NUMBERS))["changed"] == len(NUMBERS)
    return ledger


@pytest.mark.parametrize(
    "lines",
    [
        [line(number, moment="26/3/2027") for number in NUMBERS],  # saved with another moment
        [line(number, stage="geplatst") for number in NUMBERS],  # misspelt
        [line(f"{number}.0") for number in NUMBERS],  # numbers as quantities: nobody can tell whose
        [line(number, school="het college") for number in NUMBERS],
        [line(number)[:-6] for number in NUMBERS],  # cut to another number of cells
        ["999900006;;99"],  # an upload that was cut off in its first row
    ],
)
def test_rows_that_stand_there_and_cannot_be_read_withdraw_nothing(
    filled: Ledger, tmp_path: Path, lines: list[str]
) -> None:
    counted = collect(filled, tmp_path, *lines)
    assert counted.get("withdrawn", 0) == 0
    assert standing(filled).in_force == len(NUMBERS)
    with filled.unit(REGION, "test") as unit:
        told = registrations.refused(unit, YEAR)
    assert [one.line for one in told] == list(range(2, 2 + len(told)))
    assert told
    assert not any(number in str(one.error) for one in told for number in NUMBERS)


def test_one_unreadable_row_keeps_just_whom_it_is_about(filled: Ledger, tmp_path: Path) -> None:
    kept, gone, *others = NUMBERS
    counted = collect(filled, tmp_path, *map(line, others), line(kept, stage="?"))
    assert (counted["withdrawn"], counted["kept"]) == (1, 1)
    assert standing(filled).in_force == len(NUMBERS) - 1
    assert collect(filled, tmp_path, *map(line, others), line(kept), line(gone))["changed"] == 1


@pytest.mark.parametrize("left", [0, 3, 12, 21])
def test_a_list_that_lost_a_large_part_withdraws_nothing_and_asks_with_both_figures(
    filled: Ledger, tmp_path: Path, left: int
) -> None:
    counted = collect(filled, tmp_path, *map(line, NUMBERS[:left]))
    missing = len(NUMBERS) - left
    if left == 21:  # three of 24 moved: as usual
        assert (counted["withdrawn"], counted.get("asked", 0)) == (3, 0)
        return
    assert (counted.get("withdrawn", 0), counted["asked"]) == (0, missing)
    with filled.unit(REGION, "test") as unit:
        reason = unusual(DeliverySituation([], unstated=registrations.unstated(unit, YEAR)))[0]
        assert (reason.reason, reason.count) == ("many_unstated", missing)
        assert reason.facts == {"standing": len(NUMBERS), "left": left}
    # The list comes whole again: nothing is asked any more
    collect(filled, tmp_path, *map(line, NUMBERS))
    assert standing(filled).missing == 0


def test_an_answer_covers_the_registrations_it_was_about_and_no_others(filled: Ledger, tmp_path: Path) -> None:
    def reasons() -> list[gate_holds.HoldReason]:
        return [one for one in unusual(DeliverySituation([], unstated=standing(filled))) if one.subject]

    for lines, expected in ((NUMBERS[:12], 1), (NUMBERS[12:], 1)):
        collect(filled, tmp_path, *map(line, lines))
        with filled.unit(REGION, "test") as unit:
            held = gate_holds.update_holds(unit, ROUND, gate_holds.RELEASE_FOR_DELIVERY, reasons())
            assert len(held) == expected
            batch = held[0].batch
            gate_holds.decide(
                *(unit, ROUND, gate_holds.RELEASE_FOR_DELIVERY, batch),
                approved=True, decided_by="anna", reason="", answer_key=str(batch), dossiers=0,
            )  # fmt: skip
    with filled.unit(REGION, "test") as unit:
        assert registrations.withdraw_unstated(unit, YEAR) == 12
    assert standing(filled).in_force == 12


def test_a_file_that_grows_is_waited_for(tmp_path: Path) -> None:
    path, slept = tmp_path / "a.csv", []
    wait_until_written(path)  # not there: the reader says so
    path.write_text("x", encoding="utf-8")
    begun = path.stat().st_mtime

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) < 3:
            path.write_text("x" * (1 + len(slept)), encoding="utf-8")

    # The clock stands still: what the file's own times say is always "just now", and only being left alone counts
    wait_until_written(path, clock=lambda: begun, sleep=sleep)
    assert len(slept) == 3

    def grow(seconds: float) -> None:
        slept.append(seconds)
        path.write_text("x" * (1 + len(slept)), encoding="utf-8")
        os.utime(path, (begun + sum(slept),) * 2)

    grow(0.0)
    with pytest.raises(OverstapError, match="INTAKE-046"):
        wait_until_written(path, clock=lambda: begun + sum(slept), sleep=grow)


def test_a_file_from_a_server_with_another_clock(tmp_path: Path) -> None:
    path, slept = tmp_path / "a.csv", []
    path.write_text("x", encoding="utf-8")
    now = datetime.now(UTC) - timedelta(hours=2)
    wait_until_written(path, clock=now.timestamp, sleep=slept.append)
    assert len(slept) == 1


def test_what_could_not_be_read_is_told_by_line_and_cause(filled: Ledger, tmp_path: Path) -> None:
    first, second, *others = NUMBERS
    wrong = [line(first, moment="42093"), line(second, moment="x")]
    collect(filled, tmp_path, *wrong, *map(line, others), line("7", stage="?"))
    with filled.unit(REGION, "test") as unit:
        causes = registrations.by_cause(registrations.refused(unit, YEAR))
    assert [(error.code, lines) for error, lines in causes] == [("INTAKE-037", [2, 3]), ("INTAKE-115", [26])]
    collect(filled, tmp_path, *map(line, NUMBERS))
    with filled.unit(REGION, "test") as unit:
        assert registrations.refused(unit, YEAR) == []


def test_numbers_that_lost_their_zeros_are_used_and_told_by_line(filled: Ledger, tmp_path: Path) -> None:
    """What a spreadsheet took away comes back by the check digit, and the coordinator reads where."""
    counted = collect(filled, tmp_path, *map(line, NUMBERS), line("12345672"), line("10464554"), line("10464555"))
    assert (counted["restored"], counted["changed"], counted["INTAKE-115"]) == (2, 2, 1)
    at = len(NUMBERS) + 2
    with filled.unit(REGION, "test") as unit:
        [told] = registrations.noted(unit, YEAR)
        assert [one.line for one in registrations.refused(unit, YEAR)] == [at + 2], "what is used is not refused"
    assert (told.code, told.count, told.first) == ("INTAKE-114", 2, (at, at + 1))
    assert "klopt de elfproef" in told.error.message_nl
    assert "12345672" not in f"{told.error.message_nl}{told.error.do_nl}"
    collect(filled, tmp_path, *map(line, NUMBERS))
    with filled.unit(REGION, "test") as unit:
        assert registrations.noted(unit, YEAR) == []
