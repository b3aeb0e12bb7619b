"""Agreements as the ledger keeps them: of a round that was opened before a rule became stricter, and goes on."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from overstap.agreements.model import Agreement
from overstap.agreements.model.lines import as_one_line
from overstap.errors import OverstapError

log = logging.getLogger(__name__)

_NOTHING_LEFT = "-"
"""A text of which nothing is left without its control characters."""


def stored_agreement(data: Mapping[str, Any]) -> Agreement:
    """Return an agreement that a round was opened with.

    A name with a control character, which a file may not have any more, is read with a space in its place and told as
    a finding in the log: the round goes on. What a file may have is decided by `load_agreement`, not here.

    Args:
        data: the stored agreement.

    Raises:
        ValidationError: it is no agreement for another reason.
    """
    try:
        return Agreement.model_validate_json(json.dumps(data))
    except ValidationError as problem:
        places = [fault["loc"] for fault in problem.errors(include_url=False) if fault["type"] == "one_line"]
        if not places:
            raise
        found = [_text_at(data, place) for place in places]
    # The same text in other places too: an account is named by rounds and viewers as well
    mended = _with({text: as_one_line(text) or _NOTHING_LEFT for _, text in found}, data)
    agreement = Agreement.model_validate_json(json.dumps(mended))
    _tell(agreement.region, agreement.school_year, tuple(sorted({key for key, _ in found})))
    return agreement


def _text_at(data: Any, place: Sequence[int | str]) -> tuple[str, str]:
    """Return the name of a place and the text there; a step that the data do not have is a variant of the model."""
    steps = []
    for step in place:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            continue
        steps.append(str(step))
    return ".".join(steps), str(data)


def _with(texts: Mapping[str, str], data: Any) -> Any:
    """Return data with some texts replaced, wherever they stand as a value."""
    if isinstance(data, str):
        return texts.get(data, data)
    if isinstance(data, Mapping):
        return {key: _with(texts, value) for key, value in data.items()}
    return [_with(texts, value) for value in data] if isinstance(data, list) else data


@lru_cache(maxsize=256)
def _tell(region: str, school_year: str, keys: tuple[str, ...]) -> None:
    """Log the finding, once in a process: each step reads the agreement, and the board at each page."""
    error = OverstapError("AGREEMENT-024", region=region, school_year=school_year, keys=", ".join(keys))
    log.warning("%s: %s %s | %s %s", error.code, error.message_nl, error.do_nl, error.message_en, error.do_en)
