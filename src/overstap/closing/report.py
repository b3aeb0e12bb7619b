"""Report of a round in HTML and CSV: counts and names of schools, no pupils."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap import storage
from overstap.agreements import RoundId
from overstap.clock import format_moment
from overstap.closing.decisions import decision_sentence
from overstap.ledger.delivery.deliveries import UnreceivedDossiers
from overstap.ledger.delivery.results import ResultCounts
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.gate_decisions import GateDecision
from overstap.ledger.rounds.rounds import RoundRow
from overstap.resources import INCLUDE
from overstap.storage import Place
from overstap.tabular.writing import safe_text
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of a table of the report."""

    name: str
    title: str
    narrow: str
    """The title over several lines."""
    is_text: bool = False
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of one kind of school, with totals."""

    heading: str
    columns: Sequence[ReportColumn]
    rows: Sequence[dict[str, Any]]
    notes: Sequence[str] = ()
    """Notes below the table: why files and dossiers were refused."""

    @property
    def totals(self) -> dict[str, Any]:
        """Sums of the columns that hold counts."""
        return {
            column.name: "" if column.is_text else sum(row[column.name] for row in self.rows)
            for column in self.columns[1:]
        }


@dataclass(frozen=True, slots=True)
class RoundReport:
    """The text of a round report."""

    html: str
    csv: str


def primary_table(
    schools: Sequence[PrimaryCounts],
    sentence_of: Callable[[str], str],
    missing: Sequence[UnreceivedDossiers] = (),
    *,
    is_inspected: bool = True,
    older_advice: Mapping[str, int] = MappingProxyType({}),
) -> ReportTable:
    """Return the table of primary schools with the counts of their dossiers.

    Args:
        schools: counts of the schools.
        sentence_of: returns the Dutch sentence of a rule or error code.
        missing: counts of dossiers without a receiver, by reason.
        is_inspected: whether the round has inspection; if not, it has no expected or registered pupils either.
        older_advice: dossiers with an advice that is no longer the newest, by school.
    """
    rows = [
        {
            "school": f"{school.name} ({school.school})",
            "expected": school.expected,
            "supplied": school.supplied,
            "rejected": school.states["rejected"],
            "refused_files": school.refused_files.total(),
            "waiting": school.at_least("supplied", "accepted", "in_review"),
            "not_inspected": school.states["not_inspected"],
            "inspected": school.inspected,
            "no_receiver": school.states["no_receiver"],
            "not_sent": school.states["inspected"],
            "delivered": school.at_least("sealed", "confirmed", "refused", "undelivered"),
            "confirmed": school.states["confirmed"],
            "refused": school.states["refused"],
            "open": school.at_least("sealed", "undelivered"),
        }
        for school in schools
    ]
    notes = [*_notes(schools, sentence_of), *_without_receiver(schools, missing)]
    notes += [
        texts("closing/report")["notes"]["older_advice"]["nl"].format(
            school=school.name, count=older_advice[school.school]
        )
        for school in schools
        if older_advice.get(school.school)
    ]
    names = [name for name in _PRIMARY if is_inspected or name not in _ABOUT_INSPECTION]
    return ReportTable(texts("closing/report")["supplying"]["nl"], _columns(names), rows, notes)


def secondary_table(schools: Sequence[SecondaryCounts], sentence_of: Callable[[str], str]) -> ReportTable:
    """Return the table of secondary schools with the counts of their deliveries; arguments as of `primary_table`."""
    rows = [
        {
            "school": f"{school.name} ({school.school})",
            "delivered": school.sealed,
            "confirmed": school.confirmed,
            "refused": school.refused,
            "open": school.problems.total(),
        }
        for school in schools
    ]
    words = texts("closing/report")["notes"]
    notes = [
        words["by_account"]["nl"].format(school=school.name, count=school.by_account)
        for school in schools
        if school.by_account
    ]
    notes += [
        words["open"]["nl"].format(school=school.name, count=count, code=code, sentence=sentence_of(code))
        for school in schools
        for code, count in sorted(school.problems.items())
        if code
    ]
    return ReportTable(texts("closing/report")["receiving"]["nl"], _columns(_SECONDARY), rows, notes)


def results_table(schools: Sequence[ResultCounts]) -> ReportTable | None:
    """Return the table of secondary schools with the results of confirmed dossiers; None while there are none.

    Args:
        schools: counts of the schools.
    """
    stated = [one for one in schools if one.outcomes]
    if not stated:
        return None
    rows = [
        {
            "school": f"{one.name} ({one.school})",
            "confirmed": one.confirmed,
            "imported": one.outcomes["imported"],
            "not_imported": one.outcomes["rejected"],
            **{name: one.outcomes[name] for name in _RESULTS[4:]},
        }
        for one in stated
    ]
    words, reasons = texts("closing/report"), texts("delivery/answers")
    notes = [
        words["notes"]["not_taken_in"]["nl"].format(school=one.name, count=count, reason=reasons[reason]["nl"])
        for one in stated
        for reason, count in one.reasons.most_common()
    ]
    notes += [
        words["notes"]["said_by_account"]["nl"].format(school=one.name, count=one.by_account)
        for one in stated
        if one.by_account
    ]
    return ReportTable(words["results"]["nl"], _columns(_RESULTS), rows, notes)


def round_report(
    found: RoundRow,
    *,
    primary: Sequence[PrimaryCounts],
    secondary: Sequence[SecondaryCounts],
    results: Sequence[ResultCounts] = (),
    decisions: Sequence[GateDecision],
    checkpoint: tuple[int, str] | None,
    sentence_of: Callable[[str], str],
    at: datetime,
    missing: Sequence[UnreceivedDossiers] = (),
    older_advice: Mapping[str, int] = MappingProxyType({}),
) -> RoundReport:
    """Make the report of a round.

    Args:
        found: the round.
        primary: counts per primary school.
        secondary: counts per secondary school.
        results: results per secondary school of confirmed dossiers.
        decisions: the coordinator's decisions, oldest first.
        checkpoint: number of the last audit line it covers, and its root in hex; None before the first one.
        sentence_of: returns the Dutch sentence of a rule or error code.
        at: the present moment, aware.
        missing: counts of dossiers without a receiver, by reason.
        older_advice: dossiers with an advice that is no longer the newest, by primary school.
    """
    words, decision_words = texts("closing/report"), texts("closing/decisions")
    supplied = primary_table(
        primary, sentence_of, missing, is_inspected=found.kind.is_inspected, older_advice=older_advice
    )
    tables = [supplied, secondary_table(secondary, sentence_of)]
    if (stated := results_table(results)) is not None:
        tables.append(stated)
    facts = {"region": found.agreement.name, "round": found.kind.dutch, "school_year": found.school_year}
    html = (
        _environment()
        .get_template("round.html.j2")
        .render(
            title=words["title"]["nl"].format(**facts),
            made=words["made"]["nl"].format(moment=format_moment(at)),
            tables=tables,
            total=words["total"]["nl"],
            none=words["none"]["nl"],
            decisions_heading=words["decisions"]["nl"],
            decisions=[
                (
                    format_moment(one.at),
                    decision_sentence(one, found.kind),
                    decision_words["reason"]["nl"].format(reason=one.reason) if one.reason else "",
                )
                for one in decisions
            ],
            evidence_heading=words["evidence"]["nl"],
            checkpoint=words["checkpoint"]["nl"].format(up_to=checkpoint[0], root=checkpoint[1])
            if checkpoint
            else words["unsigned"]["nl"],
            quality=words["quality"]["nl"],
            quality_page=f"{found.kind.value}-quality.html",
        )
    )
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    for table in tables:
        writer.writerow([table.heading])
        writer.writerow([column.title for column in table.columns])
        writer.writerows([[_cell(row[column.name]) for column in table.columns] for row in table.rows])
        writer.writerows([[safe_text(note)] for note in table.notes])
        writer.writerow([])
    return RoundReport(html, out.getvalue())


def write_report(folder: Place, round_id: str, report: RoundReport) -> Place:
    """Write a report below the reports folder, each file atomically; return the HTML file.

    Args:
        folder: setting OVERSTAP_REPORTS.
        round_id: the round.
        report: the report.
    """
    found = RoundId(round_id)
    subfolder, kind = folder / found.region / found.school_year, found.kind
    storage.write(subfolder, f"{kind}.csv", f"\ufeff{report.csv}".encode(), mode=0o644)
    return storage.write(subfolder, f"{kind}.html", report.html.encode(), mode=0o644)


_PRIMARY = (
    *("school", "expected", "refused_files", "supplied", "rejected", "waiting", "not_inspected", "inspected"),
    *("no_receiver", "not_sent", "delivered", "confirmed", "refused", "open"),
)
"""Supplied is the sum of rejected, waiting, not inspected and inspected; inspected of no receiver, not sent and
delivered; delivered of confirmed, refused and open."""
_ABOUT_INSPECTION = frozenset({"expected", "inspected", "not_inspected", "no_receiver"})
_SECONDARY = ("school", "delivered", "confirmed", "refused", "open")
_RESULTS = ("school", "confirmed", "imported", "not_imported", "placed", "not_placed", "not_shown_up")
_BAD = {"not_imported", "rejected", "refused_files", "not_inspected", "no_receiver", "refused", "open"}


def _columns(names: Sequence[str]) -> list[ReportColumn]:
    titles = texts("closing/report")["columns"]
    return [
        ReportColumn(
            name,
            titles[name]["nl"],
            titles[name]["narrow"].replace("/", "\n"),
            name == "school",
            name in _BAD,
        )
        for name in names
    ]


def _notes(schools: Sequence[PrimaryCounts], sentence_of: Callable[[str], str]) -> list[str]:
    """Return the notes on refused dossiers and files of each school, the most frequent cause first."""
    words = texts("closing/report")["notes"]
    without = [
        words["without_consent"]["nl"].format(school=school.name, count=school.without_consent)
        for school in schools
        if school.without_consent
    ]
    return without + [
        words[kind]["nl"].format(school=school.name, count=count, code=code, sentence=sentence_of(code))
        for school in schools
        for kind, counted in (("rejected", school.rejections), ("refused_file", school.refused_files))
        for code, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]


def _without_receiver(schools: Sequence[PrimaryCounts], missing: Sequence[UnreceivedDossiers]) -> list[str]:
    """Return the notes on dossiers without a receiver, most often because of a registration outside the round."""
    names = {school.school: school.name for school in schools}
    words = texts("orchestration/receivers")
    return [
        words[one.why]["nl"].format(school=names.get(one.primary_school, one.primary_school), count=one.count)
        for one in missing
    ]


def _cell(value: Any) -> Any:
    return safe_text(value) if isinstance(value, str) else value


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "closing"),
        autoescape=True,
        undefined=StrictUndefined,
    )
