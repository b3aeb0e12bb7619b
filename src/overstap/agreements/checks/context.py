"""Context of the checks: one agreement with its source, its national school year and its findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from overstap.agreements.findings import AgreementFinding, finding
from overstap.agreements.model import HolidayRegion, Milestones, RoundKind
from overstap.agreements.national import NationalYear
from overstap.agreements.source_positions import AgreementSource, Key, stated_moment
from overstap.clock import NETHERLANDS

MILESTONES = tuple(Milestones.model_fields)
KINDS = tuple(kind.value for kind in RoundKind)


@dataclass(slots=True)
class CheckContext:
    """An agreement being checked.

    Args:
        source: its data, with positions.
        national: national data of its school year; None when the file does not state the year.
        findings: the findings so far.
    """

    source: AgreementSource
    national: NationalYear | None
    findings: list[AgreementFinding] = field(default_factory=list)

    def add_finding(self, code: str, /, *key: str | int, **facts: Any) -> None:
        """Add a finding about the value at a key.

        Args:
            code: a code of include/texts/errors/agreements.yaml.
            key: steps of the key.
            facts: values for the placeholders of its sentences.
        """
        found = finding(code, self.source.position(key), key, **facts)
        self.findings.append(replace(found, school=self.source.school_at(key)))

    @property
    def holiday_region(self) -> HolidayRegion | None:
        """The holiday region; None when the file does not state it."""
        stated = self.source.at("holiday_region")
        known = [part.value for part in HolidayRegion]
        return HolidayRegion(stated) if isinstance(stated, str) and stated in known else None

    def rounds(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each round that is a mapping, with its kind."""
        rounds = self.source.at("rounds")
        if isinstance(rounds, dict):
            for kind, agreed in rounds.items():
                if isinstance(agreed, dict) and kind in KINDS:
                    yield kind, agreed

    def moment(self, *key: str | int) -> datetime | None:
        """Return the moment at a key in Dutch wall time; None when it is absent or invalid."""
        stated = stated_moment(self.source.at(*key))
        if stated is None:
            return None
        return stated.replace(tzinfo=NETHERLANDS) if stated.tzinfo is None else stated.astimezone(NETHERLANDS)

    def milestone(self, kind: str, name: str) -> datetime | None:
        """Return a milestone of a round in Dutch wall time, or None."""
        return self.moment("rounds", kind, "milestones", name)

    def round_name(self, kind: str) -> str:
        """Return the Dutch name of a round."""
        return RoundKind(kind).dutch

    def moment_keys(self) -> Iterator[Key]:
        """Yield the key of each moment in the file, in its order."""
        for kind, agreed in self.rounds():
            milestones = agreed.get("milestones")
            if isinstance(milestones, dict):
                yield from (("rounds", kind, "milestones", name) for name in milestones if name in MILESTONES)
        occasions = self.source.at("occasions")
        if isinstance(occasions, list):
            for serial, occasion in enumerate(occasions):
                if isinstance(occasion, dict):
                    yield from (("occasions", serial, name) for name in ("starts", "ends") if occasion.get(name))


def instant(moment: datetime) -> datetime:
    """Convert a moment to UTC, for comparison and subtraction."""
    return moment.astimezone(UTC)
