"""Folder `include/`: schemas, texts, templates, static files; in the wheel beside the code, in a checkout above it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "include"

INCLUDE = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parents[1] / "include"
