"""Sentences for people, from the one place where they stand: `include/texts/`, Dutch with English beside it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEXTS = Path(__file__).resolve().parents[2] / "include" / "texts"


@cache
def texts(name: str) -> dict[str, Any]:
    """Return one file of sentences.

    Args:
        name: path below include/texts without its ending, such as "orchestration/titles".
    """
    loaded: dict[str, Any] = yaml.safe_load((TEXTS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded
