"""Rendering of the board's Jinja templates, with autoescaping."""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.clock import dutch_time, format_moment
from overstap.pages.board import addresses, formatting
from overstap.resources import INCLUDE
from overstap.settings import Settings
from overstap.texts import TEXTS, Count, noun, texts, with_counts

_ELSEWHERE = (
    "closing/decisions",
    "moments",
    "notices/kinds",
    "orchestration/documentation",
    "orchestration/titles",
    "system",
)
"""Texts of other parts of the package that pages show."""


def mail_address(address: str) -> str:
    """Return an e-mail address as it stands in a link (RFC 6068): the sign between name and domain stays as it is."""
    return quote(address, safe="@!$'*+")


def telephone(number: str) -> str:
    """Return a telephone number as it stands in a link (RFC 3966), of which a leading plus is part."""
    return quote("".join(number.split()), safe="+*#()-.")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # templates change with the package, so with a start of the server
    )
    environment.filters |= {
        "number": formatting.number,
        "counted": lambda sentence, count: sentence.format(**with_counts({"count": count})),
        "noun": noun,
        "named": lambda schools, names: ", ".join(names.get(one, one) for one in schools),
        "signed": formatting.signed,
        "mail_address": mail_address,
        "telephone": telephone,
        "format_moment": format_moment,
        "dutch_time": dutch_time,
        "query": lambda arguments: f"?{urlencode(arguments)}" if arguments else "?",
    }
    environment.globals |= {
        "share": formatting.share,
        "addresses": addresses,
        "words": texts("board/words"),
        "today_words": texts("board/today"),
        "rerun_words": texts("board/rerun"),
        "agreement_words": texts("board/agreement"),
        "decision_words": texts("board/decisions"),
        "count": Count,
        "contact_words": texts("board/contacts"),
        "guest_words": texts("board/guests"),
        "second_words": texts("board/second"),
        "pupil_words": texts("board/pupil"),
        "yearly_words": texts("board/yearly"),
        "check_words": texts("board/self_check"),
        "outlooks": texts("board/forecast")["outlooks"],
        "milestones": texts("orchestration/documentation")["milestones"],
        "is_trial": Settings().trial,
    }
    return environment


def prepare() -> None:
    """Load all texts and compile all templates, so that no request waits for it."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    for name in (*(f"board/{path.stem}" for path in sorted((TEXTS / "board").glob("*.yaml"))), *_ELSEWHERE):
        texts(name)


def render(template: str, *, base: str, now: datetime, **facts: Any) -> str:
    """Return a page as HTML.

    Args:
        template: name of a file of include/templates/board, without its ending.
        base: URL path below which Airflow is served, without a slash at its end; usually empty.
        now: the moment of the figures, aware.
        facts: the template's variables.
    """

    def link(path: str) -> str:
        return f"{base}{path}"

    spoken_at: dict[str, Callable[..., str]] = {
        "when": lambda moment: formatting.when(moment, now),
        "left": lambda moment: formatting.time_left(moment, now),
        "day": lambda which: formatting.day(
            which if type(which) is date else dutch_time(which).date(), dutch_time(now).date()
        ),
    }
    return _environment().get_template(f"{template}.html.j2").render(link=link, now=now, **spoken_at, **facts)
