"""`overstap standard`: add a version of the OSO standard from its official files, fill in what is new, check, list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json
from overstap.texts import command_sentence

if TYPE_CHECKING:
    from overstap.standards.adding import AddedVersion

app = typer.Typer(help="Versions of the OSO standard.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Versions of the OSO standard."""


@app.command()
def add(
    xsd: Annotated[Path, typer.Option(help="The official schema (XSD)")],
    sheet: Annotated[
        list[Path] | None, typer.Option(help="An official validation sheet (XSLT or Schematron); may be repeated")
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="Code lists: a CSV or workbook with the columns list, value and label")
    ] = None,
    examples: Annotated[Path | None, typer.Option(help="Folder with example dossiers, to try the version on")] = None,
    version: Annotated[
        str | None, typer.Option(help="Number of the version, such as 2022.1; else from the files")
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="Required value of metadata/validatieversie; else from the sheets")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Known version to carry over from; else the nearest")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a version from its official files; again, with other files, it keeps what was filled in.

    Nothing is fetched from the internet. Exit code 0 when the version is complete, 1 when something is to be filled in.
    """
    from overstap.standards.adding import OfficialFiles, add_version

    files = OfficialFiles(xsd, tuple(sheet or ()), codes)
    done = add_version(files, version=version, validation=validation, base=base, examples=examples)
    verdicts = {
        each.file: (
            "unreadable" if each.by_catalogue is None else "same" if each.by_catalogue == each.by_schema else "differs"
        )
        for each in done.examples
    }
    if as_json:
        _print_version(done, {"examples": verdicts})
    _say("added", version=done.version, folder=done.folder, base=done.base)
    _print_differences(done)
    for file, key in verdicts.items():
        _say(key, file=file)
    _finish(done)


@app.command()
def fill(
    version: Annotated[str, typer.Argument(help="An added version")],
    file: Annotated[
        Path | None,
        typer.Argument(help="The list, filled in (CSV or workbook); the one in the version's folder if none"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the list that a person filled in: labels, categories, legal groups and meanings of codes.

    Exit code 0 when the version is complete, 1 when something has still to be filled in.
    """
    from overstap.standards.adding import fill_version

    done = fill_version(version, file)
    if as_json:
        _print_version(done, {})
    _say("filled", version=done.version, folder=done.folder)
    _finish(done)


@app.command(name="list")
def list_versions(as_json: AsJson = False) -> None:
    """List the versions, built in and added."""
    from overstap.oso.version_folders import is_added, version_folders
    from overstap.standards.adding import LIST_FILE
    from overstap.standards.tables import read_answers
    from overstap.texts import read_yaml

    found = []
    for version, folder in sorted(version_folders().items()):
        if is_added(version):
            base = read_yaml(folder / "version.yaml")["based_on"]
            found.append({"version": version, "based_on": base, "open": read_answers(folder / LIST_FILE).count})
        else:
            found.append({"version": version, "based_on": None, "open": 0})
    if as_json:
        print_json(found)
        return
    for one in found:
        if one["based_on"] is None:
            _say("built_in", version=one["version"])
        else:
            _say("listed", version=one["version"], base=one["based_on"], count=one["open"])


@app.command()
def check(version: Annotated[str, typer.Argument(help="An added version")], as_json: AsJson = False) -> None:
    """Check an added version: what is still open, whether dossiers can come in, and whether its sheets can be run.

    Exit code 0 when the version is complete, 1 when something has to be filled in.
    """
    from overstap.oso.catalogue import catalogue
    from overstap.oso.version_folders import official_sheets, version_folders
    from overstap.quality.official_sheet import OfficialSheet
    from overstap.standards.adding import LIST_FILE, official_files
    from overstap.standards.tables import read_answers

    official_files(version)
    known = catalogue(version)
    paths = official_sheets(version)
    file = version_folders()[version] / LIST_FILE
    count = read_answers(file).count
    for path in paths:
        OfficialSheet(path)
        if not as_json:
            _say("sheet_good", file=path.name)
    if as_json:
        print_json(
            {
                "version": version,
                "sheets": [path.name for path in paths],
                "validation": known.validation,
                "unclassified": list(known.unclassified),
                "unusable": list(known.unusable),
                "open": count,
            }
        )
        raise typer.Exit(1 if count else 0)
    if not paths:
        _say("sheet_absent")
    if not known.validation:
        _say("validation")
    for place in known.unclassified:
        _say("new", path=place)
    for place in known.unusable:
        _say("unusable", path=place)
    if not count:
        _say("complete")
        return
    _say("open", count=count, file=file)
    raise typer.Exit(1)


def _print_differences(done: "AddedVersion") -> None:
    made = done.made
    for path in made.added:
        if path in made.moved:
            _say("moved", was=made.moved[path], path=path)
        else:
            _say("new", path=path)
    for path in made.gone:
        if path not in made.moved.values():
            _say("gone", path=path)
    for path, what, before, after in made.changed:
        _say("changed", path=path, what=what, before=before or "-", after=after or "-")
    for number, (fresh, lost) in made.codes.items():
        _say("codes", number=number, fresh=", ".join(fresh) or "-", lost=", ".join(lost) or "-")
    for number in made.unread:
        _say("unread", number=number, base=done.base)
    for path in made.looser:
        _say("looser", path=path)
    for key in ("withdrawn", "narrowed", "unknown"):
        if rules := getattr(done.rules, key):
            _say(key, rules=", ".join(rules))


def _print_version(done: "AddedVersion", more: dict[str, Any]) -> NoReturn:
    made = done.made
    about = {
        "version": done.version,
        "based_on": done.base,
        "folder": done.folder,
        "added": list(made.added),
        "gone": list(made.gone),
        "moved": dict(made.moved),
        "open": len(made.questions),
    }
    print_json(about | more)
    raise typer.Exit(1 if made.questions else 0)


def _finish(done: "AddedVersion") -> None:
    from overstap.oso.catalogue import catalogue
    from overstap.standards.adding import LIST_FILE

    known = catalogue(done.version)
    if not known.validation:
        _say("validation")
    for path in known.unusable:
        _say("unusable", path=path)
    _say("restart")
    if not done.made.questions:
        _say("complete")
        return
    _say("open", count=len(done.made.questions), file=done.folder / LIST_FILE)
    raise typer.Exit(1)


def _say(key: str, **facts: Any) -> None:
    Console(highlight=False, soft_wrap=True, markup=False).print(command_sentence("standard", key, **facts))
