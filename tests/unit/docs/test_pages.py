"""What the pages say is there: links, commands, settings, error codes."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pages import PROJECT, Page, pages

from overstap.cli import app
from overstap.errors import sentences
from overstap.reference_page import markdown as error_page
from overstap.settings import Settings

PAGES = pages()
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    for target in page.links:
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        assert path.exists(), f"{target} leads nowhere"
        assert path.is_relative_to(PROJECT)
        if anchor:
            assert anchor in Page(path).anchors, f"{target}: no such heading"


@cache
def _root() -> Any:
    return typer.main.get_command(app)


@each_page
def test_every_command_that_is_shown_exists(page: Page) -> None:
    goals = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    root = _root()
    for call in page.commands:
        program, *words = call.split()
        if program == "make":
            wanted = [word for word in words if "=" not in word and not word.startswith(("-", '"'))]
            assert set(wanted[:1]) <= goals, call
            continue
        command: Any = root
        while words and getattr(command, "commands", None) and re.fullmatch(r"[a-z][a-z-]*", words[0]):
            name = words.pop(0)
            assert name in command.commands, f"{page.name}: {call}"
            command = command.commands[name]
        known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
        asked = {word.split("=")[0] for word in words if word.startswith("--")}
        assert asked <= known | {"--help"}, f"{page.name}: {call}"


def test_the_readme_shows_its_two_commands_and_many_others_are_checked() -> None:
    shown = next(page for page in PAGES if page.name == "README.md").commands
    assert {"make demo", "make test", "make stop"} <= set(shown)
    assert sum(len(page.commands) for page in PAGES) > 20, "the pages' commands are not found any more"


def test_every_setting_has_a_heading() -> None:
    anchors = Page(PROJECT / "docs" / "settings.md").anchors
    assert {f"overstap_{name}" for name in Settings.model_fields} <= anchors


def test_no_setting_is_explained_that_is_not_there() -> None:
    named = set(re.findall(r"OVERSTAP_[A-Z_]+", "".join(page.text for page in PAGES)))
    known = {f"OVERSTAP_{name.upper()}" for name in Settings.model_fields}
    assert named <= known | set(_variables(_root()))


def test_every_table_of_the_ledger_is_in_the_glossary() -> None:
    schema = PROJECT / "include" / "schemas" / "ledger"
    files = [path for folder in ("tables", "migrations") for path in (schema / folder).glob("*.sql")]
    tables = {
        name for path in files for name in re.findall(r"^create table overstap\.(\w+)", path.read_text(), re.MULTILINE)
    }
    glossary = Page(PROJECT / "docs" / "glossary.md").text.partition("## Tables of the ledger")[2]
    named = set(re.findall(r"`(\w+)`", glossary.partition("\n## ")[0]))
    assert len(tables) > 60
    assert named == tables


def test_the_page_of_error_codes_is_current() -> None:
    written = (PROJECT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == error_page(), "make it anew: python -m overstap.reference_page > docs/errors.md"


def test_every_error_code_has_a_heading_and_no_other() -> None:
    written = Page(PROJECT / "docs" / "errors.md").text
    assert set(re.findall(r"^### (\S+)$", written, re.MULTILINE)) == set(sentences())


def test_every_error_code_that_a_page_names_exists() -> None:
    rooms = "|".join(sorted({code.rpartition("-")[0] for code in sentences()}))
    for page in PAGES:
        # Attachments' and structure's codes are findings about a dossier, not errors: rules.md has them.
        named = set(re.findall(rf"\b(?:{rooms})-\d{{3}}\b", page.text)) - _findings()
        assert named <= set(sentences()), page.name


def test_every_code_that_turns_a_task_red_is_in_the_rerun_guide() -> None:
    guide = Page(PROJECT / "docs" / "rerun.md").text
    said = {code: text["who"] for code, text in sentences().items()}
    task_rooms = ("orchestration", "quality")
    for room in task_rooms:
        for code in yaml.safe_load((PROJECT / "include" / "texts" / "errors" / f"{room}.yaml").read_text()):
            assert code in guide, f"{code} ({said[code]})"


def test_every_task_of_a_round_is_explained_and_in_the_rerun_guide() -> None:
    guide, rerun = (Page(PROJECT / "docs" / f"{name}.md").text for name in ("rounds", "rerun"))
    titles = yaml.safe_load((PROJECT / "include" / "texts" / "orchestration" / "titles.yaml").read_text())
    tasks = [name.removeprefix("task.") for name in titles if name.startswith("task.") and not name.endswith(".map")]
    assert len(tasks) > 10
    for name in tasks:
        assert f"`{name}`" in guide, name
        assert f"`{name}`" in rerun, name
        assert f'"{titles[f"task.{name}"]["nl"]}"' in guide, name


def test_every_page_can_be_found_from_the_index() -> None:
    seen, waiting = set(), [PROJECT / "README.md"]
    while waiting:
        page = Page(waiting.pop())
        if page.path in seen:
            continue
        seen.add(page.path)
        targets = ((page.path.parent / link.partition("#")[0]).resolve() for link in page.links if link[0] != "#")
        waiting += [path for path in targets if path.suffix == ".md"]
    assert {page.path for page in PAGES} <= seen


@cache
def _sources(pattern: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(PROJECT.glob(pattern)))


def _is_in_the_code(name: str) -> bool:
    """Tell whether a name is a module, function or class of the package, or an object or state of the ledger."""
    *parents, last = name.removeprefix("overstap.").split(".")
    for folder in (PROJECT / "src" / "overstap", PROJECT / "src" / "overstap" / "rounds"):
        path = folder.joinpath(*parents, last)
        if path.is_dir() or path.with_suffix(".py").is_file():
            return True
        module = folder.joinpath(*parents).with_suffix(".py")
        if parents and module.is_file():
            return re.search(rf"^(def|class) {last}\b", module.read_text(encoding="utf-8"), re.MULTILINE) is not None
    if not parents and re.search(rf"^def {last}\b", _sources("src/overstap/intake/*.py"), re.MULTILINE):
        return True
    schema = _sources("include/schemas/ledger/*/*.sql")
    created = rf"create (function|view|trigger|table) (overstap\.)?{last}\b"
    return re.search(created, schema) is not None or f"    ('{last}', " in schema


def test_the_dossiers_way_names_what_is_in_the_code() -> None:
    page = Page(PROJECT / "docs" / "architecture.md").text
    way = page.partition("## A dossier's way, hop by hop")[2].partition("\n## ")[0]
    names = re.findall(r"`([a-z_.]+(?:\.[A-Z]\w+)?)`", way.partition("|---|")[2])
    assert len(names) > 30
    assert [name for name in names if not _is_in_the_code(name)] == []
    assert not _is_in_the_code("collection.collects")
    assert not _is_in_the_code("may_remain")


def test_the_licence_is_the_one_that_is_named() -> None:
    licence = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "EUROPEAN UNION PUBLIC LICENCE v. 1.2" in licence
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["license"] == "EUPL-1.2"
    assert yaml.safe_load((PROJECT / "publiccode.yml").read_text())["legal"]["license"] == "EUPL-1.2"
    assert "European Union Public Licence, version 1.2" in " ".join(Page(PROJECT / "README.md").text.split())


def test_the_changelog_tells_of_every_release() -> None:
    headings = re.findall(r"^## \[([^\]]+)\]", Page(PROJECT / "CHANGELOG.md").text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", heading) for heading in headings[1:])


def test_nothing_that_is_kept_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    paths = [PROJECT / name for name in listed.decode().split("\0") if name]
    assert paths
    pattern = re.compile(rb"/(?:home|root|Users|work)/[a-z][\w.-]*/")
    named = [path for path in paths if path != Path(__file__) and path.is_file() and pattern.search(path.read_bytes())]
    assert not named


def _variables(command: Any) -> Iterator[str]:
    """Yield the environment variables that options of commands are taken from."""
    for parameter in command.params:
        given = parameter.envvar or ()
        yield from (given,) if isinstance(given, str) else given
    for below in getattr(command, "commands", {}).values():
        yield from _variables(below)


def _findings() -> set[str]:
    found: set[str] = set()
    for path in (PROJECT / "include" / "texts").glob("structure.yaml"):
        found |= set(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found
