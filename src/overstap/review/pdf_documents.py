"""PDFs of a person's copy of the dossier and of the receipt of what they decided."""

import logging
from datetime import datetime
from typing import Any

from overstap.family_languages import FamilyLanguage, languages
from overstap.oso.labels import labels
from overstap.pdf import PdfDocument
from overstap.pdf.document import SOFT
from overstap.review.answer_notes import given_by, notes

# Its warnings name letters that the font lacks, and a letter of a name is of a person.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)
_BLOCK, _PART = 13.0, 10.5
"""Points of the headings of blocks, and of what is nested in them."""


def dossier_pdf(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy as a document; arguments as of `dossier_sheet`."""
    return dossier_sheet(copy, lang, at).to_bytes()


def dossier_sheet(copy: dict[str, Any], lang: str, at: datetime) -> PdfDocument:
    """Write a person's copy on paper, to which more can be added.

    Args:
        copy: as `showing` makes it.
        lang: the reader's language.
        at: when it is made.
    """
    said = languages()[lang].to(copy["kind"])
    pdf = _begun(copy, said, said.plain("pdf.title", pupil=copy["pupil"]), at)
    pdf.paragraph(said.plain("dossier.lead", number=copy["number"]))
    if copy["secrecy"]:
        pdf.paragraph(said.plain("dossier.secrecy"))
    names = labels(lang)
    for section in copy["sections"]:
        _heading(pdf, names.label(section["of"]))
        if section["hides"]:
            _soft(pdf, said.plain("dossier.hides"))
        for depth, place, number, value, _, is_heading in section["lines"]:
            if is_heading:
                pdf.heading(names.label(place, number), size=_PART, after=1)
            else:
                pdf.pairs([(names.label(place), value or said.plain("dossier.empty"))], indent=min(depth, 4) * 3)
    if copy["files"]:
        _heading(pdf, said.plain("dossier.files"))
        for file in copy["files"]:
            why = f" ({said.plain('dossier.file_' + file['why'])})" if "why" in file else ""
            pdf.paragraph(f"{file['title']}{why}", after=1)
    _heading(pdf, said.plain("home.withheld"))
    if not copy["withheld"]:
        pdf.paragraph(said.plain("home.withheld_none"))
    pdf.pairs([(names.part(part["of"]), said.plain(f"home.{part['why']}")) for part in copy["withheld"]])
    pdf.ln(4)
    _soft(pdf, f"{said.plain('receipt.digest')}: {copy['digest']}")
    return pdf


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
    pdf = _begun(copy, said, said.plain("pdf.receipt"), at)
    pdf.paragraph(f"{said.plain('pdf.title', pupil=copy['pupil'])}, {school}")
    if not answers:
        pdf.paragraph(said.plain("receipt.none"))
    for place, answer in enumerate(answers):
        if place == 1:
            _heading(pdf, said.plain("receipt.earlier"))
        pdf.pairs(_answer(said, answer, copy))
        for key in notes(answer):
            _soft(pdf, said.plain(key))
        pdf.ln(3)
    _soft(pdf, f"{said.plain('receipt.digest')}: {copy['digest']}\n{said.plain('receipt.digest_hint')}")
    return pdf.to_bytes()


def _begun(copy: dict[str, Any], said: FamilyLanguage, title: str, at: datetime) -> PdfDocument:
    name = said.plain("frame.name")
    pdf = PdfDocument(title, title if title.startswith(name) else f"{name}: {title}", said.code)
    pdf.add_page()
    pdf.heading(title, size=17)
    made = said.plain("pdf.made", moment=said.moment(at), person=copy["person"], number=copy["number"])
    _soft(pdf, made)
    return pdf


def _heading(pdf: PdfDocument, text: str) -> None:
    pdf.ln(4)
    pdf.heading(text, size=_BLOCK, after=1.5)


def _soft(pdf: PdfDocument, text: str) -> None:
    pdf.set_style(size=9, colour=SOFT)
    pdf.paragraph(text, line=4.6)
    pdf.set_style()


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
