"""Persons entitled to inspect a dossier, with their contact details.

These are the living legal representatives; between secondary schools, a pupil of sixteen or older instead (DOMAIN 3.5).
A secret address is never returned, and one person's address is never used for another, since parents can live apart.
"""

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from overstap.oso.minimisation import UNLISTED_MAIL
from overstap.oso.model import Dossier
from overstap.oso.tree import Node

_PUPIL = "dossier/huidigeschool/leerling"
OF_AGE = 16
"""Age from which a pupil of a secondary school inspects the dossier instead of the parents."""
_TRUE = ("true", "1")
_RELATIONS = {"1": "vader", "2": "moeder", "3": "voogd"}
_TITLES = {"1": "mevrouw", "2": "heer"}

ContactStatus = Literal["known", "secret", "missing"]


@dataclass(frozen=True, slots=True)
class EntitledReader:
    """A person entitled to inspect a dossier. The field names are part of the stored record (`facts`).

    Args:
        key: opaque handle of the person within the dossier, equal in all versions.
        path: path of the person's block in the dossier.
        kind: a carer, or the pupil.
        name: full name, as in letters.
        surname: surname with its prefix, for sorting and greeting.
        salutation: "mevrouw", "heer", or empty when unknown.
        relation: "vader", "moeder", "voogd", or empty.
        address: lines of the address; empty when it is secret or missing.
        address_is: status of the address.
        email: e-mail address; None when it is secret or missing.
        email_is: status of the e-mail address.
    """

    key: str
    path: str
    kind: Literal["carer", "pupil"]
    name: str = field(repr=False)
    surname: str = field(repr=False)
    salutation: str
    relation: str
    address: tuple[str, ...] = field(repr=False)
    address_is: ContactStatus
    email: str | None = field(repr=False)
    email_is: ContactStatus


def entitled_carers(dossier: Dossier) -> tuple[EntitledReader, ...]:
    """Return the living legal representatives, in document order.

    Args:
        dossier: the dossier.

    Returns:
        The persons; `key` is an identifying text, which must be replaced by an opaque handle before it is stored.
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


def entitled_pupil(dossier: Dossier) -> EntitledReader | None:
    """Return the pupil as entitled reader, for transfers between secondary schools; None for others."""
    pupil = dossier.pupil
    if pupil is None or dossier.profile != "VOVO":
        return None
    return _person(pupil, "pupil", f"{dossier.pupil_number or ''}\0pupil", _PUPIL)


def is_of_age(born: date | None, today: date) -> bool:
    """Return whether a person is sixteen or older; a birthday on 29 February counts as 1 March in other years."""
    if born is None:
        return False
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) >= OF_AGE


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """The class of a pupil, from the newest entry of the school career."""

    code: str
    name: str

    @property
    def display_name(self) -> str:
        """Display name: "8a", or "Groep 8 - juf Anja (8a)" for a class with a name."""
        return f"{self.name} ({self.code})" if self.name and self.name != self.code else self.code


def school_class_of(dossier: Dossier) -> SchoolClass:
    """Return the pupil's class; with empty fields when the dossier does not state it."""
    pupil = dossier.pupil
    career = pupil.block("schoolloopbaanlijst") if pupil is not None else None
    lines = career.blocks("schoolloopbaan") if career is not None else []
    if not lines:
        return SchoolClass("", "")
    newest = max(lines, key=lambda line: (line.text("schooljaar") or "", line.text("begindatum") or ""))
    return SchoolClass((newest.text("groepscode") or "").strip(), (newest.text("groepsnaam") or "").strip())


def pupil_name(dossier: Dossier) -> str:
    """Return the pupil's full name for letters: call name, prefix and surname."""
    pupil = dossier.pupil
    return _joined(dossier.first_name, pupil.text("voorvoegsel"), pupil.text("achternaam")) if pupil is not None else ""


def sorting_name(dossier: Dossier) -> str:
    """Return the sort key of a pupil: surname without prefix, then call name, without case and accents."""
    bare = unicodedata.normalize("NFKD", f"{dossier.surname or ''}\0{dossier.first_name or ''}")
    return "".join(sign for sign in bare if not unicodedata.combining(sign)).casefold()


def _person(block: Node, kind: Literal["carer", "pupil"], key: str, path: str) -> EntitledReader:
    address, address_is = _address(block)
    email, email_is = _email(block)
    return EntitledReader(
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


def _address(block: Node) -> tuple[tuple[str, ...], ContactStatus]:
    if _is_true(block, "adresgeheim"):
        return (), "secret"
    addresses = block.block("adreslijst")
    found = addresses.block("adres") if addresses is not None else None
    if found is None:
        return (), "missing"
    street = _joined(found.text("straat"), _joined(found.text("nummer"), found.text("toevoeging")))
    place = f"{(found.text('postcode') or '').strip()}  {(found.text('plaats') or '').strip()}".strip()
    return (street, place), "known"


def _email(block: Node) -> tuple[str | None, ContactStatus]:
    contacts = block.block("communicatielijst")
    reach: ContactStatus = "missing"
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
