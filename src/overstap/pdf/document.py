"""PDF document in the house style: A4 pages with headings, paragraphs, tables, QR codes and a footer."""

import io
from collections.abc import Sequence
from typing import Any

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from overstap.pdf.fonts import (
    BOLD,
    FALLBACKS,
    ITALIC,
    REGULAR,
    needs_shaping,
    printable,
)

INK = (26, 26, 26)
SOFT = (84, 84, 84)
ACCENT = (21, 66, 115)
PALE = (237, 242, 247)
RULE = (190, 200, 210)
MARGIN = 22.0
"""Millimetres at the left and right."""
TEXT = 10.5
"""Points of running text."""
LINE = 5.4
"""Millimetres of a line of running text."""


class PdfDocument(FPDF):
    """A PDF document.

    Args:
        title: title in the metadata, which PDF viewers show.
        foot: text in the footer of every page, before the page number.
        language: language of the text (BCP 47), for screen readers.
    """

    def __init__(self, title: str, foot: str, language: str = "nl-NL") -> None:
        super().__init__(format="A4")
        self._foot = foot
        self.set_title(printable(title))
        self.set_lang(language)
        self.set_creator("Overstap")
        self.set_margins(MARGIN, 20, MARGIN)
        self.set_auto_page_break(auto=True, margin=22)
        for style, path in (("", REGULAR), ("B", BOLD), ("I", ITALIC)):
            self.add_font("text", style, path)
        for name, path in FALLBACKS.items():
            self.add_font(name, "", path)
        self.set_fallback_fonts(list(FALLBACKS), exact_match=False)
        self.alias_nb_pages("{nb}")
        self.set_style()

    def set_style(
        self, *, size: float = TEXT, bold: bool = False, italic: bool = False, colour: Sequence[int] = INK
    ) -> None:
        """Set the style of the following text: size in points, colour as red, green and blue from 0 to 255."""
        self.set_font("text", "B" if bold else "I" if italic else "", size)
        self.set_text_color(*colour)

    def multi_cell(self, w: float, h: float | None = None, text: str = "", *args: Any, **more: Any) -> Any:
        """Write lines as fpdf2 does; text shaping, which is slow, is enabled only for texts that need it."""
        self.set_text_shaping(needs_shaping(text))
        return super().multi_cell(w, h, text, *args, **more)

    def cell(self, w: float | None = None, h: float | None = None, text: str = "", *args: Any, **more: Any) -> Any:
        """Write one line, as `multi_cell`."""
        self.set_text_shaping(needs_shaping(text))
        return super().cell(w, h, text, *args, **more)

    def footer(self) -> None:
        """Write the footer of a page; fpdf2 calls this."""
        self.set_y(-16)
        self.set_draw_color(*RULE)
        self.line(MARGIN, self.get_y(), self.w - MARGIN, self.get_y())
        self.ln(1.5)
        self.set_style(size=8, colour=SOFT)
        self.cell(self.epw - 18, 5, printable(self._foot))
        self.cell(18, 5, f"{self.page_no()} / {{nb}}", align="R")
        self.set_style()

    def heading(self, text: str, *, size: float = 16, after: float = 2) -> None:
        """Write a heading, with a page break before it when no text would fit below it.

        Args:
            text: the heading.
            size: size in points.
            after: space below, in millimetres.
        """
        if self.will_page_break(size * 0.5 + 16):
            self.add_page()
        self.set_style(size=size, bold=True, colour=ACCENT)
        self._block(text, size * 0.48)
        self.ln(after)
        self.set_style()

    def paragraph(self, text: str, *, after: float = 2.6, line: float = LINE) -> None:
        """Write running text in the current style; a blank line in it starts a new paragraph.

        Args:
            text: the text.
            after: space below, in millimetres.
            line: line height, in millimetres.
        """
        self._block(text, line)
        self.ln(after)

    def pairs(
        self, rows: Sequence[tuple[str, str]], *, label_width: float = 62, indent: float = 0, scale: float = 1
    ) -> None:
        """Write a table of labels and values; a long value continues on the next page.

        Args:
            rows: label and value.
            label_width: width of the first column, in millimetres.
            indent: indent from the left margin, in millimetres.
            scale: factor of the size of text and lines.
        """
        high = 4.9 * scale
        for label, value in rows:
            if self.will_page_break(7):
                self.add_page()
            top, page = self.get_y(), self.page
            self.set_x(MARGIN + indent)
            self.set_style(size=9 * scale, colour=SOFT)
            self.multi_cell(label_width, high, printable(label), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            low = self.get_y() if self.page == page else self.t_margin
            self.page = page
            self.set_xy(MARGIN + indent + label_width + 2, top)
            self.set_style(size=9.5 * scale)
            width = self.epw - indent - label_width - 2
            self.multi_cell(width, high, printable(value) or "\u2013", align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            if self.page == page:
                self.set_y(max(self.get_y(), low) + 0.6 * scale)
        self.set_style()

    def qr(self, content: str, x: float, y: float, width: float) -> None:
        """Draw a QR code as vectors, with the quiet zone that scanners need (ISO/IEC 18004).

        Args:
            content: the encoded text.
            x: left side, in millimetres.
            y: top, in millimetres.
            width: width of the code with its quiet zone, in millimetres.
        """
        code = segno.make(content, error="m", micro=False)
        border = 4
        size = code.symbol_size(border=border)[0]
        step = width / size
        self.set_fill_color(255, 255, 255)
        self.rect(x, y, width, width, style="F")
        self.set_fill_color(0, 0, 0)
        for row, bits in enumerate(code.matrix):
            start = None
            for column, bit in enumerate((*bits, 0)):
                if bit and start is None:
                    start = column
                elif not bit and start is not None:
                    # Two per cent higher, so that no viewer draws a white line between two rows
                    left, top = x + (border + start) * step, y + (border + row) * step
                    self.rect(left, top, (column - start) * step, step * 1.02, style="F")
                    start = None

    def to_bytes(self) -> bytes:
        """Return the document as a PDF file."""
        out = io.BytesIO()
        self.output(out)
        return out.getvalue()

    def _block(self, text: str, line: float) -> None:
        self.multi_cell(0, line, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
