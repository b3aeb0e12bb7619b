"""Registrations of pupils at receiving schools, including unstated ones and rows that could not be read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration of a pupil at a receiving school; the pupil's number is not part of the representation."""

    pupil_number: str = field(repr=False)
    primary_school: str
    secondary_school: str
    stage: str
    recorded_at: datetime
    preference: int | None = None
    """Place in the order of preference, from 1; None where the source states none."""
    status: str | None = None
    """Such as "complete" or "refused" (`agreements.model.ApplicationStatus`); None where the source states none."""
    reason: str | None = None
    """Why it was refused, not drawn or withdrawn: a code."""
    source: str = "file"
    """"file" or "database"."""


@dataclass(frozen=True, slots=True)
class UnstatedRegistrations:
    """Registrations in force that no source states any more.

    Args:
        in_force: number of registrations in force.
        missing: number of them that no source states.
        digest: identifies this set of missing ones; reveals nothing about a pupil.
        kept: number of unstated ones that are kept, since an unreadable row may be about them.
    """

    in_force: int
    missing: int
    digest: str
    kept: int = 0


NOTES = ("INTAKE-114",)
"""Codes of what is said of a row that was used all the same; it stands in the list of refused rows."""


@dataclass(frozen=True, slots=True)
class RefusedRegistration:
    """A row of registrations that could not be read.

    Args:
        source: "file" or "database".
        line: line of the file, or position in the database's result, from 1.
        code: error code.
        facts: values for the sentence of the code: names of columns and counts.
    """

    source: str
    line: int
    code: str
    facts: dict[str, Any]

    @property
    def error(self) -> OverstapError:
        """The refusal with its sentences."""
        return OverstapError(self.code, **{"label": f"regel {self.line}", **self.facts, "line": self.line})


@dataclass(frozen=True, slots=True)
class NotedRows:
    """Rows of one source that were used, and of which the same is said.

    Args:
        source: "file" or "database".
        code: one of `NOTES`.
        count: number of rows.
        first: the first `FEW` lines.
    """

    FEW: ClassVar[int] = 20

    source: str
    code: str
    count: int
    first: tuple[int, ...]

    @property
    def error(self) -> OverstapError:
        """What is said, with its sentences."""
        return OverstapError(self.code, count=self.count)


def record_registrations(unit: UnitOfWork, school_year: str, registrations: Iterable[Registration]) -> int:
    """Record registrations with their history; a later stage or a newer statement replaces the older one.

    What was refused, not drawn or withdrawn counts no longer: the school may not receive the pupil.

    Returns:
        Number of new or changed registrations.
    """
    rows = [
        (
            unit.keys.lookup("pupil", row.pupil_number),
            row.primary_school,
            row.secondary_school,
            row.stage,
            row.recorded_at,
            row.preference,
            row.status,
            row.reason,
            row.source,
        )
        for row in registrations
    ]
    return int(
        unit.one(
            "select overstap.record_registrations(%(year)s, %(pupils)b::bytea[], %(from)b, %(to)b, %(stages)b, %(at)b, "
            "%(preferences)b::integer[], %(statuses)b::text[], %(reasons)b::text[], %(sources)b::text[])",
            **{
                "year": school_year,
                "pupils": [row[0] for row in rows],
                "from": [row[1] for row in rows],
                "to": [row[2] for row in rows],
                "stages": [row[3] for row in rows],
                "at": [row[4] for row in rows],
                "preferences": [row[5] for row in rows],
                "statuses": [row[6] for row in rows],
                "reasons": [row[7] for row in rows],
                "sources": [row[8] for row in rows],
            },
        )[0]
    )


_IS_STATED = (
    "coalesce((a.pupil, a.secondary_school) in (select p, s from unnest(%(pupils)b::bytea[], %(schools)b::text[]) "
    "as t (p, s) where p is not null and s is not null), false)"
)
"""A set that is hashed whole: of what was just recorded the planner knows no number, and a join takes its square."""
_IS_KEPT = (
    "exists (select from unnest(%(unread)b::bytea[], %(unread_schools)b::text[]) as u (p, s) "
    "where coalesce(u.p = a.pupil, true) and coalesce(u.s = a.secondary_school, true))"
)


def mark_unstated(
    unit: UnitOfWork,
    school_year: str,
    stated: Iterable[tuple[str, str]],
    unread: Iterable[tuple[str | None, str | None]] = (),
) -> UnstatedRegistrations:
    """Mark registrations that no source states any more, without withdrawing them; unmark those stated again.

    Args:
        unit: the transaction.
        school_year: school year of the registrations.
        stated: pupil's number and secondary school of everything that the region's sources state at present.
        unread: readable values of each unreadable row: pupil's number, secondary school. A registration that such a row
            may be about is not marked.
    """
    pairs, rows = list(stated), list(unread)
    values = {
        "year": school_year,
        "pupils": [unit.keys.lookup("pupil", pupil) for pupil, _ in pairs],
        "schools": [school for _, school in pairs],
        "unread": [unit.keys.lookup("pupil", pupil) if pupil else None for pupil, _ in rows],
        "unread_schools": [school for _, school in rows],
    }
    unit.run(
        "update overstap.application a set unstated_at = "  # noqa: S608 (conditions above)
        "case when a.unstated_at is null then overstap.clock() end "
        "where a.school_year = %(year)s and a.withdrawn_at is null "
        f"and (a.unstated_at is null) is distinct from ({_IS_STATED} or {_IS_KEPT})",
        **values,
    )
    kept = 0
    if rows:
        kept = unit.one(
            "select count(*) from overstap.application a where a.school_year = %(year)s and a.withdrawn_at is null "  # noqa: S608 (conditions above)
            f"and not {_IS_STATED} and {_IS_KEPT}",
            **values,
        )[0]
    found = unstated(unit, school_year)
    return UnstatedRegistrations(found.in_force, found.missing, found.digest, kept)


def unstated(unit: UnitOfWork, school_year: str) -> UnstatedRegistrations:
    """Return the counts of registrations marked as unstated, which wait for a coordinator's decision."""
    in_force, missing, digest = unit.one(
        "select in_force, missing, digest from overstap.unstated(%(year)s)", year=school_year
    )
    return UnstatedRegistrations(in_force, missing, digest)


def withdraw_unstated(unit: UnitOfWork, school_year: str) -> int:
    """Withdraw the unstated registrations: the school may no longer receive those pupils. Idempotent.

    The row stays as evidence for envelopes sealed before; a source that states it again restores it.

    Returns:
        Number of withdrawn registrations.
    """
    return int(unit.one("select overstap.withdraw_registrations(%(year)s)", year=school_year)[0])


def note_refused(unit: UnitOfWork, school_year: str, refused: Sequence[RefusedRegistration]) -> None:
    """Replace the list of rows that could not be read, and of rows that were used of which something is said."""
    unit.run("delete from overstap.refused_registration where school_year = %(year)s", year=school_year)
    columns = {"region": "text", "school_year": "text", "source": "text", "line": "integer", "code": "text"}
    rows = [(unit.region, school_year, one.source, one.line, one.code, json.dumps(one.facts)) for one in refused]
    unit.insert("refused_registration", {**columns, "facts": "jsonb"}, rows)


def note_outside(unit: UnitOfWork, school_year: str, rows: Iterable[tuple[str, str, str, int | None]]) -> int:
    """Replace what is stated of pupils whose primary school takes no part; return their number of rows.

    Args:
        unit: the transaction.
        school_year: the school year.
        rows: pupil number, primary school, secondary school, and place in the order of preference.
    """
    unit.run("delete from overstap.outside_registration where school_year = %(year)s", year=school_year)
    found = {(unit.keys.lookup("pupil", number), to): (of, preference) for number, of, to, preference in rows}
    unit.run(
        "insert into overstap.outside_registration "
        "(region, school_year, pupil, primary_school, secondary_school, preference) "
        "select %(region)s, %(year)s, x.* from unnest(%(pupils)s::bytea[], %(from)s::text[], %(to)s::text[], "
        "%(preferences)s::smallint[]) x",
        **{
            "region": unit.region,
            "year": school_year,
            "pupils": [pupil for pupil, _ in found],
            "from": [of for of, _ in found.values()],
            "to": [to for _, to in found],
            "preferences": [preference for _, preference in found.values()],
        },
    )
    return len(found)


def refused(unit: UnitOfWork, school_year: str) -> list[RefusedRegistration]:
    """Return the rows of registrations that could not be read, in the order of the sources."""
    return [
        RefusedRegistration(source, line, code, facts)
        for source, line, code, facts in unit.rows(
            "select source, line, code, facts from overstap.refused_registration where school_year = %(year)s "
            "and code <> all(%(notes)s) order by source desc, line",
            year=school_year,
            notes=list(NOTES),
        )
    ]


def noted(unit: UnitOfWork, school_year: str) -> list[NotedRows]:
    """Return what is said of rows that were used, by source and code, with the first lines of each."""
    return [
        NotedRows(source, code, count, tuple(first))
        for source, code, count, first in unit.rows(
            "select source, code, count(*), (array_agg(line order by line))[1:%(few)s] "
            "from overstap.refused_registration where school_year = %(year)s and code = any(%(notes)s) "
            "group by source, code order by source desc, code",
            year=school_year,
            notes=list(NOTES),
            few=NotedRows.FEW,
        )
    ]


def by_cause(rows: Sequence[RefusedRegistration]) -> list[tuple[OverstapError, list[int]]]:
    """Return refused rows by cause, the most frequent first: the sentences of the first row, and all line numbers.

    Args:
        rows: as `refused` returns them.
    """
    grouped: dict[tuple[str, str, str], list[RefusedRegistration]] = {}
    for one in rows:
        grouped.setdefault((one.source, one.code, str(one.facts.get("column", ""))), []).append(one)
    found = sorted(grouped.values(), key=lambda group: (-len(group), group[0].line))
    return [(group[0].error, [one.line for one in group]) for group in found]
