"""Comparison of recorded decisions with their audit lines, to find either without the other.

The functions of the database record a decision and its line in one statement, so a difference means that one of the two
was changed with the owner's rights.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from overstap.ledger.session import UnitOfWork

Fact = tuple[Any, ...]
"""The common values of a decision and its line; the first is the kind of decision."""


def differences(unit: UnitOfWork) -> Iterator[tuple[str, str]]:
    """Yield subject and fault of every decision and line of the unit's region that do not match."""
    recorded, logged = Counter(_decisions(unit)), Counter(_lines(unit))
    for fact in sorted(recorded.keys() | logged.keys(), key=repr):
        kind, subject, *rest = fact
        decision = f"{kind} ({', '.join(map(str, rest))})" if rest else str(kind)
        if recorded[fact] != logged[fact]:
            yield str(subject), f"{decision}: {recorded[fact]} decisions, {logged[fact]} audit lines"
    yield from _codes(unit)
    yield from _closings(unit)
    yield from _registrations(unit)
    yield from _tests(unit)
    yield from _test_registrations(unit)
    yield from _offers(unit)
    yield from _progress(unit)
    yield from _elsewhere(unit)
    yield from _rosters(unit)
    yield from _typed(unit)
    yield from _mappings(unit)
    yield from _guests(unit)
    yield from _collected(unit)
    yield from _notes(unit)


def _decisions(unit: UnitOfWork) -> Iterator[Fact]:
    for gate, *rest in unit.rows("select gate, round_id, approved, decided_by, dossiers from overstap.gate_decision"):
        yield ("round.reopen" if gate == "reopen" else f"gate.{gate}", *rest)
    yield from unit.rows(
        "select 'review.record', dossier || '/' || number, agreed, ground from overstap.review_decision "
        "where ground <> 'carried'"
    )
    yield from unit.rows(
        "select 'review.carry', dossier || '/' || number from overstap.review_decision where ground = 'carried'"
    )
    yield from unit.rows(
        "select 'delivery.withdraw', dossier || '/' || number, reason, decided_by from overstap.withdrawal"
    )
    yield from unit.rows(
        "select 'delivery.take_back', message_id::text, secondary_school, reason, decided_by "
        "from overstap.envelope_withdrawal"
    )
    yield from unit.rows(
        "select case number when 1 then 'round.open' else 'agreement.' || origin end, round_id, agreement_digest "
        "from overstap.round_agreement"
    )
    yield from unit.rows("select 'run.narrow', round_id, run_id, asked_by from overstap.run_change")
    yield from unit.rows(
        "select 'retention.hold', coalesce(dossier::text, round_id), reason from overstap.retention_hold"
    )
    yield from unit.rows(
        "select 'retention.lift', retention_hold::text from overstap.retention_hold where lifted_at is not null"
    )
    yield from unit.rows(
        "select 'placement.answer', round_id, placement_answer::text, decided_by, "
        "array_to_string(schools, ' '), array_to_string(holds, ' ') "
        "from overstap.placement_answer"
    )
    yield from unit.rows(
        "select 'delivery.by_account', message_id::text, account, encode(envelope_digest, 'hex') "
        "from overstap.page_confirmation"
    )
    yield from unit.rows(
        "select 'revocation.by_account', message_id::text, answered_by from overstap.revocation "
        "where answered_by is not null"
    )
    yield from unit.rows("select 'result.by_account', message_id::text, account, outcome from overstap.page_result")
    yield from unit.rows(
        "select 'handover.say', handover::text, dossier::text, secondary_school, state, account from overstap.handover"
    )
    yield from unit.rows(
        "select 'support.decide', decision::text, dossier::text, encode(digest, 'hex'), account "
        "from overstap.support_decision"
    )
    yield from unit.rows(
        "select case part when 'asked' then 'comparison.ask' else 'comparison.answer' end, comparison::text, partner, "
        "pupils, encode(question, 'hex'), case part when 'answered' then encode(answer, 'hex') end "
        "from overstap.comparison"
    )
    yield from unit.rows(
        "select 'comparison.read', comparison::text, partner, found, encode(answer, 'hex') from overstap.comparison "
        "where found is not null"
    )
    yield from unit.rows("select 'contact.call', party, call::text, called_by from overstap.contact_call")
    yield from unit.rows(
        "select 'contact.message', m.message::text, m.sent_by, (select count(*) from overstap.contact_message_to t "
        "where t.message = m.message) from overstap.contact_message m"
    )
    yield from unit.rows(
        "select 'released', dossier || '/' || number from overstap.dossier_version v where released_by is not null "
        "and not exists (select from overstap.gate_decision g where g.gate_decision = v.released_by and g.approved "
        "and g.gate = 'release_for_review')"
    )


_FACTS: dict[str, Any] = {
    "review.record": lambda detail: (detail["agreed"], detail["ground"]),
    "review.carry": lambda detail: (),
    "delivery.withdraw": lambda detail: (detail["reason"], detail["by"]),
    "delivery.take_back": lambda detail: (detail["to"], detail["reason"], detail["by"]),
    "delivery.by_account": lambda detail: (detail["account"], detail["envelope"]),
    "revocation.by_account": lambda detail: (detail["account"],),
    "result.by_account": lambda detail: (detail["account"], detail["outcome"]),
    "handover.say": lambda detail: (detail["dossier"], detail["to"], detail["state"], detail["by"]),
    "support.decide": lambda detail: (detail["dossier"], detail["statement"], detail["by"]),
    "comparison.ask": lambda detail: (detail["with"], detail["pupils"], detail["question"], None),
    "comparison.answer": lambda detail: (detail["with"], detail["pupils"], detail["question"], detail["answer"]),
    "comparison.read": lambda detail: (detail["with"], detail["found"], detail["answer"]),
    "round.open": lambda detail: (detail["agreement"],),
    "agreement.file": lambda detail: (detail["agreement"],),
    "agreement.form": lambda detail: (detail["agreement"],),
    "run.narrow": lambda detail: (detail["run"], detail["by"]),
    "placement.answer": lambda detail: (
        detail["decision"],
        detail["by"],
        " ".join(detail["schools"]),
        " ".join(detail["holds"]),
    ),
    "retention.hold": lambda detail: (detail["reason"],),
    "retention.lift": lambda detail: (),
}
_CONTACTS: dict[str, Any] = {
    "contact.call": lambda detail, actor: (detail["call"], actor),
    "contact.message": lambda detail, actor: (actor, len(detail["to"])),
}
_NO_DECISIONS = ("gate.hold", "gate.hold_withdrawn")


def _lines(unit: UnitOfWork) -> Iterator[Fact]:
    for action, subject, detail, actor in unit.rows(
        "select l.said ->> 'action', l.said ->> 'subject', l.said -> 'detail', l.said ->> 'actor' from "
        "(select payload::jsonb as said, seq from overstap.audit_line) l "
        "where l.said ->> 'action' = any(%(actions)s) or starts_with(l.said ->> 'action', 'gate.') order by l.seq",
        actions=[*_FACTS, *_CONTACTS, "round.reopen"],
    ):
        if action in _NO_DECISIONS:
            continue
        if action.startswith("gate.") or action == "round.reopen":
            approved = detail["approved"] if "approved" in detail else detail["choice"] != "hold"
            yield (action, subject, approved, detail["by"], detail["dossiers"])
            continue
        if action in _CONTACTS:
            yield (action, subject, *_CONTACTS[action](detail, actor))
            continue
        # Older lines have the number of decisions, not their ids
        for _ in range(detail.get("decisions", 1) if action == "review.carry" else 1):
            yield (action, subject, *_FACTS[action](detail))


def _codes(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare access codes with the lines of their issue; the lines of erased codes stay, so more lines are valid."""
    for dossier, given, logged in unit.rows(
        "select a.dossier::text, a.given, coalesce(t.told, 0) from "
        "(select dossier, person, count(*) as given from overstap.review_access group by 1, 2) a left join "
        "(select split_part(l.said ->> 'subject', '/', 1) as dossier, l.said #>> '{detail,person}' as person, "
        "count(*) as told from (select payload::jsonb as said from overstap.audit_line) l "
        "where l.said ->> 'action' = 'review.code' group by 1, 2) t "
        "on t.dossier = a.dossier::text and t.person = a.person "
        "where a.given > coalesce(t.told, 0)"
    ):
        yield dossier, f"codes of one person: {given} issued, {logged} audit lines"


def _closings(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare closed rounds with the last line about each round."""
    last: dict[str, bool] = dict(
        unit.rows(
            "select distinct on (l.said ->> 'subject') l.said ->> 'subject', l.said ->> 'action' = 'round.close' from "
            "(select payload::jsonb as said, seq from overstap.audit_line) l "
            "where l.said ->> 'action' in ('round.close', 'round.reopen') order by l.said ->> 'subject', l.seq desc"
        )
    )
    for round_id, is_closed in unit.rows("select round_id, closed_at is not null from overstap.round"):
        if is_closed != last.get(round_id, False):
            yield (
                round_id,
                "is closed, but its last audit line does not close it"
                if is_closed
                else "is open, but its last audit line closes it",
            )


def _registrations(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare the registrations of a school year with the last line about them."""
    for year, logged, found in unit.rows(
        "select t.year, t.digest, overstap.registrations_digest(t.year) from "
        "(select distinct on (l.said ->> 'subject') "
        "l.said ->> 'subject' as year, l.said -> 'detail' ->> 'digest' as digest from "
        "(select payload::jsonb as said, seq from overstap.audit_line) l "
        "where starts_with(l.said ->> 'action', 'registrations.') order by l.said ->> 'subject', l.seq desc) t "
        "where t.digest is not null"
    ):
        if logged != found:
            yield year, "its registrations differ from the last audit line about them"
    for (year,) in unit.rows(
        "select distinct a.school_year from overstap.application a where not exists (select from overstap.audit_line l "
        "where starts_with(l.payload::jsonb ->> 'action', 'registrations.') "
        "and l.payload::jsonb ->> 'subject' = a.school_year)"
    ):
        yield year, "has registrations without an audit line"


def _tests(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare what is known of the tests of a school year with the last line about them."""
    return _as_logged(
        unit, "tests", "pupil_test", "what is known of its tests differs from the last audit line about it"
    )


def _test_registrations(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare a school year's registrations at suppliers of the test with the last line about them."""
    return _as_logged(
        unit,
        "test_registrations",
        "test_registration",
        "its registrations at suppliers of the test differ from the last audit line about them",
    )


def _offers(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare the places and draws of a school year with the last line about them."""
    return _as_logged(unit, "offers", "offer", "its places or draws differ from the last audit line about them")


def _progress(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare what is known of the progress of those who left in a school year with the last line about them."""
    return _as_logged(unit, "progress", "pupil_progress", "what is known of progress differs from its last audit line")


def _as_logged(unit: UnitOfWork, what: str, table: str, why: str) -> Iterable[tuple[str, str]]:
    """Yield the school years whose digest is not that of their last line: `what` names lines and function."""
    logged: dict[str, str] = dict(
        unit.rows(
            "select distinct on (l.said ->> 'subject') l.said ->> 'subject', l.said -> 'detail' ->> 'digest' from "
            "(select payload::jsonb as said, seq from overstap.audit_line) l "
            "where starts_with(l.said ->> 'action', %(what)s) order by l.said ->> 'subject', l.seq desc",
            what=f"{what}.",
        )
    )
    years = {row[0] for row in unit.rows(f"select distinct school_year from overstap.{table}")}  # noqa: S608 (names above)
    for year in sorted(years | logged.keys()):
        found = unit.one(f"select overstap.{what}_digest(%(year)s)", year=year)[0]
        if logged.get(year) != found:
            yield year, why


def _elsewhere(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare what comparisons with other regions told in a school year with the last line about it."""
    logged: dict[str, str] = dict(
        unit.rows(
            "select distinct on (l.said #>> '{detail,year}') l.said #>> '{detail,year}', l.said #>> '{detail,digest}' "
            "from (select payload::jsonb as said, seq from overstap.audit_line) l "
            "where l.said ->> 'action' in ('comparison.read', 'comparison.forget') "
            "order by l.said #>> '{detail,year}', l.seq desc"
        )
    )
    years = {row[0] for row in unit.rows("select distinct school_year from overstap.applied_elsewhere")}
    for year in sorted(years | logged.keys()):
        if logged.get(year) != unit.one("select overstap.elsewhere_digest(%(year)s)", year=year)[0]:
            yield year, "what comparisons with other regions told differs from its last audit line"


def _rosters(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare each school's roster with the last line about it."""
    logged: dict[str, str] = dict(
        unit.rows(
            "select distinct on (l.said ->> 'subject') l.said ->> 'subject', l.said -> 'detail' ->> 'digest' from "
            "(select payload::jsonb as said, seq from overstap.audit_line) l "
            "where starts_with(l.said ->> 'action', 'roster.') and l.said -> 'detail' ? 'digest' "
            "order by l.said ->> 'subject', l.seq desc"
        )
    )
    found: dict[str, str] = dict(
        unit.rows(
            "select school_year || '/' || school, overstap.roster_digest(school_year, school) from "
            "(select school_year, school from overstap.roster "
            "union select school_year, school from overstap.roster_pupil) p"
        )
    )
    for subject in sorted(logged.keys() | found.keys()):
        if logged.get(subject) != found.get(subject):
            yield subject, "its roster differs from the last audit line about it"


def _typed(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare dossiers that were typed in with the last line about each: who handed it in, and whether it is open."""
    last: dict[str, tuple[str, str]] = {
        subject: (action, by)
        for subject, action, by in unit.rows(
            "select distinct on (l.said ->> 'subject') l.said ->> 'subject', l.said ->> 'action', "
            "l.said #>> '{detail,by}' from (select payload::jsonb as said, seq from overstap.audit_line) l "
            "where starts_with(l.said ->> 'action', 'typed.') order by l.said ->> 'subject', l.seq desc"
        )
    }
    states = {"typed.hand_in": "handed_in", "typed.reopen": "open", "typed.drop": "dropped"}
    for typed, state, by in unit.rows("select typed::text, state, handed_in_by from overstap.typed_dossier"):
        action, said_by = last.pop(typed, ("", ""))
        if states.get(action, "open") != state:
            yield typed, f"typed in, is {state}, but its last audit line says {states.get(action, 'open')}"
        elif action == "typed.hand_in" and said_by != by:
            yield typed, "typed in, was handed in by another account than its audit line says"
    for typed in last:
        yield typed, "has audit lines of being typed in, and is gone"


def _mappings(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare each version of a school's mapping with the line about it; a version that was erased has a line alone."""
    logged = {
        subject: (fields, unread, by)
        for subject, fields, unread, by in unit.rows(
            "select l.said ->> 'subject', array(select jsonb_array_elements_text(l.said #> '{detail,fields}')), "
            "(l.said #>> '{detail,unread}')::int, l.said #>> '{detail,by}' "
            "from (select payload::jsonb as said from overstap.audit_line) l where l.said ->> 'action' = 'mapping.save'"
        )
    }
    for subject, *saved in unit.rows(
        "select school || '/' || number, fields, unread, saved_by from overstap.school_mapping"
    ):
        if logged.get(subject) != tuple(saved):
            yield subject, "a mapping of a school differs from its audit line"


def _guests(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare guest schools with the lines about them: who invited, who asked, and whether its part ended."""
    said: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for guest, action, detail in unit.rows(
        "select l.said ->> 'subject', l.said ->> 'action', l.said -> 'detail' from "
        "(select payload::jsonb as said, seq from overstap.audit_line) l "
        "where starts_with(l.said ->> 'action', 'guest.') order by l.seq"
    ):
        said.setdefault(guest, []).append((action, detail))
    invited = {guest: tuple(rest) for guest, *rest in _guest_rows(unit)}
    dossiers: dict[str, set[str]] = {}
    for guest, dossier in unit.rows("select guest::text, dossier::text from overstap.guest_dossier"):
        dossiers.setdefault(guest, set()).add(dossier)
    asks: dict[str, dict[str, tuple[int, str]]] = {}
    for guest, school, pupils, by in unit.rows(
        "select guest::text, secondary_school, pupils, asked_by from overstap.guest_ask"
    ):
        asks.setdefault(guest, {})[school] = (pupils, by)
    for guest, (round_id, school, by, is_ended) in invited.items():
        lines = said.pop(guest, [])
        first = next((detail for action, detail in lines if action == "guest.invite"), {})
        if (first.get("round"), first.get("school"), first.get("by")) != (round_id, school, by):
            yield guest, "was invited otherwise than its audit line says"
        last = [action for action, _ in lines if action in ("guest.invite", "guest.renew", "guest.end")][-1:]
        if (last == ["guest.end"]) != is_ended:
            yield guest, "has ended or takes part otherwise than its last audit line says"
        named = {name for action, one in lines if action == "guest.dossiers" for name in one["dossiers"]}
        if named != dossiers.get(guest, set()):
            yield guest, "may collect other dossiers than its audit lines say"
        asked: dict[str, tuple[int, str]] = {}
        for action, one in lines:
            if action == "guest.ask":
                asked[one["for"]] = (one["pupils"], one["by"])
            elif action == "guest.unask":
                asked.pop(one["for"], None)
        if asked != asks.get(guest, {}):
            yield guest, "is asked for pupils by other secondary schools than its audit lines say"
    for guest in said:
        yield guest, "has audit lines of a guest school, and is gone"


def _guest_rows(unit: UnitOfWork) -> list[tuple[Any, ...]]:
    return unit.rows(
        "select guest::text, round_id, school, invited_by, ended_at is not null from overstap.guest_school"
    )


def _collected(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare what schools collected on their page with its lines; lines of forgotten ones stay, so more are valid."""
    for message_id, kept, logged in unit.rows(
        "select c.message_id::text, c.kept, coalesce(t.told, 0) from "
        "(select message_id, count(*) as kept from overstap.page_collection group by 1) c left join "
        "(select l.said ->> 'subject' as message_id, count(*) as told from "
        "(select payload::jsonb as said from overstap.audit_line) l "
        "where l.said ->> 'action' = 'delivery.collect' group by 1) t on t.message_id = c.message_id::text "
        "where c.kept > coalesce(t.told, 0)"
    ):
        yield message_id, f"collected on a page: {kept} times, {logged} audit lines"


def _notes(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare coordinators' notes with the line of each; a note that retention removed has a line alone."""
    for note, by, told in unit.rows(
        "select n.note::text, n.noted_by, t.by from overstap.board_note n left join "
        "(select l.said ->> 'subject' as note, l.said #>> '{detail,by}' as by from "
        "(select payload::jsonb as said from overstap.audit_line) l where l.said ->> 'action' = 'note.keep') t "
        "on t.note = n.note::text where n.noted_by is distinct from t.by"
    ):
        yield note, f"a note by {by} whose audit line names {told or 'nobody'}"
