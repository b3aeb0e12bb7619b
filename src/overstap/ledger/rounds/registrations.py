"""Which pupil may be received where, what no source states any more, and rows that could not be read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Registration:
    """A pupil who may be received by a school; the pupil's number never shows."""

    pupil_number: str = field(repr=False)
    primary_school: str
    secondary_school: str
    stage: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class UnstatedRegistrations:
    """Registrations that count and that the newest statement no longer has.

    Args:
        standing: how many count.
        missing: how many of them are not stated.
        digest: names this set of missing ones; says nothing about a pupil.
        kept: how many are not stated either, but a row that could not be read may be about them.
    """

    standing: int
    missing: int
    digest: str
    kept: int = 0


@dataclass(frozen=True, slots=True)
class RefusedRegistration:
    """A row of registrations that could not be read.

    Args:
        source: "file" or "database".
        line: of the file, or the position in the database's answer, from 1.
        code: why.
        facts: what fills the sentence of the code: names of columns and counts.
    """

    source: str
    line: int
    code: str
    facts: dict[str, Any]

    @property
    def error(self) -> OverstapError:
        """The refusal with its sentences."""
        return OverstapError(self.code, **{"label": f"regel {self.line}", **self.facts, "line": self.line})


def record_registrations(unit: UnitOfWork, school_year: str, registrations: Iterable[Registration]) -> int:
    """Record where pupils may be received; a surer or newer statement replaces the older one.

    Returns:
        How many statements were new or changed.
    """
    rows = [
        (
            unit.keys.lookup("pupil", row.pupil_number),
            row.primary_school,
            row.secondary_school,
            row.stage,
            row.recorded_at,
        )
        for row in registrations
    ]
    return int(
        unit.one(
            "select overstap.record_registrations(%(year)s, %(pupils)s::bytea[], %(from)s, %(to)s, %(stages)s, %(at)s)",
            **{
                "year": school_year,
                "pupils": [row[0] for row in rows],
                "from": [row[1] for row in rows],
                "to": [row[2] for row in rows],
                "stages": [row[3] for row in rows],
                "at": [row[4] for row in rows],
            },
        )[0]
    )


def mark_unstated(
    unit: UnitOfWork,
    school_year: str,
    stated: Iterable[tuple[str, str]],
    unread: Iterable[tuple[str | None, str | None]] = (),
) -> UnstatedRegistrations:
    """Mark what no source states any more. Nothing is withdrawn yet; what is stated again is marked no longer.

    Args:
        unit: the transaction.
        school_year: of the registrations.
        stated: pupil's number and secondary school of everything that the region's sources state at present.
        unread: of each row that could not be read what could be: pupil's number, secondary school. A registration that
            such a row may be about is not marked: who stands there has not gone.
    """
    pairs, rows = list(stated), list(unread)
    kept = unit.one(
        """
        with now as (
            select a.pupil, a.secondary_school,
                   (a.pupil, a.secondary_school) in
                       (select p, s from unnest(%(pupils)s::bytea[], %(schools)s::text[]) as t (p, s)
                         where p is not null and s is not null) as is_stated,
                   exists (select from unnest(%(unread)s::bytea[], %(unread_schools)s::text[]) as u (p, s)
                            where coalesce(u.p = a.pupil, true) and coalesce(u.s = a.secondary_school, true)) as is_kept
              from overstap.application a
             where a.school_year = %(year)s and a.withdrawn_at is null
        ), marked as (
            update overstap.application a
               set unstated_at = case when not n.is_stated and not n.is_kept then overstap.clock() end
              from now n
             where a.school_year = %(year)s and a.pupil = n.pupil and a.secondary_school = n.secondary_school
               and (a.unstated_at is null) is distinct from (n.is_stated or n.is_kept)
        )
        select count(*) filter (where not is_stated and is_kept) from now
        """,
        year=school_year,
        pupils=[unit.keys.lookup("pupil", pupil) for pupil, _ in pairs],
        schools=[school for _, school in pairs],
        unread=[unit.keys.lookup("pupil", pupil) if pupil else None for pupil, _ in rows],
        unread_schools=[school for _, school in rows],
    )[0]
    found = unstated(unit, school_year)
    return UnstatedRegistrations(found.standing, found.missing, found.digest, kept)


def unstated(unit: UnitOfWork, school_year: str) -> UnstatedRegistrations:
    """Return what is marked as not stated any more: what waits for a coordinator's answer."""
    standing, missing, digest = unit.one(
        """
        select count(*), count(unstated_at),
               encode(sha256(coalesce(string_agg(pupil || convert_to(secondary_school, 'UTF8'), ''::bytea
                                                 order by pupil, secondary_school)
                                      filter (where unstated_at is not null), '')), 'hex')
          from overstap.application where school_year = %(year)s and withdrawn_at is null
        """,
        year=school_year,
    )
    return UnstatedRegistrations(standing, missing, digest[:16])


def withdraw_unstated(unit: UnitOfWork, school_year: str) -> int:
    """Withdraw what no source states any more: a pupil who went elsewhere is not received there. Safe to repeat.

    The row stays, as evidence of what held when something was sealed; a source that states it again brings it back.

    Returns:
        How many were withdrawn.
    """
    return int(unit.one("select overstap.withdraw_registrations(%(year)s)", year=school_year)[0])


def note_refused(unit: UnitOfWork, school_year: str, refused: Sequence[RefusedRegistration]) -> None:
    """Keep which rows could not be read now; what could be read since is off the list."""
    unit.run("delete from overstap.refused_registration where school_year = %(year)s", year=school_year)
    for one in refused:
        unit.run(
            "insert into overstap.refused_registration (region, school_year, source, line, code, facts) "
            "values (%(region)s, %(year)s, %(source)s, %(line)s, %(code)s, %(facts)s::jsonb)",
            region=unit.region,
            year=school_year,
            source=one.source,
            line=one.line,
            code=one.code,
            facts=json.dumps(one.facts),
        )


def refused(unit: UnitOfWork, school_year: str) -> list[RefusedRegistration]:
    """Return the rows of registrations that could not be read, in the order of the sources."""
    return [
        RefusedRegistration(source, line, code, facts)
        for source, line, code, facts in unit.rows(
            "select source, line, code, facts from overstap.refused_registration where school_year = %(year)s "
            "order by source desc, line",
            year=school_year,
        )
    ]


def by_cause(rows: Sequence[RefusedRegistration]) -> list[tuple[OverstapError, list[int]]]:
    """Return refused rows by cause, the most frequent first: the sentences of the first row, and all line numbers.

    Args:
        rows: as `refused` gives them.
    """
    grouped: dict[tuple[str, str, str], list[RefusedRegistration]] = {}
    for one in rows:
        grouped.setdefault((one.source, one.code, str(one.facts.get("column", ""))), []).append(one)
    found = sorted(grouped.values(), key=lambda group: (-len(group), group[0].line))
    return [(group[0].error, [one.line for one in group]) for group in found]
