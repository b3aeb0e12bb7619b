"""Judgement of a round's new dossiers, with the rules over the region: records verdicts and makes school reports."""

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
from overstap.quality.examination import Examination, examine, parse_examination
from overstap.quality.expectations import validate_region
from overstap.quality.findings import DossierSeverity
from overstap.quality.region_rulebook import expected_in
from overstap.quality.registers import NONE, Registers
from overstap.quality.school import report_on_schools

UNREADABLE = "QUALITY-003"
"""Code of the finding about a version that can no longer be read."""
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
    """Judge every dossier of a round without a verdict, and make the reports of the schools.

    The rules over the region include dossiers that were judged earlier, so that a pupil who appears at a second school
    later is found. A dossier that was accepted earlier keeps its verdict.

    Args:
        ledger: the ledger.
        agreement: the agreement that the round started with.
        agreed: the round in the agreement.
        round_id: id of the round.
        actor: step or account, recorded in audit lines.
        today: the Dutch date.
        made_at: the moment that the reports state.
        registers: the available national registers, see `registers.load`.

    Returns:
        Counts: "accepted", "rejected" and "reports".
    """
    counts: Counter[str] = Counter()
    own_codes = frozenset(agreement.own_code_labels)
    expected = expected_in(RoundId(round_id).kind, agreed.categories)
    examination_run = _RoundExamination(agreed.profile, expected, today, own_codes)
    across = []
    with ledger.unit(agreement.region, actor) as unit:
        if waiting_for_verdict(unit, round_id):
            across = validate_region(
                ((key, one.rows) for key, one in examination_run.examined(unit, round_id, ["supplied"])),
                known=((key, one.rows) for key, one in examination_run.examined(unit, round_id, _JUDGED)),
                schools=frozenset(school.id for school in agreement.schools),
                expected=examination_run.expected,
                registers=registers,
                own_codes=own_codes,
            )
    by_id = {str(ref.dossier): findings for ref, findings in examination_run.found.items()}
    for finding in across:
        row = FindingRow(finding.rule, finding.severity.value, finding.path)
        # Some rules apply to a dossier and over the region; a finding of both counts once
        if finding.dossier_id in by_id and row not in by_id[finding.dossier_id]:
            by_id[finding.dossier_id].append(row)
    remaining = iter(examination_run.found.items())
    while group := dict(islice(remaining, GROUP)):
        with ledger.unit(agreement.region, actor) as unit:
            counts += verdicts(unit, group)
    with ledger.unit(agreement.region, actor) as unit:
        counts["reports"] = report_on_schools(unit, agreement, round_id, made_at=made_at)
    return counts


@dataclass(slots=True)
class _RoundExamination:
    """Reads the examinations of a round's dossiers and collects the findings about new ones.

    Args:
        profile: profile of the round.
        expected: fields that every dossier must have in this round.
        today: the Dutch date, for dossiers that have to be examined here.
        own_codes: the region's own codes, as number of the code list and code.
        found: findings per new version.
    """

    profile: str
    expected: frozenset[str]
    today: date
    own_codes: frozenset[tuple[str, str]]
    found: dict[VersionRef, list[FindingRow]] = field(default_factory=dict)

    def examined(self, unit: UnitOfWork, round_id: str, states: Sequence[str]) -> Iterator[tuple[str, Examination]]:
        """Yield the examinations of a round's dossiers, one in memory at a time.

        A dossier that was examined at intake with the same rules is not decrypted. A dossier that can no longer be read
        is damaged, since it was read at intake: a new one is rejected, and one that was judged earlier is skipped here
        and at sealing (DELIVERY-105).
        """
        for kept in records.current(unit, round_id, states, damaged=self._damaged):
            examined = None
            if kept.record is not None:
                examined = parse_examination(
                    examination_in(kept.record),
                    profile=self.profile,
                    expected=self.expected,
                    own_codes=self.own_codes,
                )
            if examined is None:
                try:
                    dossier = read(records.content_of(unit, kept.ref))
                except OverstapError as problem:
                    if problem.code == "LEDGER-002":
                        raise
                    self._damaged(kept.ref, kept.state)
                    continue
                examined = examine(
                    dossier,
                    profile=self.profile,
                    today=self.today,
                    expected=self.expected,
                    own_codes=self.own_codes,
                )
                write_records(unit, [(kept.ref, record_of(dossier, examined))])
            if kept.state == "supplied":
                self.found[kept.ref] = [FindingRow(*each) for each in examined.findings]
            yield str(kept.ref.dossier), examined

    def _damaged(self, ref: VersionRef, state: str) -> None:
        _log.error("%s: %s", ref.dossier, OverstapError(UNREADABLE))
        if state == "supplied":
            self.found[ref] = [FindingRow(UNREADABLE, DossierSeverity.ERROR.value, "dossier")]
