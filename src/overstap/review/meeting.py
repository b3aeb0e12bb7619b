"""Print of a dossier for a meeting at school, with a form to sign."""

from uuid import UUID, uuid4

from overstap.clock import now, spoken, wall
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers.current_versions import released_content
from overstap.ledger.dossiers.dossiers import find_of_school
from overstap.ledger.review import access_log
from overstap.oso.facts import facts_of
from overstap.oso.people import Entitled
from overstap.oso.reading import read
from overstap.pdf import Sheet
from overstap.pdf.sheet import RULE, SOFT
from overstap.review.pdf_documents import dossier_sheet
from overstap.review.people import people_of
from overstap.review.showing import Frozen, files_of, showing
from overstap.texts import texts


def print_dossier(
    ledger: Ledger, *, region: str, round_id: str, school: str, pupil: str | UUID, actor: str, person: str | None = None
) -> bytes:
    """Return a dossier as PDF for one of the persons who may see it, as the parents' pages show it to them.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        school: whose pupil it is.
        pupil: the pupil's id in the school's system, or of the dossier.
        actor: who prints it; the parents see that in their log.
        person: handle of the person it is for; None: the first that the dossier names.

    Raises:
        OverstapError: LEDGER-010 when the school has no such dossier, REVIEW-027 when it is not released or names no
            such person.
    """
    with ledger.unit(region, actor) as unit:
        released = released_content(unit, find_of_school(unit, round_id, school, pupil))
        if released is None:
            raise OverstapError("REVIEW-027")
        number, digest, closes_at = released.ref.number, released.digest, released.closes_at
        access_log.note_opened(unit, [released.ref], by=actor, purpose="print")
        plain = read(released.content)
        people = people_of(unit.keys, facts_of(plain), wall(now()).date())
    reader = next((one for one in people if person in (None, one.key)), None)
    if reader is None or closes_at is None:
        raise OverstapError("REVIEW-027")
    files = {file.path: (uuid4(), b"", file.kind, len(file.content)) for file in files_of(plain)}
    frozen = Frozen(plain, number, digest, None, None, files)
    copy = showing(frozen, own_path=reader.path, asks_changes_only=False)
    sheet = dossier_sheet(copy | {"person": reader.name, "kind": reader.kind}, "nl", now())
    _form(sheet, copy["pupil"], number, reader, spoken(closes_at))
    return sheet.made()


def _form(sheet: Sheet, pupil: str, number: int, reader: Entitled, closes: str) -> None:
    words = {name: text["nl"] for name, text in texts("invitations/paper")["form"].items()}
    sheet.add_page()
    sheet.heading(words["title"])
    sheet.paragraph(words["of"].format(pupil=pupil, number=number, person=reader.name))
    sheet.paragraph(words["lead"].format(closes=closes))
    _line(sheet, words["seen"])
    sheet.ln(4)
    sheet.heading(words["answer"], size=13, after=1)
    _tick(sheet, words["agree"])
    _tick(sheet, words["disagree"])
    _empty(sheet, 6)
    _tick(sheet, words["mend"])
    _empty(sheet, 3)
    sheet.ln(4)
    _line(sheet, words["name"])
    sheet.ln(6)
    _line(sheet, words["signature"])
    sheet.ln(8)
    sheet.say(size=9, colour=SOFT)
    sheet.paragraph(words["recorded"])
    sheet.say()


def _tick(sheet: Sheet, text: str) -> None:
    sheet.set_draw_color(60, 60, 60)
    sheet.rect(sheet.l_margin, sheet.get_y() + 0.6, 4, 4)
    sheet.set_x(sheet.l_margin + 7)
    sheet.say(size=10.5)
    sheet.multi_cell(sheet.epw - 7, 5.4, text, align="L", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(2)


def _empty(sheet: Sheet, lines: int) -> None:
    sheet.set_draw_color(*RULE)
    for _ in range(lines):
        sheet.ln(8)
        sheet.line(sheet.l_margin + 7, sheet.get_y(), sheet.l_margin + sheet.epw, sheet.get_y())
    sheet.ln(4)


def _line(sheet: Sheet, label: str) -> None:
    sheet.say(size=10)
    sheet.cell(75, 8, label)
    sheet.set_draw_color(*RULE)
    sheet.line(sheet.l_margin + 76, sheet.get_y() + 7, sheet.l_margin + sheet.epw, sheet.get_y() + 7)
    sheet.ln(8)
