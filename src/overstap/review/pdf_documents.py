"""PDFs of a person's copy of the dossier and of the receipt of what they decided."""

import logging
from datetime import datetime
from typing import Any

from overstap.family_languages import FamilyLanguage, languages
from overstap.oso.labels import labels
from overstap.pdf import Sheet
from overstap.pdf.sheet import SOFT
from overstap.review.answer_notes import given_by, notes

# Its warnings name letters that the font lacks, and a letter of a name is of a person.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)
_BLOCK, _PART = 13.0, 10.5
"""Points of the headings of blocks, and of what is nested in them."""


def dossier_pdf(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy as a document; arguments as of `dossier_sheet`."""
    return dossier_sheet(copy, lang, at).made()


def dossier_sheet(copy: dict[str, Any], lang: str, at: datetime) -> Sheet:
    """Write a person's copy on paper, to which more can be added.

    Args:
        copy: as `showing` makes it.
        lang: the reader's language.
        at: when it is made.
    """
    said = languages()[lang].to(copy["kind"])
    sheet = _begun(copy, said, said.plain("pdf.title", pupil=copy["pupil"]), at)
    sheet.paragraph(said.plain("dossier.lead", number=copy["number"]))
    if copy["secrecy"]:
        sheet.paragraph(said.plain("dossier.secrecy"))
    names = labels(lang)
    for section in copy["sections"]:
        _heading(sheet, names.label(section["of"]))
        if section["hides"]:
            _soft(sheet, said.plain("dossier.hides"))
        for depth, place, number, value, _, is_heading in section["lines"]:
            if is_heading:
                sheet.heading(names.label(place, number), size=_PART, after=1)
            else:
                sheet.pairs([(names.label(place), value or said.plain("dossier.empty"))], indent=min(depth, 4) * 3)
    if copy["files"]:
        _heading(sheet, said.plain("dossier.files"))
        for file in copy["files"]:
            why = f" ({said.plain('dossier.file_' + file['why'])})" if "why" in file else ""
            sheet.paragraph(f"{file['title']}{why}", after=1)
    _heading(sheet, said.plain("home.withheld"))
    if not copy["withheld"]:
        sheet.paragraph(said.plain("home.withheld_none"))
    sheet.pairs([(names.part(part["of"]), said.plain(f"home.{part['why']}")) for part in copy["withheld"]])
    sheet.ln(4)
    _soft(sheet, f"{said.plain('receipt.digest')}: {copy['digest']}")
    return sheet


def receipt_pdf(copy: dict[str, Any], answers: list[dict[str, Any]], school: str, lang: str, at: datetime) -> bytes:
    """Return the receipt of what a person did.

    Args:
        copy: the person's copy.
        answers: the person's answers and what the school recorded for them, the newest first.
        school: the primary school's name.
        lang: the reader's language.
        at: when it is made.
    """
    said = languages()[lang].to(copy["kind"])
    sheet = _begun(copy, said, said.plain("pdf.receipt"), at)
    sheet.paragraph(f"{said.plain('pdf.title', pupil=copy['pupil'])}, {school}")
    if not answers:
        sheet.paragraph(said.plain("receipt.none"))
    for place, answer in enumerate(answers):
        if place == 1:
            _heading(sheet, said.plain("receipt.earlier"))
        sheet.pairs(_answer(said, answer, copy))
        for key in notes(answer):
            _soft(sheet, said.plain(key))
        sheet.ln(3)
    _soft(sheet, f"{said.plain('receipt.digest')}: {copy['digest']}\n{said.plain('receipt.digest_hint')}")
    return sheet.made()


def _begun(copy: dict[str, Any], said: FamilyLanguage, title: str, at: datetime) -> Sheet:
    name = said.plain("frame.name")
    sheet = Sheet(title, title if title.startswith(name) else f"{name}: {title}", said.code)
    sheet.add_page()
    sheet.heading(title, size=17)
    made = said.plain("pdf.made", moment=said.moment(at), person=copy["person"], number=copy["number"])
    _soft(sheet, made)
    return sheet


def _heading(sheet: Sheet, text: str) -> None:
    sheet.ln(4)
    sheet.heading(text, size=_BLOCK, after=1.5)


def _soft(sheet: Sheet, text: str) -> None:
    sheet.say(size=9, colour=SOFT)
    sheet.paragraph(text, line=4.6)
    sheet.say()


def _answer(said: FamilyLanguage, answer: dict[str, Any], copy: dict[str, Any]) -> list[tuple[str, str]]:
    words = {"Ja": "agreed", "Nee": "disagreed"}.get(answer["agreed"], "unknown")
    rows = [
        (said.plain("receipt.decided"), said.plain(f"receipt.{words}")),
        (said.plain("receipt.at"), said.moment(answer["at"])),
        (said.plain("receipt.version"), str(answer["number"])),
        (said.plain("receipt.by"), said.plain(f"by.{given_by(answer)}")),
    ]
    if answer["by"] != "person":
        rows.append((said.plain("receipt.ground"), said.plain(f"ground.{answer['ground']}")))
    if answer["consent"]:
        given = said.plain(f"receipt.{'yes' if answer['consent'] == 'Ja' else 'no'}")
        rows.append((said.plain("receipt.consent"), given))
    if answer["view"]:
        rows.append((said.plain("receipt.view"), answer["view"]))
    return rows
