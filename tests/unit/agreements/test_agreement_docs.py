"""The published schema and docs/agreement.md are those of the model, and their examples hold."""

import csv
import io
import json
import re

import jsonschema
import pytest
import yaml
from agreement_files import GOOD, write
from typer.testing import CliRunner

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.findings import WARNINGS
from overstap.agreements.load import agreement_paths
from overstap.agreements.model import Agreement
from overstap.agreements.reference_page import markdown
from overstap.agreements.schema import PATH, documented_keys, file_schema, schema_text
from overstap.cli import app
from overstap.errors import sentences
from overstap_tools.project import PROJECT

PAGE = (PROJECT / "docs" / "agreement.md").read_text(encoding="utf-8")
REGIONS = agreement_paths(PROJECT / "include" / "regions")


class Plain(yaml.SafeLoader):
    """YAML as an editor reads it: moments stay text."""


Plain.yaml_implicit_resolvers = {
    letter: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.fixture(scope="module")
def schema():
    """The schema of an agreement's file, looked at once: `jsonschema.validate` does it again for each value."""
    found = file_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def fit(value, schema):
    jsonschema.Draft202012Validator(schema).validate(value)


def plain(text):
    return yaml.load(text, Loader=Plain)  # noqa: S506 (a safe loader)


def examples(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_published_schema_is_the_model():
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run: overstap agreement schema --out"
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))
    assert CliRunner().invoke(app, ["agreement", "schema"]).stdout == schema_text()


def test_the_page_is_up_to_date():
    assert markdown() == PAGE, "run: overstap agreement document --out docs/agreement.md"


@pytest.mark.parametrize("path", REGIONS, ids=lambda path: path.parent.name)
def test_every_region_fits_the_schema(path, schema):
    fit(plain(path.read_text(encoding="utf-8")), schema)


def test_the_small_agreement_of_the_page_is_good(tmp_path, schema):
    (text,) = [each for each in examples("yaml") if each.startswith("region:")]
    path = write(tmp_path, text)
    (checked,) = check_agreements([path])
    # but for its addresses, which are an example's
    assert [finding.code for finding in checked.findings] == ["AGREEMENT-176"]
    fit(plain(text), schema)
    usual = load_agreement(path).round("placement")
    assert usual.sources["data_due"] == "assumed"
    assert usual.milestones.delivers.day == 14  # from the national file


def test_the_csv_of_the_page_is_good(tmp_path):
    (rows,) = examples("csv")
    text = GOOD[: GOOD.index("schools:")] + "schools: {file: x.csv}\n" + GOOD[GOOD.index("rounds:") :]
    path = write(tmp_path, text)
    (path.parent / "x.csv").write_text(rows)
    (checked,) = check_agreements([path])
    # but for its addresses, which are an example's
    assert [finding.code for finding in checked.findings] == ["AGREEMENT-176"]
    assert len(load_agreement(path).schools) == len(list(csv.reader(io.StringIO(rows)))) - 1


def test_every_key_of_the_model_is_on_the_page():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \| (.+?) \| `(.+)` \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == [key.name for key in documented_keys()]
    in_model = set(Agreement.model_fields)
    for block in Agreement.model_json_schema()["$defs"].values():
        in_model |= set(block.get("properties", {}))
    assert in_model == {row[0] for row in rows}


@pytest.mark.parametrize("key", documented_keys(), ids=lambda key: f"{key.block}.{key.name}")
def test_examples_and_defaults_fit_the_schema(key, schema):
    part = schema if key.block == "Agreement" else schema["$defs"][key.block]
    whole = {**part["properties"][key.name], "$defs": schema["$defs"]}
    fit(plain(key.example), whole)
    if key.default is not None:
        fit(json.loads(key.default), whole)
    assert key.meaning_nl.endswith(".") or "https://" in key.meaning_nl
    assert key.meaning_en != key.meaning_nl or key.meaning_en == "-"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("receivers: registered", "receivers: all"),
        ("coordinators:", "coordinaters:"),
        ("delivers: 2027-03-25 08:00", "delivers: 25-03-2027"),
        ("id: 99ZZ00", "id: 99zz00"),
        ("[toetsresultaten, verzuim]", "[toetsresultaten, vve]"),
        ("  advice:\n", "  advise:\n"),
    ],
)
def test_an_editor_marks_mistakes(old, new, schema):
    fit(plain(GOOD), schema)
    with pytest.raises(jsonschema.ValidationError):
        fit(plain(GOOD.replace(old, new)), schema)


def test_every_code_is_on_the_page():
    rows = dict(re.findall(r"^\| (AGREEMENT-1[0-9]{2}) \| (error|warning) \|", PAGE, re.MULTILINE))
    assert set(rows) == {code for code in sentences() if code.startswith("AGREEMENT-1")}
    assert {code for code, severity in rows.items() if severity == "warning"} == WARNINGS


def test_commands_of_the_page_exist():
    for line in re.findall(r"`(overstap (?:agreement|calendar)[a-z ]*)", PAGE):
        told = CliRunner().invoke(app, [*line.split()[1:], "--help"])
        assert told.exit_code == 0, line
