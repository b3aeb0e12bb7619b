"""Every fault that the model finds in an agreement is told in Dutch, with its place, and never in pydantic's words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from agreement_files import GOOD, write
from pydantic import ValidationError
from pydantic_core import _pydantic_core
from typer.testing import CliRunner

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.model import Agreement
from overstap.agreements.model.refusals import RefusedValue, is_rule, refusal
from overstap.agreements.source_positions import read_source
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.texts import texts

WORDS = texts("agreements/refusals")
PRODUCED = {
    "str": ("string_type", "string_sub_type", "string_unicode"),
    "bool": ("bool_type", "bool_parsing"),
    "int": ("int_type", "int_parsing", "int_parsing_size", "int_from_float", "finite_number"),
    "enum": ("enum",),
    "literal": ("literal_error",),
    "tuple": ("tuple_type", "iteration_error", "missing"),
    "list": ("list_type", "iteration_error"),
    "frozenset": ("frozen_set_type", "iteration_error", "set_item_not_hashable"),
    "dict": ("dict_type", "mapping_type", "invalid_key", "iteration_error"),
    "model": ("model_type",),
    "model-fields": ("model_type", "model_attributes_type", "missing", "extra_forbidden", "invalid_key"),
    "tagged-union": ("union_tag_invalid", "union_tag_not_found", "model_attributes_type"),
    "datetime": (
        *("datetime_type", "datetime_parsing", "datetime_object_invalid"),
        *("datetime_from_date_parsing", "timezone_aware"),
    ),
    "date": ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
    "timedelta": ("time_delta_type", "time_delta_parsing"),
    "function-after": (), "function-before": (), "function-plain": (), "no-info": (), "model-field": (),
    "default": (), "nullable": (), "definitions": (), "definition-ref": (), "recursion": ("recursion_loop",),
}  # fmt: skip
"""What each part of a pydantic schema can raise; one that is not here makes the test of completeness fail."""
BOUNDS = {
    "min_length": ("string_too_short", "too_short"), "max_length": ("string_too_long", "too_long"),
    "pattern": ("string_pattern_mismatch",), "ge": ("greater_than_equal",), "le": ("less_than_equal",),
    "gt": ("greater_than",), "lt": ("less_than",), "multiple_of": ("multiple_of",),
}  # fmt: skip
ADVICE = ("rounds", "advice")
SUPPORT = {
    "milestones": {
        "opens": "2026-11-02 08:00", "data_due": "2026-11-16 17:00",
        "delivers": "2026-11-17 08:00", "receipts_due": "2026-12-03 17:00",
    }
}  # fmt: skip
PARTNERSHIP = {"id": "PO9901", "name": "Verband", "kind": "SWV", "contact": "a@example.org"}


def mandate(school: str = "99ZZ00", **other: object) -> dict[str, Any]:
    """A mandate of a school, with other values."""
    known = {"routing_key": f"00000007000{school}900", "provider": "123A123", "location": "123X123"}
    given = {"given_by": "A. Bakker", "given_on": "2026-10-01", "without_own_system": True}
    return {"school": school, **known, **given, **other}


def supplier(*mandates: dict[str, Any]) -> dict[str, Any]:
    url = "https://toets.example.org/v1.1"
    return {"name": "Toetsbureau", "oin": "00000003123456780000", "url": url, "mandates": list(mandates)}


CASES: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("missing", ("schools", 0, "name"), ...),
    ("missing", ("name",), ...),
    ("extra_forbidden", ("schools", 0, "supplies", "folder"), "x"),
    ("string_type", ("name",), 5),
    ("string_type", ("occasions", 0, "name"), None),
    ("string_type", ("schools", 1, "receives", "url"), []),
    ("string_too_short", ("region",), "x"),
    ("string_too_long", ("region",), "x" * 40),
    ("string_pattern_mismatch", ("schools", 1, "receives", "url"), "http://vo.example.org"),
    ("string_pattern_mismatch", ("school_year",), "2026"),
    ("string_pattern_mismatch", ("school_year",), "2" * 300),
    ("bool_type", (*ADVICE, "provisional"), []),
    ("bool_parsing", (*ADVICE, "provisional"), "misschien"),
    ("int_type", (*ADVICE, "review_school_days"), []),
    ("int_parsing", (*ADVICE, "review_school_days"), "vijf"),
    ("int_from_float", (*ADVICE, "review_school_days"), 5.5),
    ("finite_number", (*ADVICE, "review_school_days"), float("nan")),
    ("int_parsing_size", (*ADVICE, "review_school_days"), "9" * 5000),
    ("greater_than_equal", (*ADVICE, "review_school_days"), 0),
    ("less_than_equal", (*ADVICE, "reminders", 0, "days_before"), 10**30),
    ("enum", ("schools", 0, "kind"), "basisschool"),
    ("enum", (*ADVICE, "receivers"), "iemand"),
    ("enum", ("holiday_region",), "oost"),
    ("literal_error", (*ADVICE, "profile"), []),
    ("literal_error", ("occasions", 0, "kind"), "loting"),
    ("literal_error", (*ADVICE, "consent"), "ja"),
    ("tuple_type", (*ADVICE, "addenda"), "bijlage"),
    ("frozen_set_type", (*ADVICE, "categories"), "verzuim"),
    ("dict_type", (*ADVICE, "may_shift"), [1]),
    ("dict_type", ("rounds",), []),
    ("too_short", ("coordinators",), []),
    ("model_type", (*ADVICE, "milestones"), 5),
    ("model_type", ("coordinators", 0), "c.jansen"),
    ("union_tag_invalid", ("schools", 0, "supplies"), {"way": "postduif"}),
    ("union_tag_not_found", ("schools", 1, "receives"), {"url": "https://vo.example.org"}),
    ("model_attributes_type", ("schools", 0, "supplies"), "map"),
    ("datetime_type", ("occasions", 0, "starts"), []),
    ("no_moment", ("occasions", 0, "starts"), "morgen"),
    ("no_moment", ("occasions", 0, "starts"), ""),
    ("no_moment", (*ADVICE, "milestones", "opens"), "2027-03-01"),
    ("no_wall_time", (*ADVICE, "milestones", "opens"), "2027-03-28 02:30"),
    ("date_type", ("test_suppliers",), [supplier(mandate(given_on=[]))]),
    ("date_from_datetime_parsing", ("test_suppliers",), [supplier(mandate(given_on="gisteren"))]),
    ("date_from_datetime_inexact", ("test_suppliers",), [supplier(mandate(given_on="2026-10-01T12:00:00"))]),
    ("time_delta_type", (*ADVICE, "review_minimum"), []),
    ("time_delta_parsing", (*ADVICE, "review_minimum"), "vijf dagen"),
    ("one_line", ("schools", 0, "name"), "De Regenboog\x00"),
    ("one_line", ("schools", 0, "contact"), "a@example.org\r\nBcc: b@example.org"),
    ("one_line", ("coordinators", 0, "account"), "c.jansen\n2027-01-01 ERROR overstap"),
    ("one_line", ("name",), "Regio\x1b[2J"),
    ("school_year", ("school_year",), "2026-2028"),
    ("school_twice", ("schools", 1, "id"), "99ZZ00"),
    ("own_code_twice", ("own_codes",), [{"list": "42", "code": "0017", "label": "Toets"}] * 2),
    ("compared_twice", ("comparisons",), [{"region": "leiden"}] * 2),
    (
        "compared_by_file",
        ("comparisons",),
        [
            {"region": "leiden", "conductor": "00000003123456780000", "at": ["2027-04-16 12:00"]},
        ],
    ),
    ("routing_key_of_school", ("test_suppliers",), [supplier(mandate(routing_key="0000000700099ZZ01900"))]),
    ("test_supplier_twice", ("test_suppliers",), [supplier(mandate()), supplier(mandate())]),
    ("mandate_of_another", ("test_suppliers",), [supplier(mandate("98ZZ00"))]),
    ("mandate_twice", ("test_suppliers",), [supplier(mandate(), mandate())]),
    ("mandate_with_own_system", ("test_suppliers",), [supplier(mandate(without_own_system=False))]),
    ("profile_of_round", (*ADVICE, "profile"), "VOVO"),
    ("nobody_takes_part", ("rounds", "support"), SUPPORT),
    ("gate_answered_by", (*ADVICE, "gate_answered_by"), ["x.onbekend"]),
    ("no_supplies", ("schools", 0, "supplies"), ...),
    ("no_receives", ("schools", 1, "receives"), ...),
    ("number_of_kind", ("schools", 0, "id"), "PO9901"),
    ("partnership_at_desk", ("schools", 1), {**PARTNERSHIP, "receives": {"way": "pull"}}),
    ("ends_before_starts", ("occasions", 0, "ends"), "2027-03-01 10:00"),
    ("milestones_order", (*ADVICE, "milestones", "delivers"), "2027-03-02 08:00"),
    ("retention_order", ("retention",), {"content_days": 100, "traces_days": 50}),
]


def spoiled(folder: Path, key: tuple[str | int, ...], value: Any) -> Path:
    """Write the good agreement with another value at a key; without it where the value is `...`."""
    data = yaml.load(GOOD, Loader=yaml.BaseLoader)  # noqa: S506 (our own text; moments stay text)
    inside = data
    for step in key[:-1]:
        inside = inside[step]
    if value is ...:
        del inside[key[-1]]
    else:
        inside[key[-1]] = value
    return write(folder, yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


def faults_of(path: Path) -> list[Any]:
    with pytest.raises(ValidationError) as refused:
        Agreement.model_validate(read_source(path).data)
    return refused.value.errors()


def pydantic_parts() -> set[str]:
    """Return the fixed beginnings of pydantic's own sentences."""
    templates = [one["message_template_python"] for one in _pydantic_core.list_all_errors()]
    parts = {template.split("{")[0].strip() for template in templates}
    return {part for part in parts if len(part) > 9}


@pytest.mark.parametrize(
    ("kind", "key", "value"), CASES, ids=[f"{one[0]}-{number}" for number, one in enumerate(CASES)]
)
def test_no_word_of_pydantic_is_shown(kind: str, key: tuple[str | int, ...], value: Any, tmp_path: Path) -> None:
    path = spoiled(tmp_path, key, value)
    faults = faults_of(path)
    assert kind in {fault["type"] for fault in faults}
    [checked] = check_agreements([path])
    assert checked.errors
    done = CliRunner().invoke(app, ["agreement", "check", str(path)])
    assert done.exit_code == 1
    with pytest.raises(OverstapError) as told:
        load_agreement(path)
    shown = " ".join(" ".join([done.output, told.value.message_nl]).split())
    own = {fault["msg"] for fault in faults if not is_rule(fault["type"])}
    assert not [said for said in (*own, *pydantic_parts()) if said in shown]
    assert not [fault for fault in faults if is_rule(fault["type"]) and RefusedValue(fault).sentence("en") in shown]
    for fault in faults:
        assert RefusedValue(fault).sentence("nl") in told.value.message_nl
        assert RefusedValue(fault).sentence("en") in told.value.message_en
    assert (
        f"(regel {read_source(path).position(read_source(path).key_of(faults[0]['loc'])).line})"
        in told.value.message_nl
    )


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for name, inside in schema.items():
            if name not in ("metadata", "serialization"):
                yield from parts_of(inside)
    elif isinstance(schema, list | tuple):
        for inside in schema:
            yield from parts_of(inside)


def test_everything_that_the_model_can_raise_has_its_sentences() -> None:
    """A field of a new type in the model, or a newer pydantic, is noticed here."""
    Agreement.model_rebuild()
    known = {one["type"] for one in _pydantic_core.list_all_errors()}
    can: set[str] = set()
    for part in parts_of(Agreement.__pydantic_core_schema__):
        can |= set(PRODUCED[part["type"]])
        can |= {kind for bound, kinds in BOUNDS.items() if part.get(bound) is not None for kind in kinds}
    assert {"string_pattern_mismatch", "less_than_equal", "too_short"} <= can
    assert can & known <= set(WORDS["faults"])
    assert {kind for kind, *_ in CASES} >= {
        kind for kind in WORDS["rules"] if kind not in ("one_partnership", "last_before_first")
    }


def test_each_sentence_can_be_said_with_the_facts_that_pydantic_gives() -> None:
    for one in _pydantic_core.list_all_errors():
        fault = {"type": one["type"], "ctx": one.get("example_context") or {}}
        for language in ("nl", "en"):
            said = RefusedValue(fault).sentence(language)
            assert said
            assert "{" not in said


def test_a_rule_of_a_suppliers_block_is_told_without_its_words() -> None:
    fault = {"type": "value_error", "msg": "Value error, no such port", "ctx": {"error": ValueError("no such port")}}
    assert "no such port" not in RefusedValue(fault).sentence("nl")
    assert "value_error" in RefusedValue(fault).sentence("nl")


def test_what_looks_like_a_place_in_a_value_stays_as_it_is() -> None:
    error = refusal("school_year", stated="{type} {0} %s")
    assert "{type} {0} %s" in RefusedValue({"type": error.type, "ctx": error.context}).sentence("nl")


def test_a_school_is_named(tmp_path: Path) -> None:
    path = spoiled(tmp_path, ("schools", 1, "receives", "url"), "http://vo.example.org")
    [checked] = check_agreements([path])
    [found] = [one for one in checked.findings if one.path == "schools.1.receives.url"]
    assert found.school == "Het Voorbeeldcollege"
    assert found.as_json()["school"] == "Het Voorbeeldcollege"
    shown = CliRunner().invoke(app, ["agreement", "check", str(path)]).output
    assert f"regel {found.line}, schools.1.receives.url (Het Voorbeeldcollege)" in " ".join(shown.split())
    with pytest.raises(OverstapError) as told:
        load_agreement(path)
    assert f"schools.1.receives.url (Het Voorbeeldcollege) (regel {found.line})" in told.value.message_nl


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("region: [a", "een lijst of blok tussen haken"),
        ("region: a: b\n", "een dubbele punt te veel"),
        ("region:\n\t- a\n", "een teken dat zo niet kan beginnen"),
        ("region: 'a\n", "het bestand eindigt midden in een waarde"),
        ("region: *a\n", "een verwijzing"),
        ("a: 1\n b: 2\n", "een dubbele punt te veel"),
        ("a:\n  - 1\n  b: 2\n", "het inspringen klopt niet"),
        ("just text\n", "er staan geen sleutels met waarden in"),
        ("a: 1\n---\nb: 2\n", "meer dan één document"),
    ],
)
def test_what_is_no_yaml_is_told_in_dutch(text: str, said: str, tmp_path: Path) -> None:
    [checked] = check_agreements([write(tmp_path, text)])
    assert said in checked.findings[0].message_nl
    assert said not in checked.findings[0].message_en
