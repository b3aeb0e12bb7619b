"""Comparison of the name and birth date in a request with the record of the dossier."""

import unicodedata
from datetime import date

from overstap.oso.facts import DossierFacts


def is_of(facts: DossierFacts, *, surname: str, birth_date: date) -> bool:
    """Tell whether a dossier is of a pupil of this name, born on this day.

    Upper and lower case, accents, spaces and hyphens make no difference, nor does it matter whether the prefix ("van
    der") was given. A dossier that states the month of birth alone is compared by month.

    Args:
        facts: the record of the dossier.
        surname: surname in the request.
        birth_date: birth date in the request.
    """
    name, prefix = facts.surname, facts.prefix
    names = {_bare(name), _bare(f"{prefix} {name}"), _bare(f"{name} {prefix}")} - {""}
    if facts.birth_date is not None:
        is_born = facts.birth_date == birth_date.isoformat()
    else:
        is_born = facts.birth_month == f"{birth_date:%Y-%m}"
    return (_bare(surname) in names) & is_born


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if letter.isalnum())
