"""Style of generated workbooks (.xlsx): font, colour and row heights."""

import math
import re
from collections.abc import Iterable

FONT = "Calibri"
BRAND = "154273"
LINE_POINTS, MAX_POINTS = 15.0, 405.0
"""Height of a line of text, and largest height of a row; Excel allows 409 points."""
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def row_height(cells: Iterable[tuple[object, float]]) -> float:
    """Return the height of a row, in points, that shows its wrapped texts in full.

    Args:
        cells: each text with the width of its column, in characters.
    """
    lines = 1
    for text, width in cells:
        # Words are not broken, so a line holds slightly less than the width of its column.
        fits = max(1.0, width * 0.92)
        lines = max(lines, sum(math.ceil(max(1, len(part)) / fits) for part in str(text).split("\n")))
    return min(MAX_POINTS, lines * LINE_POINTS)


def without_direction_marks(text: str) -> str:
    """Return a text without bidirectional control characters, with which a name could reverse the line around it."""
    return _DIRECTION_MARKS.sub("", text)
