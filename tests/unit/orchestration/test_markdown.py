"""Text from elsewhere renders as itself where Airflow's pages render Markdown."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from overstap.orchestration.markdown import plain

TEXTS = (
    "De Regenboog",
    "J. de Vries-Jansen & zn. (wnd.)",
    "<img src=x onerror=alert(1)>",
    "</td></tr><script>alert(1)</script>",
    "[klik hier](https://evil.example)",
    "![](https://evil.example/x.png)",
    "[verwijzing][1]\n\n[1]: https://evil.example",
    "<https://evil.example>",
    "**vet** _schuin_ `code` ~~door~~ a|b \\",
    "een\n\n# kop\n\n- lijst\n\n| a |\n|---|",
    "&lt;b&gt; &#60; &copy;",
)
PLACES = ("{}", "# {}", "**{}**", "| a |\n|---|\n| {} |", "- {}", "Tekst met {} erin.")
LINKED = (
    re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)", re.IGNORECASE),
    re.compile(r"[-.\w+]+@[-\w]+(?:\.[-\w]+)+"),
)
"""What GitHub's dialect makes a link of in rendered text (mdast-util-gfm-autolink-literal)."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", TEXTS)
def test_the_text_is_shown_and_nothing_else(text: str, place: str) -> None:
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(place.format(plain(text)))
    frame = MarkdownIt("commonmark").enable(["table"]).render(place.format("x"))
    tags = re.compile(r"</?[a-z0-9]+[^>]*>")
    assert tags.findall(rendered) == tags.findall(frame)
    shown = html.unescape(tags.sub("", rendered)).replace("\u2060", "")
    assert " ".join(text.split()) in " ".join(shown.split())


@pytest.mark.parametrize(
    "text", ["https://evil.example/x", "HTTP://evil.example", "www.evil.example", "schrijf iemand@evil.example aan"]
)
def test_no_address_becomes_a_link_by_itself(text: str) -> None:
    assert any(pattern.search(text) for pattern in LINKED)
    assert not any(pattern.search(plain(text)) for pattern in LINKED)
    assert plain(text).replace("\u2060", "") == text
