"""A stored agreement with a control character, from before files could not have one: the round goes on with it."""

import json
import logging

import pytest
from owned import by_owner
from pydantic import ValidationError
from test_walk import ROUND, VO, accept_all, agreement, incoming, supply

from overstap.agreements import Agreement, RoundKind, stored
from overstap.agreements.change_verdicts import ChangeContext, decide
from overstap.ledger import Ledger
from overstap.ledger.invariants import check
from overstap.ledger.rounds import round_agreements, rounds
from overstap.notifications.updating import update_notices

_NAMES = {"name": "Al\u0085fa", "coordinators.0.account": "co\u0007", "schools.1.name": "Het\nCollege\u2028Oost"}


@pytest.fixture
def old(ledger: Ledger) -> Ledger:
    """A ledger with a round whose agreement was stored by a version that took such names."""
    supply(ledger, incoming())
    for key, text in _NAMES.items():
        by_owner(
            ledger,
            "update overstap.round_agreement set agreement = jsonb_set(agreement, %(path)s, %(text)s::jsonb)",
            path=key.split("."),
            text=json.dumps(text),
        )
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = jsonb_set(agreement, "
        """'{rounds,advice,gate_answered_by}', '["co\\u0007"]')""",
    )
    stored._tell.cache_clear()
    return ledger


def test_its_round_goes_on_and_the_finding_is_told_once(old: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), old.unit("alfa", "test") as unit:
        row = rounds.get_round(unit, ROUND)
        [version] = round_agreements.versions(unit, ROUND)
        assert round_agreements.newest_of_year(unit, "2026-2027") == row.agreement == version.agreement
        assert rounds.newest_agreement(unit) == row.agreement
    assert (row.agreement.name, row.agreement.school(VO).name) == ("Al fa", "Het College Oost")
    assert row.agreement.gate_accounts(RoundKind.ADVICE) == ("co",)
    [told] = [one.getMessage() for one in caplog.records if one.name == stored.__name__]
    assert told.startswith("AGREEMENT-024: ")
    assert "coordinators.0.account, name, schools.1.name" in told
    assert not [text for text in _NAMES.values() if text in told]
    accept_all(old)
    with old.unit("alfa", "test") as unit:
        assert check(unit) == []
    update_notices(old, "alfa", at=row.opened_at, expiring=(), board=str, actor="notify")


def test_a_corrected_file_takes_its_place(old: Ledger) -> None:
    new = agreement()
    with old.unit("alfa", "steer") as unit:
        before = rounds.get_round(unit, ROUND).agreement
        progress = round_agreements.progress(unit, ROUND)
    decision = decide(before, new, RoundKind.ADVICE, ChangeContext(progress.at, progress.is_shown))
    assert decision.agreement.name == "Alfa"


def test_another_fault_of_a_stored_agreement_is_still_one() -> None:
    data = agreement().model_dump(mode="json")
    with pytest.raises(ValidationError):
        stored.stored_agreement({**data, "school_year": "2026"})
    with pytest.raises(ValidationError):
        stored.stored_agreement({**data, "name": "A\n", "school_year": "2026"})
    assert stored.stored_agreement({**data, "name": "\n"}).name == "-"


def test_a_file_may_not_have_one() -> None:
    data = agreement().model_dump(mode="json")
    with pytest.raises(ValidationError, match="name"):
        Agreement.model_validate({**data, "name": "Al\u0085fa"})
