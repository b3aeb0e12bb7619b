"""Parsing of what parents type, lenient where that is safe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

MAX_VIEW_CHARACTERS = 10_000
MAX_ASK_CHARACTERS = 4_000
_MAX_FIELDS = 20
_SPACE = UUID("7a0c1a70-6f0e-4d52-9f4e-2f1c7d0d6d5b")
"""The namespace in which presses on a button get their ids (RFC 9562, version 5)."""


def fields(body: bytes) -> dict[str, str]:
    """Return a form's fields, the first of each name; nothing when it is no form.

    Args:
        body: `application/x-www-form-urlencoded`.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, encoding="utf-8", errors="strict"
        )
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, clean(value))
    return found


def clean(text: str) -> str:
    """Take out what no text has: control signs (XML could not carry them), and the browser's line ends."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return (
        "".join(
            sign
            for sign in plain
            if sign in "\n\t" or (sign >= " " and not 0x7F <= ord(sign) <= 0x9F and not 0xD800 <= ord(sign) <= 0xDFFF)
        )
        .replace("\ufffe", "")
        .replace("\uffff", "")
    )


def birth_date(form: Mapping[str, str]) -> date | None:
    """Return the date of three fields `dag`, `maand`, `jaar`; None when they name none between 1900 and 2100."""
    parts = [form.get(name, "").strip() for name in ("jaar", "maand", "dag")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    try:
        found = date(*map(int, parts))
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2100 else None


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What stands on the answer form."""

    agreed: str | None
    consent: str | None
    view: str = field(repr=False)
    pressed: UUID

    @property
    def faults(self) -> list[str]:
        """Keys of what is wrong with it."""
        found = [] if self.agreed else ["choice"]
        return found + (["long"] if len(self.view) > MAX_VIEW_CHARACTERS else [])


def answer(form: Mapping[str, str]) -> DecisionForm:
    """Read the answer form. The press is named after what was sent, so that the same again is the same press."""
    agreed = {"eens": "Ja", "oneens": "Nee"}.get(form.get("antwoord", ""))
    consent = {"ja": "Ja", "nee": "Nee"}.get(form.get("toestemming", ""))
    view = form.get("zienswijze", "").strip()
    return DecisionForm(agreed, consent, view, _press(form, agreed or "", consent or "", view))


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """What stands on the form for questions."""

    kind: str | None
    text: str = field(repr=False)
    request: UUID

    @property
    def faults(self) -> list[str]:
        """Keys of what is wrong with it."""
        found = [] if self.kind else ["kind"]
        if not self.text:
            return [*found, "empty"]
        return found + (["long"] if len(self.text) > MAX_ASK_CHARACTERS else [])


def asked(form: Mapping[str, str]) -> QuestionForm:
    """Read the form for questions; the request is named likewise."""
    kind = {"vraag": "question", "fout": "correction"}.get(form.get("soort", ""))
    text = form.get("tekst", "").strip()
    return QuestionForm(kind, text, _press(form, kind or "", text))


def _press(form: Mapping[str, str], *parts: str) -> UUID:
    return uuid5(_SPACE, "\0".join((form.get("formulier", ""), form.get("keer", ""), *parts)))
