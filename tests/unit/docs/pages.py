"""The project's pages and what stands in them."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One page in Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(PROJECT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Targets of links and images, those on the web left out."""
        return [target for target in _LINK.findall(self.prose) if not re.match(r"[a-z]+:", target)]

    @property
    def anchors(self) -> set[str]:
        """What can be linked to, by the rule that code hosts have for headings."""
        headings = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found) for found in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @property
    def commands(self) -> list[str]:
        """Lines that call make or overstap: in blocks of a shell, and in the running text."""
        lines = [
            line.strip().removeprefix("$ ")
            for _, language, block in _FENCE.findall(self.text)
            if language in ("", "sh", "bash", "console")
            for line in block.splitlines()
        ]
        lines += _INLINE.findall(self.prose)
        calls = (re.sub(r"^(docker compose (exec|run)( -\S+| --\S+)* \S+ )?(\.venv/bin/)?", "", line) for line in lines)
        return [call for call in calls if re.match(r"(make|overstap)( |$)", call)]


def pages() -> list[Page]:
    """Return the pages beside the code and everything below docs/."""
    return [Page(PROJECT / name) for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")] + [
        Page(path) for path in sorted((PROJECT / "docs").rglob("*.md"))
    ]
