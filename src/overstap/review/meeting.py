"""Printed dossier for a meeting at school, a PDF with a form to sign."""

from uuid import UUID, uuid4

from overstap.clock import dutch_time, format_moment, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers.current_versions import released_content
from overstap.ledger.dossiers.dossiers import find_of_school
from overstap.ledger.review import access_log
from overstap.ledger.rounds.rounds import get_round
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap.pdf import PdfDocument
from overstap.pdf.document import RULE, SOFT
from overstap.review.copies import FrozenVersion, person_copy, viewable_files
from overstap.review.pdf_documents import dossier_sheet
from overstap.review.people import people_of
from overstap.texts import texts


def print_dossier(
    ledger: Ledger, *, region: str, round_id: str, school: str, pupil: str | UUID, actor: str, person: str | None = None
) -> bytes:
    """Return a dossier as PDF for one entitled person, with the content of the parents' pages and a form to sign.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        school: the pupil's school.
        pupil: the pupil's key in the school's system, or the id of the dossier.
        actor: account that prints it, which the parents see in their log.
        person: handle of the person; None: the first that the dossier names.

    Raises:
        OverstapError: LEDGER-010 when the school has no such dossier, REVIEW-027 when it is not released or contains no
            such person.
    """
    with ledger.unit(region, actor) as unit:
        released = released_content(unit, find_of_school(unit, round_id, school, pupil))
        if released is None:
            raise OverstapError("REVIEW-027")
        number, digest, closes_at = released.ref.number, released.digest, released.closes_at
        access_log.note_opened(unit, [released.ref], by=actor, purpose="print")
        plain = read(released.content)
        own_codes = get_round(unit, round_id).agreement.own_code_labels
        people = people_of(unit.keys, facts_of(plain), dutch_time(now()).date())
    reader = next((one for one in people if person in (None, one.key)), None)
    if reader is None or closes_at is None:
        raise OverstapError("REVIEW-027")
    files = {file.path: (uuid4(), b"", file.kind, len(file.content)) for file in viewable_files(plain)}
    frozen = FrozenVersion(plain, number, digest, None, None, files, own_codes)
    copy = person_copy(frozen, own_path=reader.path, asks_changes_only=False)
    pdf = dossier_sheet(copy | {"person": reader.name, "kind": reader.kind}, "nl", now())
    _form(pdf, copy["pupil"], number, reader, format_moment(closes_at))
    return pdf.to_bytes()


def _form(pdf: PdfDocument, pupil: str, number: int, reader: EntitledReader, closes: str) -> None:
    words = {name: text["nl"] for name, text in texts("invitations/paper")["form"].items()}
    pdf.add_page()
    pdf.heading(words["title"])
    pdf.paragraph(words["of"].format(pupil=pupil, number=number, person=reader.name))
    pdf.paragraph(words["lead"].format(closes=closes))
    _line(pdf, words["seen"])
    pdf.ln(4)
    pdf.heading(words["answer"], size=13, after=1)
    _tick(pdf, words["agree"])
    _tick(pdf, words["disagree"])
    _empty(pdf, 6)
    _tick(pdf, words["mend"])
    _empty(pdf, 3)
    pdf.ln(4)
    _line(pdf, words["name"])
    pdf.ln(6)
    _line(pdf, words["signature"])
    pdf.ln(8)
    pdf.set_style(size=9, colour=SOFT)
    pdf.paragraph(words["recorded"])
    pdf.set_style()


def _tick(pdf: PdfDocument, text: str) -> None:
    pdf.set_draw_color(60, 60, 60)
    pdf.rect(pdf.l_margin, pdf.get_y() + 0.6, 4, 4)
    pdf.set_x(pdf.l_margin + 7)
    pdf.set_style(size=10.5)
    pdf.multi_cell(pdf.epw - 7, 5.4, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(2)


def _empty(pdf: PdfDocument, lines: int) -> None:
    pdf.set_draw_color(*RULE)
    for _ in range(lines):
        pdf.ln(8)
        pdf.line(pdf.l_margin + 7, pdf.get_y(), pdf.l_margin + pdf.epw, pdf.get_y())
    pdf.ln(4)


def _line(pdf: PdfDocument, label: str) -> None:
    pdf.set_style(size=10)
    pdf.cell(75, 8, label)
    pdf.set_draw_color(*RULE)
    pdf.line(pdf.l_margin + 76, pdf.get_y() + 7, pdf.l_margin + pdf.epw, pdf.get_y() + 7)
    pdf.ln(8)
