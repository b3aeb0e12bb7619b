"""Style of workbooks: font and row heights."""

import math
import re
from collections.abc import Iterable

FONT = "Calibri"
BRAND = "154273"
LINE_POINTS, MAX_POINTS = 15.0, 405.0
"""Height of a line in the workbook's usual size, and the highest row that Excel knows (409 points)."""
_STEERS_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def row_height(cells: Iterable[tuple[object, float]]) -> float:
    """Return how high a row must be, in points, for its wrapped texts.

    Args:
        cells: each text, with the width of its column in characters.
    """
    lines = 1
    for text, width in cells:
        # Words are not broken, so a line holds a little less than its column does.
        fits = max(1.0, width * 0.92)
        lines = max(lines, sum(math.ceil(max(1, len(part)) / fits) for part in str(text).split("\n")))
    return min(MAX_POINTS, lines * LINE_POINTS)


def without_direction_marks(text: str) -> str:
    """Return a line that a name in it cannot turn around: without the signs that steer direction."""
    return _STEERS_DIRECTION.sub("", text)
