"""PDFs for a school that retypes: a page per pupil in the order of the usual screens, and the whole dossier.

Screens and their order are in include/texts/school/retyping.yaml. Importing this module loads what makes PDFs.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overstap.clock import format_moment
from overstap.oso.model import Dossier
from overstap.oso.rendering import lines
from overstap.pdf import PdfDocument
from overstap.pdf.document import SOFT
from overstap.texts import texts, with_counts

# Its warnings contain characters that the font lacks, which may be of a person's name.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)
_ROOT = "dossier/huidigeschool/"
_NUMBER = re.compile(r"\[\d+\]")
_LONG = 300
"""Characters from which a text is in the whole dossier only."""
_FIRST_STEP = 1.0, 0.86, 0.74
"""Sizes that are tried until the sheet of a pupil fits on one page."""


@dataclass(frozen=True, slots=True)
class ReceivedDossier:
    """A dossier with what a sheet says of it.

    Args:
        dossier: the dossier.
        reference: its reference.
        pupil: name of the pupil.
        school: name of the school that sent it.
        files: names in the ZIP of its attachments, with their titles; an empty name: not to be unpacked.
    """

    dossier: Dossier = field(repr=False)
    reference: str
    pupil: str = field(repr=False)
    school: str
    files: Sequence[tuple[str, str]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class SheetScreen:
    """A filled screen of a sheet: its title, and labels with values."""

    title: str
    rows: list[tuple[str, str]] = field(repr=False)


def screens(dossier: Dossier) -> list[SheetScreen]:
    """Return the screens of a pupil that hold something, in the order in which they are entered."""
    words = texts("school/retyping")
    leaves = [
        (one.path.removeprefix(_ROOT), one.value)
        for one in lines(dossier)
        if not one.is_block and one.value and one.path.startswith(_ROOT)
    ]
    found = []
    for screen in words["screens"]:
        for number, part in enumerate(_instances(leaves, screen["each"]) if "each" in screen else [leaves], start=1):
            rows = [(row["nl"], value) for row in screen["rows"] if (value := _value(part, row))]
            if rows:
                found.append(SheetScreen(screen["title"]["nl"].format(number=number), rows))
    return found


def sheets(received: Sequence[ReceivedDossier], at: datetime) -> bytes:
    """Return one PDF with a sheet per pupil.

    Args:
        received: the dossiers.
        at: the present moment, aware.
    """
    words = _words()
    title = words["title"].format(pupil=received[0].pupil) if len(received) == 1 else words["title"].partition(":")[0]
    pdf = PdfDocument(title, words["foot"])
    for one in received:
        _sheet(pdf, one, at)
    return pdf.to_bytes()


def whole(one: ReceivedDossier, at: datetime) -> bytes:
    """Return the PDF of one pupil: the sheet, and then every field of the dossier; arguments as of `sheets`."""
    words = _words()
    pdf = PdfDocument(words["title"].format(pupil=one.pupil), words["foot"])
    _sheet(pdf, one, at)
    pdf.add_page()
    pdf.heading(words["whole"])
    for line in lines(one.dossier):
        if line.is_block:
            pdf.heading(line.label, size=13 if line.depth <= 1 else 10.5, after=1)
        elif not line.path.endswith("/bestandsinhoud"):
            pdf.pairs([(line.label, line.value)], indent=min(line.depth, 4) * 3)
    pdf.heading(words["files"], size=13, after=1)
    pdf.pairs([(title, name or words["unreadable"]) for name, title in one.files])
    if not one.files:
        pdf.paragraph(words["nothing"])
    return pdf.to_bytes()


def _words() -> dict[str, str]:
    return {name: said["nl"] for name, said in texts("school/retyping")["sheet"].items()}


def _sheet(pdf: PdfDocument, one: ReceivedDossier, at: datetime) -> None:
    filled = screens(one.dossier)
    scale = next((each for each in _FIRST_STEP if _pages(one, filled, at, each) == 1), _FIRST_STEP[-1])
    _draw(pdf, one, filled, at, scale)


def _pages(one: ReceivedDossier, filled: Sequence[SheetScreen], at: datetime, scale: float) -> int:
    trial = PdfDocument("", "")
    _draw(trial, one, filled, at, scale)
    return trial.page


def _draw(pdf: PdfDocument, one: ReceivedDossier, filled: Sequence[SheetScreen], at: datetime, scale: float) -> None:
    words = _words()
    pdf.add_page()
    pdf.heading(words["title"].format(pupil=one.pupil), size=15 * scale, after=0.6)
    pdf.set_style(size=8.5 * scale, colour=SOFT)
    said = words["lead"].format(reference=one.reference, school=one.school, moment=format_moment(at))
    pdf.paragraph(said, line=4.2 * scale, after=0.8 * scale)
    for screen in filled:
        pdf.set_style()
        pdf.heading(screen.title, size=10.5 * scale, after=0.4 * scale)
        pdf.pairs(screen.rows, label_width=50, scale=scale * 0.94)


def _instances(leaves: Sequence[tuple[str, str]], block: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the leaves of each instance of a block, with paths below it."""
    depth = block.count("/") + 1
    found: dict[str, list[tuple[str, str]]] = {}
    for path, value in leaves:
        steps = path.split("/")
        if len(steps) >= depth and _NUMBER.sub("", "/".join(steps[:depth])) == block:
            found.setdefault("/".join(steps[:depth]), []).append(("/".join(steps[depth:]), value))
    yield from found.values()


def _value(leaves: Sequence[tuple[str, str]], row: Mapping[str, Any]) -> str:
    """Return the value of a row: the fields of an instance in one line, and a line per instance."""
    parts = _instances(leaves, row["each"]) if "each" in row else [list(leaves)]
    said = []
    for part in parts:
        values = [
            value
            for name in row["fields"]
            for path, value in part
            if (name == "*" or _NUMBER.sub("", path) == name) and value != row.get("drop")
        ]
        if text := (", " if row["fields"] == ["*"] else " ").join(values):
            said.append(text)
    text = "\n".join(dict.fromkeys(said))
    return _words()["more"].format(**with_counts({"count": len(text)})) if len(text) > _LONG else text
