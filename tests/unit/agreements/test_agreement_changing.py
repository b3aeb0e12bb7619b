"""What of a changed agreement a running round takes over, and why not the rest."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from agreement_files import GOOD, write

from overstap.agreements import Agreement, RoundKind, load_agreement
from overstap.agreements.change_verdicts import ChangeContext, decide
from overstap.agreements.model import Round
from overstap.clock import NETHERLANDS
from overstap.texts import texts

BEFORE = datetime(2027, 3, 10, 12, tzinfo=NETHERLANDS)
"""The advice round is open, and data are due in six days."""
COLLECTED = datetime(2027, 3, 16, 13, tzinfo=NETHERLANDS)
REVIEWING = datetime(2027, 3, 19, 12, tzinfo=NETHERLANDS)
DELIVERED = datetime(2027, 3, 26, 12, tzinfo=NETHERLANDS)
PO, VO = "99ZZ00", "98ZZ00"
SECOND = """  - id: 99YY00
    name: De Tweede School
    kind: PO
    contact: tweede@scholen-voorbeeld.nl
    supplies: {way: drop_folder}
"""

CASES = [
    # what becomes what, the moment, and why it is refused (None: taken over)
    ("data_due: 2027-03-16 12:00", "data_due: 2027-03-15 12:00", BEFORE, None),
    ("data_due: 2027-03-16 12:00", "data_due: 2027-03-16 13:00", COLLECTED, "passed"),
    ("data_due: 2027-03-16 12:00", "data_due: 2027-03-09 12:00", BEFORE, "would_be_past"),
    ("opens: 2027-03-01 08:00", "opens: 2027-02-26 08:00", BEFORE, "passed"),
    ("review_closes: 2027-03-24 16:00", "review_closes: 2027-03-24 18:00", REVIEWING, None),
    ("review_closes: 2027-03-24 16:00", "review_closes: 2027-03-23 16:00", REVIEWING, "shown"),
    ("review_closes: 2027-03-24 16:00", "review_closes: 2027-03-23 16:00", BEFORE, None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten]", BEFORE, None),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, handelingsplannen, verzuim]", COLLECTED, "collected"),
    ("[toetsresultaten, verzuim]", "[toetsresultaten, handelingsplannen, verzuim]", REVIEWING, "shown"),
    ("receivers: registered", "receivers: applied", REVIEWING, "shown"),
    ("receivers: registered", "receivers: placed", REVIEWING, None),
    ("receivers: registered", "receivers: placed", DELIVERED, "passed"),
    ("receivers: registered", "provisional: true\n    receivers: registered", COLLECTED, "collected"),
    ("receivers: registered", "review_minimum: P3D\n    receivers: registered", REVIEWING, "shown"),
    ("receivers: registered", "review_minimum: P6D\n    receivers: registered", REVIEWING, None),
    ("receivers: registered", "may_shift: {delivers: 2}\n    receivers: registered", REVIEWING, None),
    ("contact: administratie@scholen-voorbeeld.nl", "contact: nieuw@scholen-voorbeeld.nl", DELIVERED, None),
    ("schools:\n", f"schools:\n{SECOND}", BEFORE, None),
    ("schools:\n", f"schools:\n{SECOND}", COLLECTED, "passed"),
    ("school_year: 2026-2027", "school_year: 2027-2028", BEFORE, "another"),
    ("name: Voorbeeldregio", "name: Andere naam", DELIVERED, None),
]  # fmt: skip


def agreement(folder: Path, text: str = GOOD) -> Agreement:
    folder.mkdir()
    return load_agreement(write(folder, text), any_location=True)


@pytest.mark.parametrize(("old", "new", "at", "why"), CASES, ids=[f"{c[1][:40].strip()} {c[3]}" for c in CASES])
def test_what_is_taken_over_and_what_is_refused(tmp_path: Path, old: str, new: str, at: datetime, why: str | None):
    assert GOOD.count(old) == 1
    before, offered = agreement(tmp_path / "old"), agreement(tmp_path / "new", GOOD.replace(old, new))
    decided = decide(before, offered, RoundKind.ADVICE, ChangeContext(at))
    assert {verdict.refused for verdict in decided.verdicts} == {why}
    assert decided.agreement == (offered if why is None else before)
    for verdict in decided.verdicts:
        assert "{" not in verdict.sentence_nl + verdict.sentence_en


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("", "[release]", None),
        ("[release]", "[erase, release]", None),
        ("[erase, release]", "[erase]", "not_while_running"),
        ("[release]", "", "not_while_running"),
    ],
)
def test_one_person_does_not_drop_the_second(tmp_path: Path, before: str, after: str, why: str | None):
    """While a round runs, more acts may ask for two persons, and not fewer."""

    def text(acts: str) -> str:
        return GOOD.replace("name: Voorbeeldregio", f"name: Voorbeeldregio\nfour_eyes: {acts or '[]'}")

    old, offered = agreement(tmp_path / "old", text(before)), agreement(tmp_path / "new", text(after))
    decided = decide(old, offered, RoundKind.ADVICE, ChangeContext(BEFORE))
    assert [verdict.refused for verdict in decided.verdicts] == [why]
    assert decided.agreement == (offered if why is None else old)


def test_one_refusal_leaves_the_others(tmp_path: Path):
    text = GOOD.replace("data_due: 2027-03-16 12:00", "data_due: 2027-03-15 12:00").replace(
        "delivers: 2027-03-25 08:00", "delivers: 2027-03-25 09:00"
    )
    before, offered = agreement(tmp_path / "old"), agreement(tmp_path / "new", text)
    decided = decide(before, offered, RoundKind.ADVICE, ChangeContext(REVIEWING))
    stones = decided.agreement.round("advice").milestones
    assert stones.data_due == before.round("advice").milestones.data_due
    assert stones.delivers == offered.round("advice").milestones.delivers
    assert [verdict.difference.path for verdict in decided.refused] == ["rounds.advice.milestones.data_due"]


def test_what_is_left_must_be_an_agreement(tmp_path: Path):
    """The window may not close earlier than parents were told; then the delivery would come before it closes."""
    text = GOOD.replace("review_closes: 2027-03-24 16:00", "review_closes: 2027-03-22 16:00").replace(
        "delivers: 2027-03-25 08:00", "delivers: 2027-03-23 08:00"
    )
    before, offered = agreement(tmp_path / "old"), agreement(tmp_path / "new", text)
    decided = decide(before, offered, RoundKind.ADVICE, ChangeContext(REVIEWING))
    assert [verdict.refused for verdict in decided.verdicts] == ["shown", "does_not_fit"]
    assert decided.agreement == before


@pytest.mark.parametrize(("school", "is_in_it"), [(PO, True), ("99YY00", False)])
def test_a_school_with_dossiers_stays(tmp_path: Path, school: str, is_in_it: bool):
    both = GOOD.replace("schools:\n", f"schools:\n{SECOND}")
    data = yaml.safe_load(both)
    data["schools"] = [one for one in data["schools"] if one["id"] != school]
    before = agreement(tmp_path / "old", both)
    offered = agreement(tmp_path / "new", yaml.safe_dump(data))
    context = ChangeContext(COLLECTED, is_shown=False, supplied=frozenset({PO}), sealed_for=frozenset())
    decided = decide(before, offered, RoundKind.ADVICE, context)
    assert [verdict.refused for verdict in decided.verdicts] == ["has_dossiers" if is_in_it else None]
    assert {one.id for one in decided.agreement.schools} == {
        one.id for one in (before if is_in_it else offered).schools
    }


def test_facts_count_before_the_clock(tmp_path: Path):
    """Nothing has been released though the window should be open: parents know nothing yet."""
    text = GOOD.replace("receivers: registered", "receivers: applied")
    before, offered = agreement(tmp_path / "old"), agreement(tmp_path / "new", text)
    for is_shown in (True, False):
        decided = decide(before, offered, RoundKind.ADVICE, ChangeContext(REVIEWING, is_shown=is_shown))
        assert bool(decided.refused) is is_shown


def test_another_round_is_nothing_to_this_one(tmp_path: Path):
    text = GOOD.replace("data_due: 2027-01-25 17:00", "data_due: 2027-01-24 17:00")
    before, offered = agreement(tmp_path / "old"), agreement(tmp_path / "new", text)
    decided = decide(before, offered, RoundKind.ADVICE, ChangeContext(BEFORE))
    assert decided.verdicts == ()
    assert decided.agreement == offered


def test_every_key_of_a_round_has_a_rule():
    """What nobody thought of stays as it is while a round runs; that should be a choice."""
    from overstap.agreements.change_verdicts import _REGION, _ROUND

    assert set(Round.model_fields) - set(_ROUND) == {"not_inspected", "consent"}
    assert set(Agreement.model_fields) - set(_REGION) == {"rounds"}


def test_moving_again_and_again_is_one_move(tmp_path: Path):
    before = agreement(tmp_path / "old")
    later = before.round("advice").milestones.delivers + timedelta(hours=1)
    text = GOOD.replace("delivers: 2027-03-25 08:00", f"delivers: {later:%Y-%m-%d %H:%M}")
    offered = agreement(tmp_path / "new", text)
    once = decide(before, offered, RoundKind.ADVICE, ChangeContext(BEFORE)).agreement
    assert decide(once, offered, RoundKind.ADVICE, ChangeContext(BEFORE)).verdicts == ()


def test_every_reason_has_words():
    from overstap.agreements import change_verdicts

    source = Path(change_verdicts.__file__).read_text(encoding="utf-8")
    for name in texts("agreements/changing"):
        assert f'"{name}"' in source, name
