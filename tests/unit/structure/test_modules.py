"""Test that each module of the tests has a name of its own, as pytest's default import mode needs."""

from collections import defaultdict
from pathlib import Path

from overstap_tools.project import PROJECT

TESTS = PROJECT / "tests"


def module(path: Path) -> str:
    """Return the name under which pytest imports a file: its own, after the packages that it lies in."""
    name = path.stem
    folder = path.parent
    while (folder / "__init__.py").exists():
        name = f"{folder.name}.{name}"
        folder = folder.parent
    return name


def test_no_two_test_modules_have_one_name() -> None:
    """Two of one name are an error only in a process that collects both, so a part of the suite run alone is silent."""
    files: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        files[module(path)].append(path.relative_to(PROJECT).as_posix())
    assert files
    assert not {name: paths for name, paths in files.items() if len(paths) > 1}
