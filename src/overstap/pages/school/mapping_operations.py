"""Operations of the schools' pages on a school's own export: a dry run of its mapping, saving it, and taking a file in.

The file is never kept: a page holds it for the next one (docs/decisions/0063-an-export-is-not-kept.md).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.intake.mappings.dossiers import dossier_of
from overstap.intake.mappings.model import Mapping as ColumnMapping
from overstap.intake.mappings.proposing import Column
from overstap.intake.mappings.reading import MappedRow, open_table, read_rows
from overstap.intake.mappings.trying import ColumnTrial, read_columns, try_mapping
from overstap.ledger import Ledger, school_mappings
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.dossiers import typed
from overstap.ledger.school_mappings import OpenedMapping, SavedMapping
from overstap.ledger.session import UnitOfWork
from overstap.pages.school import mapping_choices
from overstap.pages.school.mapping_choices import ColumnChoice, MappingChoices, MappingTarget, TargetGroup
from overstap.pages.school.mapping_file import file_of
from overstap.pages.school.typed_operations import (
    TypedRound,
    WorkbookOutcome,
    form_school,
    number_of,
    row_faults,
    says,
    take_rows,
    typed_round,
)
from overstap.tabular import RefusedRow
from overstap.tabular.table import column_name
from overstap.typed.answers import Answers, answers_of
from overstap.typed.form import template_of
from overstap.typed.prefill import first_answers
from overstap.typed.workbook import MAX_PUPILS, WorkbookColumn, WorkbookRow

MOST_BYTES = 3_000_000
"""Largest file: a page holds it, in Base64, and sends it again."""
_SCHOOL = "school"
MOST_CELLS = 200_000
"""Cells of the largest workbook: five hundred for each pupil that is read."""
_SHEETS = 8
"""Most sheets that are looked at for the one with pupils."""
_TOLD = 40
"""Most rows whose fault is told; the others are counted."""


@dataclass(frozen=True, slots=True)
class MappingStart:
    """The page before a file was chosen.

    Args:
        round_id: the round.
        kind: its kind, Dutch.
        school_year: its school year.
        is_closed: whether nothing can be handed in any more.
        saved: the versions of the school's mapping, the newest first.
    """

    round_id: str
    kind: str
    school_year: str
    is_closed: bool
    saved: Sequence[SavedMapping]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column as the page shows it.

    Args:
        name: its name.
        filled: cells with a value, of the rows that were looked at.
        choice: what is chosen.
        target: the field; None when it is not read.
        likely: other fields that it may be, or that are like what somebody typed.
        values: values that need a code.
        has_too_many_values: whether it has more different values than a code list.
        is_hidden: whether the column is hidden in the workbook.
        is_usable: whether a mapping can name it.
        trial: what becomes of its cells; None when it is not read.
        faults: number of cells that become nothing, per sentence.
    """

    name: str = field(repr=False)
    filled: int
    choice: ColumnChoice
    target: MappingTarget | None
    likely: Sequence[MappingTarget]
    values: Sequence[str] = field(repr=False)
    has_too_many_values: bool
    is_hidden: bool
    is_usable: bool
    trial: ColumnTrial | None
    faults: Sequence[tuple[OverstapError, int]] = ()

    @property
    def is_unsure(self) -> bool:
        """Whether somebody has to look at it: nobody decided, or cells become nothing."""
        if self.choice.target == mapping_choices.UNDECIDED:
            return True
        return self.trial is not None and (bool(self.faults) or self.trial.filled == 0)


@dataclass(frozen=True, slots=True)
class MappingView:
    """A dry run.

    Args:
        start: the round, and what was saved.
        columns: the columns of the file.
        groups: the fields that can be chosen.
        choices: the choices.
        sought: number of columns for which somebody typed what names not exactly one field.
        missing: fields that every dossier needs and no column became.
        lines: what every dossier says of the school, with what is known of it.
        sheets: names of the visible sheets; empty for a CSV file.
        rows: rows with a pupil.
        ready: pupils that can be handed in as it is.
        unread: rows that cannot be read, as errors with line and column; some of them.
        unread_count: number of such rows.
        wanting: number of pupils of whom the rules miss something or find something wrong.
        why: what the rules say of them, with a number of pupils.
        mark: digest of file and choices, by which the next page knows that nothing was changed.
    """

    start: MappingStart
    columns: Sequence[ColumnView] = field(repr=False)
    groups: Sequence[TargetGroup] = field(repr=False)
    choices: MappingChoices
    sought: int
    missing: Sequence[MappingTarget]
    lines: Sequence[tuple[WorkbookColumn, str]] = field(repr=False)
    sheets: Sequence[str] = field(repr=False)
    rows: int
    ready: int
    unread: Sequence[OverstapError]
    unread_count: int
    wanting: int
    why: Sequence[tuple[str, int]]
    mark: str

    @property
    def round_id(self) -> str:
        """The round, for the page's frame."""
        return self.start.round_id

    @property
    def read_count(self) -> int:
        """Number of columns that are read."""
        return sum(one.trial is not None for one in self.columns)

    @property
    def unsure(self) -> list[tuple[int, ColumnView]]:
        """The columns at which somebody has to look, with their places."""
        return [(place, one) for place, one in enumerate(self.columns) if one.is_unsure]


@dataclass(frozen=True, slots=True)
class MappingOutcome:
    """What became of a file.

    Args:
        pupils: what was handed in, and the workbook with the others.
        unread: rows that could not be read, as errors; some of them.
        unread_count: number of such rows.
        number: version of the mapping by which it was read.
    """

    pupils: WorkbookOutcome
    unread: Sequence[OverstapError]
    unread_count: int
    number: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows before a file is read."""

    about: TypedRound
    start: MappingStart
    saved: OpenedMapping | None
    before: Answers = field(repr=False)
    """What the school's dossiers said of it last."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read by choices."""

    about: TypedRound
    start: MappingStart
    saved: OpenedMapping | None
    columns: Sequence[Column] = field(repr=False)
    groups: Sequence[TargetGroup] = field(repr=False)
    choices: MappingChoices
    mapping: ColumnMapping = field(repr=False)
    rows: Sequence[MappedRow] = field(repr=False)
    refused: Sequence[RefusedRow]
    hidden: frozenset[int]
    known_school: Answers = field(repr=False)
    mark: str


class MappingOperations:
    """Operations on the mapping of the account's school.

    Args:
        ledger: lends a connection to the ledger.
    """

    def __init__(self, ledger: Callable[[], AbstractContextManager[Ledger]]) -> None:
        self._ledger = ledger

    def start(self, account: SchoolAccount, round_id: str) -> MappingStart:
        """Return what the page shows before a file was chosen.

        Raises:
            OverstapError: SCHOOL-010 when the school supplies nothing in the round.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            return _start(unit, typed_round(unit, round_id, account.school), account.school)

    def file(self, account: SchoolAccount, round_id: str) -> tuple[str, bytes] | None:
        """Return name and content of the newest version of the school's mapping as a file; None when it has none.

        Raises:
            OverstapError: SCHOOL-010 when the school supplies nothing in the round; SCHOOL-017 when the mapping is of
                another version of the standard.
        """
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
            saved = school_mappings.newest(unit, account.school)
            before = typed.newest_of_school(unit, account.school, _SCHOOL)
        if saved is None:
            return None
        try:
            mapping = ColumnMapping.model_validate(saved.content["mapping"])
        except ValidationError:  # of a version of the standard that has other fields
            raise OverstapError("SCHOOL-017") from None
        school = _known_school(about, account, before) | saved.content["school"]
        text = file_of(mapping, saved.about.number, about.form, school, _usual(about, account))
        return f"{mapping.name}.yaml", text.encode()

    def look(
        self, account: SchoolAccount, round_id: str, data: bytes, given: Mapping[str, str] | None, sheet: str = ""
    ) -> MappingView:
        """Read a file and count what would become of it; nothing is stored.

        Args:
            account: who asks.
            round_id: the round.
            data: content of the file.
            given: the form's fields; None for a file that was just chosen.
            sheet: name of the sheet of a workbook; empty for the first visible one.

        Raises:
            OverstapError: TABLE-nnn or SCHOOL-0nn when it cannot be read as a whole.
        """
        known = self._known(account, round_id)
        with _reading():
            return _view(_read(known, account, data, given, sheet), account, data)

    def take(
        self, account: SchoolAccount, round_id: str, data: bytes, given: Mapping[str, str]
    ) -> MappingOutcome | MappingView:
        """Save the mapping when it was changed, and hand in the pupils of a file.

        Args:
            account: who supplies it.
            round_id: the round.
            data: content of the file.
            given: the form's fields; its `gezien` is the mark of the dry run.

        Returns:
            The dry run, when something was changed since the one that was shown, what was typed names no field, or
            somebody else of the school saved a mapping meanwhile.

        Raises:
            OverstapError: as `look`; SCHOOL-010 when the round is closed; SCHOOL-014 when no column is read.
        """
        known = self._known(account, round_id)
        if known.about.is_closed:
            raise OverstapError("SCHOOL-010")
        with _reading():
            read = _read(known, account, data, given, given.get("blad", ""))
            if not read.mapping.needed:
                raise OverstapError("SCHOOL-014")
            if given.get("gezien") != read.mark or _sought(read):
                return _view(read, account, data)
            rows, refused = _pupils(read, account)
        with self._ledger() as ledger:
            with ledger.unit(account.region, account.actor) as unit:
                number = _saved(unit, account, read)
            if number is not None:
                school = dict(read.known_school) | dict(read.choices.school)
                outcome = take_rows(ledger, read.about, account, school, rows)
                with ledger.unit(account.region, account.actor) as unit:
                    not_taken = outcome.refused + len(refused)
                    school_mappings.note_use(unit, account.school, round_id, outcome.taken, not_taken, account.actor)
                return MappingOutcome(outcome, [one.error for one in refused[:_TOLD]], len(refused), number)
        return self.look(account, round_id, data, given, given.get("blad", ""))

    def _known(self, account: SchoolAccount, round_id: str) -> _Known:
        """Return what the ledger knows. A file is read without a connection, since all schools share four."""
        with self._ledger() as ledger, ledger.unit(account.region, account.actor) as unit:
            about = typed_round(unit, round_id, account.school)
            return _Known(
                about,
                _start(unit, about, account.school),
                school_mappings.newest(unit, account.school),
                typed.newest_of_school(unit, account.school, _SCHOOL),
            )


@contextmanager
def _reading() -> Iterator[None]:
    """Open a workbook once, and refuse one that takes long."""
    from overstap.tabular.workbook import opened_once  # loads openpyxl: once a file was chosen

    with opened_once(MOST_CELLS):
        yield


def _start(unit: UnitOfWork, about: TypedRound, school: str) -> MappingStart:
    saved = school_mappings.of_school(unit, school)
    return MappingStart(about.row.round_id, about.row.kind.dutch, about.row.school_year, about.is_closed, saved)


def _read(known: _Known, account: SchoolAccount, data: bytes, given: Mapping[str, str] | None, sheet: str) -> _Read:
    from overstap.tabular.workbook import hidden_parts

    about, saved = known.about, known.saved
    form = about.form
    groups = mapping_choices.targets_of(form.version, form.profile, form.categories)
    earlier = _earlier(saved)
    sheet = _sheet(data, sheet, earlier.sheet, groups)
    columns = _columns(data, sheet)
    if given is None:
        choices = mapping_choices.proposed(columns, groups, earlier)
    else:
        choices = mapping_choices.chosen(given, columns, groups, mapping_choices.lines_of_school(form))
    choices = replace(choices, sheet=sheet)
    mapping = mapping_choices.mapping_of(
        *(choices, columns, groups),
        name=f"school_{account.school.lower()}",
        title=form_school(about, account.school).name[:200],
        version=form.version,
    )
    rows: list[MappedRow] = []
    refused: list[RefusedRow] = []
    hidden = hidden_parts(data, sheet or None)
    if mapping.needed:
        for one in read_rows(open_table(data, mapping), mapping):
            if isinstance(one, RefusedRow):
                refused.append(one)
            else:
                rows.append(one)
            if len(rows) + len(refused) > MAX_PUPILS:
                raise OverstapError("SCHOOL-015", most=MAX_PUPILS)
    of_school = _known_school(about, account, known.before)
    return _Read(
        *(about, known.start, saved, columns, groups, choices, mapping, rows, refused),
        hidden.columns,
        of_school,
        _mark(data, choices),
    )


def _known_school(about: TypedRound, account: SchoolAccount, before: Mapping[str, str] | None) -> dict[str, str]:
    """Return what is known about the school: what it filled in last, else what the agreement has."""
    known = form_school(about, account.school)
    steps = first_answers(about.form, known, school_year=about.row.school_year, school_before=before)
    return dict(steps.get(_SCHOOL, {}))


def _sheet(data: bytes, asked: str, before: str, groups: Sequence[TargetGroup]) -> str:
    """Return the name of the sheet to read; empty for a CSV file, and for a workbook with one.

    Args:
        data: content of the file.
        asked: the sheet that was asked for; empty for none.
        before: the sheet that the school chose last.
        groups: the fields that can be chosen.
    """
    from overstap.tabular.workbook import sheet_names

    sheets = sheet_names(data)
    if len(sheets) < 2:
        return ""
    for wanted in (asked, before):
        for one in sheets:
            if wanted and one.strip().casefold() == wanted.strip().casefold():
                return one
    targets = mapping_choices.by_path(groups)

    def likeness(name: str) -> int:
        try:
            found = mapping_choices.proposed(_columns(data, name), groups, MappingChoices())
        except OverstapError:
            return -1
        return sum(one.target in targets for one in found.columns.values())

    return max(sheets[:_SHEETS], key=likeness)


def _columns(data: bytes, sheet: str) -> list[Column]:
    try:
        columns = read_columns(data, sheet or None)
    except OverstapError as problem:
        if problem.code == "INTAKE-102":  # no header, or the same name twice
            raise OverstapError("SCHOOL-013") from None
        raise
    if len(columns) < 2:
        raise OverstapError("SCHOOL-013")
    if len(columns) > mapping_choices.MOST_COLUMNS:
        raise OverstapError("SCHOOL-016", count=len(columns), most=mapping_choices.MOST_COLUMNS)
    return columns


def _earlier(saved: OpenedMapping | None) -> MappingChoices:
    if saved is None:
        return MappingChoices()
    try:
        mapping = ColumnMapping.model_validate(saved.content["mapping"])
    except ValidationError:  # of a version of the standard that has other fields
        return MappingChoices(school=saved.content["school"])
    return mapping_choices.choices_of(mapping, saved.content["school"])


def _mark(data: bytes, choices: MappingChoices) -> str:
    said = [
        [[name, one.target, one.order, sorted(one.codes.items())] for name, one in choices.columns.items()],
        sorted(choices.constants.items()),
        sorted(choices.school.items()),
        choices.sheet,
    ]
    return hashlib.sha256(hashlib.sha256(data).digest() + json.dumps(said).encode()).hexdigest()


def _view(read: _Read, account: SchoolAccount, data: bytes) -> MappingView:
    from overstap.tabular.workbook import sheet_names

    targets = mapping_choices.by_path(read.groups)
    trials: dict[str, ColumnTrial] = {}
    if read.mapping.needed:
        trials = {one.target: one for one in try_mapping(data, read.mapping).columns}
    columns = []
    for place, column in enumerate(read.columns, 1):
        choice = read.choices.columns[column.name]
        target = targets.get(choice.target)
        trial = trials.get(choice.target) if mapping_choices.is_usable(column) else None
        columns.append(
            ColumnView(
                column.name,
                len(column.values),
                choice,
                target,
                _others(column, choice, read.groups),
                mapping_choices.values_of(column, target),
                mapping_choices.has_too_many_values(column, target),
                place in read.hidden,
                mapping_choices.is_usable(column),
                trial,
                [(_cell_error(code), count) for code, count in trial.refused.items()] if trial else (),
            )
        )
    rows, refused = _pupils(read, account)
    numbers = Counter(number_of(row.answers) for row in rows)
    school = dict(read.known_school) | dict(read.choices.school)
    why: Counter[str] = Counter()
    wanting = 0
    for row in rows:
        number = number_of(row.answers)
        found = row_faults(read.about, account, school, row.answers)
        said = {_about(read.about, path, message) for path, message in found.items()} | (
            {says("double")} if number and numbers[number] > 1 else set()
        )
        wanting += bool(said)
        why.update(said)
    lines = [
        (one, read.choices.school.get(one.path, read.known_school.get(one.path, "")))
        for one in mapping_choices.lines_of_school(read.about.form)
    ]
    return MappingView(
        read.start,
        columns,
        read.groups,
        read.choices,
        _sought(read),
        mapping_choices.missing(read.choices, read.groups, _usual(read.about, account)),
        lines,
        sheet_names(data),
        len(read.rows) + len(read.refused),
        len(rows) - wanting,
        [one.error for one in refused[:_TOLD]],
        len(refused),
        wanting,
        why.most_common(_TOLD),
        read.mark,
    )


def _sought(read: _Read) -> int:
    return sum(bool(one.sought) for one in read.choices.columns.values())


def _others(column: Column, choice: ColumnChoice, groups: Sequence[TargetGroup]) -> list[MappingTarget]:
    """Return the fields that are offered for a column beside the one that is chosen."""
    found = mapping_choices.sought(choice.sought, groups) if choice.sought else mapping_choices.likely(column, groups)
    return [one for one in found if one.path != choice.target]


def _about(about: TypedRound, path: str, message: str) -> str:
    """Return what is wrong with the field that it is wrong with: on the form the sentence stands beside it."""
    form = about.form
    found = form.field_at(path)
    if found is not None:
        return f"{found.label}: {message}"
    block = form.blocks.get(template_of(path)) or form.blocks.get(f"{template_of(path)}[]")
    step = form.step(form.step_of[block.path]) if block is not None else None
    return f"{step.label}, {block.title}: {message}" if block is not None and step is not None else message


def _cell_error(code: str) -> OverstapError:
    """Return the fault of cells of a column, of which the page tells the number and not the place."""
    return OverstapError(code, line="…", column="…", example="7,5; 12; Ja, Nee", label="…")


def _usual(about: TypedRound, account: SchoolAccount) -> Answers:
    """Return the answers about a pupil that follow from round and school."""
    steps = first_answers(about.form, form_school(about, account.school), school_year=about.row.school_year)
    return {path: text for name, step in steps.items() if name != _SCHOOL for path, text in step.items()}


def _pupils(read: _Read, account: SchoolAccount) -> tuple[list[WorkbookRow], list[RefusedRow]]:
    """Return the rows as answers of the form, and the rows of which no dossier can be made."""
    about = read.about
    school = about.agreement.school(account.school)
    today = dutch_time(now()).date()
    usual = _usual(about, account)
    made: list[WorkbookRow] = []
    refused = list(read.refused)
    for row in read.rows:
        try:
            dossier = dossier_of(row, read.mapping, school, today)
        except (ValueError, OverstapError):
            # A character that XML does not allow; the cause can quote personal data
            refused.append(RefusedRow(row.line, "INTAKE-108"))
            continue
        own = answers_of(about.form, dossier.school or {})
        own = {path: text for path, text in own.items() if path.startswith("leerling/")}
        made.append(WorkbookRow(row.line, {**usual, **own}))
    return made, sorted(refused, key=lambda one: one.line)


def _saved(unit: UnitOfWork, account: SchoolAccount, read: _Read) -> int | None:
    """Save the mapping when it differs from the newest version; return its number, None when another was saved."""
    content = {
        "mapping": read.mapping.model_dump(mode="json", by_alias=True),
        "school": dict(read.choices.school),
    }
    number = read.saved.about.number if read.saved is not None else 0
    if read.saved is not None and read.saved.content == content:
        return number
    needed = set(read.mapping.needed)
    unread = sum(column_name(one.name) not in needed for one in read.columns)
    fields = sorted({rule.field for rule in read.mapping.rules()})
    done = school_mappings.save(unit, account.school, number, content, fields, unread, account.actor)
    return number + 1 if done else None
