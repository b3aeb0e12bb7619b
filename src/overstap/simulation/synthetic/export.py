"""A school system's own export of pupils, CSV with semicolons in Windows' encoding, and the mapping that reads it."""

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Any

import yaml

from overstap.simulation.synthetic.pupil import SCHOOL_PHONES, SyntheticPupil, phone
from overstap.simulation.synthetic.school import PrimarySchool

MAPPING = "eigen_export"
"""Name of the mapping, in the region's folder `mappings`."""
FILE = "export.csv"
ENCODING = "cp1252"
_PUPIL = "huidigeschool/leerling"
_HOME, _CARER = f"{_PUPIL}/adreslijst/adres[1]", f"{_PUPIL}/verzorger[1]"
_SCHOOL, _CAREER = "huidigeschool/adreslijst/adres[1]", f"{_PUPIL}/schoolloopbaanlijst/schoolloopbaan[1]"
_CODES = {
    "10": "pro",
    "20": "vmbo-b",
    "30": "vmbo-k",
    "40": "vmbo-g",
    "42": "vmbo-gt",
    "50": "vmbo-t",
    "52": "vmbo-t/havo",
    "60": "havo",
    "61": "havo/vwo",
    "70": "vwo",
}
"""How the export says the usual advices; of others it has the code."""
_COLUMNS: dict[str, dict[str, Any]] = {
    "Stamnummer": {"field": f"{_PUPIL}/leerlingid"},
    "BSN": {"field": f"{_PUPIL}/bsn"},
    "Achternaam": {"field": f"{_PUPIL}/achternaam"},
    "Tussenvoegsel": {"field": f"{_PUPIL}/voorvoegsel"},
    "Voornamen": {"field": f"{_PUPIL}/voornaam", "split": " "},
    "Roepnaam": {"field": f"{_PUPIL}/roepnaam"},
    "Geboren": {"field": f"{_PUPIL}/geboortedatum", "order": "dmy"},
    "Jongen/meisje": {"field": f"{_PUPIL}/geslacht", "codes": {"Jongen": "2", "Meisje": "1"}},
    "Op school sinds": {"field": f"{_PUPIL}/datuminschrijving", "order": "dmy"},
    "Straat": {"field": f"{_HOME}/straat"},
    "Huisnummer": {"field": f"{_HOME}/nummer"},
    "Postcode": {"field": f"{_HOME}/postcode"},
    "Woonplaats": {"field": f"{_HOME}/plaats"},
    "Groep": {"field": f"{_CAREER}/groepscode"},
    "Jaargroep": {"field": f"{_CAREER}/jaargroep"},
    "Schooljaar": {"field": f"{_CAREER}/schooljaar"},
    "BRIN": {"field": f"{_CAREER}/brincode"},
    "Vestiging": {"field": f"{_CAREER}/vestigingscode"},
    "Advies": {
        "field": f"{_PUPIL}/overstapadvies/advies",
        "codes": {said: code for code, said in _CODES.items()},
    },
    "Verzorger": {"field": f"{_CARER}/achternaam"},
    "Relatie": {"field": f"{_CARER}/relatietotkind"},
    "Mobiel": {"field": f"{_CARER}/communicatielijst/communicatie[1]/nummer"},
    "Straat school": {"field": f"{_SCHOOL}/straat"},
    "Nr school": {"field": f"{_SCHOOL}/nummer"},
    "Postcode school": {"field": f"{_SCHOOL}/postcode"},
    "Plaats school": {"field": f"{_SCHOOL}/plaats"},
    "Telefoon school": {"field": "huidigeschool/communicatielijst/communicatie[1]/nummer"},
}
_CONSTANTS = {
    f"{_PUPIL}/adresgeheim": "false",
    f"{_PUPIL}/verzorgersaansprakelijk": "true",
    f"{_PUPIL}/overstapadvies/contactnodig": "false",
    f"{_HOME}/soortadres": "bezoek",
    f"{_SCHOOL}/soortadres": "bezoek",
    f"{_CARER}/wettigevertegenwoordiger": "true",
    f"{_CARER}/communicatielijst/communicatie[1]/soort": "telefoon",
    f"{_CARER}/communicatielijst/communicatie[1]/aanduiding": "prive",
    "huidigeschool/communicatielijst/communicatie[1]/soort": "telefoon",
    "huidigeschool/communicatielijst/communicatie[1]/aanduiding": "werk",
}
_UNREAD = "Interne notitie"
"""A column that no mapping names, so that it is not read."""


def mapping() -> str:
    """Return the mapping of this export, as its file has it (docs/mappings.md)."""
    about = {"name": MAPPING, "title": "Export van een schoolsysteem", "version": 1, "about": "dossiers"}
    return yaml.safe_dump(about | {"columns": _COLUMNS, "constants": _CONSTANTS}, allow_unicode=True, sort_keys=False)


def export_of(school: PrimarySchool, pupils: Iterable[SyntheticPupil], first_year: int) -> bytes:
    """Return the export of a school: a row per pupil, dates as people write them, and a column that nobody may read.

    Args:
        school: the school.
        pupils: its pupils; a letter that the encoding does not have becomes a question mark, as in such exports.
        first_year: the year in which the school year begins.
    """
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, (*_COLUMNS, _UNREAD), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    for pupil in pupils:
        home, at, carer = pupil.address, school.address, pupil.carers[0]
        writer.writerow(
            {
                "Stamnummer": pupil.las_key,
                "BSN": pupil.number if pupil.has_bsn else "",
                "Achternaam": pupil.surname,
                "Tussenvoegsel": pupil.prefix,
                "Voornamen": " ".join(pupil.first_names),
                "Roepnaam": pupil.first_names[0],
                "Geboren": _day(pupil.birth_date),
                "Jongen/meisje": "Meisje" if pupil.sex == 1 else "Jongen",
                "Op school sinds": _day(date(first_year - pupil.years_at_school + 1, 8, 1)),
                "Straat": home.street,
                "Huisnummer": home.number,
                "Postcode": home.postcode,
                "Woonplaats": home.town,
                "Groep": "8a",
                "Jaargroep": "8",
                "Schooljaar": f"{first_year}-{first_year + 1}",
                "BRIN": school.brin,
                "Vestiging": school.branch,
                "Advies": _CODES.get(pupil.advice, pupil.advice),
                "Verzorger": carer.surname,
                "Relatie": carer.relation,
                "Mobiel": carer.phone,
                "Straat school": at.street,
                "Nr school": at.number,
                "Postcode school": at.postcode,
                "Plaats school": at.town,
                "Telefoon school": phone(SCHOOL_PHONES + school.first_position),
                _UNREAD: "niet voor een ander",
            }
        )
    return out.getvalue().encode(ENCODING, errors="replace")


def _day(day: date) -> str:
    return f"{day.day}-{day.month}-{day.year}"
