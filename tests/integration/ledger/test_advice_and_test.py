"""Advice and test side by side: read from dossiers, tests taken in, lists, the question before delivery."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest
from owned import by_owner
from test_walk import PO, REGION, VO, incoming
from test_walk import agreement as of_advice

from overstap.agreements import Agreement, RoundKind
from overstap.delivery.unusual import DeliverySituation, unusual
from overstap.ledger import Ledger
from overstap.ledger.delivery import withdrawals
from overstap.ledger.dossiers import dossiers, pupil_tests
from overstap.ledger.dossiers.dossiers import write_records
from overstap.ledger.dossiers.pupil_tests import PupilTest
from overstap.ledger.invariants import check
from overstap.ledger.rosters import by_advice, by_application
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rounds import rounds
from overstap.ledger.rounds.counts import PrimaryCounts
from overstap.oso.facts import AdviceFacts
from overstap.quality import advice_standing
from overstap.simulation.synthetic.numbers import bsn

YEAR = "2026-2027"
ONE, TWO = bsn(1), bsn(2)
AFTER = date(2027, 4, 1)
"""Past the days by which advices and results of tests are there."""


def agreement() -> Agreement:
    plain = of_advice().model_dump(mode="json")
    plain["rounds"]["placement"] = {**plain["rounds"]["advice"], "receivers": "placed", "older_advice": "ask"}
    return Agreement.model_validate(plain)


ROUNDS = {kind: agreement().round_id(kind) for kind in ("advice", "placement")}


@pytest.fixture
def opened(ledger: Ledger) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        for kind in (RoundKind.ADVICE, RoundKind.PLACEMENT):
            rounds.open_round(unit, agreement(), kind)
    return ledger


def facts(**said: object) -> bytes:
    """A record with these facts about advice and test."""
    return json.dumps({"format": 2, "facts": {"advice": {"is_known": True, **said}}}).encode()


def supply(ledger: Ledger, kind: str, number: str, **said: object) -> UUID:
    with ledger.unit(REGION, "collect") as unit:
        content = f"<dossier>{kind}{number}{said}</dossier>".encode()
        dossiers.store(unit, ROUNDS[kind], PO, [incoming(number, content, number)])
        pupil = unit.keys.lookup("pupil", number)
        [(dossier, version)] = unit.rows(
            "select dossier, version from overstap.dossier where round_id = %(round)s and pupil = %(pupil)s",
            round=ROUNDS[kind],
            pupil=pupil,
        )
        write_records(unit, [(dossiers.VersionRef(dossier, version), facts(**said))])
    return UUID(str(dossier))


def lists(ledger: Ledger, kind: str, today: date = AFTER) -> dict[str, int]:
    with ledger.unit(REGION, "check") as unit:
        advice_standing.update(unit, YEAR, today)
        found = by_application.all_counts(unit, ROUNDS[kind])
    wanted = (RosterList.NO_ADVICE, RosterList.NO_TEST, RosterList.RECONSIDER, RosterList.OLDER_ADVICE)
    return {one.list.value: one.count for one in found if one.list in wanted}


def state_test(ledger: Ledger, number: str, level: str, reason: str = "", *, day: int = 12) -> int:
    with ledger.unit(REGION, "registrations") as unit:
        at = datetime(2027, 3, day, 9, tzinfo=UTC)
        return pupil_tests.take(
            unit, YEAR, [PupilTest(unit.keys.lookup("pupil", number), PO, "IEP", level, reason, at)]
        )


def sound(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


def test_what_is_missing_is_listed_from_the_day_after_the_calendars(opened: Ledger) -> None:
    supply(opened, "advice", ONE)
    for today, expected in (
        (date(2027, 1, 31), {}),
        (date(2027, 3, 15), {}),
        (date(2027, 3, 16), {"no_test": 1}),
        (date(2027, 3, 24), {"no_test": 1}),
        (date(2027, 3, 25), {"no_advice": 1, "no_test": 1}),
    ):
        assert lists(opened, "advice", today) == expected, today
    with opened.unit(REGION, "check") as unit:
        advice_standing.update(unit, YEAR, date(2027, 2, 1))
        assert unit.rows("select flag from overstap.advice_flag") == [("no_provisional",)]
    supply(opened, "advice", ONE, advice="60", test_advice="havo")
    assert lists(opened, "advice") == {}


def test_only_what_changed_is_opened_again(opened: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    supply(opened, "advice", ONE, advice="60")
    supply(opened, "advice", TWO, advice="60")
    opened_again: list[int] = []
    look = AdviceFacts.from_record
    monkeypatch.setattr(
        AdviceFacts, "from_record", staticmethod(lambda record: (opened_again.append(1), look(record))[1])
    )

    def opened_now(today: date = AFTER) -> int:
        opened_again.clear()
        lists(opened, "advice", today)
        return len(opened_again)

    assert opened_now() == 2
    assert opened_now() == 0
    supply(opened, "advice", TWO, advice="70")
    assert opened_now() == 1, "a new version of one"
    state_test(opened, ONE, "havo")
    assert opened_now() == 1, "a test of the other"
    assert opened_now(date(2027, 1, 15)) == 2, "another part of the calendar"
    assert lists(opened, "advice") == {"no_test": 1}
    with opened.unit(REGION, "coordinator") as unit:
        [gone] = unit.one("select dossier from overstap.dossier d join overstap.pupil_test t using (pupil)")
        reason = withdrawals.WithdrawalReason.OBJECTION
        withdrawals.withdraw(unit, ROUNDS["advice"], [gone], reason=reason, decided_by="coordinator")
    assert opened_now() == 0
    with opened.unit(REGION, "check") as unit:
        assert len({row[0] for row in unit.rows("select pupil from overstap.advice_flag")}) == 1, "whoever is gone, is"
    sound(opened)


def test_a_dossier_that_asks_for_contact_is_listed_once_a_school_has_it(opened: Ledger) -> None:
    dossier = supply(opened, "advice", ONE, advice="60")
    with opened.unit(REGION, "collect") as unit:
        said = json.loads(facts(advice="60"))
        said["facts"]["contact"] = {"is_wanted": True, "person": "J", "telephone": "", "email": ""}
        unit.run("delete from overstap.finding")
        by_owner(opened, "delete from overstap.dossier_record")
    with opened.unit(REGION, "collect") as unit:
        write_records(unit, [(dossiers.VersionRef(dossier, 1), json.dumps(said).encode())])
    lists(opened, "advice")
    with opened.unit(REGION, "check") as unit:
        assert unit.rows("select dossier from overstap.advice_flag where flag = 'contact'") == [(dossier,)]
        assert not [one for one in by_advice.listed(unit, ROUNDS["advice"]) if one.list is RosterList.NOT_TALKED]
    by_owner(
        opened,
        "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, serial, "
        "envelope, envelope_digest, manifest_digest, files_digest, state, attempts) values (gen_random_uuid(), "
        "%(region)s, %(round)s, %(dossier)s, 1, %(school)s, 0, 'x', sha256('x'), sha256('x'), sha256('x'), "
        "'confirmed', 1)",
        region=REGION,
        round=ROUNDS["advice"],
        dossier=dossier,
        school=VO,
    )
    with opened.unit(REGION, "check") as unit:
        found = [one for one in by_advice.listed(unit, ROUNDS["advice"]) if one.list is RosterList.NOT_TALKED]
    assert len(found) == 1


def test_why_there_is_no_test_is_known_from_a_source_or_the_dossier(opened: Ledger) -> None:
    supply(opened, "advice", ONE, advice="60")
    supply(opened, "advice", TWO, advice="60", took_test=False, is_exempt=True)
    assert lists(opened, "advice") == {"no_test": 1}
    assert state_test(opened, ONE, "", "prevented") == 1
    assert lists(opened, "advice") == {}
    with opened.unit(REGION, "check") as unit:
        assert sorted(one.no_test for one in advice_standing.standings(unit, YEAR)) == ["exempt", "prevented"]
    sound(opened)


def test_a_higher_test_advice_is_due_until_it_is_recorded_or_motivated(opened: Ledger) -> None:
    supply(opened, "advice", ONE, advice="30")
    assert state_test(opened, ONE, "kb") == 1
    assert lists(opened, "advice") == {}, "the same level"
    assert state_test(opened, ONE, "kb") == 0, "nothing new"
    assert state_test(opened, ONE, "bb", day=13) == 1
    assert lists(opened, "advice") == {}, "a lower one never lowers"
    assert state_test(opened, ONE, "kb_gltl", day=14) == 1
    assert state_test(opened, ONE, "bb", day=13) == 0, "an older statement"
    assert lists(opened, "advice") == {"reconsider": 1}
    supply(opened, "advice", ONE, advice="30", revised="30")
    assert lists(opened, "advice") == {"reconsider": 1}, "not raised"
    supply(opened, "advice", ONE, advice="30", is_motivated=True)
    assert lists(opened, "advice") == {}
    with opened.unit(REGION, "check") as unit:
        assert [one.reconsideration for one in advice_standing.standings(unit, YEAR)] == ["motivated"]
    supply(opened, "advice", ONE, advice="30", revised="34")
    with opened.unit(REGION, "check") as unit:
        assert [one.reconsideration for one in advice_standing.standings(unit, YEAR)] == ["raised"]
    sound(opened)


def test_a_dossier_with_an_older_advice_is_told_and_asked_about_where_agreed(opened: Ledger) -> None:
    old = supply(opened, "placement", ONE, advice="30", test_advice="vmbo-kb")
    new = supply(opened, "advice", ONE, advice="60", test_advice="vmbo-kb")
    by_owner(
        opened,
        "update overstap.dossier_version set created_at = created_at - interval '1 day' where dossier = %(id)s",
        id=old,
    )
    assert lists(opened, "placement") == {"older_advice": 1}
    assert lists(opened, "advice") == {}
    with opened.unit(REGION, "check") as unit:
        assert by_advice.older(unit, ROUNDS["placement"]) == {PO: 1}
        assert by_advice.older(unit, ROUNDS["placement"], ("inspected",)) == {}
        assert by_advice.older(unit, ROUNDS["advice"]) == {}
    assert new != old
    supply(opened, "placement", ONE, advice="60", test_advice="vmbo-kb")
    assert lists(opened, "placement") == {}


def test_a_record_of_before_says_nothing(opened: Ledger) -> None:
    dossier = supply(opened, "advice", ONE, advice="30")
    with opened.unit(REGION, "check") as unit:
        before = json.dumps({"format": 1, "facts": {}}).encode()
        write_records(unit, [(dossiers.VersionRef(dossier, 1), before)])
        [one] = advice_standing.standings(unit, YEAR)
        assert (one.definitive, one.older) == (None, ())
    assert AdviceFacts.from_record(before) == AdviceFacts()


def test_the_question_counts_the_dossiers_of_all_schools() -> None:
    school = PrimaryCounts(PO, "De School", 4, Counter(inspected=4), Counter(), Counter())
    reasons = unusual(DeliverySituation([school], older_advice={PO: 2, "99ZZ00": 1}))
    assert [(one.reason, one.count) for one in reasons if one.reason == "older_advice"] == [("older_advice", 3)]
    assert not [one for one in unusual(DeliverySituation([school])) if one.reason == "older_advice"]


def test_tests_are_encrypted_written_by_a_function_and_forgotten(opened: Ledger) -> None:
    supply(opened, "advice", ONE, advice="30")
    state_test(opened, ONE, "havo_vwo")
    with opened.unit(REGION, "test") as unit, pytest.raises(psycopg.errors.InsufficientPrivilege):
        unit.run("update overstap.pupil_test set primary_school = 'x'")
    with opened.unit(REGION, "test") as unit:
        [(content,)] = unit.rows("select content from overstap.pupil_test")
        assert b"havo" not in bytes(content)
    sound(opened)
    by_owner(opened, "update overstap.pupil_test set primary_school = %(vo)s", vo=VO)
    with opened.unit(REGION, "test") as unit:
        assert any("its tests" in breach.why for breach in check(unit))
    by_owner(opened, "update overstap.pupil_test set primary_school = %(po)s", po=PO)
    assert lists(opened, "advice") == {"reconsider": 1}
    past = "update overstap.round set closed_at = overstap.clock() - interval '40 days'"
    by_owner(opened, past)
    with opened.unit(REGION, "retention") as unit:
        ids = [row[0] for row in unit.rows("select dossier from overstap.dossier")]
        assert unit.one("select overstap.erase_content(%(ids)s, 30)", ids=ids)[0] == 1
        assert unit.rows("select 1 from overstap.pupil_test union all select 1 from overstap.advice_flag") == []
