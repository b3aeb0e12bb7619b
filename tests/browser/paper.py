"""The first page of what is made on paper, as a picture for the documentation."""

import pypdfium2
from PIL import Image

from overstap_tools.project import PROJECT

IMAGES = PROJECT / "docs" / "images"


def keep_paper(pdf: bytes, name: str) -> None:
    """Keep the first page of a PDF as docs/images/<name>.png, on a grey ground so that its edges show."""
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=1.3).to_pil().convert("RGB")
    ground = Image.new("RGB", (page.width + 24, page.height + 24), "#d5d9e0")
    ground.paste(page, (12, 12))
    ground.quantize(96, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
