"""Commands in the pages about a deployment, extracted from their code blocks."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from overstap_tools.project import PROJECT

PAGES = ("install", "certificates", "backup", "upgrading", "scaling", "monitoring")
IN_WORDS = (*PAGES, "troubleshooting")
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```", flags=re.M | re.S)
_COMMAND = re.compile(r"`((?:chown|deploy/|docker|git|make|openssl|overstap) ?[^`]* [^`]+)`")


@dataclass
class Documented:
    """The blocks of commands of all pages; each is taken once or more, and what nobody took is known.

    Args:
        kept: file with what was taken in earlier runs on the same place.
    """

    kept: Path
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.kept.exists():
            self.taken |= set(json.loads(self.kept.read_text()))

    def blocks(self, page: str) -> list[str]:
        """Return a page's blocks, without their indentation."""
        text = (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        if page == "install":  # the demo above it is tried by others
            text = text[text.index("## A deployment") :]
        found = []
        for indent, block in _BLOCK.findall(text):
            found.append("\n".join(line.removeprefix(indent) for line in block.splitlines()).strip())
        return found

    def __call__(self, page: str, begins: str) -> str:
        """Return the block of a page that begins with these words, and note that it was taken."""
        found = [block for block in self.blocks(page) if block.startswith(begins)]
        assert len(found) == 1, f"docs/{page}.md has {len(found)} blocks that begin with {begins}"
        self.taken.add(found[0])
        self.kept.write_text(json.dumps(sorted(self.taken)))
        return found[0]

    def not_taken(self) -> set[str]:
        """Return the blocks that nobody took."""
        return {block for page in PAGES for block in self.blocks(page)} - self.taken


def in_sentences() -> set[str]:
    """Return the commands, with at least one argument, that stand in sentences and tables of the pages."""
    found = set()
    for page in IN_WORDS:
        text = (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        text = text[text.index("## A deployment") :] if page == "install" else text
        words = _COMMAND.findall(re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))
        found |= {" ".join(command.split()) for command in words}
    return found


def table(page: str) -> dict[str, dict[str, str]]:
    """Return the first table of a page: per row what each column says."""
    text = Path(PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    lines = text[text.index("\n| ") + 1 :].partition("\n\n")[0].splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|") and not line.startswith("|---")
    ]
    return {row[0].replace("`", ""): dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[1:]}
