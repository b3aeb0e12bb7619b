"""PDF documents of Overstap: one page size, one font, and what each page carries."""

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from overstap.settings import PROJECT

FONTS = PROJECT / "include" / "fonts"
FONT = "DejaVu"
BLUE = (21, 66, 115)
SOFT = (75, 85, 96)
LINE = (205, 212, 220)


class Paper(FPDF):
    """An A4 document in DejaVu Sans, tagged with its language, with a page number at the foot.

    Args:
        title: what a reader shows as its title.
        lang: language, such as `nl`.
        foot: form of the foot, with {page} and {pages}.
    """

    def __init__(self, title: str, *, lang: str = "nl", foot: str = "pagina {page} van {pages}") -> None:
        super().__init__("portrait", "mm", "A4")
        self.add_font(FONT, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FONT, "B", FONTS / "DejaVuSans-Bold.ttf")
        self._foot = foot
        self.set_title(title)
        self.set_lang(lang)
        self.set_creator("Overstap")
        self.set_margins(20, 20, 20)
        self.set_auto_page_break(auto=True, margin=22)
        self.alias_nb_pages("{pages}")
        self.add_page()

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-16)
        self.set_font(FONT, "", 8)
        self.set_text_color(*SOFT)
        self.cell(0, 6, self._foot.replace("{page}", str(self.page_no())), align="R")
        self.set_text_color(0, 0, 0)

    def heading(self, text: str, level: int = 1) -> None:
        """Write a heading of level 1 to 3; one at the foot of a page goes to the next."""
        size = {1: 17, 2: 13, 3: 10.5}[level]
        self.ln(0 if level == 1 else 4 if level == 2 else 2)
        if self.will_page_break(size):
            self.add_page()
        self.set_font(FONT, "B", size)
        self.set_text_color(*BLUE)
        self.multi_cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(0, 0, 0)
        self.ln(1.5)

    def paragraph(self, text: str, *, size: float = 10, soft: bool = False) -> None:
        """Write running text."""
        self.set_font(FONT, "", size)
        if soft:
            self.set_text_color(*SOFT)
        self.multi_cell(0, size * 0.52, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(0, 0, 0)
        self.ln(1.5)

    def pair(self, name: str, value: str, *, indent: float = 0, name_width: float = 62) -> None:
        """Write a name with its value beside it, and a thin line below."""
        self.set_font(FONT, "", 9)
        left = self.l_margin + indent
        width = self.epw - indent - name_width
        lines = max(self._lines(name_width, name), self._lines(width, value))
        if self.will_page_break(min(lines, 40) * 4.7 + 2):
            self.add_page()
        top, page = self.get_y(), self.page
        self.set_x(left)
        self.set_text_color(*SOFT)
        self.multi_cell(name_width, 4.7, name, align="L", new_x=XPos.RIGHT, new_y=YPos.TOP)
        self.set_text_color(0, 0, 0)
        self.set_xy(left + name_width, top)
        self.multi_cell(width, 4.7, value, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        bottom = max(self.get_y(), top + lines * 4.7) if self.page == page else self.get_y()
        self.set_draw_color(*LINE)
        self.line(left, bottom + 0.6, self.l_margin + self.epw, bottom + 0.6)
        self.set_xy(self.l_margin, bottom + 1.4)

    def _lines(self, width: float, text: str) -> int:
        broken = self.multi_cell(width, 4.7, text or " ", align="L", dry_run=True, output="LINES")
        return len(broken) if isinstance(broken, list) else 1

    def bytes(self) -> bytes:
        """Return the document."""
        return bytes(self.output())
