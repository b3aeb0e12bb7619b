"""Input of every check: one agreement with its files and calendar."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from overstap.agreements.findings import AgreementFinding, finding
from overstap.agreements.model import HolidayRegion, Milestones, RoundKind
from overstap.agreements.national import National
from overstap.agreements.source_positions import AgreementSource, Key, moment_written
from overstap.clock import NETHERLANDS

MILESTONES = tuple(Milestones.model_fields)
KINDS = tuple(kind.value for kind in RoundKind)


@dataclass(slots=True)
class CheckContext:
    """An agreement under examination.

    Args:
        written: its files.
        national: its school year; None when the file does not say which.
        findings: what was found so far.
    """

    written: AgreementSource
    national: National | None
    findings: list[AgreementFinding] = field(default_factory=list)

    def say(self, code: str, /, *key: str | int, **facts: Any) -> None:
        """Note a finding about a value."""
        found = finding(code, self.written.place(key), key, **facts)
        self.findings.append(replace(found, school=self.written.school_at(key)))

    @property
    def part(self) -> HolidayRegion | None:
        """Whose school holidays count; None when the file does not say."""
        stated = self.written.at("holiday_region")
        known = [part.value for part in HolidayRegion]
        return HolidayRegion(stated) if isinstance(stated, str) and stated in known else None

    def rounds(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each round that is a block, with its name."""
        rounds = self.written.at("rounds")
        if isinstance(rounds, dict):
            for kind, agreed in rounds.items():
                if isinstance(agreed, dict) and kind in KINDS:
                    yield kind, agreed

    def moment(self, *key: str | int) -> datetime | None:
        """Return the moment at a key as Dutch wall time, or None when there is none that can be understood."""
        stated = moment_written(self.written.at(*key))
        if stated is None:
            return None
        return stated.replace(tzinfo=NETHERLANDS) if stated.tzinfo is None else stated.astimezone(NETHERLANDS)

    def milestone(self, kind: str, name: str) -> datetime | None:
        """Return a round's milestone as Dutch wall time, or None."""
        return self.moment("rounds", kind, "milestones", name)

    def round_name(self, kind: str) -> str:
        """Return a round as a coordinator calls it."""
        return RoundKind(kind).dutch

    def moment_keys(self) -> Iterator[Key]:
        """Yield the key of every moment that the file states, in its order."""
        for kind, agreed in self.rounds():
            milestones = agreed.get("milestones")
            if isinstance(milestones, dict):
                yield from (("rounds", kind, "milestones", name) for name in milestones if name in MILESTONES)
        occasions = self.written.at("occasions")
        if isinstance(occasions, list):
            for serial, occasion in enumerate(occasions):
                if isinstance(occasion, dict):
                    yield from (("occasions", serial, name) for name in ("starts", "ends") if occasion.get(name))


def instant(moment: datetime) -> datetime:
    """Return the moment in UTC, in which moments may be compared and counted."""
    return moment.astimezone(UTC)
