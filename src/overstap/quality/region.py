"""Judgement of new dossiers of a round, for the whole region at once."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice

from overstap.agreements import Agreement, Round, RoundId
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.dossiers import FindingRow, VersionRef, verdicts, waiting_for_verdict, write_records
from overstap.ledger.session import UnitOfWork
from overstap.oso.facts import examination_in, record_of
from overstap.oso.reading import read
from overstap.quality.examination import Examination, examine, examined_in
from overstap.quality.expectations import validate_region
from overstap.quality.findings import DossierSeverity
from overstap.quality.regionbook import expected_in
from overstap.quality.registers import NONE, Registers
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
    judging = _Judging(agreed.profile, expected_in(RoundId(round_id).kind, agreed.categories), today)
    across = []
    with ledger.unit(agreement.region, actor) as unit:
        if waiting_for_verdict(unit, round_id):
            across = validate_region(
                ((key, one.rows) for key, one in judging.examined(unit, round_id, ["supplied"])),
                known=((key, one.rows) for key, one in judging.examined(unit, round_id, _JUDGED)),
                schools=frozenset(school.id for school in agreement.schools),
                expected=judging.expected,
                registers=registers,
            )
    by_id = {str(ref.dossier): findings for ref, findings in judging.found.items()}
    for finding in across:
        row = FindingRow(finding.rule, finding.severity.value, finding.path)
        # Some rules are judged by dossier and over the region; what both find counts once.
        if finding.dossier_id in by_id and row not in by_id[finding.dossier_id]:
            by_id[finding.dossier_id].append(row)
    remaining = iter(judging.found.items())
    while group := dict(islice(remaining, GROUP)):
        with ledger.unit(agreement.region, actor) as unit:
            counts += verdicts(unit, group)
    with ledger.unit(agreement.region, actor) as unit:
        counts["reports"] = report_on_schools(unit, agreement, round_id, made_at=made_at)
    return counts


@dataclass(slots=True)
class _Judging:
    """Goes through what is kept of a round's dossiers; what is found about new ones is collected on the way.

    Args:
        profile: the profile that the round is for.
        expected: fields that every dossier has in this round.
        today: the Dutch date, for those that have to be examined here.
    """

    profile: str
    expected: frozenset[str]
    today: date
    found: dict[VersionRef, list[FindingRow]] = field(default_factory=dict)

    def examined(self, unit: UnitOfWork, round_id: str, states: Sequence[str]) -> Iterator[tuple[str, Examination]]:
        """Yield the examinations of a round's dossiers, one in memory at a time.

        What was examined when it was taken in, by these very rules, is not opened. One that can no longer be read is
        set aside: it stops nobody. It was read when it was taken in, so it is damaged; if it is new it is rejected as
        such, and if it was judged before, sealing sets it aside again (DELIVERY-105).
        """
        for kept in records.current(unit, round_id, states, damaged=self._damaged):
            examined = None
            if kept.record is not None:
                examined = examined_in(examination_in(kept.record), profile=self.profile, expected=self.expected)
            if examined is None:
                try:
                    dossier = read(records.content_of(unit, kept.ref))
                except OverstapError as problem:
                    if problem.code == "LEDGER-002":
                        raise
                    self._damaged(kept.ref, kept.state)
                    continue
                examined = examine(dossier, profile=self.profile, today=self.today, expected=self.expected)
                write_records(unit, [(kept.ref, record_of(dossier, examined.as_json()))])
            if kept.state == "supplied":
                self.found[kept.ref] = [FindingRow(*each) for each in examined.findings]
            yield str(kept.ref.dossier), examined

    def _damaged(self, ref: VersionRef, state: str) -> None:
        _log.error("%s: %s", ref.dossier, OverstapError(UNREADABLE))
        if state == "supplied":
            self.found[ref] = [FindingRow(UNREADABLE, DossierSeverity.ERROR.value, "dossier")]
