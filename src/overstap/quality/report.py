"""Writing of a school's list of faults as HTML and CSV, in plain Dutch.

Pupils are identified by a label and a key from the caller, never by name, so that a report can be mailed, printed and
forwarded to a supplier.
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
from overstap.tabular.writing import safe_text
from overstap.texts import noun, read_yaml

_TEMPLATES = INCLUDE / "templates" / "quality"
_ORDER = {DossierSeverity.ERROR: 0, DossierSeverity.WARNING: 1, DossierSeverity.NOTE: 2}
_FREQUENT = 2


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One finding about one dossier.

    Args:
        label: label of the dossier, without a name or number of the pupil.
        rule: id of the rule.
        severity: the severity.
        path: path of the field, as in a finding.
        sentence: the fault, Dutch.
        what_to_do: the remedy, Dutch.
        who: who has to correct it: `school`, `supplier`, `region` or `administrator`.
        las_key: key of the pupil in the school's own system, where the report may contain it.
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
        code: code of the error.
        label: label of the file; not the school's file name, which can contain a pupil's name.
        sentence: the fault, Dutch.
        what_to_do: the remedy, Dutch.
        who: who has to correct it.
    """

    code: str
    label: str
    sentence: str
    what_to_do: str
    who: str


@dataclass(frozen=True, slots=True)
class SchoolCounts:
    """Numbers of dossiers of a school in a round."""

    supplied: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class SchoolReportContent:
    """Content of a school's report.

    Args:
        region_name: display name of the region.
        school_name: display name of the school.
        school_id: BRIN with branch.
        round_title: display name of the round, such as "Adviesronde 2026-2027".
        made_at: the moment of the report, aware.
        supplied: number of dossiers read.
        accepted: number of dossiers without an error.
        rejected: number of dossiers with an error.
        rows: the findings.
        refused: the unreadable files.
        previous: counts of the previous report, for the trend.
        is_for_school: whether it may contain pupils' keys of the school's system.
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
    previous: SchoolCounts | None = None
    is_for_school: bool = True


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
    """Return a row with the messages of its rule, from a finding as stored in the ledger.

    Args:
        label: label of the dossier.
        rule: id of the rule, or a code of the structure check.
        path: path of the field.
        las_key: key of the pupil in the school's own system.
        severity: severity of the finding; that of the rule when None.
        version: version of the data set.

    Raises:
        KeyError: the rule is unknown.
    """
    words = rulebook.sentence(rule, version, path)
    how_bad = DossierSeverity(severity) if severity else rulebook.severity(rule, version)
    return ReportRow(label, rule, how_bad, path, words.nl, words.do_nl, words.who, las_key)


def unreadable_file(error: OverstapError, label: str) -> UnreadableFile:
    """Return the entry of an unreadable file from its error."""
    return UnreadableFile(error.code, label, error.message_nl, error.do_nl, error.who)


def readable_path(path: str, version: str = "2019.1") -> str:
    """Return the Dutch labels of a path, such as "Ouder of verzorger (2), Overlijdensdatum".

    Args:
        path: path of a finding.
        version: version of the data set.
    """
    known = catalogue(version)
    block: str | None = known.root
    words = []
    _, *steps = path.split("/")
    for step in steps:
        name, _, number = step.rstrip("]").partition("[")
        found = next((each for each in known.blocks.get(block or "", ()) if each.name == name), None)
        label = found.label if found else name
        # School, pupil and list elements occur in almost every path and do not help to find a field
        if not (name in ("huidigeschool", "leerling") or name.endswith("lijst")) or step is steps[-1]:
            words.append(f"{label} ({number})" if number else label)
        block = found.contains if found else None
    return ", ".join(words) or known.root


def html(report: SchoolReportContent) -> str:
    """Return the report as self-contained HTML for screen, print and screen readers, without scripts."""
    now = SchoolCounts(report.supplied, report.accepted, report.rejected)
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
    """Return the report's rows as CSV.

    It has semicolons and a byte order mark, for Dutch Excel; cells that a spreadsheet would interpret as formulas start
    with an apostrophe.
    """
    words = page_words()
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(words["columns"].values())
    severities, who = words["severity"], words["who"]
    for file in report.refused:
        cells = [file.label, "", severities["error"], words["file"], file.sentence, file.what_to_do, who[file.who]]
        writer.writerow([safe_text(cell) for cell in (*cells, file.code)])
    for pupil in _pupils(report.rows):
        for each in pupil.rows:
            cells = [each.label, each.las_key or "", severities[each.severity.value], readable_path(each.path)]
            cells += [each.sentence, each.what_to_do, who[each.who], each.rule]
            writer.writerow([safe_text(cell) for cell in cells])
    return "\ufeff" + out.getvalue()


def _pupils(rows: Iterable[ReportRow]) -> list[_Pupil]:
    """Group rows by dossier, sorted by severity; dossiers with errors come first."""
    found: dict[str, _Pupil] = {}
    # A rule for single dossiers and a rule over the region can have found the same location
    for each in dict.fromkeys(rows):
        found.setdefault(each.label, _Pupil(each.label, each.las_key)).rows.append(each)
    for pupil in found.values():
        pupil.rows.sort(key=lambda each: (_ORDER[each.severity], each.path, each.rule))
    return sorted(found.values(), key=lambda pupil: (_ORDER[pupil.rows[0].severity], pupil.label))


def _frequent(rows: Iterable[ReportRow]) -> list[dict[str, Any]]:
    """Return the rules that several dossiers break, most frequent first, with an example row."""
    example: dict[str, ReportRow] = {}
    dossiers: dict[str, set[str]] = {}
    for each in rows:
        example.setdefault(each.rule, each)
        dossiers.setdefault(each.rule, set()).add(each.label)
    many = Counter({rule: len(labels) for rule, labels in dossiers.items() if len(labels) >= _FREQUENT})
    return [
        {"row": example[rule], "pupils": number}
        for rule, number in sorted(
            many.items(), key=lambda item: (-item[1], _ORDER[example[item[0]].severity], item[0])
        )
    ]


@cache
def page_words() -> dict[str, Any]:
    """Return the texts of reports and pages that are not in their templates."""
    found: dict[str, Any] = read_yaml(_TEMPLATES / "words.yaml")
    return found


@cache
def environment() -> Environment:
    """Return the Jinja environment of reports and pages, with automatic escaping."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["noun"] = noun
    return made
