"""Path of the folder `include/` with schemas, texts, templates and static files.

In the wheel it is a folder of the package; in a checkout it is a folder of the repository.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "include"

INCLUDE = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parents[1] / "include"
