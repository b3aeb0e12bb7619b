"""A school's own export, for tests of the page on which the school maps it, with and without a browser."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

from overstap.clock import dutch_time, now
from overstap.simulation.synthetic.numbers import bsn

YEAR = dutch_time(now()).year - (0 if dutch_time(now()).month >= 8 else 1)
HEADER = (
    *(
        "Stamnummer",
        "BSN",
        "Achternaam",
        "Tussenvoegsel",
        "Voornamen",
        "Roepnaam",
        "Geb.datum",
        "M/V",
        "Ingeschreven op",
    ),
    *("Straat", "Huisnr", "Postcode", "Woonplaats", "Groepsnaam", "Advies", "Achternaam ouder 1", "Voornaam ouder 1"),
    *("Relatie verzorger 1", "Telefoon", "Notities juf"),
)
SURNAME, REMARK = "Zonneveld", "Moeder belt altijd op maandag"


def pupil(place: int, number: str | None = None, **other: str) -> list[str]:
    """Return the cells of one pupil of the export."""
    said = {
        "Stamnummer": f"S{place:03}",
        "BSN": bsn(6000 + place) if number is None else number,
        "Achternaam": f"{SURNAME} {chr(65 + place % 26)}",
        "Tussenvoegsel": "van de",
        "Voornamen": "Sanne Maria",
        "Roepnaam": "Sanne",
        "Geb.datum": f"{3 + place % 20}-5-{YEAR - 11}",
        "M/V": "mv"[place % 2],
        "Ingeschreven op": f"1-8-{YEAR - 7}",
        "Straat": "Dorpsstraat",
        "Huisnr": "12",
        "Postcode": "1234AB",
        "Woonplaats": "Ons Dorp",
        "Groepsnaam": "8a",
        "Advies": ("HAVO", "VMBO-T", "Plusstroom")[place % 3],
        "Achternaam ouder 1": SURNAME,
        "Voornaam ouder 1": "Petra",
        "Relatie verzorger 1": "moeder",
        "Telefoon": "06-12345678",
        "Notities juf": REMARK,
    } | {name.replace("_", " "): text for name, text in other.items()}
    return [said[name] for name in HEADER]


def as_csv(rows: Sequence[Sequence[str]], *, separator: str = ";", encoding: str = "utf-8") -> bytes:
    """Return the export as CSV."""
    return "\r\n".join(separator.join(row) for row in (HEADER, *rows)).encode(encoding)


def as_workbook(rows: Sequence[Sequence[Any]], header: Sequence[str] = HEADER, sheet: str = "Leerlingen") -> Workbook:
    """Return the export as a workbook, to be changed."""
    book = Workbook()
    assert book.active is not None
    book.active.title = sheet
    for row in (header, *rows):
        book.active.append(row)
    return book


def saved(book: Workbook) -> bytes:
    """Return the bytes of a workbook."""
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
