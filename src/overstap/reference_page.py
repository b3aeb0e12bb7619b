"""Generates docs/errors.md, the reference of all error codes: `python -m overstap.reference_page > docs/errors.md`."""

from overstap.errors import sentences

_SECTIONS = {
    "AGREEMENT": "Agreements of a region",
    "ATTACHMENT": "Attachments in a dossier",
    "AUDIT": "Evidence",
    "BOARD": "The coordinator's pages",
    "CLOSING": "Closing a round, and its evidence",
    "COMPARE": "Comparing applications with another region",
    "DELIVERY": "Sealing, delivery and receipts",
    "DOSSIER": "Reading a dossier",
    "GATE": "The coordinator's decision",
    "INTAKE": "Dossiers and registrations that schools hand in",
    "LEDGER": "The ledger and its keys",
    "KEYS": "The key service",
    "LOCAL": "The demonstration and the tests on one machine",
    "MAIL": "Mail",
    "METRICS": "The page of metrics",
    "PRIVACY": "Access to a pupil's data",
    "QUALITY": "The check of a region",
    "REVIEW": "What parents decided",
    "SCHOOL": "The school's pages",
    "DEPLOY": "Making a deployment",
    "SETTING": "Settings",
    "STANDARD": "Adding a version of the standard",
    "REHEARSAL": "Playing a school year before it begins",
    "TABLE": "Lists as CSV or workbook",
    "TASK": "Tasks of a round that failed for another reason",
    "TESTS": "Registration for the test at its supplier",
    "TRUST": "Certificates and keys",
}
_WHO = {
    "school": "the school",
    "supplier": "the supplier of the school's system",
    "region": "the region's coordinator",
    "administrator": "the administrator",
}
_HEAD = """# Error codes

Every error code of Overstap with its message in Dutch and English: what is wrong, what to do now, and who corrects it.
For whoever has a code and wants to know what to do. Words in braces stand for facts: a school, a count, a date. No
message holds a pupil's data. Findings about the content of a dossier have codes of their own ([rules.md](rules.md)).

A task fails at once when the school or the region's coordinator has to correct the cause (DELIVERY-101 excepted). After
any other error it is first tried again by itself ([rerun.md](rerun.md)).

This page is generated from `include/texts/errors/` by `python -m overstap.reference_page > docs/errors.md`; a test
fails when the two differ.
"""


def markdown() -> str:
    """Return the page in Markdown: a section per prefix of the codes, a heading per code.

    Raises:
        KeyError: the prefix of a code has no section, or the person named in `who` is unknown.
    """
    parts = [_HEAD]
    found = sentences()
    for prefix, title in _SECTIONS.items():
        codes = sorted(code for code in found if code.rpartition("-")[0] == prefix)
        if codes:
            parts.append(f"## {title}\n")
            parts += [_entry(code, found[code]) for code in codes]
    if unknown := sorted({code.rpartition("-")[0] for code in found} - _SECTIONS.keys()):
        raise KeyError(f"no title for {', '.join(unknown)}")
    return "\n".join(parts)


def _entry(code: str, text: dict[str, str]) -> str:
    return (
        f"### {code}\n\n"
        f"{_line(text['nl'])} {_line(text['do_nl'])}\n\n"
        f"{_line(text['en'])} {_line(text['do_en'])}\n\n"
        f"Mended by {_WHO[text['who']]}.\n"
    )


def _line(text: str) -> str:
    """Return a sentence on one line, with the characters that Markdown interprets escaped."""
    return " ".join(text.split()).replace("<", "\\<").replace("*", "\\*")


if __name__ == "__main__":
    print(markdown(), end="")
