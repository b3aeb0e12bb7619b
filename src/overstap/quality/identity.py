"""Own rules: identity of the pupil and check digits (DOMAIN 5 and 5.1)."""

import re
from collections.abc import Iterator
from datetime import date

from overstap.oso.identifiers import is_bsn, is_onderwijsnummer
from overstap.quality.rule_context import Place, RuleContext

# UTF-8 read as Windows-1252 and written: a capital A with tilde or circumflex before a sign; or the sign for lost.
_BROKEN = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf]")
_NAMES = {
    "leerling": ("voornaam", "achternaam", "roepnaam"),
    "verzorger": ("voornaam", "achternaam", "roepnaam"),
}


def bsn_digits(context: RuleContext) -> Iterator[Place]:
    """The citizen service number has nine digits and passes the eleven test."""
    pupil = context.first("leerling")
    if pupil is not None and "bsn" in pupil.node and not is_bsn(pupil.text("bsn")):
        yield pupil, "bsn", 0


def education_number_digits(context: RuleContext) -> Iterator[Place]:
    """The education number has nine digits, begins with 10 and passes its test."""
    pupil = context.first("leerling")
    if pupil is not None and "onderwijsnummer" in pupil.node and not is_onderwijsnummer(pupil.text("onderwijsnummer")):
        yield pupil, "onderwijsnummer", 0


def one_number(context: RuleContext) -> Iterator[Place]:
    """A pupil has a citizen service number or an education number, not both."""
    pupil = context.first("leerling")
    if pupil is not None and "bsn" in pupil.node and "onderwijsnummer" in pupil.node:
        yield pupil, "onderwijsnummer", 0


def key_is_no_number(context: RuleContext) -> Iterator[Place]:
    """The school's own key of the pupil is not the citizen service number: keys end up on lists and screens."""
    pupil = context.first("leerling")
    if pupil is not None and "leerlingid" in pupil.node:
        key = pupil.text("leerlingid").strip()
        if key in (pupil.text("bsn"), pupil.text("onderwijsnummer")):
            yield pupil, "leerlingid", 0


def number_as_key(context: RuleContext) -> Iterator[Place]:
    """No national number goes to a partnership under the name of the school's own key.

    The number itself is forbidden there (PaO.LL12), so there is none in the dossier to compare the key with.
    """
    pupil = context.first("leerling")
    if pupil is not None and "leerlingid" in pupil.node:
        key = pupil.text("leerlingid").strip()
        if is_bsn(key) or is_onderwijsnummer(key):
            yield pupil, "leerlingid", 0


def registry_birth_date(context: RuleContext) -> Iterator[Place]:
    """The date of birth is that of the civil registry (which is written DD-MM-YYYY)."""
    registry = context.first("gba")
    pupil = context.first("leerling")
    if registry is None or pupil is None:
        return
    born = pupil.day("geboortedatum")
    day, month, year = (*registry.text("gbageboortedatum").strip().split("-"), "", "", "")[:3]
    if born is None or not (day.isdecimal() and month.isdecimal() and year.isdecimal()):
        return
    # The registry writes 00 for a day or month that is not known.
    if int(month) == 0 or int(day) == 0:
        differs = int(year) != born.year
    else:
        differs = (int(year), int(month), int(day)) != (born.year, born.month, born.day)
    if differs:
        yield registry, "gbageboortedatum", 0


def broken_letters(context: RuleContext) -> Iterator[Place]:
    """Names went through no wrong character set."""
    for name, fields in _NAMES.items():
        for block in context.all(name):
            for field in fields:
                for number, text in enumerate(block.node.get(field, ()), 1):
                    if not text.isascii() and _BROKEN.search(text):
                        yield block, field, number if field == "voornaam" else 0


def born_in_future(context: RuleContext) -> Iterator[Place]:
    """A pupil was born before the dossier was made, and before today."""
    pupil = context.first("leerling")
    born = pupil.day("geboortedatum") if pupil is not None else None
    if pupil is not None and born is not None and born > min(context.today, context.made_on or context.today):
        yield pupil, "geboortedatum", 0


def age_at_transfer(context: RuleContext) -> Iterator[Place]:
    """A pupil who goes to secondary school is 9 to 16 years old on the 1 August after the dossier (our own bounds)."""
    pupil = context.first("leerling")
    born = pupil.day("geboortedatum") if pupil is not None else None
    if pupil is None or born is None or context.made_on is None:
        return
    transfer = date(context.made_on.year + (context.made_on >= date(context.made_on.year, 8, 1)), 8, 1)
    years = transfer.year - born.year - ((transfer.month, transfer.day) < (born.month, born.day))
    if not 9 <= years <= 16 and born <= context.made_on:
        yield pupil, "geboortedatum", 0
