"""Tests of undelivered dossiers: without a receiver, not collected, or reported undelivered."""

import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from forked import run
from integration.round.deployment import KIND, RegionDeployment
from owned import tell_registrations

from overstap.clock import now
from overstap.delivery.channels.folder import Folder
from overstap.ledger import Ledger
from overstap.ledger.delivery.deliveries import sort_receivers
from overstap.ledger.delivery.non_delivery import reported
from overstap.ledger.delivery.uncollected import per_school
from overstap.ledger.dossiers.without_receiver import assign_owner as take_over
from overstap.ledger.dossiers.without_receiver import waiting
from overstap.ledger.notifications.outbox import ClaimedMail, claim, due, settle
from overstap.notifications.undelivered import undelivered_mails
from overstap.notifications.updating import update_notices

from .conftest import Watch, agreed_anew, moved
from .steps import send


def overstap(deployment: RegionDeployment, *arguments: object) -> subprocess.CompletedProcess[str]:
    ran = run(
        ["-m", "overstap", *map(str, arguments)],
        env=os.environ | deployment.settings,
        timeout=120,
    )
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran


def delivery(deployment: RegionDeployment, command: str, by: str, *arguments: object) -> tuple[int, list[str]]:
    ran = overstap(deployment, "delivery", command, "--round", deployment.round_id, "--by", by, *arguments)
    return ran.returncode, ran.stdout.splitlines()


def outbox(deployment: RegionDeployment, ledger: Ledger) -> dict[str, list[ClaimedMail]]:
    """Return the mails that would go now, by address."""
    found: dict[str, list[ClaimedMail]] = {}
    with ledger.unit("alfa", "test") as unit:
        for one in due(unit):
            mail = claim(unit, one)
            settle(unit, one)
            found.setdefault(mail.to, []).append(mail)
            assert not names(deployment) & {word.strip(".,:;()") for word in (mail.subject + " " + mail.text).split()}
    return found


def names(deployment: RegionDeployment) -> set[str]:
    """Return the numbers and keys of every pupil: none may stand in a mail or a list."""
    return {pupil.number for pupil in deployment.region.pupils()} | {
        pupil.las_key for pupil in deployment.region.pupils()
    }


def test_without_a_receiver_it_is_in_a_queue_that_somebody_owns(at_brink: Callable[[str], RegionDeployment]) -> None:
    deployment = at_brink("inspected")
    with deployment.ledger() as ledger:
        with ledger.unit("alfa", "receivers") as unit:
            sort_receivers(unit, deployment.round_id, deployment.round.receivers)
        count = deployment.states()["no_receiver"]
        assert count > 2
        code, lines = delivery(deployment, "no-receiver", deployment.coordinator)
        assert (code, len(lines)) == (0, count)
        assert all("van niemand" in line for line in lines)
        with ledger.unit("alfa", "wilma") as unit:
            [first, second] = [one.dossier for one in waiting(unit, deployment.round_id)[:2]]
            assert take_over(unit, deployment.round_id, "wilma", dossiers=[first]) == 1
            assert take_over(unit, deployment.round_id, "wilma", dossiers=[first]) == 0, "it is wilma's already"
        _, lines = delivery(deployment, "no-receiver", deployment.coordinator, "--take")
        assert f" zoekt nu {count - 1} dossiers uit" in lines[0]
        assert [line.rsplit(" ", 1)[1] for line in lines[1:]].count(deployment.coordinator) == count - 1
        assert [line for line in lines if line.endswith("wilma")] == [line for line in lines if str(first) in line]
        with ledger.unit("alfa", "piet") as unit:
            assert take_over(unit, deployment.round_id, "piet") == 0, "those of others are theirs"
            assert take_over(unit, deployment.round_id, "piet", dossiers=[first]) == 1
        with psycopg.connect(deployment.owner_dsn) as connection:  # a registration after all
            connection.execute(
                "update overstap.application set stage = 'placed' "
                "where pupil = (select pupil from overstap.dossier where dossier = %s)",
                [second],
            )
            tell_registrations(connection, "alfa", deployment.agreement.school_year)
            known = connection.execute(
                "select count(*) from overstap.application join overstap.dossier using (pupil) where dossier = %s",
                [second],
            ).fetchone()
        with ledger.unit("alfa", "receivers") as unit:
            sort_receivers(unit, deployment.round_id, deployment.round.receivers)
            left = {one.dossier: one.owner for one in waiting(unit, deployment.round_id)}
        assert (second in left) is (known == (0,))
        assert left[first] == "piet"
        with ledger.unit("alfa", "test") as unit:
            assert unit.rows("select owner from overstap.without_receiver where dossier = %(d)s", d=first) == [
                ("piet",)
            ]
    assert deployment.breaches() == []


@pytest.fixture
def by_hand(
    at_brink: Callable[[str], RegionDeployment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RegionDeployment:
    """A deployment whose first secondary school collects by hand."""
    deployment = at_brink("sealed")
    monkeypatch.setenv("OVERSTAP_OUTBOX", str(tmp_path / "outbox"))
    first = deployment.region.secondary[0].id
    schools = tuple(
        one.model_copy(update={"receives": Folder(way="folder")}) if one.id == first else one
        for one in deployment.agreement.schools
    )
    deployment.agreement = agreed_anew(deployment, deployment.agreement.model_copy(update={"schools": schools}))
    return deployment


def test_not_collected_is_listed_reminded_of_and_told(by_hand: RegionDeployment, tmp_path: Path, watch: Watch) -> None:
    deployment, school = by_hand, by_hand.region.secondary[0]
    total = deployment.count("delivery", secondary_school=school.id)
    place = tmp_path / "outbox" / "alfa" / school.id
    with deployment.ledger() as ledger:
        assert send(deployment, school.id, ledger, outbox=tmp_path / "outbox")["waiting"] == total
        code, lines = delivery(deployment, "not-collected", deployment.coordinator)
        assert (code, len(lines)) == (0, 1)
        assert lines[0].startswith(f"{total} dossiers voor ")
        assert reminded(deployment, ledger, day=0) == {}, "not a minute after it was put there"

        first = sorted(place.glob("*.cms"))[:2]
        assert overstap(deployment, "open", *first, "--school", school.id).returncode == 0
        assert send(deployment, school.id, ledger, outbox=tmp_path / "outbox") == {"accepted": 2, "waiting": total - 2}
        with psycopg.connect(deployment.owner_dsn) as connection:
            connection.execute("update overstap.delivery set offered_at = offered_at - interval '5 days'")
        with ledger.unit("alfa", "test") as unit:
            [one] = per_school(unit, deployment.round_id, deployment.round.milestones.receipts_due)
        assert (one.count, one.reminders_due, one.is_expired) == (total - 2, 3, False)
        code, _ = delivery(deployment, "not-collected", deployment.coordinator)
        assert code == 1
        contact = deployment.agreement.school(school.id).contact
        account = deployment.agreement.coordinators[0]
        assert set(reminded(deployment, ledger, day=1)) == {contact, account.email}
        assert reminded(deployment, ledger, day=2) == {}, "once"

        [before] = watch(deployment, OVERSTAP_OUTBOX=str(tmp_path / "outbox"))
        assert before["undelivered"] == 0, "never before receipts are due"
        assert not before.get("tested"), "no test after delivery"
        deployment.agreement = agreed_anew(deployment, moved(deployment, receipts_due=now() - timedelta(minutes=1)))
        others = deployment.count("delivery", state="sealed") - (total - 2)
        found, again = watch(deployment, times=2, OVERSTAP_OUTBOX=str(tmp_path / "outbox"))
        assert (found["undelivered"], again["undelivered"]) == (total - 2 + others, 0)
        box = outbox(deployment, ledger)
        sender = deployment.agreement.primary_schools[0]
        [to_coordinator] = [mail for mail in box[account.email] if mail.kind == "non_delivery"]
        [to_sender] = [mail for mail in box[sender.contact] if mail.kind == "non_delivery"]
        assert (
            f"{total - 2} van {sender.label} voor {deployment.agreement.school(school.id).label}" in to_coordinator.text
        )
        assert f"{total - 2} voor {deployment.agreement.school(school.id).label}" in to_sender.text
        assert contact not in {to for to, got in box.items() if any(mail.kind == "non_delivery" for mail in got)}
        with ledger.unit("alfa", "test") as unit:
            [one] = per_school(unit, deployment.round_id, now() - timedelta(minutes=1))
            assert one.is_expired
            assert len(reported(unit, deployment.round_id)) == total - 2 + others
        code, lines = delivery(deployment, "not-collected", deployment.coordinator)
        assert (code, len(lines)) == (1, 1)
        assert reminded(deployment, ledger, day=3) == {}, "what is over is not reminded of"

        late = [path for path in sorted(place.glob("*.cms")) if "." not in path.stem and path not in first][:3]
        assert overstap(deployment, "open", *late, "--school", school.id).returncode == 0
        assert send(deployment, school.id, ledger, outbox=tmp_path / "outbox")["accepted"] == 3, "a late receipt counts"
        with ledger.unit("alfa", "test") as unit:
            [one] = per_school(unit, deployment.round_id, now() - timedelta(minutes=1))
        assert one.count == total - 5
    assert deployment.count("delivery", secondary_school=school.id, state="confirmed") == 5
    assert deployment.breaches() == []


def reminded(deployment: RegionDeployment, ledger: Ledger, *, day: int) -> dict[str, list[str]]:
    """Tell what there is to tell on a later day; return who got a mail about what is not collected."""
    update_notices(ledger, "alfa", at=now() + timedelta(days=day), expiring=[], board=str, actor="tell")
    found = {
        to: [mail.subject for mail in got if "opgehaald" in mail.text or "haalt dossiers niet op" in mail.text]
        for to, got in outbox(deployment, ledger).items()
    }
    return {to: subjects for to, subjects in found.items() if subjects}


def test_the_mails_read_in_both_languages(by_hand: RegionDeployment) -> None:
    from collections import Counter

    from overstap.ledger.delivery.non_delivery import Undelivered

    deployment = by_hand
    pairs = [
        Undelivered(deployment.region.primary[0].id, one.id, Counter({"DELIVERY-021": 3, "": 1}))
        for one in deployment.region.secondary
    ]
    for language, words in (("nl", "niet bevestigd"), ("en", "not confirmed")):
        made = undelivered_mails(deployment.agreement, KIND, pairs, language=language)
        assert len(made) == len(deployment.agreement.coordinators) + 1
        assert all(words in mail.subject for mail in made)
        assert all("{" not in mail.text + mail.subject for mail in made)
        assert all(
            deployment.agreement.school(one.id).label in mail.text
            for mail in made
            for one in deployment.region.secondary
        )
