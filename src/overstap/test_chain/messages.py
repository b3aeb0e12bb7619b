"""Messages of the Doorstroomtoets API 1.1.0 that a school's system sends: participants and provisional advices.

They hold what the description requires and nothing beside: no prefix of the surname, no ECK iD, no BSN.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from overstap import SOFTWARE
from overstap.agreements.model import SchoolMandate
from overstap.intake.pupil_tests import API_VERSION
from overstap.test_chain.participants import Participant

_SEX = {"boy": 1, "girl": 2}
_NOT_STATED = 9
_YEAR_GROUP = {"label": "Jaargroep", "niveau": "8"}


def participants_message(
    mandate: SchoolMandate,
    school_year: str,
    pupils: Mapping[UUID, Participant],
    group_ids: Mapping[str, str],
    at: datetime,
) -> bytes:
    """Return the body of `POST /registreren`.

    Args:
        mandate: of the school, with its codes.
        school_year: such as "2026-2027".
        pupils: the pupils by their keys.
        group_ids: id of each of their groups, by its name; it means nothing, and stays the same.
        at: the moment, aware.
    """
    names = sorted({one.group for one in pupils.values()})
    return _message(
        "Toetsdeelnemers",
        mandate,
        school_year,
        at,
        groepen=[
            {"label": "Stamgroep", "id": group_ids[name], "omschrijving": name, "niveau": _YEAR_GROUP} for name in names
        ],
        deelnemers=[
            {
                "label": "Leerling",
                "deelnemerref": [_key(key)],
                "achternaam": one.surname,
                "roepnaam": one.first_name,
                "groep": group_ids[one.group],
                "niveau": _YEAR_GROUP,
                "extensie": {
                    "label": "Demografisch",
                    "voorletters": one.initials,
                    "geboortedatum": str(one.birth_date),
                    "geslacht": _SEX.get(one.sex, _NOT_STATED),
                },
            }
            for key, one in pupils.items()
        ],
    )


def advices_message(mandate: SchoolMandate, school_year: str, advices: Mapping[UUID, str], at: datetime) -> bytes:
    """Return the body of `POST /registreren-schooladviezen`.

    Args:
        mandate: of the school.
        school_year: such as "2026-2027".
        advices: provisional advices as the API writes them, by the pupils' keys.
        at: the moment, aware.
    """
    entries = [{"deelnemerref": [_key(key)], "advies": advice} for key, advice in advices.items()]
    return _message("Schooladviezen", mandate, school_year, at, voorlopigSchooladviezen=entries)


def _key(key: UUID) -> dict[str, str]:
    return {"label": "LAS-key", "onderwijsdeelnemerID": str(key)}


def _message(profile: str, mandate: SchoolMandate, school_year: str, at: datetime, **content: Any) -> bytes:
    said = {
        "datumtijd": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "auteur": SOFTWARE,
        "versie": API_VERSION,
        "profiel": profile,
        "schooljaar": school_year,
        "deelnemersgroep": {
            "instellingscode": mandate.school[:4],
            "vestigingscode": mandate.school[4:],
            "onderwijsaanbiedercode": mandate.provider,
            "onderwijslocatiecode": mandate.location,
            "administratienr": mandate.administration,
        },
        **content,
    }
    return json.dumps(said, ensure_ascii=False).encode()
