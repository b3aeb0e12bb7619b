"""Own rules: identity of the pupil and check digits (DOMAIN 5 and 5.1)."""

import re
from collections.abc import Iterator
from datetime import date

from overstap.oso.identifiers import is_bsn, is_onderwijsnummer
from overstap.quality.rule_context import Location, RuleContext

# UTF-8 that was decoded as Windows-1252 (a capital A with tilde or circumflex, then a symbol), or U+FFFD
_BROKEN = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf]")
_NAMES = {
    "leerling": ("voornaam", "achternaam", "roepnaam"),
    "verzorger": ("voornaam", "achternaam", "roepnaam"),
}


def bsn_digits(context: RuleContext) -> Iterator[Location]:
    """The citizen service number has nine digits and passes the eleven test."""
    pupil = context.first("leerling")
    if pupil is not None and "bsn" in pupil.node and not is_bsn(pupil.text("bsn")):
        yield pupil, "bsn", 0


def education_number_digits(context: RuleContext) -> Iterator[Location]:
    """The education number (onderwijsnummer) has nine digits, starts with 10 and passes its check."""
    pupil = context.first("leerling")
    if pupil is not None and "onderwijsnummer" in pupil.node and not is_onderwijsnummer(pupil.text("onderwijsnummer")):
        yield pupil, "onderwijsnummer", 0


def one_number(context: RuleContext) -> Iterator[Location]:
    """A pupil does not have both a citizen service number and an education number."""
    pupil = context.first("leerling")
    if pupil is not None and "bsn" in pupil.node and "onderwijsnummer" in pupil.node:
        yield pupil, "onderwijsnummer", 0


def key_is_no_number(context: RuleContext) -> Iterator[Location]:
    """The school's own key of the pupil is not a national number, since keys appear in lists and on screens."""
    pupil = context.first("leerling")
    if pupil is not None and "leerlingid" in pupil.node:
        key = pupil.text("leerlingid").strip()
        if key in (pupil.text("bsn"), pupil.text("onderwijsnummer")):
            yield pupil, "leerlingid", 0


def number_as_key(context: RuleContext) -> Iterator[Location]:
    """The school's own key does not have the form of a national number in a dossier for a partnership.

    The number itself is forbidden there (PaO.LL12), so the dossier has none to compare the key with.
    """
    pupil = context.first("leerling")
    if pupil is not None and "leerlingid" in pupil.node:
        key = pupil.text("leerlingid").strip()
        if is_bsn(key) or is_onderwijsnummer(key):
            yield pupil, "leerlingid", 0


def registry_birth_date(context: RuleContext) -> Iterator[Location]:
    """The date of birth equals that of the civil registry (which is written DD-MM-YYYY)."""
    registry = context.first("gba")
    pupil = context.first("leerling")
    if registry is None or pupil is None:
        return
    born = pupil.day("geboortedatum")
    day, month, year = (*registry.text("gbageboortedatum").strip().split("-"), "", "", "")[:3]
    if born is None or not (day.isdecimal() and month.isdecimal() and year.isdecimal()):
        return
    # The registry writes 00 for an unknown day or month
    if int(month) == 0 or int(day) == 0:
        differs = int(year) != born.year
    else:
        differs = (int(year), int(month), int(day)) != (born.year, born.month, born.day)
    if differs:
        yield registry, "gbageboortedatum", 0


def broken_letters(context: RuleContext) -> Iterator[Location]:
    """Names have no characters that come from decoding with a wrong encoding."""
    for name, fields in _NAMES.items():
        for block in context.all(name):
            for field in fields:
                for number, text in enumerate(block.node.get(field, ()), 1):
                    if not text.isascii() and _BROKEN.search(text):
                        yield block, field, number if field == "voornaam" else 0


def born_in_future(context: RuleContext) -> Iterator[Location]:
    """The date of birth is not after today or the date of the dossier."""
    pupil = context.first("leerling")
    born = pupil.day("geboortedatum") if pupil is not None else None
    if pupil is not None and born is not None and born > min(context.today, context.made_on or context.today):
        yield pupil, "geboortedatum", 0


def age_at_transfer(context: RuleContext) -> Iterator[Location]:
    """A pupil who transfers to secondary school is 9 to 16 years old on the next 1 August (our own bounds)."""
    pupil = context.first("leerling")
    born = pupil.day("geboortedatum") if pupil is not None else None
    if pupil is None or born is None or context.made_on is None:
        return
    transfer = date(context.made_on.year + (context.made_on >= date(context.made_on.year, 8, 1)), 8, 1)
    years = transfer.year - born.year - ((transfer.month, transfer.day) < (born.month, born.day))
    if not 9 <= years <= 16 and born <= context.made_on:
        yield pupil, "geboortedatum", 0
