"""Composition of a new agreement: last year's habits on the new school year's dates, with every moment written out."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from overstap.agreements.drafting.shifting import ShiftedMoment, YearShift
from overstap.agreements.drafting.yaml_writing import block_text
from overstap.agreements.load import load_agreement
from overstap.agreements.model import Agreement, Coordinator, HolidayRegion, RoundKind
from overstap.agreements.national import FOLDER, NationalYear, national_year
from overstap.agreements.source_positions import AgreementSource, read_plain, read_source, stated_moment
from overstap.clock import NETHERLANDS
from overstap.errors import Bilingual, OverstapError
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.texts import texts

COLUMNS = ("id", "name", "kind", "board", "contact", "supplies", "receives")
"""Columns of a file of schools, in the order in which it is written."""
_USUAL = (RoundKind.PRE_REGISTRATION, RoundKind.ADVICE, RoundKind.PLACEMENT)
_ALSO_COPIED = (
    *("viewers", "registrations", "notices", "retention", "second_factor", "pdf_attachments", "four_eyes", "own_codes"),
)


@dataclass(frozen=True, slots=True)
class LastYear:
    """The agreement of an earlier school year, of which the habits are taken.

    Args:
        agreement: the agreement.
        source: its files, which tell what was stated and what came from the national file.
    """

    agreement: Agreement
    source: AgreementSource

    @classmethod
    def read(cls, path: Path, national: Path = FOLDER) -> "LastYear":
        """Read the agreement file of an earlier year.

        Raises:
            OverstapError: AGREEMENT-001 when it is invalid.
        """
        return cls(load_agreement(path, national, any_location=True), read_source(path, national))


@dataclass(frozen=True, slots=True)
class NewAgreementRequest:
    """What a person says of a new agreement.

    Args:
        region: region id.
        name: the region's name as schools know it.
        school_year: such as "2027-2028".
        holiday_region: holiday region of the schools; None when it is not known.
        coordinators: the coordinators.
        schools: content of a file of schools (CSV or workbook); None takes those of last year.
        rounds: the kinds of rounds; empty takes those of last year, or else the usual ones.
    """

    region: str
    name: str
    school_year: str
    holiday_region: HolidayRegion | None
    coordinators: tuple[Coordinator, ...]
    schools: bytes | None = None
    rounds: tuple[RoundKind, ...] = ()


@dataclass(frozen=True, slots=True)
class NewAgreement:
    """A composed agreement.

    Args:
        text: the agreement file.
        schools: the file of schools (CSV, UTF-8); None when the schools are in the agreement file itself.
        moved: moments that could not keep last year's distance: kind of the round and name of the milestone.
    """

    text: str
    schools: bytes | None
    moved: tuple[tuple[RoundKind, str], ...]


def schools_file_name(school_year: str) -> str:
    """Return the name of the file of schools of a school year."""
    return f"{school_year}-schools.csv"


def compose(
    request: NewAgreementRequest, last: LastYear | None, *, today: date, national: Path = FOLDER
) -> NewAgreement:
    """Return a complete agreement: all moments of all rounds, each with its source.

    A moment that last year's file stated keeps its distance in school days to the nearest national date; one that came
    from the national file comes from the new year's national file, or else is shifted in the same way.

    Args:
        request: what a person said.
        last: the agreement of an earlier year; None takes the usual rounds of the newest national file.
        today: the day, for the comment at the head.
        national: folder with the national files.

    Raises:
        OverstapError: AGREEMENT-001 when a national file is invalid, AGREEMENT-031 when there are no schools, or their
            file cannot be read.
        ValueError: the school year does not exist.
    """
    after = national_year(request.school_year, national)
    rounds, moved = _rounds(request, last, after, national)
    listed, schools = _schools(request, last)
    words = texts("agreements/new")["head"]
    facts = {"name": " ".join(request.name.split()), "school_year": request.school_year, "today": today.isoformat()}
    said = words["from_last" if last else "from_national"]["nl"]
    before = last.agreement.school_year if last else ""
    head = "".join(f"# {line}\n" for line in said.format(**facts, before=before).split("\n"))
    main: dict[str, Any] = {"region": request.region, "name": request.name, "school_year": request.school_year}
    if request.holiday_region is not None:
        main["holiday_region"] = request.holiday_region.value
    blocks = ["".join(block_text(key, value) for key, value in main.items())]
    blocks.append(block_text("coordinators", [person.model_dump() for person in request.coordinators]))
    copied = _copied(last)
    if "viewers" in copied:
        blocks.append(block_text("viewers", copied.pop("viewers")))
    blocks.append(block_text("schools", listed))
    blocks.append(block_text("rounds", rounds))
    occasions = _occasions(last, after, request.holiday_region, national)
    if occasions:
        blocks.append(block_text("occasions", occasions))
    blocks += [block_text(name, value) for name, value in copied.items()]
    compared = _comparisons(last, after, request.holiday_region, national)
    if compared:
        blocks.append(block_text("comparisons", compared))
    return NewAgreement("\n".join([head, *blocks]), schools, moved)


def _copied(last: LastYear | None) -> dict[str, Any]:
    if last is None:
        return {}
    stated = last.agreement.model_dump(mode="json", exclude_defaults=True)
    return {name: stated[name] for name in _ALSO_COPIED if stated.get(name)}


def _schools(request: NewAgreementRequest, last: LastYear | None) -> tuple[Any, bytes | None]:
    """Return the value of the key `schools`, and the file that it refers to."""
    reference = {"file": schools_file_name(request.school_year)}
    if request.schools is not None:
        return reference, schools_csv(request.schools)
    if last is None:
        raise OverstapError("AGREEMENT-031", problem=_why("no_schools"))
    stated = last.source.text_at("schools", "file")
    if stated is not None:
        return reference, schools_csv(read_plain(last.source.path.parent / stated))
    dumped = last.agreement.model_dump(mode="json", exclude_defaults=True)["schools"]
    for school in dumped:  # the default of `way` is its only value, and tells which kind of block it is
        for name in ("supplies", "receives"):
            if name in school:
                given = last.agreement.school(school["id"])
                school[name] = {"way": getattr(given, name).way, **school[name]}
    return dumped, None


def schools_csv(content: bytes) -> bytes:
    """Return a file of schools as CSV with commas, in UTF-8, with the columns in their usual order.

    Args:
        content: a CSV file in any dialect, or a workbook.

    Raises:
        OverstapError: AGREEMENT-031 when the columns are others, a code TABLE-nnn when a row cannot be read.
    """
    try:
        table = read_table(content, Header((*COLUMNS[:3], "contact"), ("board", "supplies", "receives")))
    except HeaderError as wrong:
        columns = ", ".join((*wrong.names, *wrong.missing, *wrong.double))
        raise OverstapError(
            "AGREEMENT-031", problem=_why("columns", columns=columns, known=", ".join(COLUMNS))
        ) from wrong
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in table.rows:
        if isinstance(row, RefusedRow):
            raise row.error
        writer.writerow([row.cells.get(name, "") for name in COLUMNS])
    return out.getvalue().encode()


def _rounds(
    request: NewAgreementRequest, last: LastYear | None, after: NationalYear, national: Path
) -> tuple[dict[str, Any], tuple[tuple[RoundKind, str], ...]]:
    habits = _habits(request, last, after, national)
    accounts = {person.account for person in request.coordinators}
    found: dict[str, Any] = {}
    moved: list[tuple[RoundKind, str]] = []
    for kind, habit in habits.items():
        milestones, sources, late = habit.placed(after, request.holiday_region)
        moved += [(kind, name) for name in late]
        keys = dict(habit.keys)
        if "gate_answered_by" in keys:
            keys["gate_answered_by"] = [one for one in keys["gate_answered_by"] if one in accounts]
        if habit.sent_from is not None:
            shift = YearShift(habit.year, after, request.holiday_region)
            keys["invitations"] = {**keys["invitations"], "sent_from": shift.shifted(habit.sent_from).wall}
        found[kind.value] = {**keys, "milestones": milestones, "sources": sources}
    return found, tuple(moved)


@dataclass(frozen=True, slots=True)
class _Habit:
    """What was usual for a kind of round.

    Args:
        kind: kind of the round.
        keys: its keys but the moments and their sources.
        milestones: its moments in Dutch wall time, naive.
        year: national data of the year that they are of.
        usual: its moments in the new year's national file, where last year's came from the national file too.
        sent_from: first moment of sending invitations.
    """

    kind: RoundKind
    keys: Mapping[str, Any]
    milestones: Mapping[str, datetime]
    year: NationalYear
    usual: Mapping[str, datetime]
    sent_from: datetime | None = None

    def placed(
        self, after: NationalYear, holiday_region: HolidayRegion | None
    ) -> tuple[dict[str, datetime], dict[str, str], list[str]]:
        """Return the moments in the new year, their sources, and which of them could not keep their distance."""
        shift = YearShift(self.year, after, holiday_region)
        names = self.kind.milestones
        shifted = {name: shift.shifted(self.milestones[name]) for name in names}
        for name, moment in self.usual.items():
            kept = shifted[name]
            shifted[name] = ShiftedMoment(moment, kept.period, kept.edge, kept.national_date, kept.school_days)
        found, late = shift.in_order(self.milestones, shifted, names)
        if self.kind.is_inspected:
            late += _lengthen(found, late, shift, int(self.keys.get("review_school_days", 5)))
        words = texts("agreements/new")["sources"]
        sources = {
            name: _moved_source(self.year.school_year)
            if name in late
            else words["national"]["nl"]
            if name in self.usual
            else shifted[name].source(self.year.school_year)
            for name in names
        }
        return found, sources, late


def _lengthen(found: dict[str, datetime], late: Sequence[str], shift: YearShift, least: int) -> list[str]:
    """Close the review later when it holds too few school days; move what would come before its end.

    Returns:
        The names of the moments that moved, but those in `late`.
    """
    after, region = shift.after, shift.holiday_region
    moved: list[str] = []

    def counted() -> int:
        opens, closes = found["review_opens"], found["review_closes"]
        days = after.school_days(opens.date(), closes.date(), region)
        return (
            len(days)
            - (bool(days) and days[0] == opens.date() and opens.hour >= 12)
            - (bool(days) and days[-1] == closes.date() and closes.hour < 12)
        )

    while counted() < least:
        closes = datetime.combine(shift.later(found["review_closes"].date(), 1), found["review_closes"].time())
        if closes <= found["review_closes"]:
            break  # the end of the school year: the check says that the review is too short
        found["review_closes"] = closes
        moved.append("review_closes")
    for earlier, later in (("review_closes", "delivers"), ("delivers", "receipts_due")):
        if found[later] < found[earlier]:
            found[later] = datetime.combine(shift.later(found[earlier].date(), 1), found[later].time())
            moved.append(later)
    return [name for name in dict.fromkeys(moved) if name not in late]


def _habits(
    request: NewAgreementRequest, last: LastYear | None, after: NationalYear, national: Path
) -> dict[RoundKind, _Habit]:
    found: dict[RoundKind, _Habit] = {}
    usual_year = after if after.rounds else _newest_with_rounds(national)
    kinds = request.rounds or (tuple(last.agreement.rounds) if last else _USUAL)
    for kind in RoundKind:
        if kind not in kinds:
            continue
        if last is not None and kind in last.agreement.rounds:
            found[kind] = _of_last_year(kind, last, after, national)
        elif usual_year is not None and kind in usual_year.rounds:
            usual = _national_moments(usual_year, kind)
            keys = {
                name: value for name, value in usual_year.rounds[kind].items() if name not in ("milestones", "sources")
            }
            found[kind] = _Habit(kind, keys, usual, usual_year, usual if usual_year is after else {})
        else:
            raise OverstapError("AGREEMENT-031", problem=_why("no_habit", round=kind.dutch))
    return found


def _of_last_year(kind: RoundKind, last: LastYear, after: NationalYear, national: Path) -> _Habit:
    agreed = last.agreement.round(kind)
    keys = agreed.model_dump(mode="json", exclude_defaults=True, exclude={"milestones", "sources"})
    milestones = {name: _wall(getattr(agreed.milestones, name)) for name in kind.milestones}
    usual = {
        name: moment
        for name, moment in _national_moments(after, kind).items()
        if not last.source.is_stated(("rounds", kind.value, "milestones", name))
    }
    sent_from = agreed.invitations.sent_from
    year = national_year(last.agreement.school_year, national)
    return _Habit(kind, keys, milestones, year, usual, _wall(sent_from) if sent_from else None)


def _national_moments(year: NationalYear, kind: RoundKind) -> dict[str, datetime]:
    stated = year.rounds.get(kind, {}).get("milestones", {})
    found = {name: stated_moment(stated[name]) for name in kind.milestones if name in stated}
    return {name: moment for name, moment in found.items() if moment is not None}


def _newest_with_rounds(folder: Path) -> NationalYear | None:
    for path in sorted(folder.glob("[0-9]*.yaml"), reverse=True):
        year = national_year(path.stem, folder)
        if year.rounds:
            return year
    return None


def _occasions(
    last: LastYear | None, after: NationalYear, holiday_region: HolidayRegion | None, national: Path
) -> list[dict[str, Any]]:
    if last is None:
        return []
    shift = YearShift(national_year(last.agreement.school_year, national), after, holiday_region)
    occasions = sorted(last.agreement.occasions, key=lambda occasion: occasion.starts)
    names = [str(serial) for serial in range(len(occasions))]
    then = {name: _wall(occasion.starts) for name, occasion in zip(names, occasions, strict=True)}
    shifted = {name: shift.shifted(moment, keeps_national_date=True) for name, moment in then.items()}
    starts, late = shift.in_order(then, shifted, names)
    before = last.agreement.school_year
    found = []
    for name, occasion in zip(names, occasions, strict=True):
        new: dict[str, Any] = {"name": occasion.name}
        if occasion.kind != "other":
            new["kind"] = occasion.kind
        new["starts"] = starts[name]
        if occasion.ends is not None:
            ends = shift.shifted(_wall(occasion.ends), keeps_national_date=True).wall
            new["ends"] = max(ends, starts[name])
        new["source"] = _moved_source(before) if name in late else shifted[name].source(before)
        found.append(new)
    return found


def _comparisons(
    last: LastYear | None, after: NationalYear, holiday_region: HolidayRegion | None, national: Path
) -> list[dict[str, Any]]:
    """Return the comparisons with other regions, whose moments keep their distance to the national dates."""
    if last is None or not last.agreement.comparisons:
        return []
    shift = YearShift(national_year(last.agreement.school_year, national), after, holiday_region)
    found = []
    for agreed, stated in zip(
        last.agreement.comparisons,
        last.agreement.model_dump(mode="json", exclude_defaults=True)["comparisons"],
        strict=True,
    ):
        moments = [shift.shifted(_wall(moment)).wall for moment in agreed.at]
        found.append({**stated, "at": moments} if moments else stated)
    return found


def _moved_source(before: str) -> str:
    said: str = texts("agreements/new")["sources"]["moved"]["nl"]
    return said.format(before=before)


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(NETHERLANDS).replace(tzinfo=None)


def _why(name: str, **facts: str) -> Any:
    said = texts("agreements/new")["problems"][name]
    return Bilingual(said["nl"].format(**facts), said["en"].format(**facts))
