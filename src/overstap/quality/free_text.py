"""Own rules: personal data that do not belong in a free text (DOMAIN 5.1)."""

import re
from collections.abc import Iterator

from overstap.oso.identifiers import is_bsn
from overstap.quality import tables
from overstap.quality.contacts import is_phone
from overstap.quality.rule_context import Block, Location, RuleContext

_OPEN = ("overstapadvies", "inzage")
"""Blocks that every recipient reads; health data belong in a block that can be withheld."""
# Nine digits, not part of a longer number, with at most one space, dot or hyphen between two of them
_NUMBER = re.compile(r"(?<![0-9])(?:[0-9][ .-]?){8}[0-9](?![ .-]?[0-9])")
_PHONE = re.compile(r"(?<![0-9])(?:\+|00)?[0-9](?:[ -]?[0-9]){8,13}(?![0-9])")
_E_MAIL = re.compile(r"[^\s@]@[^\s@]")
_POSTCODE = re.compile(r"\b[1-9][0-9]{3} ?[A-Z]{2}\b")
_WORD = re.compile(r"\w+(?:-\w+)*")
# A form of address followed by a name: "juf Els", "dhr. van den Berg", "drs. P. de Vries"
_ADDRESSED = re.compile(
    r"[DdMmJjOoTt](?<!\w\w)(?:(?:hr|evr|w|rs?)\.?|eneer|evrouw|okter|uf|eester|om|ante) "
    r"(?:(?:van|den|der|de|ten|ter|te|'t) |[A-Z]\. ?){0,5}([^\W\d_])"
)
_PEOPLE = ("verzorger", "huisarts")
_SHORTEST_NAME = 3
_LAYOUT = str.maketrans("", "", " .-")


def _numbers(text: str) -> list[str]:
    return [found.translate(_LAYOUT) for found in _NUMBER.findall(text)]


def _own(context: RuleContext) -> set[str]:
    pupil = context.node("leerling")
    return {number for number in (pupil.text("bsn"), pupil.text("onderwijsnummer")) if number}


def own_number(context: RuleContext) -> Iterator[Location]:
    """No text or file name contains the pupil's own number."""
    own = _own(context)
    for place, text in context.numbered:
        if any(number in own for number in _numbers(text)):
            yield place


def other_number(context: RuleContext) -> Iterator[Location]:
    """No text contains another number that passes the eleven test of the citizen service number."""
    own = _own(context)
    for place, text in context.numbered:
        if any(number not in own and is_bsn(number) for number in _numbers(text)):
            yield place


def diagnosis_in_text(context: RuleContext) -> Iterator[Location]:
    """No text that every recipient reads contains a diagnosis; it belongs in the block for support."""
    words = tables.diagnosis_words()
    for place, text in context.texts:
        if place[0].name in _OPEN and not words.isdisjoint(_WORD.findall(text.lower())):
            yield place


def _names(block: Block) -> list[str]:
    return [*block.node.get("voornaam", ()), block.text("roepnaam"), block.text("achternaam")]


def _is_telling(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and name[0].isupper()


def name_in_text(context: RuleContext) -> Iterator[Location]:
    """No text that every recipient reads names other persons: carers, the family doctor, or a name with a title.

    Only names in the dossier and names after a form of address can be recognised, so the finding is a note for people
    to check.
    """
    texts = [each for each in context.texts if each[0][0].name in _OPEN]
    if not texts:
        return
    pupil = context.first("leerling")
    own = _names(pupil) if pupil is not None else []
    people = (block for kind in _PEOPLE for block in context.all(kind))
    names = [name for block in people for name in _names(block) if _is_telling(name) and name not in own]
    for place, text in texts:
        # Nearly no text has such letters in it, and only one that has is divided into words
        told = [name for name in names if name in text]
        is_named = bool(told) and not set(_WORD.findall(text)).isdisjoint(told)
        if is_named or any(each[1].isupper() for each in _ADDRESSED.finditer(text)):
            yield place


def secret_contact_in_text(context: RuleContext) -> Iterator[Location]:
    """With secret contact details in the dossier, no text contains a phone number or e-mail address."""
    candidates = [each for each in context.texts if "@" in each[1] or each in context.numbered]
    if not candidates or not any(contact.is_secret for contact in context.contacts):
        return
    for place, text in candidates:
        if _E_MAIL.search(text) or any(is_phone(found[0]) for found in _PHONE.finditer(text)):
            yield place


def secret_address_in_text(context: RuleContext) -> Iterator[Location]:
    """With a secret address of the pupil, no text contains a postcode."""
    pupil = context.first("leerling")
    if pupil is not None and pupil.is_true("adresgeheim"):
        for place, text in context.numbered:
            if _POSTCODE.search(text):
                yield place
