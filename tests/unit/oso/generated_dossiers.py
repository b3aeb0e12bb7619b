"""Random dossiers out of the catalogue: every field of the standard turns up, with values that its type allows."""

import base64
import io
import random
import zipfile
from typing import Any

from lxml import etree

from overstap.oso.building import build
from overstap.oso.catalogue import Catalogue, Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.writing import to_bytes

KINDS = {
    "POVO": "overstapdossier",
    "POPO": "overstapdossier",
    "VOVO": "overstapdossier",
    "BB": "overdrachtbinnenbrin",
    "POSWV": "swv-dossier",
    "VOSWV": "swv-dossier",
}
_WORDS = (
    "NA",
    "007",
    "van 't Hof",
    "Şeyma",
    "O'Brien\"; --",
    "null",
    "a&b<c>",
    "٣ dagen",
    "Zoë",
    " met ruimte ",
    "=1+1",
    "\u202eabc",
    "😀",
)


def generate(
    chance: random.Random, version: str = "2019.1", profile: str = "POVO", density: float = 0.6, *, odd: bool = True
) -> Dossier:
    """Return a dossier that the structure check accepts.

    Args:
        chance: source of all randomness.
        version: version of the data set.
        profile: transfer profile.
        density: how likely an optional field is there.
        odd: whether values are written in every way that XML Schema allows, or only as systems write them.
    """
    known = catalogue(version)
    values = _block(known, known.root, _Chance(chance, odd), density, "metadata")
    values["metadata"].update(standaardversie=version, validatieversie=known.validation)
    values["metadata"]["overstap"] = profile if profile != "BB" else "POVO"
    values["overdrachtsoort"] = KINDS[profile]
    matrix = known.matrix[profile]
    values["metadata"]["categorie_uitlevering"] = {f"cat_{name}": mark for name, mark in matrix.items()}
    return build(values, version)


class _Chance:
    """The source of randomness, with the wish for odd values."""

    def __init__(self, chance: random.Random, odd: bool) -> None:
        self.choice, self.random, self.randint = chance.choice, chance.random, chance.randint
        self.odd = odd


def element(dossier: Dossier) -> Any:
    """Return a dossier as the lxml element `dossier`, which can be changed."""
    return etree.fromstring(to_bytes(dossier))


def marker(category: str) -> str:
    """Return the text that every free text of a category holds."""
    return f"[[{category}]]"


def packed(name: str, content: bytes) -> str:
    """Return a file the way an attachment holds it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _block(known: Catalogue, block: str, chance: _Chance, density: float, category: str) -> Any:
    if block in known.repeating:
        return {"#": [_once(known, block, chance, density, category) for _ in range(chance.randint(1, 3))]}
    return _once(known, block, chance, density, category)


def _once(known: Catalogue, block: str, chance: _Chance, density: float, category: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    choices: dict[str, list[Field]] = {}
    for field in known.blocks[block]:
        if field.choice:
            choices.setdefault(field.choice, []).append(field)
    taken = {
        choice: chance.choice(members).name
        for choice, members in choices.items()
        if not choice.endswith("?") or chance.random() < density
    }
    for field in known.blocks[block]:
        if field.choice and taken.get(field.choice) != field.name:
            continue
        if not field.choice and not field.min and chance.random() >= density:
            continue
        number = chance.randint(1, 3) if field.max is None else 1
        own = field.category or category
        values[field.name] = [_value(known, field, chance, density, own) for _ in range(number)]
        if field.attribute and chance.random() < density:
            values[f"{field.name}@{field.attribute}"] = [marker(own)] * number
    if block == "communicatie" and values.get("geheim") == ["true"]:
        values["soort"] = [chance.choice(("telefoon", "e-mail"))]
    return values if block not in ("dossier", "metadata", "huidigeschool") else _plain(values, known, block)


def _plain(values: dict[str, Any], known: Catalogue, block: str) -> dict[str, Any]:
    """Take single values out of their lists where the caller sets some of them itself."""
    single = {field.name for field in known.blocks[block] if field.max == 1}
    return {name: value[0] if name in single else value for name, value in values.items()}


def _value(known: Catalogue, field: Field, chance: _Chance, density: float, category: str) -> Any:
    if field.contains:
        return _block(known, field.contains, chance, density, category)
    if field.name == "bestandsinhoud":
        return packed("stuk.txt", marker(category).encode())
    if field.list:
        return chance.choice(list(known.lists[field.list]))
    kind = field.type
    assert kind is not None
    samples = _SAMPLES.get(kind.name)
    if samples:
        return chance.choice(samples) if chance.odd else samples[0]
    word = chance.choice(_WORDS) if chance.odd or kind.longest is None else ""
    return f"{marker(category)}{word}"[: kind.longest or 80]


_SAMPLES = {
    "date": ("2014-03-30", "2012-02-29", "2026-01-01Z", "2025-12-31+01:00"),
    "date_31_july": ("2027-07-31",),
    "dutch_date": ("30-03-2014",),
    "month": ("2014-03",),
    "school_year": ("2025-2026",),
    "boolean": ("true", "false", "1", "0"),
    "integer": ("0", "-7", "+12", "007"),
    "integer_1_24": ("1", "24"),
    "integer_0_1000": ("0", "535", "1000"),
    "int": ("0", "-2147483648", "12"),
    "decimal": ("7.5", ".5", "-1.", "12"),
    "brin": ("99AB", "98XA"),
    "branch": ("00", "01"),
    "element_code": ("0013",),
}
