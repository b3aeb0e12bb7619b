"""A version's tables from its official schema and sheets: what the nearest known version has is carried over by path.

Fields, order, types, cardinality and choices are those of the schema, code lists those of the sheets. Labels,
category, legal group and sensitivity are those of the same path in the known version. A field without such a path is
unclassified: it is listed for a person to fill in, and does not leave until then.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from overstap.errors import OverstapError
from overstap.oso.catalogue import NOT_STATED, PROFILES, Catalogue, Field, WithheldField
from overstap.oso.validation_sheets import SheetContent
from overstap.oso.version_folders import UNCLASSIFIED
from overstap.standards.answers import Answer, Answers, OpenQuestion
from overstap.standards.forms import FormNames
from overstap.standards.schema_reader import OfficialSchema, SchemaField

DERIVED = "~"
"""Separates the name of a known block from a number, where a version has several blocks of that kind."""
_FIRST_ENUMERATION = 901
"""Number of the code list of the first enumeration in the schema; the standard's own lists have lower numbers."""
_NEEDED = (
    *("metadata/datum", "metadata/overstap", "metadata/validatieversie", "metadata/categorie_uitlevering"),
    *("overdrachtsoort", "inzage/inzage", "inzage/inzagedatum", "inzage/akkoord", "inzage/voorlopigdossier"),
    *("huidigeschool/brincode", "huidigeschool/vestigingscode", "huidigeschool/leerling/achternaam"),
    *("huidigeschool/leerling/geboortedatum", "huidigeschool/leerling/leerlingid", "huidigeschool/leerling/verzorger"),
)
"""Paths without which Overstap cannot carry a dossier from school to school."""
_CONTACT = frozenset({"soort", "nummer", "geheim"})
_SECRET, _ADDRESSES = "adresgeheim", ("adreslijst", "adresbuitenland")
_NUMBERS = ("bsn", "onderwijsnummer")
_PARTNERSHIP = ("POSWV", "VOSWV")


@dataclass(slots=True)
class CarriedOver:
    """The tables of a version, and how it differs from the version that it was made from.

    Args:
        fields: rows of fields.csv.
        lists: codes with their label per code list.
        matrix: word per profile and category.
        withheld: fields that a profile may not contain.
        labels: rows of labels.csv.
        categories: rows of categories.csv, of new categories.
        list_names: label per code list that the known version does not have.
        types: rows of types.csv, of new types.
        repeating: blocks whose sequence of fields can repeat.
        questions: what a person has still to fill in.
        holders: element names that hold each block.
        added: paths that the known version does not have, outermost only.
        gone: paths of the known version that are gone, outermost only.
        moved: for added paths, the path that is gone and has the same name and kind.
        changed: paths whose type, cardinality, choice or list differs, with the property before and after.
        codes: per code list the codes that are new and those that are gone.
        newly_listed: block and name of new fields with a code list, and of fields with another list than before.
        looser: paths with a restriction that the catalogue does not express.
        unread: numbers of code lists that could not be read from the sheets, and are those of the known version.
    """

    fields: list[dict[str, str]] = field(default_factory=list)
    lists: dict[str, dict[str, str]] = field(default_factory=dict)
    matrix: dict[str, dict[str, str]] = field(default_factory=dict)
    withheld: list[tuple[str, WithheldField]] = field(default_factory=list)
    labels: list[dict[str, str]] = field(default_factory=list)
    categories: list[dict[str, str]] = field(default_factory=list)
    list_names: dict[str, str] = field(default_factory=dict)
    types: list[dict[str, str]] = field(default_factory=list)
    repeating: list[str] = field(default_factory=list)
    questions: list[OpenQuestion] = field(default_factory=list)
    holders: dict[str, set[str]] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    changed: list[tuple[str, str, str, str]] = field(default_factory=list)
    codes: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    newly_listed: set[tuple[str, str]] = field(default_factory=set)
    looser: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def nearest(schema: OfficialSchema, known: Iterable[Catalogue]) -> Catalogue:
    """Return the known version that shares most paths with a schema; the newest of equals.

    Args:
        schema: the official schema.
        known: the versions to choose from, at least one.
    """
    mine = set(_paths(schema))

    def likeness(each: Catalogue) -> tuple[float, str]:
        theirs = {place.path for place in each.walk()}
        return len(mine & theirs) / len(mine | theirs), each.version

    return max(known, key=likeness)


def carry_over(
    schema: OfficialSchema,
    base: Catalogue,
    english: Mapping[str, Mapping[str, str]],
    sheets: SheetContent,
    codes: Mapping[str, Mapping[str, str]],
    answers: Answers,
) -> CarriedOver:
    """Make the tables of a version.

    Args:
        schema: its official schema.
        base: the known version to carry over from.
        english: rows of labels.csv (label, help, label_en, help_en) of the known versions by `block.field`.
        sheets: what was read from its official sheets.
        codes: codes with their label per code list, as a person states them; they replace those of the sheets.
        answers: what a person filled in so far.

    Raises:
        OverstapError: STANDARD-008 when the schema lacks a path that Overstap needs; STANDARD-010 when an answer is
            wrong.
    """
    paths = set(_paths(schema))
    if missing := [path for path in _NEEDED if f"{schema.root}/{path}" not in paths]:
        raise OverstapError("STANDARD-008", paths=", ".join(missing))
    return _Carrier(schema, base, english, sheets, codes, answers).result()


def _paths(schema: OfficialSchema) -> Iterator[str]:
    def walk(key: str, path: str) -> Iterator[str]:
        for each in schema.blocks[key]:
            yield f"{path}/{each.name}"
            if each.contains is not None:
                yield from walk(each.contains, f"{path}/{each.name}")

    return walk(schema.top, schema.root)


def outermost(paths: set[str]) -> list[str]:
    """Return the paths that are not below another of them, in order."""
    return sorted(path for path in paths if path.rpartition("/")[0] not in paths)


class _Carrier:
    def __init__(
        self,
        schema: OfficialSchema,
        base: Catalogue,
        english: Mapping[str, Mapping[str, str]],
        sheets: SheetContent,
        codes: Mapping[str, Mapping[str, str]],
        answers: Answers,
    ) -> None:
        self.schema = schema
        self.base = base
        self.english = english
        self.sheets = sheets
        self.stated = codes
        self.answers = answers
        self.made = CarriedOver()
        self.forms = FormNames(base.types)
        self.known_kinds: dict[str, list[str]] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.origin: dict[str, tuple[str, str]] = {}
        self.signatures: dict[str, tuple[Any, ...]] = {}
        self.enumerations: dict[tuple[str, ...], str] = {}
        self.first_path: dict[str, str] = {}

    def result(self) -> CarriedOver:
        self._know_kinds(self.schema.top, self.base.root, set())
        self._name(self.schema.top, self.base.root, self.schema.root)
        self._differences()
        self._lists_of_fields()
        for block in self.origin:
            self._block(block)
        self._lists()
        self._matrix()
        self._withheld()
        self.made.types = self.forms.rows
        return self.made

    def _know_kinds(self, key: str, block: str, seen: set[tuple[str, str]]) -> None:
        """Note which known block each type of the schema is, along the paths that the known version has."""
        if (key, block) in seen:
            return
        seen.add((key, block))
        kinds = self.known_kinds.setdefault(key, [])
        if block not in kinds:
            kinds.append(block)
        theirs = {each.name: each for each in self.base.blocks[block]}
        for each in self.schema.blocks[key]:
            known = theirs.get(each.name)
            if each.contains is not None and known is not None and known.contains is not None:
                self._know_kinds(each.contains, known.contains, seen)

    def _name(self, key: str, block: str | None, path: str) -> str:
        """Return the name of the block of a type at a path, having named all below it."""
        if block is None and len(kinds := self.known_kinds.get(key, [])) == 1:
            block = kinds[0]
        known = (key, block or "")
        element = path.rpartition("/")[2]
        if known not in self.names:
            names = {each.name for each in self.schema.blocks[key]}
            wanted = block or ("communicatie" if names >= _CONTACT else element)
            name = self._free_name(wanted, key, is_new=block is None)
            self.names[known] = name
            if name not in self.origin:
                self.origin[name] = known
                self.first_path[name] = path
            theirs = {each.name: each for each in self.base.blocks[block]} if block else {}
            for each in self.schema.blocks[key]:
                if each.contains is not None:
                    before = theirs.get(each.name)
                    self._name(each.contains, before.contains if before else None, f"{path}/{each.name}")
        name = self.names[known]
        self.made.holders.setdefault(name, set()).add(element)
        return name

    def _free_name(self, wanted: str, key: str, *, is_new: bool) -> str:
        signature, name, serial = self._signature(key), wanted, 1
        while name in self.signatures or (is_new and name in self.base.blocks):
            if self.signatures.get(name) == signature:
                return name
            serial += 1
            name = f"{wanted}{DERIVED}{serial}"
        self.signatures[name] = signature
        return name

    def _signature(self, key: str) -> tuple[Any, ...]:
        return tuple(
            (each.name, each.min, each.max, each.choice, each.form, each.attribute)
            + ((self._signature(each.contains),) if each.contains else ())
            for each in self.schema.blocks[key]
        )

    def _differences(self) -> None:
        mine, theirs = set(_paths(self.schema)), {place.path for place in self.base.walk()}
        self.made.added, self.made.gone = outermost(mine - theirs), outermost(theirs - mine)
        lost = list(self.made.gone)
        for path in self.made.added:
            same = [other for other in lost if other.rpartition("/")[2] == path.rpartition("/")[2]]
            if len(same) == 1:
                self.made.moved[path] = same[0]
                lost.remove(same[0])

    def _lists_of_fields(self) -> None:
        """Find the code list of each place that the sheets check."""
        self.sheet_lists = {place: number for number, places in self.sheets.places.items() for place in places}

    def _list_of(self, block: str, each: SchemaField, known: Field | None) -> str:
        for holder in sorted(self.made.holders[block]):
            if number := self.sheet_lists.get((holder, each.name)):
                return number
        if number := self.sheet_lists.get(("", each.name)):
            return number
        if known is not None and known.list is not None:
            return known.list
        if each.form is not None and each.form.values:
            number = str(_FIRST_ENUMERATION + len(self.enumerations))
            return self.enumerations.setdefault(each.form.values, number)
        return each.list if each.list is not None and each.list in self.stated else ""

    def _block(self, block: str) -> None:
        key, origin = self.origin[block]
        theirs = {each.name: each for each in self.base.blocks.get(origin, ())}
        is_new = not origin
        if key in self.schema.repeating:
            self.made.repeating.append(block)
        for each in self.schema.blocks[key]:
            known = theirs.get(each.name)
            if known is not None and (known.contains is None) != (each.contains is None):
                known = None
            contains = None
            if each.contains is not None:
                contains = self._name(each.contains, known.contains if known else None, each.path)
            kind = self.forms.name(each.form, known.type if known else None) if each.form is not None else ""
            row = {
                "block": block,
                "field": each.name,
                "min": str(each.min),
                "max": "*" if each.max is None else str(each.max),
                "choice": each.choice,
                "type": kind,
                "contains": contains or "",
                "list": self._list_of(block, each, known) if each.form is not None else "",
                "category": (known.category or "") if known else UNCLASSIFIED,
                "group": (known.group or "") if known else "",
                "sensitivity": (known.sensitivity or "") if known else "special",
                "attribute": each.attribute or "",
            }
            path = f"{self.first_path[block]}/{each.name}"
            if row["list"] and (known is None or known.list != row["list"]):
                self.made.newly_listed.add((block, each.name))
            if each.form is not None and each.form.is_looser:
                self.made.looser.append(path)
            if known is None:
                self._ask(row, path, is_in_new_block=is_new)
            else:
                self._note_changes(row, known, path)
                if block != origin:
                    self.made.labels.append(self._label_row(block, each.name, f"{origin}.{each.name}"))
            self.made.fields.append(row)

    def _note_changes(self, row: dict[str, str], known: Field, path: str) -> None:
        before = {
            "min": str(known.min),
            "max": "*" if known.max is None else str(known.max),
            "choice": known.choice,
            "type": known.type.name if known.type else "",
            "list": known.list or "",
            "attribute": known.attribute or "",
        }
        for name, was in before.items():
            if name == "choice" and bool(was) == bool(row[name]) and was.endswith("?") == row[name].endswith("?"):
                continue
            if was != row[name]:
                self.made.changed.append((path, name, was, row[name]))

    def _label_row(self, block: str, name: str, source: str) -> dict[str, str]:
        found = self.english.get(source) or self.english.get(f"*.{name}") or {}
        columns = ("label", "help", "label_en", "help_en")
        return {"block": block, "field": name, **{column: found.get(column, "") for column in columns}}

    def _ask(self, row: dict[str, str], path: str, *, is_in_new_block: bool) -> None:
        """Classify a new field by what a person filled in, or put it on the list of what is to be filled in."""
        was = self.made.moved.get(path, "")
        block, name = row["block"], row["field"]
        old = self._place_before(was) if was else None
        proposed = self._label_row(block, name, f"{old.field.block}.{name}" if old else f"*.{name}")
        question = OpenQuestion(
            what="field",
            key=f"{block}/{name}",
            path=path,
            form=row["type"] or "block",
            often=f"{row['min']}..{'n' if row['max'] == '*' else row['max']}",
            proposal={column: proposed[column] for column in ("label", "help", "label_en", "help_en")},
            was=was,
            hint=f"{old.category} {old.group} {old.sensitivity}" if old else "",
        )
        answer = self.answers.of("field", question.key)
        self._apply(row, answer, question, is_in_new_block=is_in_new_block)

    def _apply(
        self, row: dict[str, str], answer: Answer | None, question: OpenQuestion, *, is_in_new_block: bool
    ) -> None:
        if answer is None:
            self.made.questions.append(question)
            return
        answer.check_field(self._known_categories(), set(self.base.groups))
        if answer["label"] and answer["help"]:
            columns = ("label", "help", "label_en", "help_en")
            labelled = {column: answer[column] for column in columns}
            self.made.labels.append({"block": row["block"], "field": row["field"], **labelled})
            if answer["category"]:
                row["category"], row["group"] = answer["category"], answer["group"]
                row["sensitivity"] = answer["sensitivity"] or "special"
                return
            if is_in_new_block:  # the block's own classification counts for what is in it
                row["category"], row["group"], row["sensitivity"] = "", answer["group"], answer["sensitivity"]
                return
        self.made.questions.append(question.with_answer(answer))

    def _known_categories(self) -> set[str]:
        return set(self._category_names())

    def _category_names(self) -> list[str]:
        found = self.origin.get("categorie_uitlevering")
        fields = self.schema.blocks[found[0]] if found is not None else []
        return [each.name.removeprefix("cat_") for each in fields if each.name.startswith("cat_")]

    def _place_before(self, path: str) -> Any:
        return next(place for place in self.base.walk() if place.path == path)

    def _lists(self) -> None:
        used = dict.fromkeys(row["list"] for row in self.made.fields if row["list"])
        by_number = {number: values for values, number in self.enumerations.items()}
        for number in used:
            before = self.base.lists.get(number, {})
            if number in self.stated:
                now = {code: label or before.get(code, "") for code, label in self.stated[number].items()}
            elif number in by_number:
                now = dict.fromkeys(by_number[number], "")
            elif number in self.sheets.lists:
                now = {code: before.get(code, "") for code in self.sheets.lists[number]}
            else:
                now = dict(before)
                self.made.unread.append(number)
            if number not in self.base.list_names:
                self._ask_name(number)
            for code, label in now.items():
                if not label and code not in before:
                    now[code] = self._ask_code(number, code)
            fresh, lost = [code for code in now if code not in before], [code for code in before if code not in now]
            if fresh or lost:
                self.made.codes[number] = (fresh, lost)
            self.made.lists[number] = now

    def _ask_code(self, number: str, code: str) -> str:
        answer = self.answers.of("code", f"{number}/{code}")
        if answer is not None and answer["label"]:
            return answer["label"]
        self.made.questions.append(OpenQuestion("code", f"{number}/{code}"))
        return ""

    def _ask_name(self, number: str) -> None:
        answer = self.answers.of("list", number)
        self.made.list_names[number] = answer["label"] if answer is not None and answer["label"] else number
        if answer is None or not answer["label"]:
            self.made.questions.append(OpenQuestion("list", number))

    def _matrix(self) -> None:
        for profile in PROFILES:
            self.made.matrix[profile] = {}
        for name in self._category_names():
            if name in self.base.matrix[PROFILES[0]]:
                for profile in PROFILES:
                    self.made.matrix[profile][name] = self.base.matrix[profile][name]
                continue
            answer = self.answers.of("category", name)
            words = answer.check_category() if answer is not None else {}
            for profile in PROFILES:
                self.made.matrix[profile][name] = words.get(profile, NOT_STATED)
            label = answer["label"] if answer is not None else ""
            help_text = answer["help"] if answer is not None else ""
            self.made.categories.append({"category": name, "label": label or name, "help": help_text})
            if not words or not label:
                question = OpenQuestion("category", name)
                self.made.questions.append(question.with_answer(answer) if answer is not None else question)

    def _withheld(self) -> None:
        """Carry over what a profile may not contain, to every block of the kind; a secret address stays secret."""
        members = {block: {each.name for each in self.schema.blocks[key]} for block, (key, _) in self.origin.items()}
        stated: set[tuple[str, str, str]] = set()
        for profile in PROFILES:
            for each in self.base.withheld(profile):
                for block, (_, origin) in self.origin.items():
                    if origin == each.block and each.name in members[block]:
                        when = each.when if each.when in members[block] else ""  # without the mark: always
                        self._withhold(profile, WithheldField(block, each.name, when, each.rule), stated)
            for block, names in members.items():
                for name in _ADDRESSES:
                    if _SECRET in names and name in names:
                        self._withhold(profile, WithheldField(block, name, _SECRET, ""), stated)
                for name in _NUMBERS:
                    if profile in _PARTNERSHIP and name in names:
                        self._withhold(profile, WithheldField(block, name, "", ""), stated)

    def _withhold(self, profile: str, each: WithheldField, stated: set[tuple[str, str, str]]) -> None:
        if (profile, each.block, each.name) not in stated:
            stated.add((profile, each.block, each.name))
            self.made.withheld.append((profile, each))
