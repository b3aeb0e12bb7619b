"""Comparison of a request's name and birth date with the dossier."""

import unicodedata
from datetime import date

from overstap.oso.model import Dossier


def is_of(dossier: Dossier, *, surname: str, birth_date: date) -> bool:
    """Tell whether a dossier is of a pupil of this name, born on this day.

    Upper and lower case, accents, spaces and hyphens make no difference, nor does it matter whether the prefix ("van
    der") was given. A dossier that states the month of birth alone is compared by month.

    Args:
        dossier: the opened dossier.
        surname: as it was asked.
        birth_date: as it was asked.
    """
    pupil = dossier.pupil
    if pupil is None:
        return False
    name, prefix = pupil.text("achternaam") or "", pupil.text("voorvoegsel") or ""
    names = {_bare(name), _bare(f"{prefix} {name}"), _bare(f"{name} {prefix}")} - {""}
    stated = dossier.birth_date
    if stated is not None:
        is_born = stated == birth_date
    else:
        is_born = (pupil.text("geboortemaand") or "")[:7] == f"{birth_date:%Y-%m}"
    return (_bare(surname) in names) & is_born


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in apart if letter.isalnum())
