"""Judgement of new dossiers of a round, for the whole region at once."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice

from overstap.agreements import Agreement, Round, RoundId
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers.dossiers import FindingRow, VersionRef, contents, verdicts
from overstap.ledger.session import UnitOfWork
from overstap.oso import structure
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.quality.expectations import validate_region
from overstap.quality.findings import DossierSeverity, JudgementStage
from overstap.quality.regionbook import expected_in
from overstap.quality.registers import NONE, Registers
from overstap.quality.rules import judge
from overstap.quality.school import report_on_schools

UNREADABLE = "QUALITY-003"
"""What is found about a version that can no longer be read."""
GROUP = 500
"""Verdicts per transaction."""

_log = logging.getLogger(__name__)
_JUDGED = (
    *("accepted", "in_review", "inspected", "not_inspected", "no_receiver"),
    *("sealed", "confirmed", "refused", "undelivered"),
)


def judge_round(
    ledger: Ledger,
    *,
    agreement: Agreement,
    agreed: Round,
    round_id: str,
    actor: str,
    today: date,
    made_at: datetime,
    registers: Registers = NONE,
) -> Counter[str]:
    """Judge every dossier of a round that was not judged yet, and make the reports of their schools.

    The expectations run over the whole region, what was judged earlier too: a pupil who turns up at a second school
    tomorrow is found tomorrow. A dossier that was accepted earlier keeps its verdict.

    Args:
        ledger: the ledger.
        agreement: the agreement that the round started with.
        agreed: what it says about this round.
        round_id: the round.
        actor: who judges, for the evidence.
        today: the Dutch date.
        made_at: the moment that the reports state.
        registers: the national registers at hand, see `registers.load`.

    Returns:
        Counts: "accepted", "rejected" and "reports".
    """
    counts: Counter[str] = Counter()
    found: dict[VersionRef, list[FindingRow]] = {}
    with ledger.unit(agreement.region, actor) as unit:
        is_new = unit.rows(
            "select 1 from overstap.dossier where round_id = %(round)s and state = 'supplied' limit 1", round=round_id
        )
        if is_new:
            across = validate_region(
                _judging(unit, round_id, agreed.profile, today, found),
                schools=frozenset(school.id for school in agreement.schools),
                expected=expected_in(RoundId(round_id).kind, agreed.categories),
                registers=registers,
            )
    if is_new:
        by_id = {str(ref.dossier): findings for ref, findings in found.items()}
        for finding in across:
            row = FindingRow(finding.rule, finding.severity.value, finding.path)
            # Some rules are judged by dossier and over the region; what both find counts once.
            if finding.dossier_id in by_id and row not in by_id[finding.dossier_id]:
                by_id[finding.dossier_id].append(row)
        remaining = iter(found.items())
        while group := dict(islice(remaining, GROUP)):
            with ledger.unit(agreement.region, actor) as unit:
                counts += verdicts(unit, group)
    with ledger.unit(agreement.region, actor) as unit:
        counts["reports"] = report_on_schools(unit, agreement, round_id, made_at=made_at)
    return counts


def _judging(
    unit: UnitOfWork, round_id: str, profile: str, today: date, found: dict[VersionRef, list[FindingRow]]
) -> Iterator[tuple[str, Dossier]]:
    """Yield every dossier of the round, one in memory at a time, judging the new ones on the way.

    One that can no longer be read is set aside: it stops nobody. It was read when it was taken in, so it is damaged; if
    it is new it is rejected as such, and if it was judged before, sealing sets it aside again (DELIVERY-105).
    """

    def damaged(ref: VersionRef, state: str) -> None:
        _log.error("%s: %s", ref.dossier, OverstapError(UNREADABLE))
        if state == "supplied":
            found[ref] = [FindingRow(UNREADABLE, DossierSeverity.ERROR.value, "dossier")]

    for content in contents(unit, round_id, ["supplied", *_JUDGED], damaged=damaged):
        try:
            dossier = read(content.content)
        except OverstapError:
            damaged(content.ref, content.state)
            continue
        if content.state == "supplied":
            found[content.ref] = [
                FindingRow(fault.code, DossierSeverity.ERROR.value, fault.path) for fault in structure.check(dossier)
            ] + [
                FindingRow(finding.rule, finding.severity.value, finding.path)
                for finding in judge(dossier, today=today, stage=JudgementStage.BEFORE_INSPECTION, profile=profile)
            ]
        yield str(content.ref.dossier), dossier
