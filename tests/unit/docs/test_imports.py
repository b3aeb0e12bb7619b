"""The code keeps to the table of who may import whom, docs/imports.yaml."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pages import PROJECT

SOURCE = PROJECT / "src" / "overstap"
TABLE = yaml.safe_load((PROJECT / "docs" / "imports.yaml").read_text(encoding="utf-8"))
GROUND, FOLDERS, LARGE = TABLE["ground"], TABLE["folders"], TABLE["large"]


def folder_of(module: str) -> str:
    """Return the folder of the table in which a module, such as overstap.pages.board.app, stands."""
    parts = module.split(".")[1:3]
    return ".".join(parts) if ".".join(parts) in FOLDERS else (parts or ["overstap"])[0]


def imports(path: Path) -> Iterator[str]:
    """Yield the full names that a file imports, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules() -> Iterator[tuple[str, Path]]:
    """Yield every module of the package with its file."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(("overstap", *path.relative_to(SOURCE).with_suffix("").parts))
        yield name.removesuffix(".__init__"), path


def breaches(name: str, path: Path) -> list[str]:
    """Return what a module imports that it may not."""
    here = folder_of(name)
    allowed = {here, *GROUND, *FOLDERS.get(here, ())}
    found = []
    for one in imports(path):
        top = one.split(".")[0]
        there = folder_of(one)
        is_package = (SOURCE / one.split(".")[1]).is_dir() if top == "overstap" else False
        known = is_package or there in GROUND or there in FOLDERS
        if top == "overstap" and known and there not in allowed and "everything" not in allowed:
            found.append(f"{name} imports {one}")
        if top in ("overstap_tools", "tests"):
            found.append(f"{name} imports {top}, which is not installed where rounds run")
        if top in LARGE and here not in LARGE[top] and here != "cli":
            found.append(f"{name} imports {top}")
    return found


def test_every_folder_stands_in_the_table() -> None:
    missing = {folder_of(name) for name, _ in modules()} - {*FOLDERS, *GROUND, "overstap"}
    assert not missing, f"say in docs/imports.yaml whom they may import: {sorted(missing)}"


@pytest.mark.parametrize("folder", sorted({folder_of(name) for name, _ in modules()}))
def test_a_folder_imports_what_the_table_allows(folder: str) -> None:
    found = [one for name, path in modules() if folder_of(name) == folder for one in breaches(name, path)]
    assert not found


def test_a_wrong_import_is_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def late():\n    from overstap.ledger import Ledger\n    import airflow.sdk\n")
    assert breaches("overstap.receiver.wrong", wrong) == [
        "overstap.receiver.wrong imports overstap.ledger.Ledger",
        "overstap.receiver.wrong imports airflow",
    ]


def test_the_table_has_no_circle_among_what_knows_no_stage() -> None:
    """The format and the standard can be taken out and used by themselves."""

    def reached(folder: str) -> set[str]:
        return {folder}.union(*(reached(one) for one in FOLDERS[folder]))

    for folder in ("agreements", "envelope", "ledger", "oso", "pki", "receiver", "transport"):
        assert reached(folder) <= {"agreements", "envelope", "ledger", "oso", "pki", "receiver", "transport"}
    assert "ledger" not in reached("receiver")
    assert reached("envelope") == {"envelope", "pki"}


def test_the_architecture_page_shows_the_table() -> None:
    """Every folder with what it may import, as docs/imports.yaml has it."""
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].strip("`") in FOLDERS:
            shown[cells[0].strip("`")] = set(re.findall(r"`([a-z_.]+)`", cells[2])) or {cells[2]}
    files = {folder for folder in FOLDERS if (SOURCE / f"{folder}.py").is_file()}
    assert shown == {
        folder: set(allowed) if allowed else {"nobody"} for folder, allowed in FOLDERS.items() if folder not in files
    }
    assert all(f"`{one}`" in page for one in GROUND)
