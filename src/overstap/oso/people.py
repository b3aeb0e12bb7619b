"""Persons entitled to inspect a dossier, and their contact details.

Legal representatives who are alive; between secondary schools a pupil of sixteen or older instead (DOMAIN 3.5). A
secret address is never given, and no address of one person stands in for another's: parents may live apart.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from overstap.oso.cutting import UNLISTED_MAIL
from overstap.oso.model import Dossier
from overstap.oso.tree import Node

_PUPIL = "dossier/huidigeschool/leerling"
OF_AGE = 16
"""From this age on a pupil of a secondary school inspects the dossier, not the parents."""
_TRUE = ("true", "1")
_RELATIONS = {"1": "vader", "2": "moeder", "3": "voogd"}
_TITLES = {"1": "mevrouw", "2": "heer"}

Reach = Literal["known", "secret", "missing"]


@dataclass(frozen=True, slots=True)
class Entitled:
    """Somebody who may inspect a dossier.

    Args:
        key: opaque handle of this person within the dossier; the same for every version that has them.
        path: the block of the dossier that is about them.
        kind: a carer, or the pupil.
        name: as it stands on a letter.
        surname: with its prefix, for sorting and greeting.
        salutation: "mevrouw", "heer", or empty when it is not known.
        relation: "vader", "moeder", "voogd", or empty.
        address: lines of the address; empty when it is secret or not in the dossier.
        address_is: whether there is an address, and if not why.
        email: e-mail address; None when it is secret or not in the dossier.
        email_is: whether there is one, and if not why.
    """

    key: str
    path: str
    kind: Literal["carer", "pupil"]
    name: str = field(repr=False)
    surname: str = field(repr=False)
    salutation: str
    relation: str
    address: tuple[str, ...] = field(repr=False)
    address_is: Reach
    email: str | None = field(repr=False)
    email_is: Reach


def carers_of(dossier: Dossier) -> tuple[Entitled, ...]:
    """Return the legal representatives who are alive, in the dossier's order.

    Args:
        dossier: the dossier that lies open.

    Returns:
        Each with what identifies the person within the region as `key`: not opaque, so not to be kept as it is.
    """
    pupil = dossier.pupil
    found = []
    seen: Counter[str] = Counter()
    for place, carer in enumerate(pupil.blocks("verzorger") if pupil is not None else (), start=1):
        if (
            not _is_true(carer, "wettigevertegenwoordiger")
            or _is_true(carer, "overleden")
            or "overlijdensdatum" in carer
        ):
            continue
        identity = _plain(f"{_full_name(carer)}\0{carer.text('relatietotkind') or ''}")
        seen[identity] += 1
        key = f"{dossier.pupil_number or ''}\0{identity}\0{seen[identity]}"
        found.append(_person(carer, "carer", key, f"{_PUPIL}/verzorger[{place}]"))
    return tuple(found)


def pupil_as_reader(dossier: Dossier) -> Entitled | None:
    """Return the pupil as somebody who may inspect the dossier when of age: between secondary schools only."""
    pupil = dossier.pupil
    if pupil is None or dossier.profile != "VOVO":
        return None
    return _person(pupil, "pupil", f"{dossier.pupil_number or ''}\0pupil", _PUPIL)


def is_of_age(born: date | None, today: date) -> bool:
    """Tell whether somebody is sixteen or older; who was born on 29 February turns so on 1 March of other years."""
    if born is None:
        return False
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) >= OF_AGE


@dataclass(frozen=True, slots=True)
class Group:
    """The class that a pupil is in, by the newest line of the school career."""

    code: str
    name: str

    @property
    def shown(self) -> str:
        """What is printed: "8a", or "Groep 8 - juf Anja (8a)" when it has a name of its own."""
        return f"{self.name} ({self.code})" if self.name and self.name != self.code else self.code


def group_of(dossier: Dossier) -> Group:
    """Return the pupil's class; empty when the dossier does not tell it."""
    pupil = dossier.pupil
    career = pupil.block("schoolloopbaanlijst") if pupil is not None else None
    lines = career.blocks("schoolloopbaan") if career is not None else []
    if not lines:
        return Group("", "")
    newest = max(lines, key=lambda line: (line.text("schooljaar") or "", line.text("begindatum") or ""))
    return Group((newest.text("groepscode") or "").strip(), (newest.text("groepsnaam") or "").strip())


def pupil_name(dossier: Dossier) -> str:
    """Return the pupil's name as a letter says it: call name, prefix and surname."""
    pupil = dossier.pupil
    return _joined(dossier.first_name, pupil.text("voorvoegsel"), pupil.text("achternaam")) if pupil is not None else ""


def sorting_name(dossier: Dossier) -> str:
    """Return what a list of pupils is sorted by: surname without prefix, then call name, without case and accents."""
    bare = unicodedata.normalize("NFKD", f"{dossier.surname or ''}\0{dossier.first_name or ''}")
    return "".join(sign for sign in bare if not unicodedata.combining(sign)).casefold()


def _person(block: Node, kind: Literal["carer", "pupil"], key: str, path: str) -> Entitled:
    address, address_is = _address(block)
    email, email_is = _email(block)
    return Entitled(
        key=key,
        path=path,
        kind=kind,
        name=_full_name(block),
        surname=_joined(block.text("voorvoegsel"), block.text("achternaam")),
        salutation=_TITLES.get((block.text("geslacht") or "").strip(), ""),
        relation=_RELATIONS.get((block.text("relatietotkind") or "").strip(), ""),
        address=address,
        address_is=address_is,
        email=email,
        email_is=email_is,
    )


def _full_name(block: Node) -> str:
    first = block.text("voorletters-1") or block.text("roepnaam") or next(iter(block.texts("voornaam")), None)
    return _joined(first, block.text("voorvoegsel"), block.text("achternaam"))


def _joined(*parts: str | None) -> str:
    return " ".join(part.strip() for part in parts if part and part.strip())


def _address(block: Node) -> tuple[tuple[str, ...], Reach]:
    if _is_true(block, "adresgeheim"):
        return (), "secret"
    addresses = block.block("adreslijst")
    found = addresses.block("adres") if addresses is not None else None
    if found is None:
        return (), "missing"
    street = _joined(found.text("straat"), _joined(found.text("nummer"), found.text("toevoeging")))
    place = f"{(found.text('postcode') or '').strip()}  {(found.text('plaats') or '').strip()}".strip()
    return (street, place), "known"


def _email(block: Node) -> tuple[str | None, Reach]:
    contacts = block.block("communicatielijst")
    reach: Reach = "missing"
    for contact in contacts.blocks("communicatie") if contacts is not None else ():
        if (contact.text("soort") or "").strip().casefold() != "e-mail":
            continue
        address = (contact.text("nummer") or "").strip()
        if _is_true(contact, "geheim") or address.casefold() == UNLISTED_MAIL:
            reach = "secret"
        elif address:
            return address, "known"
    return None, reach


def _is_true(block: Node, name: str) -> bool:
    return (block.text(name) or "").strip() in _TRUE


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
