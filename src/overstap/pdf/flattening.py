"""Flattened PDF: each page as a picture, so that nothing of the file but what it looks like is handed on.

Pages are drawn by pdfium in a process of its own, without the secrets of the caller, with bounds on memory, time, pages
and pixels: a file that was made to harm a reader of PDF harms that process.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfDocument

MOST_PAGES = 300
_DOTS_PER_INCH = 150
_MOST_PIXELS = 2_600
"""Of the longer side: A4 has 1,754 at this resolution; a poster is drawn with fewer dots per inch."""
_QUALITY = 80
_POINTS_PER_INCH = 72
_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS = 60
_SECONDS = 180
_PASSED = frozenset({"PATH", "PYTHONPATH", "LANG", "LD_LIBRARY_PATH"})
"""What the process that draws knows of the environment, in which passwords stand."""


class NotFlattenedError(Exception):
    """The file could not be drawn: it is locked, damaged, too large, or it ended the process that draws."""


def flattened(content: bytes) -> bytes:
    """Return a PDF with a picture of each page.

    Args:
        content: a PDF file.

    Raises:
        NotFlattenedError: it cannot be drawn within the bounds.
    """
    passed = {name: value for name, value in os.environ.items() if name in _PASSED}
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(  # noqa: S603  # this module, by this interpreter
            command, input=content, capture_output=True, env=passed, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotFlattenedError from error
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        raise NotFlattenedError
    return done.stdout


def draw(content: bytes) -> bytes:
    """Draw the pages in this process, which is to have bounds; arguments and result as of `flattened`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        document.init_forms()  # what was filled in on a form is drawn as well; this pdfium runs no scripts
        if not 0 < len(document) <= MOST_PAGES:
            raise NotFlattenedError
        pictures = _pictures(document)
        out = io.BytesIO()
        next(pictures).save(
            out, "PDF", save_all=True, append_images=pictures, resolution=_DOTS_PER_INCH, quality=_QUALITY
        )
    except pypdfium2.PdfiumError as error:
        raise NotFlattenedError from error
    return out.getvalue()


def _pictures(document: "PdfDocument") -> "Iterator[Image]":
    for number in range(len(document)):
        page = document[number]
        scale = min(_DOTS_PER_INCH / _POINTS_PER_INCH, _MOST_PIXELS / max(*page.get_size(), 1))
        yield page.render(scale=scale, may_draw_forms=True).to_pil().convert("RGB")
        page.close()


def _main() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(draw(sys.stdin.buffer.read()))
    except (NotFlattenedError, MemoryError, ValueError):
        sys.exit(1)


if __name__ == "__main__":
    _main()
