"""Progress of a round in counts: state transitions per day, pace, open reviews, deliveries and requests."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from overstap.ledger.session import UnitOfWork

_DAY = "(({moment}) at time zone 'Europe/Amsterdam')::date"


@dataclass(frozen=True, slots=True)
class StateTransition:
    """Number of dossiers of one round that went from one state to another on one day.

    Args:
        day: Dutch calendar day.
        from_state: the state before; None for new dossiers.
        to_state: the state after.
        count: number of dossiers.
    """

    day: date
    from_state: str | None
    to_state: str
    count: int


@dataclass(frozen=True, slots=True)
class OpenReview:
    """Dossiers of one school in review without a decision.

    Args:
        count: number of dossiers.
        closes_first: when the first of their windows closes.
        closes_last: when the last of their windows closes.
    """

    count: int
    closes_first: datetime
    closes_last: datetime


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """Envelopes from one primary school to one secondary school that are not confirmed.

    Args:
        primary_school: BRIN with branch.
        secondary_school: BRIN with branch.
        problem: error code of the last attempt; empty before the first.
        count: number of envelopes.
    """

    primary_school: str
    secondary_school: str
    problem: str
    count: int


def transitions(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[StateTransition]:
    """Return the state transitions of a round by day, oldest first.

    Args:
        unit: the transaction.
        round_id: the round.
        school: only this primary school's dossiers.
    """
    values = {"round": round_id, "school": school}
    came = unit.rows(
        f"select {_DAY.format(moment='uuid_extract_timestamp(dossier)')} as day, count(*) from overstap.dossier "  # noqa: S608
        "where round_id = %(round)s and (%(school)s::text is null or primary_school = %(school)s) group by 1",
        **values,
    )
    moved = unit.rows(
        f"select {_DAY.format(moment='e.at')} as day, e.from_state, e.to_state, count(*) "  # noqa: S608
        "from overstap.dossier_event e join overstap.dossier d on d.dossier = e.dossier "
        "where d.round_id = %(round)s and (%(school)s::text is null or d.primary_school = %(school)s) "
        "group by 1, 2, 3",
        **values,
    )
    found = [StateTransition(day, None, "supplied", count) for day, count in came]
    found += [StateTransition(*row) for row in moved]
    return sorted(found, key=lambda one: (one.day, one.from_state or "", one.to_state))


def transitions_since(unit: UnitOfWork, moment: datetime) -> dict[str, list[tuple[str | None, str, int]]]:
    """Return the state transitions since a moment per round of the region: state before, state after, number.

    Args:
        unit: the transaction.
        moment: the moment, aware.
    """
    found: dict[str, list[tuple[str | None, str, int]]] = {}
    for round_id, before, after, count in unit.rows(
        "select d.round_id, e.from_state, e.to_state, count(*) from overstap.dossier_event e "
        "join overstap.dossier d on d.dossier = e.dossier where e.at >= %(moment)s group by 1, 2, 3",
        moment=moment,
    ):
        found.setdefault(round_id, []).append((before, after, count))
    # A version-7 id begins with its moment of creation (RFC 9562 clause 5.7), so newer ids are higher than this one.
    for round_id, count in unit.rows(
        "select round_id, count(*) from overstap.dossier where dossier >= %(first)s group by 1",
        first=UUID(int=int(moment.timestamp() * 1000) << 80),
    ):
        found.setdefault(round_id, []).append((None, "supplied", count))
    return found


def deliveries(unit: UnitOfWork) -> dict[str, Counter[str]]:
    """Return the number of deliveries per outcome, per round of the region.

    An outcome is the delivery's state, with "failing" for those sealed whose last attempt failed, and "waiting" for
    those sealed without an attempt.
    """
    found: dict[str, Counter[str]] = {}
    for round_id, outcome, count in unit.rows(
        "select round_id, case when state <> 'sealed' then state when problem is null then 'waiting' "
        "else 'failing' end, count(*) from overstap.delivery group by 1, 2"
    ):
        found.setdefault(round_id, Counter())[outcome] = count
    return found


def pace(unit: UnitOfWork, round_id: str, since: datetime, school: str | None = None) -> dict[str, Counter[str]]:
    """Return the pace of each primary school: dossiers supplied, accepted and inspected since a moment.

    Args:
        unit: the transaction.
        round_id: the round.
        since: the moment, aware.
        school: only this primary school.

    Returns:
        Per school a counter with "supplied", "good" (accepted) and "inspected".
    """
    found: dict[str, Counter[str]] = {}
    values = {"round": round_id, "since": since, "school": school}
    for one, count in unit.rows(
        "select primary_school, count(*) from overstap.dossier where round_id = %(round)s "
        "and (%(school)s::text is null or primary_school = %(school)s) "
        "and uuid_extract_timestamp(dossier) >= %(since)s group by 1",
        **values,
    ):
        found.setdefault(one, Counter())["supplied"] = count
    for one, transition, count in unit.rows(
        # Each dossier once by a hash: to count distinct ones, PostgreSQL sorts the events of all schools
        "select primary_school, transition, count(*) from (select distinct d.primary_school, e.transition, e.dossier "
        "from overstap.dossier_event e join overstap.dossier d on d.dossier = e.dossier "
        "where d.round_id = %(round)s and e.at >= %(since)s "
        "and (%(school)s::text is null or d.primary_school = %(school)s) "
        "and e.transition in ('accept', 'inspect')) moved group by 1, 2",
        **values,
    ):
        found.setdefault(one, Counter())["good" if transition == "accept" else "inspected"] = count
    return found


def open_reviews(unit: UnitOfWork, round_id: str, school: str | None = None) -> dict[str, OpenReview]:
    """Return the open reviews per primary school, or of one."""
    return {
        one: OpenReview(count, first, last)
        for one, count, first, last in unit.rows(
            "select primary_school, count(*), min(review_closes_at), max(review_closes_at) from overstap.dossier "
            "where round_id = %(round)s and (%(school)s::text is null or primary_school = %(school)s) "
            "and state = 'in_review' group by 1",
            round=round_id,
            school=school,
        )
    }


def open_deliveries(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[OpenDelivery]:
    """Return the unconfirmed envelopes by sender (or of one) and receiver, without those reported undelivered.

    For the latter see `outstanding.reported_undelivered`.
    """
    return [
        OpenDelivery(*row)
        for row in unit.rows(
            "select d.primary_school, l.secondary_school, coalesce(l.problem, ''), count(*) from overstap.delivery l "
            "join overstap.dossier d on d.dossier = l.dossier and d.version = l.number and d.state = 'sealed' "
            "where l.round_id = %(round)s and (%(school)s::text is null or d.primary_school = %(school)s) "
            "and l.state = 'sealed' group by 1, 2, 3 order by 1, 2, 3",
            round=round_id,
            school=school,
        )
    ]


def open_requests(unit: UnitOfWork, round_id: str, school: str | None = None) -> dict[str, tuple[int, int]]:
    """Return the number of open and of overdue requests of parents, per primary school or of one."""
    return {
        one: (count, overdue)
        for one, count, overdue in unit.rows(
            "select d.primary_school, count(*), count(*) filter (where q.due_at < clock_timestamp()) "
            "from overstap.review_request q join overstap.dossier d on d.dossier = q.dossier "
            "where d.round_id = %(round)s and (%(school)s::text is null or d.primary_school = %(school)s) "
            "and q.state = 'open' group by 1",
            round=round_id,
            school=school,
        )
    }


def results(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[tuple[str, str, str, int]]:
    """Return the receivers' results, of all dossiers or of one primary school's.

    Returns:
        Primary school, secondary school, outcome (imported, rejected; placed, not_placed, not_shown_up), and number.
    """
    return [
        (primary, secondary, outcome, count)
        for primary, secondary, outcome, count in unit.rows(
            "select d.primary_school, l.secondary_school, r.outcome, count(*) from overstap.current_result r "
            "join overstap.delivery l on l.message_id = r.message_id "
            "join overstap.dossier d on d.dossier = l.dossier "
            "where l.round_id = %(round)s and (%(school)s::text is null or d.primary_school = %(school)s) "
            "group by 1, 2, 3 order by 1, 2, 3",
            round=round_id,
            school=school,
        )
    ]


@dataclass(frozen=True, slots=True)
class SchoolNotice:
    """A notice to a school, with the state of its mail.

    Args:
        kind: key of include/texts/notices/kinds.yaml.
        facts: values for its sentences.
        noted_at: when it was recorded.
        sent_at: when the mail was sent; None: not yet.
        is_refused: whether the mail server refused it permanently.
    """

    kind: str
    facts: dict[str, Any]
    noted_at: datetime
    sent_at: datetime | None
    is_refused: bool


def notices_of_school(unit: UnitOfWork, round_id: str, school: str) -> list[SchoolNotice]:
    """Return the 50 newest notices to a school about a round, the newest first."""
    return [
        SchoolNotice(kind, facts, noted_at, settled_at if state == "sent" else None, state == "refused")
        for kind, facts, noted_at, state, settled_at in unit.rows(
            "select n.kind, n.facts, n.noted_at, m.state, m.settled_at from overstap.notice n "
            "left join overstap.mail m on m.meaning = n.mail and m.region = n.region "
            "where n.recipient = %(recipient)s and n.round_id = %(round)s and n.dropped_at is null "
            "order by n.noted_at desc limit 50",
            recipient=f"school:{school}",
            round=round_id,
        )
    ]


def reports_made(unit: UnitOfWork, round_id: str) -> dict[str, datetime]:
    """Return when each school's newest report was made."""
    return dict(
        unit.rows("select school, made_at from overstap.school_report where round_id = %(round)s", round=round_id)
    )
