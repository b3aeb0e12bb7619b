"""Composition of one mail from notices, as plain text and HTML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.agreements import Agreement, RoundId
from overstap.ledger.notifications.notices import Notice
from overstap.resources import INCLUDE
from overstap.texts import plural, texts, with_counts

_COLOURS = {"plain": "#154273", "careful": "#b86200", "wrong": "#b3180f"}
_WORST_FIRST = ("wrong", "careful", "plain")


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """Subject and content of a mail."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Recipient of notices: a coordinator of the region, or a school."""

    name: str
    address: str = field(repr=False)
    is_school: bool
    has_page: bool = False
    """Whether it is a school that supplies, which has access to the schools' pages."""


def recipient_of(agreement: Agreement, recipient: str) -> Recipient | None:
    """Return the recipient of a notice; None when the agreement no longer contains it.

    Args:
        agreement: the region's agreement.
        recipient: "coordinator:<account>" or "school:<BRIN and branch>".
    """
    kind, _, name = recipient.partition(":")
    if kind == "school":
        for school in agreement.schools:
            if school.id == name:
                return Recipient(school.name, school.contact, True, school.supplies is not None)
        return None
    for person in agreement.coordinators:
        if person.account == name:
            return Recipient(person.name, person.email, False)
    return None


def compose_notices(
    agreement: Agreement,
    to: Recipient,
    notices: Sequence[Notice],
    *,
    board: Callable[[str], str],
    is_urgent: bool,
    language: str = "nl",
    school_page: str | None = None,
) -> ComposedMail:
    """Return a mail with notices, grouped by round.

    Args:
        agreement: the region's agreement.
        to: the recipient.
        notices: the notices, at least one.
        board: returns the address of a round's page.
        is_urgent: whether it is an urgent mail and not the day's digest.
        language: "nl" or "en".
        school_page: address of the schools' pages (setting OVERSTAP_SCHOOL_ADDRESS).
    """
    words = {name: text[language] for name, text in texts("notices/mail").items()}
    groups: list[dict[str, Any]] = []
    ordered = sorted(notices, key=lambda one: one.round_id or "~")
    for round_id, found in groupby(ordered, key=lambda one: one.round_id):
        items = sorted(
            (_item(one, language, board, to) for one in found), key=lambda one: _WORST_FIRST.index(one["tone"])
        )
        groups.append({"heading": _heading(words, round_id), "notices": items, "board": _board(board, round_id, to)})
    worst = min(
        (item for group in groups for item in group["notices"]), key=lambda one: _WORST_FIRST.index(one["tone"])
    )
    subject_words = words["subject_one" if plural(len(notices)) == "one" else "subject_many"]
    subject = subject_words.format(region=agreement.name, title=worst["title"], **with_counts({"count": len(notices)}))
    people = ", ".join(f"{person.name} ({person.email})" for person in agreement.coordinators)
    facts = {
        "language": language,
        "subject": subject,
        "heading": worst["title"] if len(notices) == 1 else words["heading_urgent" if is_urgent else "heading_digest"],
        "is_one": len(notices) == 1,
        "hello": words["hello_school" if to.is_school else "hello_coordinator"].format(name=to.name),
        "intro": words["urgent" if is_urgent else "digest"],
        "region": agreement.name,
        "groups": groups,
        "words": words,
        "signed": words["signed"].format(region=agreement.name),
        "reach": words["reach"].format(people=people) if to.is_school else "",
        "why": words["why"],
        "school_page": school_page if to.has_page else None,
    }
    return ComposedMail(
        " ".join(subject.split())[:180],
        _environment(is_html=False).get_template("mail.txt.j2").render(**facts),
        _environment(is_html=True).get_template("mail.html.j2").render(**facts),
    )


def _item(notice: Notice, language: str, board: Callable[[str], str], to: Recipient) -> dict[str, Any]:
    words = texts("notices/kinds")[notice.kind]
    facts = with_counts(notice.facts)
    found = {name: words[name][language].format(**facts) for name in ("title", "text", "do")}
    # A gate's question is on the round's page, with its possible answers
    round_page = _board(board, notice.round_id, to) if notice.kind == "gate" else None
    question = f"{round_page}#vragen" if round_page else None
    return {**found, "tone": words["tone"], "colour": _COLOURS[words["tone"]], "question": question}


def _heading(words: dict[str, str], round_id: str | None) -> str:
    if round_id is None:
        return words["whole"]
    found = RoundId(round_id)
    return words["round"].format(round=found.kind.dutch, school_year=found.school_year)


def _board(board: Callable[[str], str], round_id: str | None, to: Recipient) -> str | None:
    """Return the link to the board; None for a school, which has no account in Airflow."""
    return None if to.is_school or round_id is None else board(round_id)


@cache
def _environment(*, is_html: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "notices"),
        autoescape=is_html,  # noqa: S701 (a plain text has no markup to escape)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
