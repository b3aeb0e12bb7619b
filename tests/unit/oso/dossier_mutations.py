"""Seeded damage to dossiers: what a careless or hostile system could do to an element."""

import random
from copy import deepcopy
from typing import Any

from lxml import etree

TEXTS = (
    "", " ", "\n", "\t x", "x", "true", "false", "1", "0", "TRUE", "yes", " true ", "\u00a0", "é", "𝔘", "0" * 36, "x" *
    281, "y" * 1025, "-1", "+1", "+", "-", "00", "1.0", "1.", ".5", "+.5", "-.", "1e3", "1,5", "1 2", "25", "24",
    "1000", "1001", "2147483647", "2147483648", "-2147483648", "-2147483649", "9" * 24, "9" * 30, "٣", "NaN", "INF",
    "2020-02-29", "2021-02-29", "1900-02-29", "2000-02-29", "2026-00-10", "2026-13-01", "2026-04-31", "26-01-01",
    "02026-01-01", "12026-01-01", "-2026-01-01", "0000-01-01", "2026-1-1", "2026-01-01Z", "2026-01-01+14:00",
    "2026-01-01+14:01", "2026-01-01-13:59", "2026-01-01T00:00:00", " 2026-01-01 ", "2026-01-01 x", "2026-07-31",
    "2026-07-31Z", "2026-07-30", " 2026-07-31", "01-02-2003", "٠١-٠٢-٢٠٠٣", "2003-02", "٢٠٠٣-٠٢", "2025-2026",
    "2025-26", "99AB", "99ab", "9AB", "99AB ", "00", "0013", "013", "A", "\r",
)  # fmt: skip
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def mutate(root: Any, chance: random.Random) -> tuple[Any, str]:
    """Return a damaged copy of a dossier and what was done to it."""
    root = deepcopy(root)
    everything = list(root.iter())
    name = chance.choice(sorted(_KINDS))
    victim = chance.choice(everything[1:])
    _KINDS[name](victim, everything, chance)
    return root, f"{name} {etree.QName(victim).localname}"


def _remove(victim: Any, _: list[Any], __: random.Random) -> None:
    victim.getparent().remove(victim)


def _repeat(victim: Any, _: list[Any], __: random.Random) -> None:
    victim.addnext(deepcopy(victim))


def _move(victim: Any, everything: list[Any], chance: random.Random) -> None:
    parent = victim.getparent()
    parent.remove(victim)
    parent.insert(chance.randint(0, len(parent)), victim)


def _swap(victim: Any, _: list[Any], __: random.Random) -> None:
    after = victim.getnext()
    if after is not None:
        victim.addprevious(after)


def _transplant(victim: Any, everything: list[Any], chance: random.Random) -> None:
    place = chance.choice(everything)
    place.insert(chance.randint(0, len(place)), deepcopy(victim))


def _empty(victim: Any, _: list[Any], __: random.Random) -> None:
    del victim[:]
    victim.text = None


def _text(victim: Any, _: list[Any], chance: random.Random) -> None:
    victim.text = chance.choice(TEXTS)


def _tail(victim: Any, _: list[Any], chance: random.Random) -> None:
    victim.tail = chance.choice(TEXTS)


def _rename(victim: Any, everything: list[Any], chance: random.Random) -> None:
    victim.tag = chance.choice(everything).tag


def _unknown(victim: Any, _: list[Any], chance: random.Random) -> None:
    namespace = etree.QName(victim).namespace
    victim.tag = chance.choice(
        (f"{{{namespace}}}verzonnen", "naam", "{urn:x}naam", f"{{{namespace}x}}{etree.QName(victim).localname}")
    )


def _attribute(victim: Any, _: list[Any], chance: random.Random) -> None:
    name = chance.choice(
        (
            "omschrijving",
            "x",
            f"{{{XSI}}}nil",
            f"{{{XSI}}}other",
            "{http://www.w3.org/XML/1998/namespace}lang",
            "{urn:x}omschrijving",
        )
    )
    victim.set(name, chance.choice(("", "x", "true", "false", " ")))


def _nest(victim: Any, _: list[Any], __: random.Random) -> None:
    victim.append(deepcopy(victim))


def _unwrap(victim: Any, _: list[Any], __: random.Random) -> None:
    parent, at = victim.getparent(), victim.getparent().index(victim)
    for child in reversed(list(victim)):
        parent.insert(at, child)
    parent.remove(victim)


def _leaf_text(victim: Any, everything: list[Any], chance: random.Random) -> None:
    leaf = chance.choice([each for each in everything if not len(each)])
    leaf.text = chance.choice(TEXTS)


_KINDS = {
    "remove": _remove,
    "repeat": _repeat,
    "move": _move,
    "swap": _swap,
    "transplant": _transplant,
    "empty": _empty,
    "text": _text,
    "tail": _tail,
    "rename": _rename,
    "unknown": _unknown,
    "attribute": _attribute,
    "nest": _nest,
    "unwrap": _unwrap,
    "leaf text": _leaf_text,
}
