"""Invitation letters: one PDF per school, a page per person."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.clock import spoken, spoken_day
from overstap.family_languages import languages
from overstap.oso.people import Entitled
from overstap.pdf import Sheet
from overstap.pdf.fonts import printable
from overstap.pdf.sheet import ACCENT, MARGIN, PALE, SOFT
from overstap.texts import texts

LONGEST_NAME = 60
"""Signs of a name that a letter shows."""


@dataclass(frozen=True, slots=True)
class InvitationLetter:
    """A letter to one person.

    Args:
        person: to whom.
        pupil: the pupil's name.
        child: what the pupil is called.
        group: the class.
        sorting: what letters of one class are sorted by.
        code: the code that opens the dossier, as it is printed.
        opens_at: from when on it can be seen; None: already.
        closes_at: until when.
    """

    person: Entitled
    pupil: str = field(repr=False)
    child: str = field(repr=False)
    group: str
    sorting: str = field(repr=False)
    code: str = field(repr=False)
    opens_at: datetime | None
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """The school that writes, and where its families look.

    Args:
        school: its name.
        contact: how families reach it.
        address: of the parents' pages, as people type it.
    """

    school: str
    contact: str
    address: str


def letters(sender: Sender, written: Sequence[InvitationLetter], at: datetime) -> bytes:
    """Return the letters of one school as one PDF, sorted by class, then by the pupil's name.

    Args:
        sender: the school.
        written: its letters; at least one.
        at: the moment of making; its Dutch day stands on the letters.
    """
    words = texts("invitations/letter")
    sheet = _Letters(words["title"]["nl"], words["foot"]["nl"].format(school=sender.school))
    for letter in sorted(written, key=lambda one: (one.group.casefold(), one.sorting, one.person.surname.casefold())):
        _page(sheet, sender, letter, at)
    return sheet.made()


class _Letters(Sheet):
    """No page numbers: each page is a letter of its own, and the longest name leaves it on that page."""

    def __init__(self, title: str, foot: str) -> None:
        super().__init__(title, foot)
        self.set_auto_page_break(auto=True, margin=14)

    def footer(self) -> None:
        self.set_y(-14)
        self.say(size=7.5, colour=SOFT)
        self.cell(0, 4, printable(self._foot))
        self.say()


def _page(sheet: Sheet, sender: Sender, letter: InvitationLetter, at: datetime) -> None:
    words = texts("invitations/letter")
    is_pupil = letter.person.kind == "pupil"
    facts = {
        "pupil": _fitting(letter.pupil, LONGEST_NAME),
        "child": _fitting(letter.child, 30),
        "closes": spoken(letter.closes_at),
        "opens": spoken(letter.opens_at) if letter.opens_at else "",
        "address": sender.address.removeprefix("https://").rstrip("/"),
        "contact": sender.contact,
    }

    def say(name: str, language: str = "nl") -> str:
        said = facts | {"closes": languages()[language].moment(letter.closes_at)}
        return str(words[name][language].format(**said))

    sheet.add_page()
    sheet.say(size=13, bold=True, colour=ACCENT)
    sheet.paragraph(sender.school, after=0, line=7)
    sheet.say(size=9, colour=SOFT)
    sheet.set_xy(MARGIN, 20)
    sheet.cell(0, 7, printable(_group(letter.group)), align="R")

    # Where the window of a DL envelope is (NEN 1026): 20 mm from the left, 50 mm from the top
    sheet.set_xy(MARGIN, 46)
    sheet.say(size=8, colour=SOFT)
    sheet.paragraph(words["personal"]["nl"], after=0.5, line=4)
    sheet.say()
    lines = letter.person.address or (words["by_hand"]["nl"],)
    sheet.paragraph("\n".join((_fitting(letter.person.name, LONGEST_NAME), *lines)), after=0)

    sheet.set_xy(MARGIN, 82)
    sheet.paragraph(spoken_day(at), after=2)
    sheet.heading(say("subject_pupil" if is_pupil else "subject"), size=14, after=2)
    greeting = words["greeting"]["pupil" if is_pupil else letter.person.salutation]["nl"]
    surname = _capital(_fitting(letter.person.surname, LONGEST_NAME))
    sheet.paragraph(greeting.format(surname=surname, name=facts["child"]), after=1.6)
    sheet.paragraph(say("why_pupil" if is_pupil else "why"), after=1.6)
    sheet.say(bold=True)
    sheet.paragraph(say("from_until" if letter.opens_at else "until"))
    sheet.say()
    _code_box(sheet, sender, letter, facts, is_pupil=is_pupil)
    sheet.paragraph(say("what"), after=1.6)
    sheet.paragraph(say("help_pupil" if is_pupil else "help"), after=1.6)
    sheet.paragraph(f"{words['closing']['nl']}\n{sender.school}", after=2)
    sheet.say(size=8.5, colour=SOFT)
    sheet.paragraph(f"English. {say('english_pupil' if is_pupil else 'english', 'en')}", line=4.2, after=0)
    sheet.say()


def _code_box(sheet: Sheet, sender: Sender, letter: InvitationLetter, facts: dict[str, str], *, is_pupil: bool) -> None:
    words = texts("invitations/letter")
    top, height, qr = sheet.get_y() + 1, 56.0, 44.0
    sheet.set_fill_color(*PALE)
    sheet.rect(MARGIN, top, sheet.epw, height, style="F", round_corners=True, corner_radius=2)
    left, width = MARGIN + 6, sheet.epw - qr - 18
    sheet.qr(f"{sender.address.rstrip('/')}/#{letter.code}", MARGIN + sheet.epw - qr - 6, top + 6, qr)
    sheet.set_xy(left, top + 5)
    sheet.say(size=11, bold=True, colour=ACCENT)
    sheet.cell(width, 6, words["steps_heading"]["nl"], new_x="LMARGIN", new_y="NEXT")
    steps = [*words["steps"][:2], words["step_pupil"] if is_pupil else words["steps"][2]]
    for number, step in enumerate(steps, start=1):
        sheet.set_x(left)
        sheet.say(size=10)
        sheet.multi_cell(width, 5.2, printable(f"{number}.  {step['nl'].format(**facts)}"), align="L",
                         new_x="LMARGIN", new_y="NEXT")  # fmt: skip
    sheet.set_xy(left, top + height - 17)
    sheet.say(size=8.5, colour=SOFT)
    sheet.cell(width, 5, words["code"]["nl"], new_x="LMARGIN", new_y="NEXT")
    sheet.set_x(left)
    sheet.say(size=13, bold=True)
    sheet.cell(width, 7, letter.code)
    sheet.set_y(top + height + 4)
    sheet.say()


def _group(group: str) -> str:
    """Return how the class is printed; a class that is called "groep 8" says so itself."""
    if not group or "groep" in group.casefold() or "klas" in group.casefold():
        return group[:1].upper() + group[1:]
    return str(texts("invitations/letter")["group"]["nl"].format(group=group))


def _fitting(name: str, most: int) -> str:
    """Return a name that leaves the letter on its page."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}\u2026"


def _capital(surname: str) -> str:
    """Return a surname as it stands after "mevrouw": the prefix with a capital."""
    return surname[:1].upper() + surname[1:]
