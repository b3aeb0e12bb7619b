"""HTML of the fields of a dossier's block, built without a template for speed."""

from functools import cache
from html import escape
from typing import Any

from markupsafe import Markup

from overstap.oso.labels import DEFAULT_LANGUAGE, Labels, labels

_DEEPEST = 4
_BETWEEN = "\0"
"""Separator that no text of a dossier holds: XML has no such character."""


def block_html(lines: list[list[Any]], empty: str, language: str, names: Labels | None = None) -> Markup:
    """Return a block's lines as HTML: headings, and field names with values.

    Args:
        lines: as `showing` makes them: depth, field, number, value, whether it is explained, whether it is a heading.
        empty: text shown for a missing value.
        language: code of the language of names and explanations; values are as the school wrote them.
        names: labels in that language with those that come with the copy; None for the known ones.
    """
    names = names if names is not None else labels(language)
    values = iter(escape(_BETWEEN.join(line[3] or empty for line in lines)).split(_BETWEEN))
    theirs = "<dd>" if labels(language).language == DEFAULT_LANGUAGE else f'<dd lang="{DEFAULT_LANGUAGE}">'
    parts: list[str] = []
    is_open = False
    for depth, place, number, text, is_explained, is_heading in lines:
        deep = min(depth, _DEEPEST)
        value = next(values)
        if is_heading:
            if is_open:
                parts.append("</dl>")
                is_open = False
            level = min(3 + depth, 6)
            parts.append(f'<h{level} class="d{deep}">{escape(names.label(place, number))}</h{level}>')
            continue
        if not is_open:
            parts.append(f'<dl class="pairs d{deep}">')
            is_open = True
        begin = theirs if text else f'<dd lang="{language}">'
        name = (
            _named(*names.added[place], is_explained=is_explained)
            if place in names.added
            else _name(place, language, is_explained=is_explained)
        )
        parts.append(f"<div>{name}{begin}{value}</dd></div>")
    if is_open:
        parts.append("</dl>")
    return Markup("".join(parts))  # noqa: S704 (every part of it is escaped above)


@cache
def _name(place: str, language: str, *, is_explained: bool) -> str:
    """Return a field's name as HTML, cached: there are some hundreds, and each page has most of them."""
    return _named(*labels(language).of(place), is_explained=is_explained)


def _named(label: str, explanation: str, *, is_explained: bool) -> str:
    more = f'<span class="help">{escape(explanation)}</span>' if is_explained and explanation else ""
    return f"<dt>{escape(label)}{more}</dt>"
