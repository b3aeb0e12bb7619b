"""Tests of which rounds a collection concerns, and which files of a school belong to a round."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from test_walk import REGION, agreement

from overstap.agreements import Agreement, RoundKind
from overstap.clock import now
from overstap.intake.collect import CollectionResult, collect_school
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger import Ledger
from overstap.ledger.dossiers.dossiers import StoreCounts
from overstap.ledger.rounds import rounds
from overstap.oso import reading
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.support import write_support
from overstap.simulation.synthetic.writing import write_school


def due_in(hours: float) -> Agreement:
    """An agreement whose data are due in some hours, or were due some hours ago."""
    moments = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    due = datetime.now(UTC) + timedelta(hours=hours)
    content = agreement().model_dump(mode="json")
    content["rounds"]["advice"]["milestones"] = {
        name: (due + timedelta(hours=place - 1)).isoformat() for place, name in enumerate(moments)
    }
    return Agreement.model_validate(content)


@pytest.mark.parametrize(("hours", "is_collecting"), [(1, True), (-1, False)])
def test_a_round_is_collected_daily_until_its_data_are_due(ledger: Ledger, hours: float, is_collecting: bool) -> None:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, due_in(hours), RoundKind.ADVICE)
        assert bool(rounds.collecting(unit, "2026-2027")) is is_collecting
        assert rounds.collecting(unit, "2025-2026") == []


def test_a_closed_round_is_not_collected(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, due_in(1), RoundKind.ADVICE)
        rounds.close_round(unit, due_in(1).round_id("advice"))
        assert rounds.collecting(unit, "2026-2027") == []


def test_a_round_that_was_not_opened_is_not_collected(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert rounds.collecting(unit, "2026-2027") == []


def test_each_round_takes_the_files_of_its_own_profile_from_a_schools_one_folder(
    ledger: Ledger, tmp_path: Path
) -> None:
    made_up = make_region(3, 4, 1, 1, today=date(2026, 11, 23), name="alfa", late=0, faulty=0, littered=0, database=0)
    school = made_up.primary[0]
    write_school(made_up, school, tmp_path)
    for_partnership = write_support(made_up, school, tmp_path)
    kinds = (RoundKind.ADVICE, RoundKind.SUPPORT)
    agreement = agreement_of(made_up, {kind: past_milestones(now()) for kind in kinds})
    for kind, expected in ((RoundKind.ADVICE, made_up.size), (RoundKind.SUPPORT, for_partnership)):
        with ledger.unit("alfa", "test") as unit:
            rounds.open_round(unit, agreement, kind)
        collected = collect_school(
            ledger,
            agreement=agreement,
            agreed=agreement.round(kind),
            round_id=agreement.round_id(kind),
            school=agreement.school(school.id),
            source="drop_folder",
            candidates=from_drop_folder(tmp_path / "drop" / "alfa" / school.id, now=now(), label_key=b"k" * 32),
            actor="test",
        )
        assert (collected.stored.new, collected.refused) == (expected, {})


def aged(path: Path) -> None:
    """Give a file the dates of one that was written long ago: what is new is still being written."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


class Folder:
    """A school's drop folder, collected for one round; counts the files that are parsed."""

    def __init__(self, ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made_up = make_region(
            3, 4, 1, 1, today=date(2026, 11, 23), name="alfa", late=0, faulty=0, littered=0, database=0
        )
        write_school(made_up, made_up.primary[0], folder)
        self.size = made_up.size
        self.ledger = ledger
        self.agreement = agreement_of(made_up, {RoundKind.ADVICE: past_milestones(now())})
        self.school = self.agreement.schools[0].id
        self.path = folder / "drop" / "alfa" / self.school
        with ledger.unit("alfa", "test") as unit:
            rounds.open_round(unit, self.agreement, RoundKind.ADVICE)
        self.parsed = 0
        parse = reading.parse

        def counting(plain: bytes) -> object:
            self.parsed += 1
            return parse(plain)

        monkeypatch.setattr(reading, "parse", counting)

    def files(self) -> list[Path]:
        return sorted(self.path.glob("*.xml"))

    def collect(self, **agreed: object) -> tuple[int, CollectionResult]:
        """Collect; return how many files were parsed for it, and what it brought."""
        self.parsed = 0
        collected = collect_school(
            self.ledger,
            agreement=self.agreement,
            agreed=self.agreement.round(RoundKind.ADVICE).model_copy(update=agreed),
            round_id=self.agreement.round_id(RoundKind.ADVICE),
            school=self.agreement.school(self.school),
            source="drop_folder",
            candidates=from_drop_folder(self.path, now=now(), label_key=b"k" * 32),
            actor="test",
        )
        return self.parsed, collected


@pytest.fixture
def folder(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(ledger, tmp_path, monkeypatch)


def test_a_file_that_has_not_changed_is_not_parsed_again_whatever_its_name_and_dates_say(folder: Folder) -> None:
    parsed, first = folder.collect()
    assert (parsed, first.stored.new) == (folder.size, folder.size)
    assert folder.collect()[0] == 0
    for path in folder.files():
        aged(path)
    folder.files()[0].rename(folder.path / "anders.xml")
    parsed, again = folder.collect()
    assert (parsed, again.stored) == (0, StoreCounts(unchanged=folder.size))


def test_of_a_folder_only_the_file_that_changed_is_parsed(folder: Folder) -> None:
    folder.collect()
    one = folder.files()[0]
    before = one.stat()
    one.write_bytes(one.read_bytes().replace(b"</roepnaam>", b"a</roepnaam>"))
    os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))  # its dates tell nothing
    parsed, found = folder.collect()
    assert (parsed, found.stored) == (1, StoreCounts(changed=1, unchanged=folder.size - 1))
    assert folder.collect()[0] == 0


def test_a_refused_file_is_told_again_without_parsing_it(folder: Folder) -> None:
    one = folder.files()[0]
    one.write_bytes(one.read_bytes().replace(b"</roepnaam>", b"</roepnaan>"))
    aged(one)
    parsed, first = folder.collect()
    assert parsed == folder.size
    assert first.refused.total() == 1
    again, second = folder.collect()
    assert (again, second.refused, second.stored) == (0, first.refused, StoreCounts(unchanged=folder.size - 1))


@pytest.mark.fault("F67")
def test_two_files_of_one_pupil_are_refused_though_one_of_them_was_taken_before(folder: Folder) -> None:
    folder.collect()
    one = folder.files()[0]
    other = folder.path / "nog-een.xml"
    other.write_bytes(one.read_bytes().replace(b"</roepnaam>", b"a</roepnaam>"))
    aged(other)
    _, found = folder.collect()
    assert found.refused == {"INTAKE-053": 2}
    assert found.stored.unchanged == folder.size - 1


def test_files_are_parsed_again_when_other_data_were_agreed(folder: Folder) -> None:
    folder.collect()
    assert folder.collect(categories=frozenset())[0] == folder.size


def test_a_version_that_cannot_be_read_any_more_is_mended_by_the_same_file(folder: Folder, owner_dsn: str) -> None:
    folder.collect()
    with psycopg.connect(owner_dsn) as owner:
        owner.execute(
            "insert into overstap.finding (region, dossier, number, rule, severity, path) "
            "select region, dossier, version, 'QUALITY-003', 'error', '' from overstap.dossier limit 1"
        )
    parsed, found = folder.collect()
    assert (parsed, found.stored.changed) == (1, 1)
