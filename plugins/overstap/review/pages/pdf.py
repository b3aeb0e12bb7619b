"""What parents take home: the dossier and the receipt as PDF. Run in a process of their own (see `serve`)."""

import logging
from datetime import datetime
from typing import Any

from overstap.paper import Paper
from overstap.review.pages.wording import Language, languages

# Its warnings name letters that the font lacks, and a letter of a name is of a person.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


def dossier_pdf(copy: dict[str, Any], lang: str, at: datetime) -> bytes:
    """Return a person's copy as a document.

    Args:
        copy: as `showing` makes it.
        lang: the reader's language.
        at: when it is made.
    """
    said = languages()[lang]
    title = said.plain("pdf.title", pupil=copy["pupil"])
    paper = Paper(title, lang=lang, foot=said.sentences["pdf.page"])
    paper.heading(title)
    paper.paragraph(
        said.plain("pdf.made", moment=said.moment(at), person=copy["person"], number=copy["number"]), soft=True
    )
    paper.paragraph(said.plain("dossier.lead", number=copy["number"]))
    if copy["secrecy"]:
        paper.paragraph(said.plain("dossier.secrecy"))
    for section in copy["sections"]:
        paper.heading(section["title"], 2)
        if section["hides"]:
            paper.paragraph(said.plain("dossier.hides"), size=9, soft=True)
        for depth, label, value, _, is_heading in section["lines"]:
            if is_heading:
                paper.heading(label, 3)
            else:
                paper.pair(label, value or said.plain("dossier.empty"), indent=min(depth, 4) * 3)
    if copy["files"]:
        paper.heading(said.plain("dossier.files"), 2)
        for file in copy["files"]:
            why = f" ({said.plain('dossier.file_' + file['why'])})" if "why" in file else ""
            paper.paragraph(f"{file['title']}{why}", size=9)
    paper.heading(said.plain("home.withheld"), 2)
    if not copy["withheld"]:
        paper.paragraph(said.plain("home.withheld_none"))
    for part in copy["withheld"]:
        paper.pair(part["title"], said.plain(f"home.{part['why']}"))
    paper.paragraph(f"\n{said.plain('receipt.digest')}: {copy['digest']}", size=7, soft=True)
    return paper.bytes()


def receipt_pdf(copy: dict[str, Any], answers: list[dict[str, Any]], school: str, lang: str, at: datetime) -> bytes:
    """Return the receipt of what a person did.

    Args:
        copy: the person's copy.
        answers: the person's answers, the newest first.
        school: the primary school's name.
        lang: the reader's language.
        at: when it is made.
    """
    said = languages()[lang]
    title = said.plain("pdf.receipt")
    paper = Paper(title, lang=lang, foot=said.sentences["pdf.page"])
    paper.heading(title)
    paper.paragraph(said.plain("pdf.title", pupil=copy["pupil"]))
    paper.paragraph(
        said.plain("pdf.made", moment=said.moment(at), person=copy["person"], number=copy["number"]), soft=True
    )
    if not answers:
        paper.paragraph(said.plain("receipt.none"))
    for place, answer in enumerate(answers):
        if place == 1:
            paper.heading(said.plain("receipt.earlier"), 2)
        _answer(paper, said, answer, copy)
    paper.pair(school, "")
    paper.paragraph(f"{said.plain('receipt.digest')}: {copy['digest']}\n{said.plain('receipt.digest_hint')}", size=8)
    return paper.bytes()


def _answer(paper: Paper, said: Language, answer: dict[str, Any], copy: dict[str, Any]) -> None:
    words = {"Ja": "agreed", "Nee": "disagreed"}.get(answer["agreed"], "unknown")
    paper.pair(said.plain("receipt.decided"), said.plain(f"receipt.{words}"))
    paper.pair(said.plain("receipt.at"), said.moment(answer["at"]))
    paper.pair(said.plain("receipt.version"), str(copy["number"]))
    if answer["consent"]:
        paper.pair(said.plain("receipt.consent"), said.plain(f"receipt.{'yes' if answer['consent'] == 'Ja' else 'no'}"))
    if answer["view"]:
        paper.pair(said.plain("receipt.view"), answer["view"])
    paper.ln(3)
