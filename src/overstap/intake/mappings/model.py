"""Model of a mapping file: columns to fields, values to codes, several columns to one, constants."""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from overstap.oso.catalogue import Catalogue, catalogue
from overstap.oso.catalogue import Field as OsoField
from overstap.resources import INCLUDE
from overstap.tabular.table import column_name

SCHEMA = INCLUDE / "schemas" / "mapping.schema.json"
REGISTRATION_COLUMNS = (
    "leerlingnummer",
    "geboortedatum",
    "basisschool",
    "vo_school",
    "fase",
    "vastgelegd_op",
    "voorkeur",
    "status",
    "reden",
)
"""Those of `intake.applications`, which is not imported: it needs PostgreSQL's library, and an agreement does not."""
TEST_COLUMNS = ("leerlingnummer", "basisschool", "toetsadvies", "toets", "reden", "vastgelegd_op")
"""Those of `intake.pupil_tests`."""
NAME = r"^[a-z][a-z0-9_-]{0,39}$"
"""Form of a mapping's name, which is that of its file."""
_STEP = re.compile(r"([A-Za-z_0-9-]+)(?:\[([1-9][0-9]?)\])?")
Name = Annotated[str, Field(pattern=NAME)]
LONGEST_NAME, MOST_COLUMNS, MOST_CONSTANTS = 200, 500, 200
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class About(StrEnum):
    """What a mapped export holds."""

    DOSSIERS = "dossiers"
    """A row per pupil, with the data of the dossier."""
    REGISTRATIONS = "registrations"
    """A row per pupil and secondary school: applications, registrations, placements."""
    TESTS = "tests"
    """A row per pupil: the advice of the test, or why there is none."""


class Kind(StrEnum):
    """How the text of a cell becomes the text of a field."""

    TEXT = "text"
    CODE = "code"
    DATE = "date"
    MOMENT = "moment"
    NUMBER = "number"
    """A BSN or onderwijsnummer."""
    DECIMAL = "decimal"
    WHOLE = "whole"
    FLAG = "flag"
    """Yes or no."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ColumnRule(_Part):
    """What becomes of one column, or of several that are joined."""

    field: Text
    """Path of the field, such as `huidigeschool/leerling/verzorger[1]/achternaam`; for registrations a column name."""
    kind: Kind | None = Field(default=None, alias="as")
    """How a cell is read; left out: by the type of the field."""
    order: Literal["dmy", "mdy", "ymd", "serial"] | None = None
    """Order of day, month and year in a date that could be read in two ways; `serial`: a spreadsheet's day number."""
    codes: dict[str, str | None] = Field(default={})
    """Code per value; a value without a code is not known yet, and its row is refused."""
    split: Annotated[str, Field(min_length=1, max_length=3)] | None = None
    """What separates the items of a repeated field, such as first names, in one cell."""


class JoinedRule(ColumnRule):
    """Several columns that become one field."""

    columns: Annotated[tuple[Text, ...], Field(min_length=2, max_length=10)]
    separator: Annotated[str, Field(max_length=5)] = " "


class Mapping(_Part):
    """A mapping file."""

    name: Name
    title: Text
    version: Annotated[int, Field(ge=1, le=9999)]
    """Number of this version of the mapping; a changed mapping has a higher one."""
    about: About
    oso: str = "2019.1"
    """Version of the OSO data set, for dossiers."""
    sheet: Text | None = None
    """Name of the sheet of a workbook; left out: the first visible one."""
    columns: dict[Text, ColumnRule] = Field(default={}, max_length=MOST_COLUMNS)
    joined: tuple[JoinedRule, ...] = Field(default=(), max_length=100)
    constants: dict[Text, Annotated[str, Field(max_length=1000)]] = Field(default={}, max_length=MOST_CONSTANTS)
    """Text per field that stands in no column."""
    open: dict[str, list[str]] = Field(default={}, max_length=MOST_COLUMNS)
    """Columns about which a person has to decide, with proposals; they are not read."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        targets = [*(rule.field for rule in self.rules()), *self.constants]
        twice = sorted({one for one in targets if targets.count(one) > 1})
        if twice:
            raise ValueError(f"{twice[0]}: has two sources")
        names = [column_name(one) for one in self.columns]
        same = sorted({one for one in names if names.count(one) > 1})
        if same:
            raise ValueError(f"{same[0]}: is the same column twice")
        for target in targets:
            self.check_target(target)
        return self

    def rules(self) -> Iterator[ColumnRule]:
        """Yield the rules of all columns, and of those that are joined."""
        yield from self.columns.values()
        yield from self.joined

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that are read, normalised as `tabular.column_name` does, each once."""
        read = [*self.columns, *(column for rule in self.joined for column in rule.columns)]
        return tuple(dict.fromkeys(map(column_name, read)))

    def check_target(self, target: str) -> OsoField | None:
        """Return the field of a path; None for registrations and tests.

        Raises:
            ValueError: there is no such field, or it holds others.
        """
        for about, columns in (("registrations", REGISTRATION_COLUMNS), ("tests", TEST_COLUMNS)):
            if self.about == about:
                if target not in columns:
                    raise ValueError(f"{target}: no column of {about} ({', '.join(columns)})")
                return None
        return field_at(catalogue(self.oso), target)

    def kind_of(self, rule: ColumnRule) -> Kind:
        """Return how a rule reads its cells: as stated, or by the type of the field."""
        if rule.kind is not None:
            return rule.kind
        if self.about is not About.DOSSIERS:
            return _OF_REGISTRATIONS.get(rule.field, Kind.TEXT)
        return kind_of_field(catalogue(self.oso), rule.field)


_OF_REGISTRATIONS = {
    "leerlingnummer": Kind.NUMBER,
    "geboortedatum": Kind.DATE,
    "fase": Kind.CODE,
    "vastgelegd_op": Kind.MOMENT,
}


def steps(path: str) -> list[tuple[str, int | None]]:
    """Return the steps of a path: names, each with the number of a repeated element, from 1, or None.

    Raises:
        ValueError: the text is no path.
    """
    found = [_STEP.fullmatch(step) for step in path.split("/")]
    if not all(found):
        raise ValueError(f"{path}: no path of a field")
    return [(step[1], int(step[2]) if step[2] else None) for step in found if step]


def field_at(known: Catalogue, path: str) -> OsoField:
    """Return the leaf at a path below the element dossier.

    Raises:
        ValueError: there is no such field, it holds others, or a number stands at a field that occurs once.
    """
    block: str | None = known.root
    found: OsoField | None = None
    for name, number in steps(path):
        try:
            found = known.field(block, name) if block is not None else None
        except KeyError:
            found = None
        if found is None:
            raise ValueError(f"{path}: the data set has no field {name} there")
        if number is not None and found.max == 1:
            raise ValueError(f"{path}: {name} occurs once")
        if number is None and found.max is None and found.contains:
            raise ValueError(f"{path}: which {name}? Write {name}[1]")
        block = found.contains
    if found is None or found.contains:
        raise ValueError(f"{path}: holds other fields")
    return found


def kind_of_field(known: Catalogue, path: str) -> Kind:
    """Return how the cells of a field's column are read."""
    field = field_at(known, path)
    if field.name in ("bsn", "onderwijsnummer"):
        return Kind.NUMBER
    if field.list is not None and known.lists.get(field.list):
        return Kind.CODE
    base = field.type.base if field.type is not None else "string"
    return {
        "date": Kind.DATE,
        "boolean": Kind.FLAG,
        "decimal": Kind.DECIMAL,
        "integer": Kind.WHOLE,
        "int": Kind.WHOLE,
    }.get(base, Kind.TEXT)


def schema_text() -> str:
    """Return the JSON Schema of mapping files, for editors."""
    made: dict[str, Any] = Mapping.model_json_schema(by_alias=True)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["$id"] = "https://overstap.example.org/schemas/mapping.schema.json"
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
