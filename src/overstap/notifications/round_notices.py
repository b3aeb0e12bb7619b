"""Notices about a round, computed from its status without side effects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from overstap.agreements import Agreement, Milestones, Round, RoundKind, School
from overstap.clock import dutch_time, format_moment
from overstap.errors import OverstapError
from overstap.ledger.delivery.uncollected import UncollectedEnvelopes
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.review.windows import SchoolInspections
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.refused_lists import RefusedRows, RegionList
from overstap.ledger.rounds.registrations import RefusedRegistration, UnstatedRegistrations, by_cause
from overstap.ledger.rounds.task_failures import TaskFailure
from overstap.texts import texts

_MAX_CAUSES, _MAX_LINES = 8, 20
"""Most causes and line numbers of unreadable registrations in a mail; the board lists all."""
_NEWS = timedelta(days=7)
"""Age of an event above which no notice is given, so that rounds from before an upgrade are not announced."""


@dataclass(frozen=True, slots=True)
class RoundStatus:
    """Status of a round.

    Args:
        round_id: the round.
        kind: kind of the round.
        agreement: the agreement of the round.
        opened_at: when it was opened.
        closed_at: when it was closed; None: it is open.
        at: the present moment, aware.
        primary: counts of the primary schools.
        secondary: counts of the secondary schools.
        review: state of inspection per primary school.
        uncollected: envelopes that are ready for schools to collect.
        failures: failed tasks.
        expiring: certificates that expire soon: name, owner and moment.
        refused: rows of registrations that could not be read.
        refused_lists: rows of test advices and places that could not be read, by cause.
        unstated: counts of registrations that no source states any more and that wait for the coordinator's decision.
        collected: when the collection from each school was last completed; None where that is not known.
    """

    round_id: str
    kind: RoundKind
    agreement: Agreement
    opened_at: datetime
    closed_at: datetime | None
    at: datetime
    primary: Sequence[PrimaryCounts] = ()
    secondary: Sequence[SecondaryCounts] = ()
    review: Sequence[SchoolInspections] = ()
    uncollected: Sequence[UncollectedEnvelopes] = ()
    failures: Sequence[TaskFailure] = ()
    expiring: Sequence[tuple[str, str, datetime]] = ()
    refused: Sequence[RefusedRegistration] = ()
    unstated: UnstatedRegistrations | None = None
    collected: Mapping[str, datetime] | None = None
    refused_lists: Sequence[RefusedRows] = ()

    @property
    def agreed(self) -> Round:
        """The agreed round."""
        return self.agreement.round(self.kind)

    @property
    def milestones(self) -> Milestones:
        """The round's milestones."""
        return self.agreed.milestones

    @property
    def coordinators(self) -> list[str]:
        """Recipients of the coordinators who answer the round's gates."""
        return [f"coordinator:{account}" for account in self.agreement.gate_accounts(self.kind)]

    @property
    def schools(self) -> Mapping[str, School]:
        """The participants by id."""
        return {school.id: school for school in self.agreement.schools}


def round_notices(now: RoundStatus) -> list[Notice]:
    """Return all notices about a round; those that were recorded before have the same meaning.

    Args:
        now: status of the round.
    """
    found = [*_red(now), *_certificates(now), *_closed(now)]
    if now.closed_at is None:
        found += [*_opened(now), *_reminders(now), *_near(now), *_missed(now), *_faults(now), *_uncollected(now)]
        found += _registrations(now)
    return found


def _notice(
    now: RoundStatus, kind: str, about: str, recipient: str, *, urgent: bool = False, **facts: object
) -> Notice:
    values = {name: format_moment(value) if isinstance(value, datetime) else value for name, value in facts.items()}
    return Notice(kind, about, recipient, values, now.round_id, urgent)


def _opened(now: RoundStatus) -> Iterator[Notice]:
    if now.at - now.opened_at > _NEWS:
        return
    moments = now.milestones
    for account in now.coordinators:
        yield _notice(
            *(now, "opened", "coordinator", account),
            schools=len(now.schools),
            data_due=moments.data_due,
            delivers=moments.delivers,
        )
    for school in now.agreement.suppliers(now.kind):
        yield _notice(
            *(
                now,
                "opened_supply" if now.kind.is_inspected else "opened_supply_partnership",
                school.id,
                f"school:{school.id}",
            ),
            school=school.name,
            data_due=moments.data_due,
            review_opens=moments.review_opens,
            review_closes=moments.review_closes,
            delivers=moments.delivers,
        )
    for school in now.agreement.receivers(now.kind):
        yield _notice(
            *(
                now,
                "opened_receive" if now.kind.is_inspected else "opened_receive_partnership",
                school.id,
                f"school:{school.id}",
            ),
            school=school.name,
            delivers=moments.delivers,
            receipts_due=moments.receipts_due,
        )


def _behind(now: RoundStatus, milestone: str) -> list[tuple[str, str, int]]:
    """Return the schools that are behind before a milestone: id, name, number of dossiers."""
    if milestone == "data_due":
        return [
            (one.school, one.name, one.expected - one.supplied) for one in now.primary if one.expected > one.supplied
        ]
    if milestone == "review_closes":
        return [(one.school, one.name, one.waiting) for one in now.review if one.waiting]
    return [
        (one.school, one.name, one.sealed - one.confirmed - one.refused)
        for one in now.secondary
        if one.sealed > one.confirmed + one.refused
    ]


def _reminders(now: RoundStatus) -> Iterator[Notice]:
    for reminder in now.agreed.reminders:
        due = getattr(now.milestones, reminder.of)
        remind_at = dutch_time(due) - timedelta(days=reminder.days_before)
        if not remind_at <= now.at < due:
            continue
        for school, name, count in _behind(now, reminder.of):
            about = f"{reminder.of}/{reminder.days_before}"
            yield _notice(
                *(now, f"reminder_{reminder.of}", about, f"school:{school}"), school=name, due=due, count=count
            )


def _near(now: RoundStatus) -> Iterator[Notice]:
    for milestone in ("data_due", "review_closes", "receipts_due"):
        due = getattr(now.milestones, milestone)
        behind = _behind(now, milestone)
        if not behind or not due - now.agreement.notices.deadline_near <= now.at < due:
            continue
        for school, name, count in behind:
            yield _notice(*(now, f"near_{milestone}", "", f"school:{school}"), school=name, due=due, count=count)
        for account in now.coordinators:
            yield _notice(
                *(now, f"near_{milestone}_region", "", account),
                due=due,
                count=len(behind),
                schools=_listed([(name, count) for _, name, count in behind]),
            )


def _missed(now: RoundStatus) -> Iterator[Notice]:
    for milestone in ("data_due", "receipts_due"):
        due = getattr(now.milestones, milestone)
        behind = [] if now.at < due or now.at - due > _NEWS else _behind(now, milestone)
        waited_for = len(behind)
        if milestone == "data_due":
            behind = [one for one in behind if _is_collected(now, one[0], due)]
        for school, name, count in behind:
            yield _notice(
                *(now, f"missed_{milestone}", "", f"school:{school}"), school=name, due=due, count=count, urgent=True
            )
        if milestone == "receipts_due":
            continue  # coordinators get a separate mail at that moment (`undelivered`)
        for account in now.coordinators if behind and len(behind) == waited_for else ():
            yield _notice(
                *(now, f"missed_{milestone}_region", "", account),
                due=due,
                count=len(behind),
                schools=_listed([(name, count) for _, name, count in behind]),
            )


def _is_collected(now: RoundStatus, school: str, due: datetime) -> bool:
    """Tell whether a school's files were collected after a moment, or a day has passed since."""
    if now.collected is None or now.at - due > timedelta(days=1):
        return True
    at = now.collected.get(school)
    return at is not None and at >= due


def _uncollected(now: RoundStatus) -> Iterator[Notice]:
    """Yield a notice to the school per due reminder, and to the coordinators from the second reminder on."""
    for one in now.uncollected:
        school = now.schools.get(one.school)
        if school is None or one.is_expired or not one.is_due:
            continue
        facts: dict[str, Any] = {
            "school": school.name,
            "count": one.count,
            "since": one.since,
            "due": now.milestones.receipts_due,
        }
        yield _notice(*(now, "not_collected", str(one.reminders_due), f"school:{one.school}"), **facts)
        for account in now.coordinators if one.reminders_due > 1 else ():
            yield _notice(
                *(now, "not_collected_region", f"{one.school}/{one.reminders_due}", account),
                reminders=one.reminders_due - 1,
                **facts,
            )


def _registrations(now: RoundStatus) -> Iterator[Notice]:
    """Yield notices to coordinators about unreadable rows of lists, and about lists that lost many registrations."""
    if now.refused:
        causes = by_cause(now.refused)
        about = ";".join(f"{error.code}:{','.join(map(str, lines))}" for error, lines in causes)
        listed = {
            language: " ".join(_cause(error, lines, language) for error, lines in causes[:_MAX_CAUSES])
            for language in ("nl", "en")
        }
        for account in now.coordinators:
            yield _notice(
                *(now, "refused_registrations", sha256(about.encode()).hexdigest()[:16], account),
                count=len(now.refused),
                listed_nl=listed["nl"],
                listed_en=listed["en"],
            )
    for of_list in RegionList:
        rows = [one for one in now.refused_lists if one.list is of_list and not one.is_note]
        if not rows:
            continue
        about = ";".join(f"{one.school}/{one.file}/{one.code}:{one.count}:{one.lines}" for one in rows)
        listed = {
            language: " ".join(_cause(one.error, one.lines, language) for one in rows[:_MAX_CAUSES])
            for language in ("nl", "en")
        }
        names = texts("board/left_over")[of_list.value]
        for account in now.coordinators:
            yield _notice(
                *(now, "refused_lists", f"{of_list}/{sha256(about.encode()).hexdigest()[:16]}", account),
                count=sum(one.count for one in rows),
                list_nl=names["nl"],
                list_en=names["en"],
                listed_nl=listed["nl"],
                listed_en=listed["en"],
            )
    gone = now.unstated
    if gone is not None and gone.missing:
        for account in now.coordinators:
            yield _notice(
                *(now, "many_unstated", gone.digest, account),
                urgent=True,
                standing=gone.in_force,
                left=gone.in_force - gone.missing,
                missing=gone.missing,
            )


def _cause(error: OverstapError, lines: Sequence[int], language: str) -> str:
    message, todo = (error.message_nl, error.do_nl) if language == "nl" else (error.message_en, error.do_en)
    others = ", ".join(map(str, lines[1 : 1 + _MAX_LINES])) + (" …" if len(lines) > 1 + _MAX_LINES else "")
    also = {"nl": f" (Ook regel {others}.)", "en": f" (Line {others} too.)"}[language] if others else ""
    return f"{message}{also} {todo}"


def _faults(now: RoundStatus) -> Iterator[Notice]:
    """Yield a notice to each school with faults, again when the counts change, in the day's digest."""
    for one in now.primary:
        rejected, files = one.states["rejected"], one.refused_files.total()
        if rejected or files:
            yield _notice(
                *(now, "faults", f"{rejected}-{files}", f"school:{one.school}"),
                school=one.name,
                rejected=rejected,
                files=files,
                accepted=one.supplied - rejected - one.states["supplied"],
                due=now.milestones.data_due,
            )


def _red(now: RoundStatus) -> Iterator[Notice]:
    titles = texts("orchestration/titles")
    for failure in now.failures:
        if failure.will_retry:
            continue
        error = failure.error
        title = titles.get(f"task.{failure.task.task_id}", {"nl": failure.task.task_id, "en": failure.task.task_id})
        school = now.schools.get(failure.task.school or "")
        for account in now.coordinators:
            yield _notice(
                *(now, "red_task", f"{failure.task.task_id}/{failure.task.school or ''}/{failure.at:%Y%m%dT%H%M%S%f}"),
                account,
                urgent=True,
                task=title["nl"],
                school=f" - {school.label}" if school else "",
                code=failure.code,
                said_nl=error.message_nl,
                said_en=error.message_en,
                do_nl=error.do_nl,
                do_en=error.do_en,
            )


def _certificates(now: RoundStatus) -> Iterator[Notice]:
    for name, owner, until in now.expiring:
        for recipient in [*now.coordinators, *([f"school:{owner}"] if owner in now.schools else [])]:
            yield Notice(
                "certificate",
                f"{name}/{until:%Y-%m-%d}",
                recipient,
                {"name": name, "until": format_moment(until)},
                None,
            )


def _closed(now: RoundStatus) -> Iterator[Notice]:
    if now.closed_at is None or now.at - now.closed_at > _NEWS:
        return
    confirmed = sum(one.states["confirmed"] for one in now.primary)
    for account in now.coordinators:
        yield _notice(
            *(now, "closed", "coordinator", account),
            supplied=sum(one.supplied for one in now.primary),
            confirmed=confirmed,
            rejected=sum(one.states["rejected"] for one in now.primary),
            unseen=sum(one.states["not_inspected"] for one in now.primary),
        )
    for one in now.primary:
        yield _notice(
            *(now, "closed_supply", one.school, f"school:{one.school}"),
            school=one.name,
            supplied=one.supplied,
            confirmed=one.states["confirmed"],
            left=one.supplied - one.states["confirmed"],
        )
    for other in now.secondary:
        yield _notice(
            *(now, "closed_receive", other.school, f"school:{other.school}"),
            school=other.name,
            confirmed=other.confirmed,
        )


def _listed(schools: Sequence[tuple[str, int]], most: int = 12) -> str:
    """Return schools with their counts in one line, the highest first; the rest as a number."""
    ordered = sorted(schools, key=lambda one: (-one[1], one[0]))
    listed = ", ".join(f"{name} ({count})" for name, count in ordered[:most])
    return f"{listed} … +{len(ordered) - most}" if len(ordered) > most else listed
