"""Generates docs/rules.md, the reference of all quality rules: `python -m overstap.quality.reference_page`."""

import sys
from collections import Counter
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.quality import attachments, region_rulebook, rulebook, tables
from overstap.quality.findings import JudgementStage
from overstap.resources import INCLUDE

_TEMPLATES = INCLUDE / "templates" / "quality"
_STATUSES = (
    ("active", "checked as by the official sheet"),
    (
        "revived",
        "checked; the official 2019.1 sheet for transfer dossiers never reaches it, because of a mistake in that sheet",
    ),
    ("withdrawn", "withdrawn by the standard, or about a field that no longer exists"),
    ("structure", "ensured by the structure check, without a check of its own"),
    ("advice", "a recommendation of the standard, without a check"),
)


def markdown(version: str = "2019.1") -> str:
    """Return the reference of a version's rules in Markdown.

    Args:
        version: version of the data set.
    """
    book = list(rulebook.rules(version).values())
    official = [rule for rule in book if not rule.is_own]
    parts = [
        {
            "title": f"Official rules of {version}",
            "about": "Ids as in the official sheets. OVa: transfer dossiers; OVb: hand-over within one BRIN; PaO: "
            "dossiers for a partnership; OG, OS.cat and CL: all.",
            "is_official": True,
            "lines": [_line(rule, version) for rule in official],
        },
        {
            "title": "Rules of Overstap",
            "about": "Conditions that the official sheets do not check, for every version.",
            "is_official": False,
            "lines": [_line(rule, version) for rule in book if rule.is_own],
        },
        {
            "title": "Attachments",
            "about": "Checked with a dossier at intake, and by `overstap dossier check`.",
            "is_official": False,
            "lines": [_plain(code, attachments.severity(code), "", version) for code in attachments.codes()],
        },
        {
            "title": "The whole region",
            "about": "Checked over all dossiers of a round at once by Great Expectations, which also repeats formats "
            "and code lists by the column under the ids above.",
            "is_official": False,
            "lines": [
                *(
                    _plain(rule.id, rule.severity, rule.rule, version)
                    for rule in region_rulebook.region_rules()
                    if rule.id.startswith("OV-RG")
                ),
                _plain(region_rulebook.INCOMPLETE, region_rulebook.completeness("").severity, _NEEDED, version),
            ],
        },
    ]
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701 - Markdown from our own files
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("rules.md.j2").render(
        statuses=_STATUSES,
        counts=Counter(rule.status.value for rule in official),
        parts=parts,
        ranks=tables.advice_rows(),
    )


_NEEDED = "what the round needs is filled in (include/schemas/oso/completeness.csv)"


def _line(rule: rulebook.Rule, version: str) -> dict[str, Any]:
    severity = rule.severity.value if rule.severity else "-"
    line = _plain(rule.id, severity, rule.rule, version)
    line["status"] = rule.status.value
    if rule.stage is JudgementStage.COMPLETE:
        line["severity"] = f"{severity}, sealing"
    return line


def _plain(rule: str, severity: str, demands: str, version: str) -> dict[str, Any]:
    words = rulebook.sentence(rule, version)
    return {"id": rule, "severity": severity, "who": words.who, "rule": demands, "nl": words.message_nl}


if __name__ == "__main__":
    sys.stdout.write(markdown())
