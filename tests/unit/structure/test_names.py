"""Test that no two public classes of the package have the same name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from overstap_tools.project import PROJECT

PACKAGES = (PROJECT / "src" / "overstap", PROJECT / "tools" / "overstap_tools")
SHARED: dict[str, str] = {}
"""Names that several classes may bear, each with the reason."""


def classes() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, path.relative_to(PROJECT)


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in classes():
        places[name].append(str(path))
    assert len(places) > 200, "the classes are not found any more"
    twice = {name: paths for name, paths in places.items() if len(paths) > 1 and name not in SHARED}
    assert not twice


def test_each_name_that_is_shared_still_is() -> None:
    names = [name for name, _ in classes()]
    assert all(names.count(name) > 1 for name in SHARED)
