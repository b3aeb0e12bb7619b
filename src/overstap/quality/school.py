"""Creation of the schools' lists of faults from the ledger, where they are stored encrypted.

The counts of each school are stored with it, so that the next report and the quality page can show the trend.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from overstap.agreements import Agreement, School
from overstap.errors import OverstapError
from overstap.ledger.dossiers import quality_runs, records, school_reports
from overstap.ledger.dossiers.dossiers import (
    RefusedFile,
    VersionRef,
    findings_of_school,
    oso_versions,
    refused_files,
)
from overstap.ledger.dossiers.quality_runs import QualityRun
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.oso.facts import DossierFacts
from overstap.quality import report


def report_on_schools(unit: UnitOfWork, agreement: Agreement, round_id: str, *, made_at: datetime) -> int:
    """Create the report of every school that supplied a file, usable or not.

    Args:
        unit: the transaction.
        agreement: the agreement that the round started with.
        round_id: id of the round.
        made_at: the moment that the reports state.

    Returns:
        The number of reports.
    """
    now = quality_runs.present(unit, round_id, made_at=made_at)
    before = quality_runs.latest(unit, round_id)
    round_title = f"{get_round(unit, round_id).kind.dutch} {agreement.school_year}"
    made = 0
    for school in agreement.suppliers(get_round(unit, round_id).kind):
        refused = refused_files(unit, round_id, school.id)
        run = now.get(school.id)
        if run is None or not (run.supplied or refused):
            continue
        content = _report(unit, agreement, round_id, round_title, school, run, before.get(school.id), refused)
        kept = school_reports.SchoolReport(report.html(content), report.csv_text(content))
        school_reports.keep(unit, round_id, school.id, kept)
        made += 1
    quality_runs.keep(unit, round_id, now.values())
    return made


def list_without_keys(
    unit: UnitOfWork, agreement: Agreement, round_id: str, school_id: str, *, made_at: datetime
) -> school_reports.SchoolReport:
    """Return a school's list of faults for somebody outside the school: each dossier by its reference only.

    It needs no key of the region, and nothing is stored.

    Args:
        unit: the transaction, which may be one that only reads, without keys.
        agreement: the agreement of the round.
        round_id: id of the round.
        school_id: BRIN with branch of a school that supplies in it.
        made_at: the moment that the list states.

    Raises:
        KeyError: the round has no such school.
    """
    round_row = get_round(unit, round_id)
    schools = {school.id: school for school in agreement.suppliers(round_row.kind)}
    refused = refused_files(unit, round_id, school_id, with_names=False)
    now = quality_runs.present(unit, round_id, made_at=made_at).get(school_id)
    content = _report(
        *(unit, agreement, round_id, f"{round_row.kind.dutch} {agreement.school_year}", schools[school_id]),
        now or QualityRun(school_id, made_at, 0, 0, 0, 0, Counter()),
        quality_runs.latest(unit, round_id).get(school_id),
        refused,
        with_keys=False,
    )
    return school_reports.SchoolReport(report.html(content), report.csv_text(content))


def _report(
    unit: UnitOfWork,
    agreement: Agreement,
    round_id: str,
    round_title: str,
    school: School,
    now: QualityRun,
    before: QualityRun | None,
    refused: list[RefusedFile],
    *,
    with_keys: bool = True,
) -> report.SchoolReportContent:
    found = findings_of_school(unit, round_id, school.id)
    keys: Mapping[VersionRef, tuple[str | None, str]]
    if with_keys:
        keys = _las_keys(unit, set(found))
    else:
        keys = {ref: (None, version) for ref, version in oso_versions(unit, round_id, school.id).items()}
    rows = [
        report.row(
            label_of(ref),
            finding.rule,
            finding.path,
            las_key=keys.get(ref, (None, ""))[0],
            severity=finding.severity,
            version=keys.get(ref, (None, "2019.1"))[1],
        )
        for ref, findings in found.items()
        for finding in findings
    ]
    return report.SchoolReportContent(
        region_name=agreement.name,
        school_name=school.name,
        school_id=school.id,
        round_title=round_title,
        made_at=now.made_at,
        supplied=now.supplied,
        accepted=now.accepted,
        rejected=now.rejected,
        rows=tuple(rows),
        refused=tuple(
            report.unreadable_file(OverstapError(item.code, **{"label": item.label, **item.facts}), item.label)
            for item in refused
        ),
        is_for_school=with_keys,
        previous=report.SchoolCounts(before.supplied, before.accepted, before.rejected) if before else None,
    )


def label_of(ref: VersionRef) -> str:
    """Return the label of a dossier outside the ledger, without personal data."""
    return reference(ref.dossier)


def _las_keys(unit: UnitOfWork, wanted: set[VersionRef]) -> dict[VersionRef, tuple[str | None, str]]:
    """Return LAS key and OSO version of the dossiers with findings.

    Dossiers that can no longer be read are omitted; a report identifies them by their label only.
    """
    known = records.of(unit, list(wanted), DossierFacts, damaged=lambda _: None)
    return {ref: (facts.las_key or None, facts.oso_version) for ref, facts in known.items()}
