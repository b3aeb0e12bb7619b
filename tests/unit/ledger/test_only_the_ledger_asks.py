"""SQL about the ledger stands in the ledger: what else asks is named here, and the list only gets shorter."""

import re
from pathlib import Path

import overstap

PACKAGE = Path(overstap.__file__).parent
ASKS = re.compile(r"\b(from|join|into|update|call|select) overstap\.[a-z_]+\b(?!\.)(?! import)")
STILL = {
    "doctor/region_check.py",
    "pages/board/rounds.py",
    "pages/board/views/page_context.py",
    "pages/board/views/school.py",
    "pages/parents/store.py",
    "pages/school/desk.py",
    "pages/school/pupils.py",
    "review/printing_letters.py",
}
"""What still asks by itself: pages, and the examination of an installation."""


def asking() -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith("ledger/"):
            continue
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith(("from ", "import "))]
        if ASKS.search("\n".join(lines)):
            found.add(name)
    return found


def test_only_the_ledger_asks_the_database() -> None:
    assert asking() <= STILL


def test_what_asks_no_longer_is_off_the_list() -> None:
    assert asking() >= STILL
