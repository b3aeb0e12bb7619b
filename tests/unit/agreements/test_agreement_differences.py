"""What differs between two versions of an agreement."""

import os
import subprocess
import sys

import pytest
from agreement_files import GOOD, write
from typer.testing import CliRunner

from overstap.agreements import load_agreement
from overstap.agreements.differences import ChangeKind, differences
from overstap.cli import app

CASES = [
    ("categories: [toetsresultaten, verzuim]", "categories: [verzuim, toetsresultaten]", []),
    ("delivers: 2027-03-25 08:00", "delivers: 2027-03-25 08:00:00+01:00", []),
    ("[toetsresultaten, verzuim]", "[toetsresultaten]", [("rounds.advice.categories.verzuim", "removed")]),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, verzuim, bijlagedocs]",
     [("rounds.advice.categories.bijlagedocs", "added")]),
    ("delivers: 2027-03-25 08:00", "delivers: 2027-03-25 09:00", [("rounds.advice.milestones.delivers", "changed")]),
    ("contact: instroom@", "contact: vo@", [("schools.98ZZ00.contact", "changed")]),
    ("id: 98ZZ00", "id: 98ZY00", [("schools.98ZY00", "added"), ("schools.98ZZ00", "removed")]),
    ("    gate_answered_by: [c.jansen]\n", "", [("rounds.advice.gate_answered_by", "changed")]),
    ("name: Uitslag,", "name: Loting,", [("occasions.Loting", "added"), ("occasions.Uitslag", "removed")]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_what_differs(tmp_path, old, new, expected):
    assert GOOD.count(old) == 1
    before = load_agreement(write(tmp_path / "old"))
    after = load_agreement(write(tmp_path / "new", GOOD.replace(old, new)))
    found = differences(before, after)
    assert sorted((each.path, each.change.value) for each in found) == sorted(expected)
    back = {
        ChangeKind.ADDED: ChangeKind.REMOVED,
        ChangeKind.REMOVED: ChangeKind.ADDED,
        ChangeKind.CHANGED: ChangeKind.CHANGED,
    }
    turned = {(each.path, back[each.change]) for each in differences(after, before)}
    assert turned == {(each.path, each.change) for each in found}
    for each in found:
        assert each.path in each.sentence_nl
        assert each.round == ("advice" if each.path.startswith("rounds.") else None)


def test_a_school_that_moves_in_the_list_is_no_change(tmp_path):
    before = load_agreement(write(tmp_path))
    after = before.model_copy(update={"schools": tuple(reversed(before.schools))})
    assert differences(before, after) == []


def test_the_command_compares_files_wherever_they_are(tmp_path):
    old, new = tmp_path / "was.yaml", tmp_path / "is.yaml"
    old.write_text(GOOD)
    new.write_text(GOOD.replace("receivers: registered", "receivers: placed"))
    told = CliRunner().invoke(app, ["agreement", "diff", str(old), str(new)])
    assert told.exit_code == 1
    assert told.stdout == "~ rounds.advice.receivers: was registered, is nu placed\n"
    assert CliRunner().invoke(app, ["agreement", "diff", str(old), str(old)]).exit_code == 0


def test_the_digest_is_the_same_in_every_process(tmp_path):
    """A set's order depends on the process; the digest is what a round's version is known by."""
    path = write(tmp_path, GOOD.replace("verzuim]", "verzuim, bijlagedocs, handelingsplannen, cijferlijsten]"))
    program = "import sys, pathlib, overstap.agreements as a; print(a.load_agreement(pathlib.Path(sys.argv[1])).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1
