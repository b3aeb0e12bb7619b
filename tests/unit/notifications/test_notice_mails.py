"""Tests of notices: recipients, sentences and layout."""

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overstap.agreements import Agreement, RoundKind, load_agreement
from overstap.cli import app
from overstap.ledger.delivery.uncollected import UncollectedEnvelopes
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.notifications.composition import Recipient, compose_notices, recipient_of
from overstap.notifications.preview import previews
from overstap.notifications.round_notices import RoundStatus, round_notices
from overstap.texts import texts
from overstap_tools.project import PROJECT

PATH = PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml"
KIND = RoundKind.ADVICE


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return load_agreement(PATH)


def standing(agreement: Agreement, at: datetime, *, behind: int = 0, closed: datetime | None = None) -> RoundStatus:
    moments = agreement.round(KIND).milestones
    first = agreement.primary_schools[0]
    counts = [PrimaryCounts(first.id, first.name, 10, Counter(accepted=10 - behind), Counter(), Counter())]
    other = agreement.secondary_schools[0]
    secondary = [SecondaryCounts(other.id, other.name, 5, 5, 0, Counter())]
    return RoundStatus(agreement.round_id(KIND), KIND, agreement, moments.opens, closed, at, counts, secondary)


def kinds(found: list[Notice]) -> Counter[str]:
    return Counter(one.kind for one in found)


def test_who_is_done_is_left_alone(agreement: Agreement) -> None:
    due = agreement.round(KIND).milestones.data_due
    for at in (due - timedelta(hours=1), due + timedelta(hours=1)):
        assert not {"near_data_due", "missed_data_due"} & set(kinds(round_notices(standing(agreement, at))))


def test_who_is_behind_hears_before_and_after_the_deadline(agreement: Agreement) -> None:
    due = agreement.round(KIND).milestones.data_due
    school = f"school:{agreement.primary_schools[0].id}"
    before = {one.kind: one for one in round_notices(standing(agreement, due - timedelta(hours=1), behind=3))}
    after = {one.kind: one for one in round_notices(standing(agreement, due + timedelta(hours=1), behind=3))}
    assert before["near_data_due"].recipient == after["missed_data_due"].recipient == school
    assert before["near_data_due"].facts["count"] == 3
    assert before["near_data_due_region"].recipient.startswith("coordinator:")
    assert after["missed_data_due"].is_urgent
    assert "missed_data_due" not in before
    assert "near_data_due" not in after


def test_nobody_is_told_late_before_its_own_collection_ended(agreement: Agreement) -> None:
    """Issue 15: a school whose files lay ready was told that it was too late."""
    due = agreement.round(KIND).milestones.data_due
    school = agreement.primary_schools[0].id
    late = {"missed_data_due", "missed_data_due_region"}

    def told(collected: dict[str, datetime], after: timedelta) -> set[str]:
        now = replace(standing(agreement, due + after, behind=3), collected=collected)
        return late & set(kinds(round_notices(now)))

    soon = timedelta(minutes=5)
    assert told({}, soon) == set()
    assert told({school: due - timedelta(hours=1)}, soon) == set(), "that was the morning's collection"
    assert told({school: due + timedelta(minutes=2)}, soon) == late
    assert told({}, timedelta(days=1, minutes=5)) == late, "whatever keeps collecting from ending"


def test_the_region_hears_once_when_every_school_that_is_behind_was_collected_from(agreement: Agreement) -> None:
    due = agreement.round(KIND).milestones.data_due
    one, other = agreement.primary_schools[:2]
    counts = [PrimaryCounts(it.id, it.name, 10, Counter(accepted=1), Counter(), Counter()) for it in (one, other)]
    now = replace(standing(agreement, due + timedelta(minutes=5)), primary=counts, collected={one.id: due})
    found = kinds(round_notices(now))
    assert (found["missed_data_due"], found["missed_data_due_region"]) == (1, 0)
    found = kinds(round_notices(replace(now, collected={one.id: due, other.id: due})))
    assert found["missed_data_due"] == 2
    assert found["missed_data_due_region"] > 0


def test_what_was_not_confirmed_is_told_a_coordinator_once(agreement: Agreement) -> None:
    """Coordinators get a mail of its own at that moment (`delivery.telling`): the digest does not say it again."""
    due = agreement.round(KIND).milestones.receipts_due
    late = agreement.secondary_schools[0]
    found = replace(
        standing(agreement, due + timedelta(hours=1)),
        secondary=[SecondaryCounts(late.id, late.name, 5, 3, 0, Counter())],
    )
    told = [one.recipient for one in round_notices(found) if "receipts_due" in one.kind]
    assert told == [f"school:{late.id}"]


def test_reminders_come_on_the_agreed_day_and_say_the_same_all_day(agreement: Agreement) -> None:
    [reminder] = [one for one in agreement.round(KIND).reminders if one.of == "data_due"][:1]
    due = agreement.round(KIND).milestones.data_due
    day = due - timedelta(days=reminder.days_before)
    assert "reminder_data_due" not in kinds(round_notices(standing(agreement, day - timedelta(hours=2), behind=3)))
    said = [
        one.meaning
        for later in (1, 5)
        for one in round_notices(standing(agreement, day + timedelta(hours=later), behind=3))
        if one.kind == "reminder_data_due"
    ]
    assert len(said) == 2
    assert len(set(said)) == 1


def test_who_does_not_collect_is_reminded_and_from_the_second_time_the_coordinator_hears(agreement: Agreement) -> None:
    moments = agreement.round(KIND).milestones
    school = agreement.secondary_schools[0].id
    at = moments.delivers + timedelta(days=5)
    said = {}
    for reminders, is_expired in ((0, False), (1, False), (2, False), (2, True)):
        ready = UncollectedEnvelopes(school, 4, moments.delivers, reminders, is_expired)
        found = round_notices(replace(standing(agreement, at), uncollected=[ready]))
        said[reminders, is_expired] = {one.recipient for one in found if one.kind.startswith("not_collected")}
    coordinators = {f"coordinator:{one.account}" for one in agreement.coordinators}
    assert said[0, False] == said[2, True] == set()
    assert said[1, False] == {f"school:{school}"}
    assert said[2, False] - {f"school:{school}"} <= coordinators
    assert len(said[2, False]) > 1


def test_old_news_is_not_told(agreement: Agreement) -> None:
    moments = agreement.round(KIND).milestones
    assert "opened" in kinds(round_notices(standing(agreement, moments.opens + timedelta(hours=1))))
    assert "opened" not in kinds(round_notices(standing(agreement, moments.opens + timedelta(days=8))))
    ended = moments.receipts_due
    assert "closed" in kinds(round_notices(standing(agreement, ended + timedelta(hours=1), closed=ended)))
    assert round_notices(standing(agreement, ended + timedelta(days=8), behind=3, closed=ended)) == []


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_kind_reads_in_both_languages_as_text_and_as_page(agreement: Agreement, language: str) -> None:
    shown = dict(previews(agreement, language=language))
    told = set(texts("notices/kinds"))
    demo = load_agreement(PROJECT / "include" / "regions" / "demo" / "2026-2027.yaml")
    to_partnership = {name: mail for name, mail in previews(demo, language=language) if name.endswith("_partnership")}
    assert told - {one for one in told if one.startswith("reminder_")} <= {*shown, *to_partnership}
    assert all("{" not in mail.text for mail in to_partnership.values())
    assert [name for name in shown if name.startswith("reminder_")]
    for name, mail in shown.items():
        assert "\n" not in mail.subject, name
        assert agreement.name in mail.subject, name
        assert not re.search(r"[{}]", mail.subject + mail.text), name
        assert "<script" not in mail.html
        assert not re.search(r'(?:src|href)="(?!https://overstap\.example\.nl/)', mail.html), "it loads from nowhere"


def test_a_name_that_is_markup_stays_a_name(agreement: Agreement) -> None:
    name = 'De <img src=x onerror=alert(1)> "Brug" & Zn. \u202e🏫 =1+1'
    notice = Notice("near_data_due", "", "school:99DA00", {"school": name, "due": "morgen", "count": 3}, None)
    mail = compose_notices(agreement, Recipient(name, "a@b.example", True), [notice], board=str, is_urgent=False)
    assert "<img" not in mail.html
    assert "&lt;img src=x onerror=alert(1)&gt;" in mail.html
    assert name in mail.text


def test_a_school_gets_whom_to_call_and_no_link_to_airflow(agreement: Agreement) -> None:
    person = agreement.coordinators[0]
    shown = dict(previews(agreement))
    assert person.email in shown["missed_data_due"].text
    assert "plugin/rondes" not in shown["missed_data_due"].text
    assert "https://overstap.example.nl/scholen" in shown["missed_data_due"].text, "where its own page is"
    assert "https://overstap.example.nl/scholen" not in shown["not_collected"].text, "who receives has none"
    assert "https://overstap.example.nl/plugin/rondes" in shown["red_task"].text
    assert re.search(r"https://overstap\.example\.nl/plugin/rondes/\S+#vragen", shown["gate"].text), (
        "to the question itself"
    )
    assert '#vragen"' in shown["gate"].html


def test_who_left_the_agreement_is_nobody(agreement: Agreement) -> None:
    assert recipient_of(agreement, "coordinator:stranger") is None
    assert recipient_of(agreement, "school:00ZZ99") is None


def test_certificates_are_told_to_their_school_and_the_coordinators(agreement: Agreement) -> None:
    moments = agreement.round(KIND).milestones
    school = agreement.primary_schools[0].id
    now = replace(
        standing(agreement, moments.opens + timedelta(days=9)),
        expiring=[(f"{school} signing-1", school, moments.delivers)],
    )
    told = [one for one in round_notices(now) if one.kind == "certificate"]
    assert {one.recipient for one in told} >= {f"school:{school}", f"coordinator:{agreement.coordinators[0].account}"}
    assert len({one.meaning for one in told}) == 1


def test_the_command_writes_what_it_names(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["notice", "preview", str(PATH), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "red_task.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "digest_coordinator.txt").exists()
