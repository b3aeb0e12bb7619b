"""Quality page of a region or a school as HTML: counts, most frequently broken rules, and trend.

It contains counts only, no names, keys or file names, so that it can be mailed and shown.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from overstap import errors
from overstap.clock import format_digits, format_moment
from overstap.ledger.dossiers.quality_runs import QualityRun
from overstap.quality import report, rulebook
from overstap.quality.findings import DossierSeverity

MAX_RUNS = 12
"""Number of runs in the trend, the newest ones."""
_COUNTS = ("supplied", "accepted", "rejected", "refused")
_ORDER = {DossierSeverity.ERROR: 0, DossierSeverity.WARNING: 1, DossierSeverity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class QualityMoment:
    """Quality figures of a region or school at one moment.

    Args:
        made_at: the moment, aware.
        supplied: number of dossiers read.
        accepted: number of dossiers without an error.
        rejected: number of dossiers with an error.
        refused: number of unreadable files.
        found: number of dossiers or files per rule or error code.
        schools: number of schools per rule or error code.
    """

    made_at: datetime
    supplied: int
    accepted: int
    rejected: int
    refused: int
    found: Counter[str]
    schools: Counter[str]

    @property
    def open(self) -> int:
        """Number of dossiers without a verdict."""
        return self.supplied - self.accepted - self.rejected


def trend(runs: Iterable[QualityRun]) -> list[QualityMoment]:
    """Return the combined figures of all schools at each run, oldest first.

    Args:
        runs: stored runs of a round. For a school without a row at a run, its previous row is used.
    """
    latest: dict[str, QualityRun] = {}
    entries: dict[datetime, QualityMoment] = {}
    for run in sorted(runs, key=lambda each: each.made_at):
        latest[run.school] = run
        entries[run.made_at] = _combined(run.made_at, latest.values())
    return list(entries.values())


def _combined(made_at: datetime, latest: Iterable[QualityRun]) -> QualityMoment:
    counts = dict.fromkeys(_COUNTS, 0)
    found: Counter[str] = Counter()
    schools: Counter[str] = Counter()
    for run in latest:
        for name in _COUNTS:
            counts[name] += getattr(run, name)
        found.update(run.found)
        schools.update(run.found.keys())
    return QualityMoment(made_at, **counts, found=found, schools=schools)


def html(
    runs: Iterable[QualityRun],
    *,
    region_name: str,
    round_title: str,
    schools: Mapping[str, str],
    school: str | None = None,
) -> str:
    """Return the page as self-contained HTML, without scripts and external resources.

    Args:
        runs: the stored runs of the round.
        region_name: display name of the region.
        round_title: display name of the round, such as "Adviesronde 2026-2027".
        schools: names of the primary schools of the agreement by BRIN with branch.
        school: the school to report on; the whole region when None.
    """
    mine = [run for run in runs if school in (None, run.school)]
    past = trend(mine)
    now = past[-1] if past else None
    before = past[-2] if len(past) > 1 else None
    environment = report.environment()
    return environment.get_template("region.html.j2").render(
        region_name=region_name,
        round_title=round_title,
        school=school,
        school_name=schools.get(school or "", ""),
        made_at=format_moment(now.made_at) if now else "",
        counts=[
            {
                "name": report.page_words()["counts"][name],
                "now": getattr(now, name),
                "change": _change(now, before, name),
            }
            for name in _COUNTS
        ]
        if now
        else [],
        trend=[{"at": _short(one.made_at), "one": one} for one in reversed(past[-MAX_RUNS:])],
        older=max(0, len(past) - MAX_RUNS),
        most=max((one.supplied for one in past[-MAX_RUNS:]), default=0),
        rules=_rules(now, before) if now else [],
        schools=_schools(mine, schools) if school is None and now else [],
        words=report.page_words(),
    )


def _change(now: QualityMoment | None, before: QualityMoment | None, name: str) -> int | None:
    return None if now is None or before is None else getattr(now, name) - getattr(before, name)


def _short(moment: datetime) -> str:
    return format_digits(moment)


def _rules(now: QualityMoment, before: QualityMoment | None) -> list[dict[str, Any]]:
    """Return the broken rules, errors first, then by frequency; including those broken in the previous run only."""
    entries = []
    for code in now.found.keys() | (before.found.keys() if before else set()):
        severity, who = _about(code)
        number = now.found[code]
        entries.append(
            {
                "code": code,
                "sentence": rulebook.sentence_of(code),
                "severity": severity,
                "who": who,
                "number": number,
                "schools": now.schools[code],
                "change": number - before.found[code] if before else None,
            }
        )
    return sorted(entries, key=lambda each: (_ORDER[each["severity"]], -each["number"], each["code"]))


def _about(code: str) -> tuple[DossierSeverity, str]:
    """Return the severity of a code and who has to correct it; an unreadable file is an error."""
    known = errors.sentences().get(code)
    if known is not None:
        return DossierSeverity.ERROR, known["who"]
    return rulebook.severity(code), rulebook.sentence(code).who


def _schools(runs: list[QualityRun], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return an entry per school of the agreement, most rejected dossiers first, schools without data last."""
    rows: dict[str, list[QualityRun]] = {school: [] for school in names}
    for run in sorted(runs, key=lambda each: each.made_at):
        rows.setdefault(run.school, []).append(run)
    entries = []
    for school, mine in rows.items():
        now = mine[-1] if mine else None
        often = now.found.most_common() if now else []
        worst = [code for code, _ in often if _about(code)[0] is DossierSeverity.ERROR]
        entries.append(
            {
                "school": school,
                "name": names.get(school, school),
                "now": now,
                "change": mine[-1].rejected - mine[-2].rejected if len(mine) > 1 else None,
                "worst": rulebook.sentence_of(worst[0]) if worst else "",
                "code": worst[0] if worst else "",
            }
        )
    return sorted(
        entries,
        key=lambda each: (
            each["now"] is None,
            -(each["now"].rejected + each["now"].refused) if each["now"] else 0,
            each["name"],
        ),
    )
