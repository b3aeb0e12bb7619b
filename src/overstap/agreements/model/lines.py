"""Texts of one line: names and addresses, which stand in labels of tasks, logs, heads of mails and calendars."""

import re
from typing import Annotated

from pydantic import AfterValidator

from overstap.agreements.model.refusals import refusal

_NO_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, ends of lines and halves of surrogates; no database takes the first and the last."""


def _one_line(text: str) -> str:
    if _NO_LINE.search(text):
        raise refusal("one_line")
    return text


def as_one_line(text: str) -> str:
    """Return a text that somebody typed elsewhere, with a space in place of what no `OneLine` has."""
    return " ".join(_NO_LINE.sub(" ", text).split())


OneLine = Annotated[str, AfterValidator(_one_line)]
"""A text without line ends and control characters."""
