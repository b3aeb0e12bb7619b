"""Sentences for people, from the one place where they stand: `include/texts/`, Dutch with English beside it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TEXTS = Path(__file__).resolve().parents[2] / "include" / "texts"


@cache
def texts(name: str) -> dict[str, Any]:
    """Return one file of sentences.

    Args:
        name: path below include/texts without its ending, such as "orchestration/titles".
    """
    loaded: dict[str, Any] = read_yaml(TEXTS / f"{name}.yaml")
    return loaded


def read_yaml(path: Path) -> Any:
    """Return what one of our own files says.

    The parser in C, where there is one, is ten times as fast, and every task reads some of them before it begins.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
