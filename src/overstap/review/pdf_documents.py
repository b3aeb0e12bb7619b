"""PDFs for a person: the copy of the dossier, and the confirmation of their decisions."""

import logging
from datetime import datetime
from typing import Any

from overstap.family_languages import FamilyLanguage, languages
from overstap.oso.labels import labels
from overstap.pdf import PdfDocument
from overstap.pdf.document import SOFT
from overstap.review.answer_notes import given_by, notes

# Its warnings contain characters that the font lacks, which may be of a person's name.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)
_BLOCK, _PART = 13.0, 10.5
"""Points of the headings of blocks, and of what is nested in them."""


def dossier_pdf(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy as a document; arguments as of `dossier_sheet`."""
    return dossier_sheet(copy, lang, at).to_bytes()


def dossier_sheet(copy: dict[str, Any], lang: str, at: datetime) -> PdfDocument:
    """Return a sheet with a person's copy, to which more can be added.

    Args:
        copy: as `person_copy` returns it.
        lang: code of the reader's language.
        at: the present moment, aware.
    """
    language = languages()[lang].to(copy["kind"])
    pdf = _begun(copy, language, language.plain("pdf.title", pupil=copy["pupil"]), at)
    pdf.paragraph(language.plain("dossier.lead", number=copy["number"]))
    if copy["secrecy"]:
        pdf.paragraph(language.plain("dossier.secrecy"))
    names = labels(lang).with_names(copy.get("names", {}))
    for section in copy["sections"]:
        _heading(pdf, names.label(section["of"]))
        if section["hides"]:
            _soft(pdf, language.plain("dossier.hides"))
        for depth, place, number, value, _, is_heading in section["lines"]:
            if is_heading:
                pdf.heading(names.label(place, number), size=_PART, after=1)
            else:
                pdf.pairs([(names.label(place), value or language.plain("dossier.empty"))], indent=min(depth, 4) * 3)
    if copy["files"]:
        _heading(pdf, language.plain("dossier.files"))
        for file in copy["files"]:
            why = f" ({language.plain('dossier.file_' + file['why'])})" if "why" in file else ""
            pdf.paragraph(f"{file['title']}{why}", after=1)
    _heading(pdf, language.plain("home.withheld"))
    if not copy["withheld"]:
        pdf.paragraph(language.plain("home.withheld_none"))
    pdf.pairs([(names.part(part["of"]), language.plain(f"home.{part['why']}")) for part in copy["withheld"]])
    pdf.ln(4)
    _soft(pdf, f"{language.plain('receipt.digest')}: {copy['digest']}")
    return pdf


def receipt_pdf(copy: dict[str, Any], answers: list[dict[str, Any]], school: str, lang: str, at: datetime) -> bytes:
    """Return the confirmation of a person's decisions as PDF.

    Args:
        copy: the person's copy.
        answers: the person's decisions and those that the school recorded for them, the newest first.
        school: name of the primary school.
        lang: code of the reader's language.
        at: the present moment, aware.
    """
    language = languages()[lang].to(copy["kind"])
    pdf = _begun(copy, language, language.plain("pdf.receipt"), at)
    pdf.paragraph(f"{language.plain('pdf.title', pupil=copy['pupil'])}, {school}")
    if not answers:
        pdf.paragraph(language.plain("receipt.none"))
    for place, answer in enumerate(answers):
        if place == 1:
            _heading(pdf, language.plain("receipt.earlier"))
        pdf.pairs(_answer(language, answer, copy))
        for key in notes(answer):
            _soft(pdf, language.plain(key))
        pdf.ln(3)
    _soft(pdf, f"{language.plain('receipt.digest')}: {copy['digest']}\n{language.plain('receipt.digest_hint')}")
    return pdf.to_bytes()


def _begun(copy: dict[str, Any], language: FamilyLanguage, title: str, at: datetime) -> PdfDocument:
    name = language.plain("frame.name")
    pdf = PdfDocument(title, title if title.startswith(name) else f"{name}: {title}", language.code)
    pdf.add_page()
    pdf.heading(title, size=17)
    made = language.plain("pdf.made", moment=language.moment(at), person=copy["person"], number=copy["number"])
    _soft(pdf, made)
    return pdf


def _heading(pdf: PdfDocument, text: str) -> None:
    pdf.ln(4)
    pdf.heading(text, size=_BLOCK, after=1.5)


def _soft(pdf: PdfDocument, text: str) -> None:
    pdf.set_style(size=9, colour=SOFT)
    pdf.paragraph(text, line=4.6)
    pdf.set_style()


def _answer(language: FamilyLanguage, answer: dict[str, Any], copy: dict[str, Any]) -> list[tuple[str, str]]:
    words = {"Ja": "agreed", "Nee": "disagreed"}.get(answer["agreed"], "unknown")
    rows = [
        (language.plain("receipt.decided"), language.plain(f"receipt.{words}")),
        (language.plain("receipt.at"), language.moment(answer["at"])),
        (language.plain("receipt.version"), str(answer["number"])),
        (language.plain("receipt.by"), language.plain(f"by.{given_by(answer)}")),
    ]
    if answer["by"] != "person":
        rows.append((language.plain("receipt.ground"), language.plain(f"ground.{answer['ground']}")))
    if answer["consent"]:
        given = language.plain(f"receipt.{'yes' if answer['consent'] == 'Ja' else 'no'}")
        rows.append((language.plain("receipt.consent"), given))
    if answer["view"]:
        rows.append((language.plain("receipt.view"), answer["view"]))
    return rows
