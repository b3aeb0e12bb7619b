"""Schools from a CSV file beside the agreement."""

import contextlib
import os
import threading
from pathlib import Path

import pytest
from agreement_files import GOOD, write
from hypothesis import given
from hypothesis import strategies as st

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.agreements.source_positions import read_source
from overstap.errors import OverstapError
from overstap.intake.sources.drop_folder import DropFolder
from overstap.intake.sources.las_database import LasDatabase

START, END = GOOD.index("schools:"), GOOD.index("rounds:")
WITH_FILE = GOOD[:START] + "schools: {file: scholen.csv}\n" + GOOD[END:]
ROWS = """id,name,kind,board,contact,supplies,receives
99ZZ00,"De School, met komma",PO,Bestuur,po@scholen-voorbeeld.nl,drop_folder,

99ZY00,De Tweede,PO,,tweede@scholen-voorbeeld.nl,las_database:las_x,
98ZZ00,Het College,VO,,vo@scholen-voorbeeld.nl,,https://vo.example.org/overstap
"""


def made(folder: Path, rows: str | bytes, text: str = WITH_FILE) -> Path:
    path = write(folder, text)
    (path.parent / "scholen.csv").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    return path


def found(path):
    (checked,) = check_agreements([path])
    return [(each.code, each.file.name, each.line) for each in checked.findings]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.encode(),
        ROWS.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + ROWS.encode(),
        ROWS.replace(",", ";").replace("School;", "School,").encode(),
    ],
    ids=["plain", "windows", "excel", "semicolons"],
)
def test_schools_are_read(tmp_path, rows):
    path = made(tmp_path, rows)
    assert found(path) == []
    schools = load_agreement(path).schools
    assert [school.id for school in schools] == ["99ZZ00", "99ZY00", "98ZZ00"]
    assert schools[0].name == "De School, met komma"
    assert schools[0].board == "Bestuur"
    assert schools[0].supplies == DropFolder()
    assert schools[1].supplies == LasDatabase(way="las_database", connection="las_x")
    assert schools[1].board is None
    assert schools[2].receives.url == "https://vo.example.org/overstap"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("99ZY00", "99ZZ00", ("AGREEMENT-143", "scholen.csv", 4)),
        ("99ZY00", "99zy00", ("AGREEMENT-141", "scholen.csv", 4)),
        (",https://vo.example.org/overstap", ",", ("AGREEMENT-144", "scholen.csv", 5)),
        ("drop_folder", "", ("AGREEMENT-145", "scholen.csv", 2)),
        ("https://", "http://", ("AGREEMENT-105", "scholen.csv", 5)),
        ("drop_folder", "dropfolder", ("AGREEMENT-105", "scholen.csv", 2)),
        (",board,", ",bestuur,", ("AGREEMENT-109", "scholen.csv", 1)),
        (",tweede@scholen-voorbeeld.nl", ",tweede@scholen-voorbeeld.nl,te veel", ("AGREEMENT-109", "scholen.csv", 4)),
    ],
)
def test_a_mistake_is_told_at_its_row(tmp_path, old, new, expected):
    assert ROWS.count(old) == 1
    path = made(tmp_path, ROWS.replace(old, new))
    assert expected in found(path)


@pytest.mark.parametrize(
    ("reference", "rows"),
    [
        ("{file: anders.csv}", ROWS),
        ("{file: ../geheim.csv}", ROWS),
        ("{file: scholen.csv, sheet: 1}", ROWS),
        ("{file: scholen.csv}", "naïef".encode("latin-1")),
        ("{file: scholen.csv}", b""),
    ],
)
def test_a_list_that_cannot_be_read(tmp_path, reference, rows):
    path = made(tmp_path, rows, WITH_FILE.replace("{file: scholen.csv}", reference))
    assert "AGREEMENT-109" in {code for code, _, _ in found(path)}
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBYvV9cB1wHnE0Yz0kq3mUuJ1xY1p4mXw0w0m2l8rQ0b"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("folder", {"way": "folder"}),
        ("pull", {"way": "pull", "notify": None}),
        ("pull:https://vo.example.org/n", {"way": "pull", "notify": "https://vo.example.org/n"}),
        (
            f"sftp://overstap@sftp.example.org:2222/in/vo {KEY}",
            {
                "way": "sftp",
                "host": "sftp.example.org",
                "port": 2222,
                "user": "overstap",
                "folder": "in/vo",
                "host_key": KEY,
            },
        ),
    ],
)
def test_ways_to_receive_in_a_cell(tmp_path, cell, expected):
    path = made(tmp_path, ROWS.replace("https://vo.example.org/overstap", cell).encode())
    assert found(path) == []
    assert load_agreement(path).schools[2].receives.model_dump() == expected


@pytest.mark.parametrize(
    "cell",
    [
        "fax",
        "pull:http://vo.example.org/n",
        "sftp://sftp.example.org/in",
        "sftp://overstap@sftp.example.org:x/in ssh-ed25519 AAAA",
        f"sftp://overstap@sftp.example.org/../../etc {KEY[:30]}",
        f"sftp://over;stap@sftp.example.org/in {KEY}",
    ],
)
def test_a_way_that_is_none_is_told_at_its_row(tmp_path, cell):
    path = made(tmp_path, ROWS.replace("https://vo.example.org/overstap", cell).encode())
    told = found(path)
    assert told
    assert {(code[:9], file, line) for code, file, line in told} == {("AGREEMENT", "scholen.csv", 5)}


def test_two_schools_at_one_place(tmp_path):
    row = next(line for line in ROWS.splitlines() if line.startswith("98ZZ00"))
    path = made(tmp_path, (ROWS.rstrip("\n") + "\n" + row.replace("98ZZ00", "98ZY00") + "\n").encode())
    assert found(path) == [("AGREEMENT-154", "scholen.csv", 6)]


CELLS = {
    "id": st.sampled_from(["99ZX00", "99zx00", "99ZX", "", '"', "99ZZ00", "x"]),
    "name": st.sampled_from(["De Derde", "", '"De, Derde"', '"De Derde', "De\x00Derde", "Dé"]),
    "kind": st.sampled_from(["PO", "VO", "SWV", "po", "", "basis"]),
    "contact": st.sampled_from(["derde@scholen-voorbeeld.nl", "derde@", "", "a@b.nl;c@d.nl"]),
    "supplies": st.sampled_from(["drop_folder", "las_database:x", "las_database", "", "fax"]),
    "receives": st.sampled_from(["", "https://vo.example.org/x", "http://x", "pull", "map"]),
    "more": st.sampled_from(["", "", ",", ",x"]),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One agreement whose file of schools is written anew for each generated list."""
    return made(tmp_path_factory.mktemp("schools"), ROWS)


@given(st.lists(st.fixed_dictionaries(CELLS), max_size=4), st.binary(max_size=20))
def test_no_list_of_schools_is_a_traceback_or_half_read(place, rows, rubbish):
    """Either every school of the list is in the agreement, or the check tells what is wrong and it is not used."""
    columns = ("id", "name", "kind", "board", "contact", "supplies", "receives")
    written = [",".join(row.get(name, "") for name in columns) + row["more"] for row in rows]
    (place.parent / "scholen.csv").write_bytes((ROWS + "\n".join(written) + "\n").encode() + rubbish)
    [checked] = check_agreements([place])
    try:
        schools = load_agreement(place).schools
    except OverstapError:
        assert any(each.severity == "error" for each in checked.findings)
        return
    assert len(schools) >= 3 + len(rows)


@pytest.mark.parametrize("name", ["2026-2027.yaml", "scholen.csv"])
def test_a_pipe_in_the_place_of_a_file_is_not_read(tmp_path: Path, name: str) -> None:
    """All regions are read one after another: a pipe without a writer would stop them all."""
    path = made(tmp_path, ROWS)
    assert read_source(path).faults == []
    pipe = path.parent / name
    content = pipe.read_bytes()
    pipe.unlink()
    os.mkfifo(pipe)

    def give() -> None:
        with contextlib.suppress(BrokenPipeError), pipe.open("wb") as file:
            file.write(content)

    giving = threading.Thread(target=give, daemon=True)
    giving.start()
    assert [fault.code for fault in read_source(path).faults] == [
        "AGREEMENT-119" if name == path.name else "AGREEMENT-109"
    ]
