"""docs/applications.md: its example is what the product writes, its command reads it, its codes are those there are."""

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pages import PROJECT

from overstap.ledger.rounds.application_list import content
from overstap.ledger.rounds.school_applications import SchoolApplication
from overstap.texts import texts

PAGE = (PROJECT / "docs" / "applications.md").read_text(encoding="utf-8")
AT, LATER = datetime(2027, 3, 25, 8, 30, tzinfo=UTC), datetime(2027, 4, 6, 12, tzinfo=UTC)


def application(number: int, sign: str, school: str, school_id: str, **more: Any) -> SchoolApplication:
    plain: dict[str, Any] = {
        "application": UUID(int=number),
        "sign": sign,
        "primary_school": "De Regenboog",
        "stage": "applied",
        "preference": 1,
        "status": None,
        "reason": None,
        "is_withdrawn": False,
        "recorded_at": AT,
        "first_day": AT.date(),
        "is_examined": False,
        "is_placed_elsewhere": False,
        "is_sent": False,
        "primary_school_id": "99AB00",
        "school": school,
        "school_id": school_id,
        "stated_at": AT,
        "noted_at": AT,
        "source": "file",
    }
    return SchoolApplication(**plain | more)


EXAMPLE = (
    application(1, "7X2K-9QWD", "Het College", "98XA00"),
    application(
        *(2, "7X2K-9QWD", "Het Lyceum", "98XB00"),
        preference=2,
        status="refused",
        reason="full",
        is_withdrawn=True,
        stated_at=LATER,
        noted_at=LATER,
        source="page",
    ),
    application(
        3, "K15D-QJDW", "Het College", "98XA00", stage="placed", preference=None, status="placed", is_sent=True
    ),
)


def block(kind: str) -> str:
    return PAGE.partition(f"```{kind}\n")[2].partition("```")[0]


def written() -> bytes:
    return content(EXAMPLE, "2026-2027", date(2027, 5, 14), is_workbook=False)


def test_the_example_is_a_file_as_it_is_written() -> None:
    assert block("csv") == written().decode("utf-8-sig").replace("\r\n", "\n")
    assert written().startswith(b"\xef\xbb\xbf")
    assert written().endswith(b"\r\n")
    keys = [line.split(";")[0:2] + line.split(";")[5:6] for line in block("csv").splitlines()]
    assert len({*map(tuple, keys)}) == len(keys), "what the page names as the key"


@pytest.mark.parametrize(
    "data", [written(), block("csv").encode()], ids=["as it is downloaded", "copied from the page"]
)
def test_the_command_prints_what_the_page_says(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "aanmeldingen.csv").write_bytes(data)
    done = subprocess.run(
        ["sh", "-c", block("sh")], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == PAGE.rpartition("```\n")[0].rpartition("```\n")[2]
    assert done.stdout.split()[0] in block("csv")


@pytest.mark.parametrize(("head", "name"), [("state", "states"), ("reason", "reasons"), ("source", "file_sources")])
def test_codes_have_the_words_of_the_file(head: str, name: str) -> None:
    table = PAGE.partition(f"\n| {head} | in Dutch |")[2].partition("\n\n")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, flags=re.M))
    assert said == {code: words["nl"] for code, words in texts("school/applications")[name].items()}


def test_the_buttons_are_called_so() -> None:
    school, board = texts("school/applications"), texts("board/admission")["file"]
    for words in (school["file_csv"], board["csv"]):
        assert f"*{words['nl']}*" in PAGE
    assert school["file_xlsx"]["nl"].endswith("(Excel)")
    assert board["xlsx"]["nl"].endswith("(Excel)")
