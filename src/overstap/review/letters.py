"""Invitation letters of a school as one PDF, a page per person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.clock import format_day, format_moment
from overstap.family_languages import languages
from overstap.oso.entitled_persons import EntitledReader
from overstap.pdf import PdfDocument
from overstap.pdf.document import ACCENT, MARGIN, PALE, SOFT
from overstap.pdf.fonts import printable
from overstap.progress import Advance, unwatched
from overstap.texts import texts

LONGEST_NAME = 60
"""Most characters of a name in a letter."""


@dataclass(frozen=True, slots=True)
class InvitationLetter:
    """A letter to one person.

    Args:
        person: the recipient.
        pupil: full name of the pupil.
        child: first name of the pupil.
        group: class of the pupil.
        sorting: sort key within a class.
        code: access code as it is printed.
        opens_at: when the review window opens; None: it is open.
        closes_at: when the review window closes.
    """

    person: EntitledReader
    pupil: str = field(repr=False)
    child: str = field(repr=False)
    group: str
    sorting: str = field(repr=False)
    code: str = field(repr=False)
    opens_at: datetime | None
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """The school that sends the letters, and the address of the parents' pages.

    Args:
        school: name of the school.
        contact: contact details for families.
        address: address of the parents' pages.
    """

    school: str
    contact: str
    address: str


def letters_pdf(
    sender: Sender, written: Sequence[InvitationLetter], at: datetime, advance: Advance = unwatched
) -> bytes:
    """Return the letters of one school as one PDF, sorted by class, then by the pupil's name.

    Args:
        sender: the school.
        written: its letters, at least one.
        at: the present moment; its Dutch day is printed on the letters.
        advance: is told of each letter.
    """
    words = texts("invitations/letter")
    pdf = _Letters(words["title"]["nl"], words["foot"]["nl"].format(school=sender.school))
    for letter in sorted(written, key=lambda one: (one.group.casefold(), one.sorting, one.person.surname.casefold())):
        _page(pdf, sender, letter, at)
        advance(1)
    return pdf.to_bytes()


class _Letters(PdfDocument):
    """PdfDocument without page numbers, since each page is a letter."""

    def __init__(self, title: str, foot: str) -> None:
        super().__init__(title, foot)
        self.set_auto_page_break(auto=True, margin=14)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_style(size=7.5, colour=SOFT)
        self.cell(0, 4, printable(self._foot))
        self.set_style()


def _page(pdf: PdfDocument, sender: Sender, letter: InvitationLetter, at: datetime) -> None:
    words = texts("invitations/letter")
    is_pupil = letter.person.kind == "pupil"
    facts = {
        "pupil": _fitting(letter.pupil, LONGEST_NAME),
        "child": _fitting(letter.child, 30),
        "closes": format_moment(letter.closes_at),
        "opens": format_moment(letter.opens_at) if letter.opens_at else "",
        "address": sender.address.removeprefix("https://").rstrip("/"),
        "contact": sender.contact,
    }

    def say(name: str, language: str = "nl") -> str:
        values = facts | {"closes": languages()[language].moment(letter.closes_at)}
        return str(words[name][language].format(**values))

    pdf.add_page()
    pdf.set_style(size=13, bold=True, colour=ACCENT)
    pdf.paragraph(sender.school, after=0, line=7)
    pdf.set_style(size=9, colour=SOFT)
    pdf.set_xy(MARGIN, 20)
    pdf.cell(0, 7, printable(_group(letter.group)), align="R")

    # Position of the window of a DL envelope (NEN 1026): 20 mm from the left, 50 mm from the top
    pdf.set_xy(MARGIN, 46)
    pdf.set_style(size=8, colour=SOFT)
    pdf.paragraph(words["personal"]["nl"], after=0.5, line=4)
    pdf.set_style()
    lines = letter.person.address or (words["by_hand"]["nl"],)
    pdf.paragraph("\n".join((_fitting(letter.person.name, LONGEST_NAME), *lines)), after=0)

    pdf.set_xy(MARGIN, 82)
    pdf.paragraph(format_day(at), after=2)
    pdf.heading(say("subject_pupil" if is_pupil else "subject"), size=14, after=2)
    greeting = words["greeting"]["pupil" if is_pupil else letter.person.salutation]["nl"]
    surname = _capital(_fitting(letter.person.surname, LONGEST_NAME))
    pdf.paragraph(greeting.format(surname=surname, name=facts["child"]), after=1.6)
    pdf.paragraph(say("why_pupil" if is_pupil else "why"), after=1.6)
    pdf.set_style(bold=True)
    pdf.paragraph(say("from_until" if letter.opens_at else "until"))
    pdf.set_style()
    _code_box(pdf, sender, letter, facts, is_pupil=is_pupil)
    pdf.paragraph(say("what"), after=1.6)
    pdf.paragraph(say("help_pupil" if is_pupil else "help"), after=1.6)
    pdf.paragraph(f"{words['closing']['nl']}\n{sender.school}", after=2)
    pdf.set_style(size=8.5, colour=SOFT)
    pdf.paragraph(f"English. {say('english_pupil' if is_pupil else 'english', 'en')}", line=4.2, after=0)
    pdf.set_style()


def _code_box(
    pdf: PdfDocument, sender: Sender, letter: InvitationLetter, facts: dict[str, str], *, is_pupil: bool
) -> None:
    words = texts("invitations/letter")
    top, height, qr = pdf.get_y() + 1, 56.0, 44.0
    pdf.set_fill_color(*PALE)
    pdf.rect(MARGIN, top, pdf.epw, height, style="F", round_corners=True, corner_radius=2)
    left, width = MARGIN + 6, pdf.epw - qr - 18
    pdf.qr(f"{sender.address.rstrip('/')}/#{letter.code}", MARGIN + pdf.epw - qr - 6, top + 6, qr)
    pdf.set_xy(left, top + 5)
    pdf.set_style(size=11, bold=True, colour=ACCENT)
    pdf.cell(width, 6, words["steps_heading"]["nl"], new_x="LMARGIN", new_y="NEXT")
    steps = [*words["steps"][:2], words["step_pupil"] if is_pupil else words["steps"][2]]
    for number, step in enumerate(steps, start=1):
        pdf.set_x(left)
        pdf.set_style(size=10)
        pdf.multi_cell(width, 5.2, printable(f"{number}.  {step['nl'].format(**facts)}"), align="L",
                         new_x="LMARGIN", new_y="NEXT")  # fmt: skip
    pdf.set_xy(left, top + height - 17)
    pdf.set_style(size=8.5, colour=SOFT)
    pdf.cell(width, 5, words["code"]["nl"], new_x="LMARGIN", new_y="NEXT")
    pdf.set_x(left)
    pdf.set_style(size=13, bold=True)
    pdf.cell(width, 7, letter.code)
    pdf.set_y(top + height + 4)
    pdf.set_style()


def _group(group: str) -> str:
    """Return the class as it is printed, without repeating the word in a class that is called "groep 8"."""
    if not group or "groep" in group.casefold() or "klas" in group.casefold():
        return group[:1].upper() + group[1:]
    return str(texts("invitations/letter")["group"]["nl"].format(group=group))


def _fitting(name: str, most: int) -> str:
    """Return a name cut to a number of characters, so that the letter fits on a page."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}\u2026"


def _capital(surname: str) -> str:
    """Return a surname as written after "mevrouw", the prefix with a capital."""
    return surname[:1].upper() + surname[1:]
