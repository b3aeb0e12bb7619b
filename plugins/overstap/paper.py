"""Documents of headings, running text and pairs, in the house's look (`overstap.pdf`)."""

from overstap.pdf import Sheet
from overstap.pdf.sheet import SOFT

_SIZES = {1: 17.0, 2: 13.0, 3: 10.5}


class Paper(Sheet):
    """An A4 document that begins with its first page.

    Args:
        title: what a reader shows as its title.
        lang: language, such as `nl`.
        foot: form of the foot, with {page} and {pages}.
    """

    def __init__(self, title: str, *, lang: str = "nl", foot: str = "pagina {page} van {pages}") -> None:
        super().__init__(title, "", lang)
        self._form = foot
        self.add_page()

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-16)
        self.say(size=8, colour=SOFT)
        self.cell(0, 6, self._form.replace("{page}", str(self.page_no())).replace("{pages}", "{nb}"), align="R")
        self.say()

    def heading(self, text: str, level: int = 1, **_: float) -> None:
        """Write a heading of level 1 to 3; one at the foot of a page goes to the next."""
        self.ln({1: 0, 2: 4, 3: 2}[level])
        super().heading(text, size=_SIZES[level], after=1.5)

    def paragraph(self, text: str, *, size: float = 10, soft: bool = False, **_: float) -> None:
        """Write running text."""
        self.say(size=size, colour=SOFT) if soft else self.say(size=size)
        super().paragraph(text, after=1.5, line=size * 0.52)
        self.say()

    def pair(self, name: str, value: str, *, indent: float = 0, name_width: float = 62) -> None:
        """Write a name with its value beside it."""
        self.pairs([(name, value)], label_width=name_width, indent=indent)

    def bytes(self) -> bytes:
        """Return the document."""
        return self.made()
