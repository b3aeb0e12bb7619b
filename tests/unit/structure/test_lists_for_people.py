"""Every list that people open in a spreadsheet writes its texts by one function, so that none is read as a formula."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3] / "src" / "overstap"
FOR_PROGRAMS = {
    "cli/review.py": "read at once by the same command",
    "agreements/drafting/composition.py": "a file of the agreement, which is read as it is written",
    "simulation/synthetic": "invented lists, which hostile names are part of",
}


def test_who_writes_csv_guards_its_texts_by_the_one_function() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if "csv.writer(" in path.read_text(encoding="utf-8")
    }
    assert len(found) > 5
    unguarded = {
        name
        for name, text in found.items()
        if "safe_text(" not in text and not any(name.startswith(one) for one in FOR_PROGRAMS)
    }
    assert unguarded == set()
