"""Dossiers made anew from their tables: shows that `frames.flatten` loses nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from overstap.oso.building import build
from overstap.oso.catalogue import Catalogue, catalogue
from overstap.oso.frames import MORE
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS

_DERIVED = ("version", "profile", "sender")


def unflatten(frames: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, Dossier]]:
    """Make the dossiers of a batch anew from its tables.

    Args:
        frames: what `flatten` gave, with values changed or rows taken out if need be.

    Yields:
        The id and the dossier, in the order of the table `dossiers`.
    """
    places: dict[str, dict[str, str | None]] = {}
    for name, frame in frames.items():
        derived = _DERIVED if name == "dossiers" else ()
        for row in frame.to_dict("records"):
            found = places.setdefault(row["dossier"], {})
            if name == MORE:
                found[row["at"]] = row["value"] if isinstance(row["value"], str) else None
                continue
            found.setdefault(row["at"], None)
            for column, value in row.items():
                if column not in ("dossier", "at", "kind", *derived) and isinstance(value, str):
                    found[f"{row['at']}/{str(column).replace('.', '/')}"] = value
    for row in frames["dossiers"].to_dict("records"):
        yield row["dossier"], _gather(places[row["dossier"]], catalogue(row["version"]))


@dataclass
class _Branch:
    """A place on the way back: its text, its attribute, and what is below it, by name and number."""

    text: str | None = None
    attribute: str = ""
    below: dict[str, dict[int, "_Branch"]] = field(default_factory=dict)


def _gather(places: dict[str, str | None], known: Catalogue) -> Dossier:
    top = _Branch()
    for path, text in places.items():
        place, _, attribute = path.partition("@")
        branch = top
        for step in place.split("/")[1:]:
            name, _, number = step.partition("[")
            branch = branch.below.setdefault(name, {}).setdefault(int(number[:-1]) if number else 1, _Branch())
        if attribute:
            branch.attribute = text or ""
        elif text is not None:
            branch.text = text
    return build(_values(top, known.root, known), known.version)


def _values(branch: _Branch, block: str, known: Catalogue) -> dict[str, Any]:
    if GROUPS in branch.below:
        return {GROUPS: [_values(group, f"{block}", known) for _, group in sorted(branch.below[GROUPS].items())]}
    values: dict[str, Any] = {}
    for each in known.blocks[block]:
        found = [below for _, below in sorted(branch.below.get(each.name, {}).items())]
        if not found:
            continue
        if each.contains:
            values[each.name] = [_values(below, each.contains, known) for below in found]
        else:
            values[each.name] = [below.text or "" for below in found]
        if each.attribute:
            values[f"{each.name}@{each.attribute}"] = [below.attribute for below in found]
    return values
