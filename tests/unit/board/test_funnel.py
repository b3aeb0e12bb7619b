"""Tests of the funnel, its changes, and a layer for every state of the ledger."""

import itertools
import re
from collections import Counter
from datetime import date

from overstap.ledger.rounds.progress import StateTransition
from overstap.pages.board.funnel import (
    GONE,
    REACHED,
    SUPPLIED,
    FunnelLayer,
    changed,
    days,
    funnel,
)
from overstap_tools.project import PROJECT

MONDAY, TUESDAY, THURSDAY = date(2027, 3, 8), date(2027, 3, 9), date(2027, 3, 11)


def test_layers_hold_one_another() -> None:
    layers = list(REACHED.values())
    assert all(narrow < wide for wide, narrow in itertools.pairwise(layers))


def test_every_state_of_the_ledger_is_told() -> None:
    schema = "".join(path.read_text() for path in sorted((PROJECT / "include/schemas/ledger").rglob("*.sql")))
    states = set()
    for values in re.findall(r"insert into overstap\.state[^;]*values(.*?);", schema, flags=re.S):
        states |= set(re.findall(r"\('([a-z_]+)'", values))
    from overstap.texts import texts

    assert states == SUPPLIED | GONE
    assert states == set(texts("board/words")["dossier_states"])


def test_counts_and_changes() -> None:
    states = Counter(supplied=1, rejected=2, in_review=3, confirmed=4)
    moved = [
        (None, "supplied", 2),
        ("supplied", "accepted", 5),
        ("accepted", "supplied", 1),
        ("sealed", "confirmed", 4),
    ]
    told = {step.layer: (step.count, step.change) for step in funnel(states, 12, moved)}
    assert told == {
        FunnelLayer.EXPECTED: (12, None),
        FunnelLayer.SUPPLIED: (10, 2),
        FunnelLayer.ACCEPTED: (7, 4),
        FunnelLayer.INSPECTED: (4, 0),
        FunnelLayer.DELIVERED: (4, 0),
        FunnelLayer.CONFIRMED: (4, 4),
    }


def test_a_dossier_that_is_taken_back_counts_nowhere() -> None:
    told = {step.layer: step.count for step in funnel(Counter(confirmed=2, withdrawn=1), 2)}
    assert (told[FunnelLayer.EXPECTED], told[FunnelLayer.SUPPLIED], told[FunnelLayer.CONFIRMED]) == (2, 2, 2)
    assert changed([("accepted", "withdrawn", 1)])[FunnelLayer.SUPPLIED] == -1


def test_a_mended_dossier_counts_once() -> None:
    assert changed([("rejected", "supplied", 1)]) == Counter()
    assert changed([("in_review", "supplied", 1)])[FunnelLayer.ACCEPTED] == -1


def test_days_without_a_move_stand_as_the_day_before() -> None:
    found = days(
        [
            StateTransition(MONDAY, None, "supplied", 3),
            StateTransition(TUESDAY, "supplied", "accepted", 2),
            StateTransition(TUESDAY, None, "supplied", 1),
        ],
        THURSDAY,
    )
    assert [one.day.day for one in found] == [8, 9, 10, 11]
    assert [one.counts[FunnelLayer.SUPPLIED] for one in found] == [3, 4, 4, 4]
    assert [one.counts[FunnelLayer.ACCEPTED] for one in found] == [0, 2, 2, 2]
    assert days([], THURSDAY) == []
