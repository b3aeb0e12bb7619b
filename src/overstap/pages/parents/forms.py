"""Parsing and validation of the parents' forms, lenient where that is safe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qsl
from uuid import UUID, uuid5

MAX_VIEW_CHARACTERS = 10_000
MAX_ASK_CHARACTERS = 4_000
_MAX_FIELDS = 20
_SPACE = UUID("7a0c1a70-6f0e-4d52-9f4e-2f1c7d0d6d5b")
"""Namespace of the UUIDs (RFC 9562, version 5) of submissions."""


def form_fields(body: bytes) -> dict[str, str]:
    """Return a form's fields, the first of each name; empty when the body is no form.

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
    """Return text without control characters (XML cannot hold them), and with line feeds as line ends."""
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
    """Return the date of the fields `dag`, `maand` and `jaar`; None when they name no date between 1900 and 2100."""
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
    """Content of the decision form."""

    agreed: str | None
    consent: str | None
    view: str = field(repr=False)
    submission: UUID

    @property
    def faults(self) -> list[str]:
        """Keys of the validation errors."""
        found = [] if self.agreed else ["choice"]
        return found + (["long"] if len(self.view) > MAX_VIEW_CHARACTERS else [])


def read_decision(form: Mapping[str, str]) -> DecisionForm:
    """Return the decision form; its submission id is derived from the content, so that a repeat has the same id."""
    agreed = {"eens": "Ja", "oneens": "Nee"}.get(form.get("antwoord", ""))
    consent = {"ja": "Ja", "nee": "Nee"}.get(form.get("toestemming", ""))
    view = form.get("zienswijze", "").strip()
    return DecisionForm(agreed, consent, view, _submission_id(form, agreed or "", consent or "", view))


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """Content of the form for questions and corrections."""

    kind: str | None
    text: str = field(repr=False)
    request: UUID

    @property
    def faults(self) -> list[str]:
        """Keys of the validation errors."""
        found = [] if self.kind else ["kind"]
        if not self.text:
            return [*found, "empty"]
        return found + (["long"] if len(self.text) > MAX_ASK_CHARACTERS else [])


def read_question(form: Mapping[str, str]) -> QuestionForm:
    """Return the form for questions and corrections; its request id is derived from the content likewise."""
    kind = {"vraag": "question", "fout": "correction"}.get(form.get("soort", ""))
    text = form.get("tekst", "").strip()
    return QuestionForm(kind, text, _submission_id(form, kind or "", text))


def _submission_id(form: Mapping[str, str], *parts: str) -> UUID:
    return uuid5(_SPACE, "\0".join((form.get("formulier", ""), form.get("keer", ""), *parts)))
