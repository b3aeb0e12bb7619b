"""What a school chooses on the page of its mapping: a field per column, and the mapping that follows from it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from rapidfuzz import fuzz, process

from overstap.intake.mappings.cells import value_key
from overstap.intake.mappings.model import (
    LONGEST_NAME,
    About,
    ColumnRule,
    JoinedRule,
    Kind,
    field_at,
    kind_of_field,
    steps,
)
from overstap.intake.mappings.model import Mapping as ColumnMapping
from overstap.intake.mappings.proposing import MOST_VALUES, Column, codes_for, propose
from overstap.oso.catalogue import Catalogue, catalogue
from overstap.tabular.table import column_name
from overstap.typed.answers import MOST_CHARACTERS
from overstap.typed.form import STREET, Form, FormBlock, FormField, FormFieldKind, FormStep
from overstap.typed.workbook import WorkbookColumn, school_lines

MOST_COLUMNS = 200
_MOST_FOUND, _ALIKE = 12, 75.0
"""Most fields that are offered for what somebody typed, and likeness (0 to 100) from which one is."""
UNDECIDED, UNREAD = "?", ""
"""Choice for a column about which nobody decided yet, and for one that is not read."""
ORDERS = ("dmy", "mdy", "ymd", "serial")
_TOP = "huidigeschool/"
_SCHOOL = "school"
_TIMES = {"leerling/verzorger[]": 2, "leerling/verzorger[]/communicatielijst/communicatie[]": 2}
"""How often a block can be chosen that may occur more often; once where it is not here."""
_STREET_PARTS = ("straat", "nummer", "toevoeging")


@dataclass(frozen=True, slots=True)
class MappingTarget:
    """A field that a column can become.

    Args:
        path: its path, as a mapping has it.
        label: what it is called.
        subject: subject of its group.
        kind: how a cell becomes its text.
        codes: codes and their meanings; empty without a code list.
        split: what separates several values in one cell; empty where there is one.
        is_required: whether every dossier needs it.
        may_be_constant: whether one answer can hold for all pupils.
    """

    path: str
    label: str
    subject: str
    kind: Kind
    codes: Mapping[str, str]
    split: str
    is_required: bool
    may_be_constant: bool

    @property
    def full(self) -> str:
        """Subject and label, which no two fields share."""
        return f"{self.subject}: {self.label}"


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Fields of one subject."""

    label: str
    targets: Sequence[MappingTarget]


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """What a school chose for one column.

    Args:
        target: path of the field; `UNDECIDED` or `UNREAD`.
        order: order of day, month and year; empty: by what stands there.
        codes: a code per value that is none by itself; empty for one that nobody chose.
        sought: what somebody typed to find another field, when it names not exactly one.
    """

    target: str
    order: str = ""
    codes: Mapping[str, str] = field(default_factory=dict, repr=False)
    sought: str = ""


@dataclass(frozen=True, slots=True)
class MappingChoices:
    """All choices of a school.

    Args:
        columns: choice per name of a column.
        constants: text per field that holds for every pupil.
        school: answers about the school itself, by path of the form.
        sheet: name of the sheet; empty for the first visible one.
    """

    columns: Mapping[str, ColumnChoice] = field(default_factory=dict, repr=False)
    constants: Mapping[str, str] = field(default_factory=dict, repr=False)
    school: Mapping[str, str] = field(default_factory=dict, repr=False)
    sheet: str = ""


@lru_cache(maxsize=16)
def targets_of(version: str, profile: str, categories: frozenset[str]) -> tuple[TargetGroup, ...]:
    """Return the fields that a column can become: those of the round's form, and no others.

    Args:
        version: version of the data set.
        profile: transfer profile of the round.
        categories: the optional categories that the region agreed on.
    """
    from overstap.typed.form import form_of

    form = form_of(version, profile, categories)
    groups: dict[str, list[MappingTarget]] = {}
    for step in form.steps:
        if step.name != _SCHOOL:
            for subject, target in _targets(
                form, step, step.block, step.block.path, step.label, is_asked=step.is_mandatory
            ):
                groups.setdefault(subject, []).append(target)
    every = _told_apart([one for found in groups.values() for one in found], version)
    return tuple(TargetGroup(label, tuple(every[one.path] for one in found)) for label, found in groups.items())


def _told_apart(targets: Sequence[MappingTarget], version: str) -> dict[str, MappingTarget]:
    """Return the fields by path; those of one name bear the repeated blocks that only they are in."""
    known = catalogue(version)
    alike: dict[str, list[MappingTarget]] = {}
    for one in targets:
        alike.setdefault(one.full, []).append(one)
    found = {}
    for same in alike.values():
        blocks = [_repeated(known, one.path) for one in same]
        shared = set.intersection(*map(set, blocks))
        for one, own in zip(same, blocks, strict=True):
            more = ", ".join(label for path, label in own.items() if path not in shared)
            found[one.path] = replace(one, label=f"{one.label} ({more})") if more and len(same) > 1 else one
    return found


def _repeated(known: Catalogue, path: str) -> dict[str, str]:
    """Return the labels of the repeated blocks on a path, by name."""
    found = {}
    block: str | None = known.root
    for name, number in steps(path):
        at = known.field(block or "", name)
        if number is not None:
            found[name] = at.label
        block = at.contains
    return found


def _targets(
    form: Form, step: FormStep, block: FormBlock, at: str, subject: str, *, is_asked: bool
) -> Iterator[tuple[str, MappingTarget]]:
    if any(isinstance(each, FormField) and each.kind is FormFieldKind.FILE for each in block.members):
        return  # what describes a document says nothing without it
    for each in block.members:
        name = each.path.removesuffix("[]").rpartition("/")[2]
        path = f"{at}/{name}" if at else name
        if isinstance(each, FormField):
            for part in _STREET_PARTS if name == STREET else (name,):
                made = _target(form, each, f"{at}/{part}" if at else part, subject, is_asked=is_asked)
                if made is not None:
                    yield subject, made
        elif not each.repeats:
            is_same = not each.label or subject.rpartition(": ")[2] == each.label
            own = subject if is_same else f"{subject}: {each.label}"
            yield from _targets(form, step, each, path, own, is_asked=is_asked and each.is_first)
        else:
            times = _TIMES.get(each.path, 1)
            for number in range(1, times + 1):
                own = f"{each.title} {number}" if times > 1 and not each.path.endswith("communicatie[]") else subject
                is_first = is_asked and each.is_first and number == 1
                yield from _targets(form, step, each, f"{path}[{number}]", own, is_asked=is_first)


def _target(form: Form, of: FormField, path: str, subject: str, *, is_asked: bool) -> MappingTarget | None:
    if of.kind is FormFieldKind.FILE:
        return None
    known = catalogue(form.version)
    try:
        found = field_at(known, _TOP + path)
        kind = kind_of_field(known, _TOP + path)
    except ValueError:  # a block that repeats within itself, which a mapping cannot name
        return None
    number = path.rpartition("communicatie[")[2].partition("]")[0] if "communicatie[" in path else ""
    label = of.label if of.kind is not FormFieldKind.STREET else found.label
    split = {FormFieldKind.WORDS: " ", FormFieldKind.LINES: ";", FormFieldKind.CHOICES: ";"}.get(of.kind, "")
    codes = known.lists.get(found.list, {}) if found.list is not None else {}
    return MappingTarget(
        _TOP + path,
        f"{label} {number}".strip(),
        subject,
        kind,
        codes if kind is Kind.CODE else {},
        split,
        of.is_required and is_asked and found.name != "toevoeging",
        kind in (Kind.CODE, Kind.FLAG),
    )


def by_path(groups: Sequence[TargetGroup]) -> dict[str, MappingTarget]:
    """Return the fields by their paths."""
    return {one.path: one for group in groups for one in group.targets}


def is_usable(column: Column) -> bool:
    """Return whether a mapping can name a column."""
    return len(column.name) <= LONGEST_NAME


def values_of(column: Column, target: MappingTarget | None) -> list[str]:
    """Return the values of a column that need a code; empty for a field without codes, and when they are too many."""
    if target is None or not target.codes:
        return []
    return many if len(many := sorted(_uncoded(column, target))) <= MOST_VALUES else []


def has_too_many_values(column: Column, target: MappingTarget | None) -> bool:
    """Return whether a column has more different values than a code list is likely to have."""
    return target is not None and bool(target.codes) and len(_uncoded(column, target)) > MOST_VALUES


def _uncoded(column: Column, target: MappingTarget) -> set[str]:
    cells = (part for cell in column.values for part in (cell.split(target.split) if target.split else (cell,)))
    return {value_key(one) for one in cells if one.strip()} - set(target.codes)


def proposed(columns: Sequence[Column], groups: Sequence[TargetGroup], before: MappingChoices) -> MappingChoices:
    """Return the choices with which a page begins: what was saved for a column of that name, else what is likely.

    Args:
        columns: the columns of the file.
        groups: the fields that can be chosen.
        before: the choices that the school saved last.
    """
    targets = by_path(groups)
    made = propose([one for one in columns if is_usable(one)], name="x", title="x", about=About.DOSSIERS)
    saved = {column_name(name): choice for name, choice in before.columns.items()}
    found: dict[str, ColumnChoice] = {}
    for column in columns:
        known = saved.get(column_name(column.name))
        rule = made.columns.get(column.name)
        if known is not None:
            codes = likely_codes(column, targets.get(known.target))
            found[column.name] = ColumnChoice(known.target, known.order, codes | dict(known.codes))
        elif saved:  # what is new in the export of a school that chose before: nobody decided yet
            found[column.name] = ColumnChoice(UNDECIDED if rule or made.open.get(column.name) else UNREAD)
        elif rule is not None and rule.field in targets:
            found[column.name] = ColumnChoice(rule.field, "", likely_codes(column, targets[rule.field]))
        else:
            likely = [path for path in made.open.get(column.name, ()) if path in targets]
            found[column.name] = ColumnChoice(UNDECIDED if likely else UNREAD)
    return MappingChoices(found, before.constants, before.school, before.sheet)


def likely(column: Column, groups: Sequence[TargetGroup]) -> list[MappingTarget]:
    """Return the fields that a column may be."""
    targets = by_path(groups)
    if not is_usable(column):
        return []
    made = propose([column], name="x", title="x", about=About.DOSSIERS)
    rules = [rule.field for rule in made.columns.values()]
    return [targets[path] for path in (*rules, *made.open.get(column.name, ())) if path in targets]


def sought(text: str, groups: Sequence[TargetGroup]) -> list[MappingTarget]:
    """Return the fields that somebody may mean: one when the text names it, else those that are like it.

    Args:
        text: what somebody typed or chose: subject and label, a label, or a part of one.
        groups: the fields that can be chosen.
    """
    every = [one for group in groups for one in group.targets]
    wanted = value_key(text)
    for named in (
        [one for one in every if value_key(one.full) == wanted or one.path == text],
        [one for one in every if value_key(one.label) == wanted],
    ):
        if len(named) == 1:
            return named
    words = wanted.replace(":", " ").split()
    found = [one for one in every if words and all(word in value_key(one.full) for word in words)]
    usual = likely(Column(text[:LONGEST_NAME], ()), groups)
    near = process.extract(
        wanted, [value_key(one.label) for one in every], scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE, limit=5
    )
    first = [one for one in usual if one in found] if found else [*usual, *(every[place] for *_, place in near)]
    return list({one.path: one for one in (*first, *found)}.values())[:_MOST_FOUND]


def likely_codes(column: Column, target: MappingTarget | None) -> dict[str, str]:
    """Return a likely code per value of a column; empty for a value without one."""
    if target is None or not values_of(column, target):
        return {}
    cells = [part for cell in column.values for part in (cell.split(target.split) if target.split else (cell,))]
    found = codes_for(Column(column.name, [one for one in cells if one.strip()]), target.path, target.codes)
    return {value: code or "" for value, code in found.items()}


def mapping_of(
    choices: MappingChoices,
    columns: Sequence[Column],
    groups: Sequence[TargetGroup],
    *,
    name: str,
    title: str,
    version: str,
) -> ColumnMapping:
    """Return the mapping of the choices; columns for the same field are joined, with a space between them.

    Args:
        choices: the choices.
        columns: the columns of the file.
        groups: the fields that can be chosen.
        name: name of the mapping.
        title: whose export it is.
        version: version of the data set.
    """
    targets = by_path(groups)
    chosen: dict[str, list[Column]] = {}
    undecided: dict[str, list[str]] = {}
    for column in columns:
        choice = choices.columns.get(column.name, ColumnChoice(UNREAD))
        if choice.target in targets and is_usable(column):
            chosen.setdefault(choice.target, []).append(column)
        elif choice.target == UNDECIDED and is_usable(column):
            undecided[column.name] = []
    single: dict[str, ColumnRule] = {}
    joined: list[JoinedRule] = []
    for path, found in chosen.items():
        target = targets[path]
        order = next((choices.columns[one.name].order for one in found if choices.columns[one.name].order), None)
        codes: dict[str, str | None] = {}
        for one in found:
            needs = set(values_of(one, target))
            codes |= {value: code or None for value, code in choices.columns[one.name].codes.items() if value in needs}
        rule = {
            "field": path,
            "order": order if target.kind in (Kind.DATE, Kind.MOMENT) else None,
            "codes": codes,
            "split": (target.split or None) if _is_split(found, target) else None,
        }
        if len(found) == 1:
            single[found[0].name] = ColumnRule.model_validate(rule)
        else:
            names = [one.name for one in found[:10]]
            joined.append(JoinedRule.model_validate(rule | {"columns": names}))
    constants = {path: text for path, text in choices.constants.items() if path in targets and path not in chosen}
    return ColumnMapping(
        name=name,
        title=title,
        version=1,
        about=About.DOSSIERS,
        oso=version,
        sheet=choices.sheet or None,
        columns=single,
        joined=tuple(joined),
        constants=constants,
        open=undecided,
    )


def _is_split(columns: Sequence[Column], target: MappingTarget) -> bool:
    """Return whether cells of a column are split: first names always, other lists where a separator stands in them."""
    return target.split == " " or any(target.split in cell for one in columns for cell in one.values if target.split)


def choices_of(mapping: ColumnMapping, school: Mapping[str, str]) -> MappingChoices:
    """Return the choices that a saved mapping was made of.

    Args:
        mapping: the mapping.
        school: answers about the school that were saved with it.
    """
    rules: list[tuple[str, ColumnRule]] = list(mapping.columns.items())
    rules += [(name, rule) for rule in mapping.joined for name in rule.columns]
    columns = {
        name: ColumnChoice(rule.field, rule.order or "", {value: code or "" for value, code in rule.codes.items()})
        for name, rule in rules
    }
    columns |= {name: ColumnChoice(UNDECIDED) for name in mapping.open}
    return MappingChoices(columns, mapping.constants, dict(school), mapping.sheet or "")


def chosen(
    given: Mapping[str, str], columns: Sequence[Column], groups: Sequence[TargetGroup], lines: Sequence[WorkbookColumn]
) -> MappingChoices:
    """Return the choices of a form that was sent.

    A column whose field was changed gets the likely codes of the new one. A field that somebody typed goes before the
    one that is selected; what names not exactly one leaves the column undecided.

    Args:
        given: text per name of a field of the form.
        columns: the columns of the file that came with it.
        groups: the fields that can be chosen.
        lines: what can be said about the school.
    """
    targets = by_path(groups)
    found: dict[str, ColumnChoice] = {}
    for place, column in enumerate(columns):
        path = given.get(f"kolom-{place}", UNREAD)
        if path not in targets and path != UNDECIDED:
            path = UNREAD
        text = given.get(f"zoek-{place}", "").strip()[:LONGEST_NAME]
        if text:
            meant = sought(text, groups)
            path, text = (meant[0].path, "") if len(meant) == 1 else (UNDECIDED, text)
        target, order = targets.get(path), given.get(f"datum-{place}", "")
        codes = likely_codes(column, target)
        if target is not None and given.get(f"was-{place}") == path:
            for number, value in enumerate(values_of(column, target)):
                code = given.get(f"waarde-{place}-{number}", "")
                codes[value] = code if code in target.codes else ""
        found[column.name] = ColumnChoice(path, order if order in ORDERS else "", codes, text)
    constants = {}
    for path, target in targets.items():
        constant = given.get(f"vast-{path}", "")
        if target.may_be_constant and constant in (target.codes or ("true", "false")):
            constants[path] = constant
    school = {
        one.path: said for one in lines if (said := given.get(f"school-{one.path}", "").strip()[:MOST_CHARACTERS])
    }
    return MappingChoices(found, constants, school, given.get("blad", "").strip()[:LONGEST_NAME])


def missing(choices: MappingChoices, groups: Sequence[TargetGroup], usual: Iterable[str]) -> list[MappingTarget]:
    """Return the fields that every dossier needs and that no column became, in the order of the form.

    Args:
        choices: the choices.
        groups: the fields that can be chosen.
        usual: paths of the form that get an answer by themselves, such as the school year.
    """
    taken = {one.target for one in choices.columns.values()} | {_TOP + path for path in usual}
    return [one for group in groups for one in group.targets if one.is_required and one.path not in taken]


def lines_of_school(form: Form) -> tuple[WorkbookColumn, ...]:
    """Return what every dossier says of the school itself."""
    return tuple(one for one in school_lines(form) if one.is_required)
