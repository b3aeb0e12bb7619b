"""Tests of immediate alerts to a person, a school and the administrator."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from families import REGION, Family, Home, ReviewRound, home, open_review_round
from served import Parent, Served

from overstap.agreements.model import Invitations
from overstap.clock import dutch_time, now
from overstap.ledger.alarms import take_new
from overstap.ledger.notifications import outbox
from overstap.ledger.review import decisions, invitations
from overstap.ledger.review.decisions import ReviewDecision
from overstap.ledger.review.person_events import guessed_codes
from overstap.notifications.alerts import queue_alarms, queue_ended_codes
from overstap.review.code_keys import PageSession, code_keys, read_code
from overstap.review.inviting import invite
from overstap.review.person_alerts import alert_persons
from overstap_tools.local.postgres import EmbeddedPostgres

ADDRESS = "https://inzage.example.org"


@pytest.fixture(scope="module")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("alerts"), ledger_template) as found:
        yield found


@pytest.fixture(scope="module")
def review_round(at_home: Home) -> ReviewRound:
    found = open_review_round(at_home.ledger, 24, invitations=Invitations(by=("letter", "email")))
    invite(at_home.ledger, region=REGION, round_id=found.round_id, actor="invite", address=ADDRESS)
    return found


@pytest.fixture(scope="module")
def served(at_home: Home, review_round: ReviewRound, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


def mailed(review_round: ReviewRound, family: Family) -> bool:
    """Whether the first person of a family is reached by e-mail."""
    with review_round.unit() as unit:
        return bool(
            unit.rows(
                "select from overstap.invitation where dossier = %(id)s and person = %(person)s and channel = 'email' "
                "and state = 'made'",
                id=family.dossier,
                person=family.persons[0],
            )
        )


def take(review_round: ReviewRound) -> Family:
    while not mailed(review_round, family := review_round.take()):
        pass
    return family


def told(review_round: ReviewRound, family: Family) -> list[str]:
    alert_persons(review_round.ledger, region=REGION, round_id=review_round.round_id, actor="alert", address=ADDRESS)
    with review_round.unit() as unit:
        found = [one for one in outbox.statuses(unit) if one.meaning.startswith("person/")]
    return sorted(one.kind for one in found if one.meaning.endswith(f"/{family.persons[0]}"))


def test_a_person_is_told_what_is_done_in_their_name(review_round: ReviewRound, served: Served) -> None:
    family = take(review_round)
    assert told(review_round, family) == [], "the first letter is told by itself"
    parent = Parent(served.address)
    parent.enter(family)
    assert told(review_round, family) == ["entered"]
    parent.decide("oneens", "Wij zien het anders.")
    assert told(review_round, family) == ["answered", "entered"]
    with review_round.unit("school:x") as unit:
        stated = ReviewDecision(
            family.pupil_number, dutch_time(now()).date(), "Ja", "Op papier.", person=family.persons[0]
        )
        assert decisions.record(
            unit, review_round.round_id, review_round.school, [stated], ground="paper_view"
        ).recorded
    review_round.give_codes([family])
    assert told(review_round, family) == ["answered", "entered", "new_code", "recorded"]
    Parent(served.address).enter(family)
    assert told(review_round, family) == ["answered", "entered", "entered", "new_code", "recorded"]
    assert told(review_round, family) == ["answered", "entered", "entered", "new_code", "recorded"], "each once"


def test_the_mails_say_nothing_of_whom_they_are_about(review_round: ReviewRound, served: Served) -> None:
    family = take(review_round)
    Parent(served.address).enter(family)
    told(review_round, family)
    with review_round.unit() as unit:
        due = [outbox.claim(unit, one) for one in outbox.due(unit)]
    mails = [one for one in due if one.kind == "entered"]
    assert mails
    for mail in mails:
        assert "Deed u dit niet zelf" in mail.text
        assert ADDRESS in mail.text
        for secret in (family.surname, family.code, review_round.school, str(family.dossier)):
            assert secret not in mail.text + mail.subject


def test_a_school_is_told_that_a_code_ended_and_makes_a_new_letter(at_home: Home, review_round: ReviewRound) -> None:
    family = take(review_round)
    code = read_code(family.code) or ""
    with psycopg.connect(at_home.review_dsn, autocommit=True) as connection:
        for day in range(20):
            keys, stay = code_keys(code, family.born + timedelta(days=day + 1)), PageSession.new()
            connection.execute(
                "select overstap.review_sign_in(%s, %s, 'x', 'x', %s, %s)",
                [keys.lookup_token, keys.proof_token, stay.token, stay.seal_key(keys.copy_key)],
            )
    with review_round.unit() as unit:
        ended = guessed_codes(unit, review_round.round_id)
        assert [one.school for one in ended] == [review_round.school]
        page = "https://scholen.example.org"
        assert queue_ended_codes(unit, review_round.agreement, review_round.round_id, ended, school_page=page) == 1
        assert queue_ended_codes(unit, review_round.agreement, review_round.round_id, ended, school_page=page) == 0
        mail = next(outbox.claim(unit, one) for one in outbox.due(unit))
        assert mail.kind == "code_ended", "before all that can wait"
        assert page in mail.text
        assert family.surname not in mail.text
        assert mail.reply_to == tuple(one.email for one in review_round.agreement.coordinators)
        awaiting = invitations.awaiting_letter(unit, review_round.round_id, review_round.school)
        assert family.persons[0] in {one.person for one in awaiting if one.ref.dossier == family.dossier}
        reached = invitations.person_inspections(unit, review_round.round_id, review_round.school)
        assert next(one for one in reached if one.person == family.persons[0]).guessed_at is not None

        alarms = take_new(unit)
        assert [(one.kind, one.region, one.failed) for one in alarms] == [("code_ended", REGION, 20)]
        assert queue_alarms(unit, alarms, to="beheer@example.org") == 1
        assert take_new(unit) == []
    review_round.give_codes([family])
    with review_round.unit() as unit:
        assert guessed_codes(unit, review_round.round_id) == []
