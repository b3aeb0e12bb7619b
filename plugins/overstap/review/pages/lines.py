"""A block of the dossier as HTML. A dossier has hundreds of lines, so they are joined here and not by the template."""

from html import escape
from typing import Any

from markupsafe import Markup

_DEEPEST = 4


def block_html(lines: list[list[Any]], empty: str) -> Markup:
    """Return a block's lines: headings, and names with their values beside them.

    Args:
        lines: as `showing` makes them: depth, label, value, explanation, whether it is a heading.
        empty: what is said where there is no value.
    """
    parts: list[str] = []
    is_open = False
    for depth, label, value, explanation, is_heading in lines:
        deep = min(depth, _DEEPEST)
        if is_heading:
            if is_open:
                parts.append("</dl>")
                is_open = False
            level = min(3 + depth, 6)
            parts.append(f'<h{level} class="d{deep}">{escape(label)}</h{level}>')
            continue
        if not is_open:
            parts.append(f'<dl class="pairs d{deep}">')
            is_open = True
        more = f'<span class="help">{escape(explanation)}</span>' if explanation else ""
        parts.append(f"<div><dt>{escape(label)}{more}</dt><dd>{escape(value or empty)}</dd></div>")
    if is_open:
        parts.append("</dl>")
    return Markup("".join(parts))  # noqa: S704 (every part of it is escaped above)
