"""Adding a version of the standard: from official files to a folder that every part of Overstap reads.

A version's folder holds its tables, the official files that they were made from, and what a person filled in. Filling
in makes the tables anew from these, so that nothing is edited in two places.
"""

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from lxml import etree

from overstap.errors import OverstapError
from overstap.oso import validation_sheets
from overstap.oso.catalogue import PROFILES, Catalogue, catalogue, load_catalogue, versions
from overstap.oso.labels import rows_of
from overstap.oso.tree import build_tree
from overstap.oso.validation_sheets import SheetContent
from overstap.oso.version_cache import forget_versions
from overstap.oso.version_folders import BUILT_IN, added_folder, is_added, version_folders
from overstap.oso.xml_parser import parse
from overstap.quality import rulebook
from overstap.standards import schema_reader, tables
from overstap.standards.answers import Answers
from overstap.standards.carrying_over import CarriedOver, carry_over, nearest
from overstap.standards.rule_changes import RuleChanges, changes_of
from overstap.standards.schema_reader import OfficialSchema
from overstap.texts import read_yaml

LIST_FILE = "to_fill.csv"
"""The list with blanks, for a person to fill in."""
ANSWER_FILE = "answers.csv"
CODE_FILE = "codes.csv"
OFFICIAL_FOLDER = "official"
_VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,2}")
_MOST_EXAMPLES = 500


@dataclass(frozen=True, slots=True)
class ExampleVerdict:
    """How one example dossier was judged.

    Args:
        file: name of the file.
        by_schema: whether the official schema accepts it.
        by_catalogue: whether the catalogue made from that schema accepts it; None when it could not be read.
    """

    file: str
    by_schema: bool
    by_catalogue: bool | None


@dataclass(frozen=True, slots=True)
class AddedVersion:
    """A version that was added or filled in.

    Args:
        version: its number.
        folder: its folder.
        base: the known version that it was made from.
        made: its tables and differences.
        rules: how its rules differ.
        examples: the example dossiers that were judged.
    """

    version: str
    folder: Path
    base: str
    made: CarriedOver
    rules: RuleChanges
    examples: tuple[ExampleVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class OfficialFiles:
    """The official files of a version.

    Args:
        schema: the XSD.
        sheets: validation sheets (XSLT or Schematron).
        codes: a CSV with code lists; None without one.
    """

    schema: Path
    sheets: tuple[Path, ...] = ()
    codes: Path | None = None


def add_version(
    files: OfficialFiles,
    *,
    version: str | None = None,
    validation: str | None = None,
    base: str | None = None,
    examples: Path | None = None,
    into: Path | None = None,
) -> AddedVersion:
    """Add a version of the standard; adding it again keeps what was filled in.

    Args:
        files: its official files.
        version: its number, such as `2022.1`; None to take it from the sheets or the name of the schema.
        validation: required value of metadata/validatieversie; None to take it from the sheets.
        base: the known version to carry over from; None for the nearest.
        examples: folder with example dossiers, which are judged by the schema and by the new catalogue.
        into: folder of the added versions; None for the setting.

    Raises:
        OverstapError: STANDARD-nnn, when a file cannot be used; see docs/errors.md.
    """
    root = into or added_folder()
    schema = schema_reader.read_schema(files.schema)
    sheets = validation_sheets.read_sheets(files.sheets)
    number = version or sheets.version or _number_in(files.schema.name)
    if number is None or not _VERSION.fullmatch(number):
        raise OverstapError("STANDARD-009", found=number or "-")
    if not is_added(number):
        raise OverstapError("STANDARD-011", version=number)
    if sheets.namespaces and schema.namespace not in sheets.namespaces:
        raise OverstapError("STANDARD-015", namespace=schema.namespace)
    others = [each for each in versions() if each != number]
    if twin := next((each for each in others if catalogue(each).namespace == schema.namespace), None):
        raise OverstapError("STANDARD-016", version=twin, namespace=schema.namespace)
    if base is not None and base not in others:
        raise OverstapError("DOSSIER-001", version=base, known=", ".join(others))
    known = catalogue(base) if base else nearest(schema, [catalogue(each) for each in others])
    answers = (
        Answers(tables.read_answers(root / number / ANSWER_FILE).all()) if _has_answers(root / number) else Answers()
    )
    root.mkdir(parents=True, exist_ok=True)
    beside = root / f".{number}.{secrets.token_hex(8)}"
    try:
        made, rules = write_version(
            beside, files, schema, sheets, known, answers, version=number, validation=validation or sheets.validation
        )
        seen = tuple(_judged(examples, files.schema, number, beside, known)) if examples else ()
        _put_in_place(beside, root / number)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    forget_versions()
    return AddedVersion(number, root / number, known.version, made, rules, seen)


def fill_version(version: str, file: Path | None = None, *, into: Path | None = None) -> AddedVersion:
    """Read a list that a person filled in, and make the tables of its version anew.

    Args:
        version: the version.
        file: the list; None for the one in the version's folder.
        into: folder of the added versions; None for the setting.

    Raises:
        OverstapError: STANDARD-012 when the version was not added; STANDARD-010 when a row is wrong; as `add_version`.
    """
    root = into or added_folder()
    folder = root / version
    if not is_added(version) or not (folder / "version.yaml").is_file():
        raise OverstapError("STANDARD-012", version=version)
    answers = tables.read_answers(file or folder / LIST_FILE)
    before = tables.read_answers(folder / ANSWER_FILE) if _has_answers(folder) else Answers()
    about = read_yaml(folder / "version.yaml")
    files = official_files(version, into=root)
    schema, sheets = schema_reader.read_schema(files.schema), validation_sheets.read_sheets(files.sheets)
    known = catalogue(about["based_on"])
    beside = root / f".{version}.{secrets.token_hex(8)}"
    try:
        made, rules = write_version(
            beside,
            files,
            schema,
            sheets,
            known,
            before.merged(answers),
            version=version,
            validation=about["validation"] or None,
        )
        _put_in_place(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    forget_versions()
    return AddedVersion(version, folder, known.version, made, rules)


def official_files(version: str, *, into: Path | None = None) -> OfficialFiles:
    """Return the official files that an added version was made from.

    Raises:
        OverstapError: STANDARD-012 when the version was not added.
    """
    folder = (into or added_folder()) / version
    if not (folder / "version.yaml").is_file():
        raise OverstapError("STANDARD-012", version=version)
    stated = read_yaml(folder / "version.yaml")["official"]
    codes = folder / CODE_FILE
    official = folder / OFFICIAL_FOLDER
    sheets = tuple(official / each for each in stated["sheets"])
    return OfficialFiles(official / stated["schema"], sheets, codes if codes.is_file() else None)


def write_version(
    folder: Path,
    files: OfficialFiles,
    schema: OfficialSchema,
    sheets: SheetContent,
    base: Catalogue,
    answers: Answers,
    *,
    version: str,
    validation: str | None,
) -> tuple[CarriedOver, RuleChanges]:
    """Write the folder of a version.

    Args:
        folder: the folder, which does not exist yet.
        files: the official files, of which the folder gets a copy.
        schema: the official schema.
        sheets: what was read from its sheets.
        base: the known version to carry over from.
        answers: what a person filled in.
        version: its number.
        validation: required value of metadata/validatieversie; None when it is unknown.

    Returns:
        The tables, and how the rules differ.

    Raises:
        OverstapError: as `carry_over`.
    """
    codes = tables.read_codes(files.codes) if files.codes is not None else {}
    made = carry_over(schema, base, _labels(), sheets, codes, answers)
    rules = changes_of(
        rulebook.rules(base.version), made, sheets, root=schema.root, has_validation=validation is not None
    )
    folder.mkdir(mode=0o755)
    official = _copy_official(folder / OFFICIAL_FOLDER, files)
    if files.codes is not None:
        shutil.copyfile(files.codes, folder / CODE_FILE)
    digest = hashlib.sha256(files.schema.read_bytes()).hexdigest()
    about = {
        "version": version,
        "namespace": schema.namespace,
        "validation": validation or "",
        "root": schema.root,
        "source": f"{files.schema.name}, sha256 {digest}",
        "based_on": base.version,
        "repeating": made.repeating,
        "official": official,
    }
    _write_tables(folder, made, rules)
    if kept := answers.all():
        tables.write_list(folder / ANSWER_FILE, [each.as_row() for each in kept])
    tables.write_list(folder / LIST_FILE, [each.as_row() for each in made.questions])
    # Last: a folder without this file is no version
    (folder / "version.yaml").write_text(yaml.safe_dump(about, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return made, rules


def _write_tables(folder: Path, made: CarriedOver, rules: RuleChanges) -> None:
    tables.write_rows(folder / "fields.csv", tables.FIELD_COLUMNS, made.fields)
    coded = [
        {"list": n, "value": code, "label": label} for n, codes in made.lists.items() for code, label in codes.items()
    ]
    tables.write_rows(folder / "codelists.csv", ("list", "value", "label"), coded)
    matrix = [
        {"category": name, **{profile: made.matrix[profile][name] for profile in PROFILES}}
        for name in made.matrix[PROFILES[0]]
    ]
    tables.write_rows(folder / "matrix.csv", ("category", *PROFILES), matrix)
    withheld = [
        {"profiles": profile, "block": each.block, "field": each.name, "when": each.when, "rule": each.rule}
        for profile, each in made.withheld
    ]
    tables.write_rows(folder / "withheld.csv", ("profiles", "block", "field", "when", "rule"), withheld)
    tables.write_rows(folder / "labels.csv", ("block", "field", "label", "help", "label_en", "help_en"), made.labels)
    type_columns = ("type", "base", "pattern", "shortest", "longest", "least", "most", "label")
    tables.write_rows(folder / "types.csv", type_columns, made.types)
    tables.write_rows(folder / "categories.csv", ("category", "label", "help"), made.categories)
    named = [{"list": number, "label": label} for number, label in made.list_names.items()]
    tables.write_rows(folder / "list_names.csv", ("list", "label"), named)
    rule_columns = ("id", "status", "severity", "kind", "transfer", "stage", "check", "rule")
    tables.write_rows(folder / "rules.csv", rule_columns, rules.rows)
    message_columns = ("rule", "nl", "do_nl", "en", "do_en", "who")
    tables.write_rows(folder / "messages.csv", message_columns, rules.messages)


def _labels() -> dict[str, dict[str, str]]:
    """Return the rows of every labels.csv by `block.field`; the newest version takes precedence."""
    folders = version_folders()
    found: dict[str, dict[str, str]] = {}
    for path in (BUILT_IN / "labels.csv", *(folders[version] / "labels.csv" for version in sorted(folders))):
        for row in rows_of(path):
            found[f"{row['block']}.{row['field']}"] = row
    return found


def _number_in(name: str) -> str | None:
    found = _VERSION.search(name)
    return found[0] if found else None


def _has_answers(folder: Path) -> bool:
    return (folder / ANSWER_FILE).is_file()


def _copy_official(folder: Path, files: OfficialFiles) -> dict[str, str | list[str]]:
    """Copy the official files with what they include; return their paths below the folder."""
    schema = _copied(folder / "schema", files.schema, schema_reader.parts_of(files.schema))
    sheets = [
        _copied(folder / f"sheet-{serial}", each, validation_sheets.sheet_parts(each))
        for serial, each in enumerate(files.sheets, start=1)
    ]
    return {
        "schema": schema.relative_to(folder).as_posix(),
        "sheets": [each.relative_to(folder).as_posix() for each in sheets],
    }


def _copied(folder: Path, main: Path, parts: Iterable[Path]) -> Path:
    above = main.resolve().parent
    for part in parts:
        there = folder / part.relative_to(above)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(part, there)
    return folder / main.resolve().name


def _put_in_place(beside: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one."""
    if not folder.exists():
        beside.rename(folder)
        return
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old)


def _judged(examples: Path, schema: Path, version: str, folder: Path, base: Catalogue) -> Sequence[ExampleVerdict]:
    """Judge example dossiers by the official schema and by the catalogue that was made from it."""
    official = etree.XMLSchema(file=str(schema))
    made = made_catalogue(version, folder)
    found = []
    for path in sorted(examples.rglob("*.xml"))[:_MOST_EXAMPLES]:
        try:
            root = parse(path.read_bytes())
        except (OSError, etree.XMLSyntaxError, ValueError):
            found.append(ExampleVerdict(path.name, by_schema=False, by_catalogue=None))
            continue
        is_ours = root.tag == f"{{{made.namespace}}}{made.root}"
        by_catalogue = build_tree(root, made.compiled).is_sound if is_ours else None
        found.append(ExampleVerdict(path.name, by_schema=official.validate(root), by_catalogue=by_catalogue))
    return found


def made_catalogue(version: str, folder: Path) -> Catalogue:
    """Return the catalogue of a version from a folder that is not in its place yet."""
    return load_catalogue(version, {**version_folders(), version: folder})
