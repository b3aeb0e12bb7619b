"""Looks up the packages of a lock in a database of advisories, without a network.

The database is a folder of OSV records (https://ossf.github.io/osv-schema/), such as a clone of
https://github.com/pypa/advisory-database: `vulns/<package>/<id>.yaml`.
"""

import argparse
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==(?P<version>[^\s;]+)")


@dataclass(frozen=True, order=True)
class KnownVulnerability:
    """A locked package that an advisory names.

    Attributes:
        package: its name.
        version: the locked version.
        advisory: id of the advisory, such as PYSEC-2021-66.
        fixed: versions in which it is mended; empty when there is none.
        other_ids: the same vulnerability elsewhere, such as its CVE number.
    """

    package: str
    version: str
    advisory: str
    fixed: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()


def locked(text: str) -> set[tuple[NormalizedName, str]]:
    """Return the packages of a lock: normalised name (PEP 503) and version; for some Pythons it may be another one.

    Args:
        text: a requirements file in which each package is pinned with `==`.
    """
    found = (_LOCKED.match(line) for line in text.splitlines())
    return {(canonicalize_name(match["name"]), match["version"]) for match in found if match}


def findings(packages: Collection[tuple[NormalizedName, str]], database: Path) -> list[KnownVulnerability]:
    """Return what a database says of the locked packages, sorted.

    Args:
        packages: normalised name and version of each.
        database: folder with `vulns/`.

    Raises:
        FileNotFoundError: the folder holds no records.
    """
    records = database / "vulns"
    if not any(records.glob("*/*.yaml")):
        raise FileNotFoundError(f"no records below {records}")
    folders = {canonicalize_name(folder.name): folder for folder in records.iterdir() if folder.is_dir()}
    return sorted(
        found
        for name, version in packages
        if name in folders
        for path in folders[name].glob("*.yaml")
        for found in _of(yaml.load(path.read_bytes(), yaml.CSafeLoader), name, version)
    )


def _of(record: Mapping[str, Any], name: str, version: str) -> Iterator[KnownVulnerability]:
    if record.get("withdrawn"):
        return
    affected = [
        one
        for one in record.get("affected", ())
        if one["package"]["ecosystem"] == "PyPI" and canonicalize_name(one["package"]["name"]) == name
    ]
    if any(_is_affected(one, version) for one in affected):
        ranges = (given for one in affected for given in one.get("ranges", ()) if given["type"] == "ECOSYSTEM")
        fixed = {event["fixed"] for given in ranges for event in given["events"] if "fixed" in event}
        yield KnownVulnerability(name, version, record["id"], tuple(sorted(fixed)), tuple(record.get("aliases", ())))


def _is_affected(affected: Mapping[str, Any], version: str) -> bool:
    """Return whether a version is listed or in a range; the two complete each other (OSV schema, `affected`)."""
    if version in affected.get("versions", ()):
        return True
    ranges = [given["events"] for given in affected.get("ranges", ()) if given["type"] == "ECOSYSTEM"]
    return any(_is_between(events, version) for events in ranges)


def _is_between(events: Iterable[Mapping[str, str]], version: str) -> bool:
    """Go through the events of a range in order; the last one before the version says whether it is affected."""
    try:
        asked = Version(version)
        ordered = sorted((_moment(kind, at), kind, at) for event in events for kind, at in event.items())
    except InvalidVersion:
        return False  # not comparable: the record's list of versions says it then
    affected = False
    for (moment, _), kind, _ in ordered:
        if kind == "introduced" and moment <= asked:
            affected = True
        elif (kind in ("fixed", "limit") and moment <= asked) or (kind == "last_affected" and moment < asked):
            affected = False
    return affected


def _moment(kind: str, at: str) -> tuple[Version, bool]:
    return Version(at), kind == "introduced"


def main() -> int:
    """Print what was found; return 1 when something was, 3 when the database is not there."""
    parser = argparse.ArgumentParser(description="Look up locked packages in a folder of advisories.")
    parser.add_argument("locks", nargs="+", type=Path, help="requirements files with pinned versions")
    parser.add_argument("--database", required=True, type=Path, help="a clone of the PyPA advisory database")
    asked = parser.parse_args()
    packages = {package for path in asked.locks for package in locked(path.read_text())}
    try:
        found = findings(packages, asked.database)
    except FileNotFoundError as problem:
        print(f"Advisories: NOT LOOKED UP, {problem}. Where there is a network: make advisories", file=sys.stderr)
        return 3
    for one in found:
        mended = f"mended in {', '.join(one.fixed)}" if one.fixed else "not mended yet"
        print(f"{one.package} {one.version}: {one.advisory} {' '.join(one.other_ids)} ({mended})")
    print(f"Advisories: {len(packages)} packages, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
