"""A school year on paper: counts add up, times are the agreed ones, and assumptions show."""

import random
from itertools import groupby

import pytest
from agreement_files import write
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from overstap.agreements import load_agreement, load_all
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions, TimelineEventKind, rehearse
from overstap.cli import app
from overstap.texts import texts
from overstap_tools.project import PROJECT

REGIONS = load_all(PROJECT / "include" / "regions")[0]


def played(agreement, seed=1, **assumptions):
    return rehearse(
        agreement, national_year(agreement.school_year), random.Random(seed), RehearsalAssumptions(**assumptions)
    )


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(REGIONS), st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_counts_add_up_and_times_are_the_agreed_ones(agreement, seed, late, silent):
    year = played(agreement, seed, late=late, silent=silent)
    assert [event.at for event in year] == sorted(event.at for event in year)
    for kind, agreed in agreement.rounds.items():
        of_round = [event for event in year if event.round is kind]
        by_event = {event: [each for each in of_round if each.event is event] for event in TimelineEventKind}
        for name in kind.milestones:
            (milestone,) = by_event[TimelineEventKind(name)]
            assert milestone.at == getattr(agreed.milestones, name)
        (due,) = by_event[TimelineEventKind.DATA_DUE]
        (closed,) = by_event[TimelineEventKind.REVIEW_CLOSES if kind.is_inspected else TimelineEventKind.DELIVERS]
        supplied = by_event[TimelineEventKind.SUPPLIED]
        assert sum(each.dossiers for each in supplied) == due.dossiers <= due.of
        assert sum(each.schools for each in supplied) == due.schools
        reviewed = sum(each.dossiers for each in by_event[TimelineEventKind.REVIEWED])
        assert (reviewed if kind.is_inspected else due.dossiers) == closed.dossiers <= due.dossiers
        assert bool(by_event[TimelineEventKind.RELEASED]) is not kind.is_inspected
        assert all(agreed.milestones.opens <= each.at <= agreed.milestones.data_due for each in supplied)
        for answers in by_event[TimelineEventKind.REVIEWED]:
            assert agreed.milestones.review_opens <= answers.at <= agreed.milestones.review_closes
        for reminder in by_event[TimelineEventKind.REMINDED]:
            before = sum(each.schools for each in supplied if each.at <= reminder.at)
            assert reminder.schools == len(agreement.suppliers(kind)) - before


def test_the_same_seed_gives_the_same_year():
    assert played(REGIONS[0], 7) == played(REGIONS[0], 7)
    assert played(REGIONS[0], 7) != played(REGIONS[0], 8)


def test_habits_show(tmp_path):
    agreement = load_agreement(write(tmp_path))
    punctual = {(each.round, each.event): each for each in played(agreement, late=0, silent=0)}
    for kind in agreement.rounds:
        assert punctual[kind, TimelineEventKind.RECEIPTS_DUE].dossiers == punctual[kind, TimelineEventKind.OPENS].of > 0
    for assumptions in ({"late": 1}, {"silent": 1}):
        year = played(agreement, **assumptions)
        assert {each.dossiers for each in year if each.event is TimelineEventKind.DELIVERS} == {0}
    assert not [each for each in played(agreement, late=1) if each.event is TimelineEventKind.SUPPLIED]


def test_schools_and_parents_act_on_school_days():
    for agreement in REGIONS:
        national = national_year(agreement.school_year)
        acts = [
            each for each in played(agreement) if each.event in (TimelineEventKind.SUPPLIED, TimelineEventKind.REVIEWED)
        ]
        assert acts
        assert all(national.is_school_day(each.day, agreement.holiday_region) for each in acts)


@pytest.mark.parametrize("event", TimelineEventKind)
def test_every_event_has_its_sentence(event):
    assert texts("agreements/rehearsal")["events"][event.value].keys() == {"nl", "en"}


def test_the_command_tells_the_year(tmp_path):
    path = write(tmp_path)
    told = CliRunner().invoke(app, ["agreement", "rehearse", str(path), "--paper", "--late", "0", "--silent", "0"])
    assert told.exit_code == 0
    lines = [line for line in told.stdout.splitlines() if line[:1].isdigit()]
    days = [(line[3:5], line[:2]) for line in lines]
    assert days == sorted(days)
    assert [kind for kind, _ in groupby(line.split()[2] for line in lines)] == ["Vooraanmelding", "Advies"]
