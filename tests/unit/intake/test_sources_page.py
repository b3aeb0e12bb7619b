"""docs/sources.md is what suppliers build from, so what it says is tried."""

import re
from pathlib import Path

import pandas as pd
import pytest

from overstap.errors import sentences
from overstap.intake import applications
from overstap.intake.sources import las_database
from overstap.intake.sources.drop_folder import DropLimits
from overstap.intake.sources.las_view import NAMES
from overstap.oso import structure
from overstap.simulation.synthetic import make_region, reviews
from overstap.simulation.synthetic.writing import write

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sources.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_of_applications_reads(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(blocks("csv")[0])
    good, refused = applications.read_file(tmp_path / "a.csv")
    assert (len(good), refused) == (2, [])


def test_the_example_of_answers_has_the_header_that_is_written() -> None:
    assert blocks("csv")[1].splitlines()[0] == ";".join(reviews.HEADER)


def test_every_column_of_the_view_is_explained() -> None:
    table = TEXT.split("## Dossiers: LAS database")[1].split("## Applications")[0]
    explained = {
        name.strip() for row in re.findall(r"^\| ([a-z0-9_, ]+) \|", table, re.MULTILINE) for name in row.split(",")
    }
    assert explained - {"column"} == set(NAMES)


def test_the_json_examples_go_into_a_dossier() -> None:
    addresses, career, carers = blocks("json")
    row = dict.fromkeys(NAMES)
    row |= {"leerlingid": "1", "verzorgers": carers, "school_adressen": addresses, "schoolloopbaan": career}
    [(key, made)] = las_database.dossiers(pd.DataFrame([row], columns=list(NAMES), dtype="string"))
    assert key == "1"
    wrong = [fault.path for fault in structure.check(made)]  # type: ignore[arg-type]
    assert not [path for path in wrong if "verzorger" in path or "adres/" in path or "schoolloopbaan" in path]


def test_every_code_of_the_sources_is_told() -> None:
    told = set(re.findall(r"INTAKE-[0-9]{3}", TEXT))
    told |= {f"INTAKE-{number}" for row in re.findall(r"INTAKE-[0-9, ]+", TEXT) for number in re.findall("[0-9]+", row)}
    of_sources = {code for code in sentences() if re.fullmatch("INTAKE-0[0-4][0-9]", code)}
    assert {code for code in told if code < "INTAKE-050"} == of_sources
    assert told <= set(sentences())


def test_limits_are_those_of_the_code() -> None:
    limits = DropLimits()
    assert f"larger than {limits.file_bytes // 1_000_000} MB" in TEXT
    assert f"more than {limits.files:,} files" in TEXT


def test_every_file_of_a_synthetic_region_is_told(tmp_path: Path) -> None:
    region = make_region(1, 24, 4, 2, today=pd.Timestamp("2026-11-23").date(), name="demo")
    write(region, tmp_path)
    told = TEXT.split("## Synthetic regions")[1].partition("| written |")[2].partition("\n\n")[0]
    folders = {path.name for path in tmp_path.iterdir()}
    assert {name for name in folders if f"`{name}/" not in told} == set()
    lists = {path.name for path in (tmp_path / "applications").iterdir()}
    assert {name for name in lists if name.removeprefix("demo") not in told} == set()


@pytest.mark.parametrize(
    "option", ["--region", "--pupils", "--seed", "--out", "--late", "--database", "--first-position", "--first-school"]
)
def test_options_of_the_command_are_told(option: str) -> None:
    assert option in TEXT


def test_the_bsn_of_the_example_is_the_first_one() -> None:
    region = make_region(1, 10, 3, 2, today=pd.Timestamp("2026-11-23").date(), late=0, faulty=0)
    assert next(region.pupils()).number in TEXT
