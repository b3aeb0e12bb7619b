"""List of faults for a school, in plain Dutch.

Data in, text out; the caller writes the files. Pupils are named by the label and the key that the caller gives, never
by name, so that a report can be mailed, printed and forwarded to a supplier.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.clock import format_moment
from overstap.errors import OverstapError
from overstap.oso.catalogue import catalogue
from overstap.quality import rulebook
from overstap.quality.findings import DossierSeverity
from overstap.resources import INCLUDE
from overstap.texts import noun, read_yaml

_TEMPLATES = INCLUDE / "templates" / "quality"
_ORDER = {DossierSeverity.ERROR: 0, DossierSeverity.WARNING: 1, DossierSeverity.NOTE: 2}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), full-width forms included."""
_FREQUENT = 2


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One thing that is wrong with one dossier.

    Args:
        label: what the dossier is called here; not a name and not a number of the pupil.
        rule: the rule's id.
        severity: how bad it is.
        path: the field, as in a finding.
        sentence: what is wrong, Dutch.
        what_to_do: what to do, Dutch.
        who: `school`, `supplier`, `region` or `administrator`.
        las_key: the pupil's key in the school's own administration, where it may be told.
    """

    label: str
    rule: str
    severity: DossierSeverity
    path: str
    sentence: str
    what_to_do: str
    who: str
    las_key: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that could not be read as a dossier.

    Args:
        code: the error's code.
        label: what the file is called here; a school's own file name can hold a pupil's name, so give another.
        sentence: what is wrong, Dutch.
        what_to_do: what to do, Dutch.
        who: who mends it.
    """

    code: str
    label: str
    sentence: str
    what_to_do: str
    who: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How a school stands in a round."""

    supplied: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class SchoolReportContent:
    """Everything that a report tells.

    Args:
        region_name: as people say it.
        school_name: as people say it.
        school_id: BRIN with branch.
        round_title: as people say it, such as "Adviesronde 2026-2027".
        made_at: when, aware.
        supplied: dossiers read.
        accepted: those that go on.
        rejected: those with an error.
        rows: what is wrong.
        refused: files that could not be read.
        previous: the counts of the report before, for the trend.
    """

    region_name: str
    school_name: str
    school_id: str
    round_title: str
    made_at: datetime
    supplied: int
    accepted: int
    rejected: int
    rows: tuple[ReportRow, ...] = ()
    refused: tuple[UnreadableFile, ...] = ()
    previous: Counts | None = None


@dataclass(slots=True)
class _Pupil:
    label: str
    las_key: str | None
    rows: list[ReportRow] = field(default_factory=list)


def row(
    label: str,
    rule: str,
    path: str,
    *,
    las_key: str | None = None,
    severity: str | None = None,
    version: str = "2019.1",
) -> ReportRow:
    """Return a row with the sentences of its rule, from what the ledger keeps of a finding.

    Args:
        label: what the dossier is called in the report.
        rule: the rule's id, or a code of the structure check.
        path: the field.
        las_key: the pupil's key in the school's own administration.
        severity: as found; without it the rule's own.
        version: version of the dossier.

    Raises:
        KeyError: the rule is not known.
    """
    words = rulebook.sentence(rule, version, path)
    how_bad = DossierSeverity(severity) if severity else rulebook.severity(rule, version)
    return ReportRow(label, rule, how_bad, path, words.nl, words.do_nl, words.who, las_key)


def refused(error: OverstapError, label: str) -> UnreadableFile:
    """Return a refused file from the error it was refused with."""
    return UnreadableFile(error.code, label, error.message_nl, error.do_nl, error.who)


def readable_path(path: str, version: str = "2019.1") -> str:
    """Return a field's place in words, such as "Ouder of verzorger (2), Overlijdensdatum".

    Args:
        path: the path of a finding.
        version: version of the dossier.
    """
    known = catalogue(version)
    block: str | None = known.root
    words = []
    _, *steps = path.split("/")
    for step in steps:
        name, _, number = step.rstrip("]").partition("[")
        found = next((each for each in known.blocks.get(block or "", ()) if each.name == name), None)
        label = found.label if found else name
        # The pupil stands inside the school, and lists only hold what they list: neither helps to find a field.
        if not (name in ("huidigeschool", "leerling") or name.endswith("lijst")) or step is steps[-1]:
            words.append(f"{label} ({number})" if number else label)
        block = found.contains if found else None
    return ", ".join(words) or known.root


def html(report: SchoolReportContent) -> str:
    """Return the report as a page that stands alone: no script, nothing fetched, fit for print and screen readers."""
    now = Counts(report.supplied, report.accepted, report.rejected)
    names = page_words()["counts"]
    counts: list[dict[str, Any]] = [
        {
            "name": names[key],
            "now": getattr(now, key),
            "change": getattr(now, key) - getattr(report.previous, key) if report.previous else None,
        }
        for key in ("supplied", "accepted", "rejected")
    ]
    counts.append({"name": names["refused"], "now": len(report.refused), "change": None})
    return (
        environment()
        .get_template("school.html.j2")
        .render(
            report=report,
            made_at=format_moment(report.made_at),
            counts=counts,
            words=page_words(),
            errors=sum(each.severity is DossierSeverity.ERROR for each in report.rows),
            not_errors=sum(each.severity is not DossierSeverity.ERROR for each in report.rows),
            frequent=_frequent(report.rows),
            pupils=_pupils(report.rows),
            place=lambda each: readable_path(each.path),
        )
    )


def csv_text(report: SchoolReportContent) -> str:
    """Return the report's rows for a spreadsheet.

    Semicolons and a byte order mark, as a Dutch Excel opens them; a cell that a spreadsheet would take for a formula
    begins with an apostrophe.
    """
    words = page_words()
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(words["columns"].values())
    severities, who = words["severity"], words["who"]
    for file in report.refused:
        cells = [file.label, "", severities["error"], words["file"], file.sentence, file.what_to_do, who[file.who]]
        writer.writerow([harmless(cell) for cell in (*cells, file.code)])
    for pupil in _pupils(report.rows):
        for each in pupil.rows:
            cells = [each.label, each.las_key or "", severities[each.severity.value], readable_path(each.path)]
            cells += [each.sentence, each.what_to_do, who[each.who], each.rule]
            writer.writerow([harmless(cell) for cell in cells])
    return "\ufeff" + out.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: with an apostrophe in front where it would."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _pupils(rows: Iterable[ReportRow]) -> list[_Pupil]:
    """Gather rows by dossier, the worst first in each, dossiers with errors first."""
    found: dict[str, _Pupil] = {}
    # The judge and the region's expectations may have found the same place.
    for each in dict.fromkeys(rows):
        found.setdefault(each.label, _Pupil(each.label, each.las_key)).rows.append(each)
    for pupil in found.values():
        pupil.rows.sort(key=lambda each: (_ORDER[each.severity], each.path, each.rule))
    return sorted(found.values(), key=lambda pupil: (_ORDER[pupil.rows[0].severity], pupil.label))


def _frequent(rows: Iterable[ReportRow]) -> list[dict[str, Any]]:
    """Return the rules that more than one dossier breaks, most dossiers first, with one row to speak for them."""
    speaks: dict[str, ReportRow] = {}
    dossiers: dict[str, set[str]] = {}
    for each in rows:
        speaks.setdefault(each.rule, each)
        dossiers.setdefault(each.rule, set()).add(each.label)
    many = Counter({rule: len(labels) for rule, labels in dossiers.items() if len(labels) >= _FREQUENT})
    return [
        {"row": speaks[rule], "pupils": number}
        for rule, number in sorted(many.items(), key=lambda item: (-item[1], _ORDER[speaks[item[0]].severity], item[0]))
    ]


@cache
def page_words() -> dict[str, Any]:
    """Return the words of reports and pages that are not in their templates."""
    found: dict[str, Any] = read_yaml(_TEMPLATES / "words.yaml")
    return found


@cache
def environment() -> Environment:
    """Return the templates of reports and pages; whatever is filled in is text, never markup."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["noun"] = noun
    return made
