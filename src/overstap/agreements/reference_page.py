"""Generates docs/agreement.md, the reference of agreement files, from the schema, the texts and the checks."""

from itertools import groupby

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.agreements.findings import WARNINGS
from overstap.agreements.schema import documented_keys
from overstap.errors import sentences
from overstap.resources import INCLUDE


def markdown() -> str:
    """Return the reference of agreement files in Markdown: all keys, and all codes of the check."""
    environment = Environment(  # noqa: S701 (Markdown from our own texts)
        loader=FileSystemLoader(INCLUDE / "templates" / "agreements"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    blocks = [(block, list(keys)) for block, keys in groupby(documented_keys(), key=lambda key: key.block)]
    codes = [
        (code, "warning" if code in WARNINGS else "error", text["en"], text["do_en"])
        for code, text in sorted(sentences().items())
        if code.startswith("AGREEMENT-1")
    ]
    return environment.get_template("agreement.md.j2").render(blocks=blocks, codes=codes)
