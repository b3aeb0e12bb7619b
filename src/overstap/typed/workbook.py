"""Workbook in which a school types its pupils: a row per pupil, a column per question, lists of codes to choose from.

It has what the form asks first. It is read leniently and judged by the same rules; what is wrong comes back in a copy,
made anew, with the faults in their cells.
"""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from overstap.errors import OverstapError
from overstap.oso.identifiers import is_bsn
from overstap.tabular.faults import RefusedRow
from overstap.tabular.table import Header, HeaderError, column_name, read_table
from overstap.texts import texts
from overstap.typed.answers import taken_in
from overstap.typed.form import Form, FormBlock, FormField, FormFieldKind
from overstap.workbook_style import BRAND, FONT, row_height, without_direction_marks

MAX_PUPILS = 400
_MOST_CELLS = 200_000
"""Cells of the largest workbook: five hundred for each pupil."""
_SCHOOL = "school"
_TESTS, _SUPPORT = "leerling/toetslijst/toets[]", "leerling/onderwijsondersteuning"
_TIMES = {
    "leerling/verzorger[]": 2,
    "leerling/verzorger[]/communicatielijst/communicatie[]": 2,
    _TESTS: 4,
    f"{_SUPPORT}/tlv[]": 1,
    f"{_SUPPORT}/handelingsplan[]": 1,
}
"""How often a block has columns that can occur more often; others of an optional step have none."""
_AS_WELL = frozenset(
    {"leerling/onderwijsnummer", "leerling/leerlingid"}
    | {f"{_SUPPORT}/{name}" for name in ("medicijngebruik", "opp", "tlv[]", "lwoo")}
)
"""What a form asks on request and a table with many pupils has a column for."""
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WRONG = "FDECEA"
_MANDATORY = "0D2C4E"


@dataclass(frozen=True, slots=True)
class WorkbookColumn:
    """One column, or one line of the sheet about the school.

    Args:
        path: path of the answer, with numbers.
        head: text of its head, without the mark of what is required.
        form: the field of the form.
        is_required: whether every pupil must have it.
    """

    path: str
    head: str
    form: FormField
    is_required: bool


@dataclass(frozen=True, slots=True)
class WorkbookRow:
    """A pupil's row.

    Args:
        line: its number in the sheet.
        answers: answers by path.
        faults: what is wrong, by path; what concerns the row as a whole has the empty path.
    """

    line: int
    answers: Mapping[str, str] = field(repr=False)
    faults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadWorkbook:
    """What a workbook holds.

    Args:
        school: answers about the school.
        rows: a row per pupil.
    """

    school: Mapping[str, str] = field(repr=False)
    rows: Sequence[WorkbookRow] = field(repr=False)


@lru_cache(maxsize=32)
def columns_of(version: str, profile: str, categories: frozenset[str]) -> tuple[WorkbookColumn, ...]:
    """Return the columns of the sheet of pupils; arguments as of `form_of`."""
    from overstap.typed.form import form_of

    form = form_of(version, profile, categories)
    return tuple(_unique(one for step in form.steps if step.name != _SCHOOL for one in _of_step(step.block, step)))


def school_lines(form: Form) -> tuple[WorkbookColumn, ...]:
    """Return the lines of the sheet about the school."""
    step = form.step(_SCHOOL)
    return tuple(_unique(_of_step(step.block, step))) if step is not None else ()


def _of_step(block: FormBlock, step: Any) -> Iterator[WorkbookColumn]:
    yield from _columns(block, block.path, step.label, is_mandatory=step.is_mandatory, is_spare=False)


def _columns(
    block: FormBlock, at: str, subject: str, *, is_mandatory: bool, is_spare: bool
) -> Iterator[WorkbookColumn]:
    for each in block.members:
        name = each.path.removesuffix("[]").rpartition("/")[2]
        path = f"{at}/{name}" if at else name
        if not each.is_first and each.path not in _AS_WELL:
            continue
        if isinstance(each, FormField):
            if each.kind not in (FormFieldKind.FILE, FormFieldKind.LINES, FormFieldKind.CHOICES):
                is_required = each.is_required and is_mandatory and not is_spare
                yield WorkbookColumn(path, f"{subject}: {each.label}", each, is_required)
            continue
        if not each.repeats:
            own = subject if "[" in path else each.label or subject  # of a numbered block, the number stays
            yield from _columns(each, path, own, is_mandatory=is_mandatory, is_spare=is_spare)
            continue
        if not is_mandatory and each.path not in _TIMES:
            continue
        times = _TIMES.get(each.path, 1)
        is_contact = each.path.endswith("communicatie[]")
        for number in range(1, times + 1):
            own = each.title if not is_mandatory else subject
            if times > 1 and not is_contact:
                own = f"{each.title} {number}"
            yield from _columns(
                each, f"{path}[{number}]", own, is_mandatory=is_mandatory, is_spare=is_spare or number > 1
            )


def _unique(columns: Iterable[WorkbookColumn]) -> Iterator[WorkbookColumn]:
    """Yield columns with a number behind a head that stands there already."""
    seen: Counter[str] = Counter()
    for one in columns:
        seen[one.head] += 1
        head = f"{one.head} {seen[one.head]}" if seen[one.head] > 1 else one.head
        yield WorkbookColumn(one.path, head, one.form, one.is_required)


def _words() -> dict[str, Any]:
    found: dict[str, Any] = texts("school/typed")["workbook"]
    return found


def make_workbook(form: Form, school: Mapping[str, str], rows: Sequence[WorkbookRow]) -> bytes:
    """Return the workbook (XLSX), with what is known already and, in a copy, with the faults in their cells.

    Args:
        form: the form of the round.
        school: answers about the school.
        rows: a row per pupil; none gives an empty sheet to fill in.
    """
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

    book, words = Workbook(), _words()
    sheet = book.active
    if not isinstance(sheet, Worksheet):
        raise TypeError("a new workbook has a worksheet")
    sheet.title = words["pupils"]["nl"]
    columns = columns_of(form.version, form.profile, form.categories)
    about, codes = book.create_sheet(words["school"]["nl"]), book.create_sheet(words["codes"]["nl"])
    lists = _code_lists(codes, [*columns, *school_lines(form)])
    _fill_pupils(sheet, columns, rows, lists)
    _fill_school(about, form, school, lists)
    codes.sheet_state = "hidden"
    _fill_guide(book.create_sheet(words["guide"]["nl"], 2))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill_pupils(sheet: Any, columns: Sequence[WorkbookColumn], rows: Sequence[WorkbookRow], lists: Any) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill
    from openpyxl.utils import get_column_letter

    words = _words()
    heads = [words["wrong"]["nl"], *(_head(one) for one in columns)]
    for place, text in enumerate(heads, 1):
        cell = _write(sheet, 1, place, text)
        _paint_head(cell)
        sheet.column_dimensions[get_column_letter(place)].width = 40 if place == 1 else max(16, min(34, len(text)))
        if place > 1:
            cell.comment = Comment(_help(columns[place - 2].form), "Overstap", height=120, width=260)
            if columns[place - 2].is_required:
                cell.fill = PatternFill("solid", fgColor=_MANDATORY)
    sheet.row_dimensions[1].height = row_height((text, 24) for text in heads)
    last = max(len(rows) + 1, MAX_PUPILS + 1)
    for number, row in enumerate(rows, 2):
        _write(sheet, number, 1, "\n".join(dict.fromkeys(row.faults.values())))
        for place, column in enumerate(columns, 2):
            cell = _write(sheet, number, place, _said(column.form, row.answers.get(column.path, "")))
            fault = row.faults.get(column.path)
            if fault is not None:
                cell.fill = PatternFill("solid", fgColor=_WRONG)
                cell.comment = Comment(fault, "Overstap", height=120, width=260)
    for place, column in enumerate(columns, 2):
        letter = get_column_letter(place)
        # Text, so that no leading zero is eaten and no date becomes a number
        sheet.column_dimensions[letter].number_format = "@"
        _choose(sheet, column.form, f"{letter}2:{letter}{last}", lists)
    sheet.freeze_panes = "C2"


def _fill_school(sheet: Any, form: Form, school: Mapping[str, str], lists: Any) -> None:
    words = _words()
    for place, key in enumerate(("line", "value", "help"), 1):
        _paint_head(_write(sheet, 1, place, words[key]["nl"]))
    for number, one in enumerate(school_lines(form), 2):
        _write(sheet, number, 1, _head(one))
        _write(sheet, number, 2, _said(one.form, school.get(one.path, "")))
        _write(sheet, number, 3, _help(one.form))
        _choose(sheet, one.form, f"B{number}", lists)
    for letter, width in (("A", 44), ("B", 44), ("C", 70)):
        sheet.column_dimensions[letter].width = width


def _fill_guide(sheet: Any) -> None:
    for number, one in enumerate(_words()["guide_lines"], 1):
        cell = _write(sheet, number, 1, one["nl"])
        sheet.row_dimensions[number].height = row_height([(one["nl"], 100)])
        cell.quotePrefix = False
    sheet.column_dimensions["A"].width = 100


def _write(sheet: Any, row: int, column: int, text: str) -> Any:
    from openpyxl.styles import Alignment, Font

    cell = sheet.cell(row, column)
    cell.value = without_direction_marks(_NEVER.sub("\ufffd", text)) or None
    if cell.value is not None:
        cell.data_type = "s"  # a text that begins with "=" is no formula
        cell.quotePrefix = True
    cell.number_format = "@"
    cell.font = Font(name=FONT)
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _paint_head(cell: Any) -> None:
    from openpyxl.styles import Font, PatternFill

    cell.font = Font(name=FONT, bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor=BRAND)


def _head(column: WorkbookColumn) -> str:
    return f"{column.head} *" if column.is_required else column.head


def _help(form: FormField) -> str:
    hints = _words()["hints"]
    return f"{form.help} {hints[form.kind.value]['nl'] if form.kind.value in hints else ''}".strip()


def _code_lists(sheet: Any, columns: Sequence[WorkbookColumn]) -> dict[str, str]:
    """Write each list of choices into a column of the sheet of codes; return the range of each."""
    from openpyxl.utils import get_column_letter

    found: dict[str, str] = {}
    for one in columns:
        shown = _choices(one.form)
        key = _list_key(one.form)
        if not shown or key in found:
            continue
        place = len(found) + 1
        for number, (_, meaning) in enumerate(shown, 1):
            _write(sheet, number, place, meaning)
        letter = get_column_letter(place)
        found[key] = f"{sheet.title}!${letter}$1:${letter}${len(shown)}"
    return found


def _list_key(form: FormField) -> str:
    return "yes_no" if form.kind is FormFieldKind.YES_NO else str(form.field.list)


def _choose(sheet: Any, form: FormField, cells: str, lists: Mapping[str, str]) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    if not _choices(form):
        return
    rule = DataValidation(type="list", formula1=f"={lists[_list_key(form)]}", allow_blank=True)
    rule.showErrorMessage = False  # a code may be typed as well
    sheet.add_data_validation(rule)
    rule.add(cells)


def _choices(form: FormField) -> tuple[tuple[str, str], ...]:
    if form.kind is FormFieldKind.YES_NO:
        said = texts("school/typed")["step"]
        return (("true", said["is_so"]["nl"]), ("false", said["is_not"]["nl"]))
    return form.choices if form.kind is FormFieldKind.CHOICE else ()


def _said(form: FormField, text: str) -> str:
    return next((meaning for code, meaning in _choices(form) if code == text), text)


def _meant(form: FormField, text: str) -> str:
    """Return the code of what was chosen; what is no choice stays as it is, and the rules judge it."""
    plain = text.strip().casefold()
    for code, meaning in _choices(form):
        if plain in (meaning.casefold(), code.casefold()):
            return code
    return text


def read_workbook(form: Form, data: bytes) -> ReadWorkbook:
    """Read a workbook that a school filled in.

    A row that cannot be read with certainty (merged cells, a formula without a result) has a fault; the others are
    read. Columns may stand in another order, and what nobody filled in is left out.

    Args:
        form: the form of the round.
        data: content of the file.

    Raises:
        OverstapError: TABLE-nnn when it cannot be read as a whole; SCHOOL-012 when its columns are not those of the
            workbook.
    """
    from overstap.tabular.workbook import opened_once  # imports openpyxl

    with opened_once(_MOST_CELLS):
        return _read(form, data)


def _read(form: Form, data: bytes) -> ReadWorkbook:
    from overstap.tabular.workbook import hidden_parts

    words = _words()
    columns = columns_of(form.version, form.profile, form.categories)
    names = {column_name(_head(one)): one for one in columns} | {column_name(one.head): one for one in columns}
    wrong = column_name(words["wrong"]["nl"])
    needed = tuple(column_name(_head(one)) for one in columns if one.is_required)
    optional = (wrong, *(column_name(_head(one)) for one in columns if not one.is_required))
    try:
        found = read_table(
            data,
            Header(needed, optional),
            multiline=True,
            max_rows=MAX_PUPILS + 1,
            sheet=words["pupils"]["nl"],
            reads_hidden=True,
        )
    except HeaderError as problem:
        raise OverstapError("SCHOOL-012", **_named(problem, names)) from None
    rows = []
    read = list(found.rows)
    hidden = hidden_parts(data, words["pupils"]["nl"])
    unseen = {found.columns[place - 1] for place in hidden.columns if place <= len(found.columns)}
    for row in read:
        if isinstance(row, RefusedRow):
            rows.append(WorkbookRow(row.line, {}, {"": f"{row.error.message_nl} {row.error.do_nl}"}))
            continue
        given = [
            (names[name].path, _meant(names[name].form, text))
            for name, text in row.cells.items()
            if name in names and text
        ]
        if not given:
            continue
        answers: dict[str, str] = {}
        for step in form.steps:
            answers |= taken_in(form, step, given)
        faults = {names[name].path: words["hidden_column"]["nl"] for name in unseen if row.cells.get(name or "-")}
        if row.line in hidden.rows:
            faults[""] = words["hidden_row"]["nl"]
        rows.append(WorkbookRow(row.line, answers, _eaten_zero(answers) | faults))
    return ReadWorkbook(_read_school(form, data), rows)


def _named(problem: HeaderError, names: Mapping[str, WorkbookColumn]) -> dict[str, str]:
    facts = problem.facts
    missing = [names[name].head for name in problem.missing if name in names]
    return facts | {"missing": ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "") if missing else "-"}


def _eaten_zero(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the fault of a citizen service number that lost its leading zero, with what the eleven test says."""
    number = answers.get("leerling/bsn", "")
    if not re.fullmatch(r"[0-9]{7,8}", number):
        return {}
    key = "zero_right" if is_bsn(number.zfill(9)) else "zero_wrong"
    return {"leerling/bsn": str(_words()[key]["nl"])}


def _read_school(form: Form, data: bytes) -> dict[str, str]:
    words = _words()
    line, value, help_name = (column_name(words[key]["nl"]) for key in ("line", "value", "help"))
    lines = {column_name(_head(one)): one for one in school_lines(form)}
    step = form.step(_SCHOOL)
    if step is None:
        return {}
    try:
        found = read_table(data, Header((line, value), (help_name,)), multiline=True, sheet=words["school"]["nl"])
    except HeaderError as problem:
        raise OverstapError("SCHOOL-012", **problem.facts) from None
    given = []
    for row in found.rows:
        if isinstance(row, RefusedRow):
            raise row.error
        one = lines.get(column_name(row.cells.get(line, "")))
        if one is not None and row.cells.get(value):
            given.append((one.path, _meant(one.form, row.cells[value])))
    return taken_in(form, step, given)
