"""Conversion of a mapped row to an OSO dossier."""

import json
from collections.abc import Mapping as Named
from datetime import date
from typing import Any

from overstap.agreements import School
from overstap.intake.mappings.model import Mapping, steps
from overstap.intake.mappings.reading import MappedRow
from overstap.intake.sources.las_view import POVO_FRAME
from overstap.oso import building
from overstap.oso.implied import fill_in_kinds
from overstap.oso.model import Dossier

_KEY = "huidigeschool/leerling/leerlingid"
_CAREER = "huidigeschool/leerling/schoolloopbaanlijst/schoolloopbaan[1]/"
"""Every pupil is in a group of this school, so that what holds for all pupils is stated of each."""
_OF_PUPIL = "huidigeschool/leerling/"


def dossier_of(row: MappedRow, mapping: Mapping, school: School, today: date) -> Dossier:
    """Return the dossier of a row: OSO with profile POVO, not inspected yet.

    What the export does not say is filled in: the school's own codes and name, also in the pupil's present year where
    something of that is stated, the kinds of addresses and numbers, the mapping's name and version as the software, and
    as day of the dossier the first of October of the school year. A day that changes with each export would make every
    dossier a new version.

    Args:
        row: the row.
        mapping: the mapping that it was read by.
        school: the supplying school.
        today: the Dutch date.

    Raises:
        OverstapError: DOSSIER-nnn; ValueError: a text has a character that XML does not allow.
    """
    values: dict[str, Any] = json.loads(POVO_FRAME)
    values["metadata"]["standaardversie"] = mapping.oso
    for path, text in _school_defaults(mapping, school, today).items():
        _put(values, path, text)
    stated = set(row.texts) - set(mapping.constants)
    for path in sorted(row.texts, key=_order):
        if path in mapping.constants and not _is_wanted(path, stated):
            continue
        _put(values, path, row.texts[path])
    career = values.get("huidigeschool", {}).get("leerling", {}).get("schoolloopbaanlijst", {}).get("schoolloopbaan")
    for name, text in _present_year(school, today).items() if career and 1 in career else ():
        career[1].setdefault(name, text)
    made = _lists(values)
    fill_in_kinds(made)
    return building.build(made, mapping.oso)


def las_key_of(row: MappedRow) -> str:
    """Return the key of the pupil in the school's system; empty without one."""
    found = row.texts.get(_KEY, "")
    return found if isinstance(found, str) else " ".join(found)


def _present_year(school: School, today: date) -> Named[str, str]:
    year = today.year if today >= date(today.year, 8, 1) else today.year - 1
    return {
        "schooljaar": f"{year}-{year + 1}",
        "brincode": school.id[:4],
        "vestigingscode": school.id[4:],
    }


def _school_defaults(mapping: Mapping, school: School, today: date) -> Named[str, str]:
    year = today.year if today >= date(today.year, 10, 1) else today.year - 1
    return {
        "metadata/pakketnaam": mapping.name,
        "metadata/pakketversie": str(mapping.version),
        "metadata/datum": date(year, 10, 1).isoformat(),
        "huidigeschool/naam": school.name,
        "huidigeschool/brincode": school.id[:4],
        "huidigeschool/vestigingscode": school.id[4:],
        "huidigeschool/aanleverpunt": school.id,
    }


def _is_wanted(path: str, stated: set[str]) -> bool:
    """Return whether a constant is used: one inside a repeated element of a pupil only where something of it is stated.

    Else a mapping for two parents would make a second parent of every pupil who has one.
    """
    if path.startswith(_CAREER) or not path.startswith(_OF_PUPIL):
        return True
    for place, (_, number) in reversed(list(enumerate(steps(path)))):
        if number is not None:
            inside = "/".join(path.split("/")[: place + 1]) + "/"
            return any(one.startswith(inside) for one in stated)
    return True


def _order(path: str) -> list[tuple[str, int]]:
    return [(name, number or 0) for name, number in steps(path)]


def _put(values: dict[str, Any], path: str, text: str | list[str]) -> None:
    """Put a text at its path; a repeated element is a mapping by number until `_lists`."""
    *blocks, (last, number) = steps(path)
    for name, at in blocks:
        values = values.setdefault(name, {}) if at is None else values.setdefault(name, {}).setdefault(at, {})
    if number is None:
        values[last] = text
    else:
        values.setdefault(last, {})[number] = text


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_lists(value[key]) for key in sorted(value)]
    return {name: _lists(inner) for name, inner in value.items()}
