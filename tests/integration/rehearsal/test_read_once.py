"""Tests that a dossier is parsed at intake and at sealing only, and decrypted otherwise only to be shown."""

import hashlib
import re
import sys
from collections import Counter
from typing import Any

import pytest

from overstap.agreements import RoundKind, load_agreement
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.ledger.region_keys import RegionKeys
from overstap.oso import reading
from overstap.simulation.rehearsal.year import rehearse_year
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

PUPILS = 8
INTAKE = "overstap.intake.collect"
_CONTENT = re.compile(r"[0-9a-f-]{36}/[0-9]+")
SHOWS = {"overstap.review.codes", "overstap.review.meeting"}
"""Who opens a dossier to show it to somebody."""


def stage() -> str:
    """Return the module outside the standard and the ledger that asked for what is done now."""
    frame = sys._getframe(1)
    passed = ("overstap.oso", "overstap.ledger", __name__)
    while frame is not None and str(frame.f_globals["__name__"]).startswith(passed):
        frame = frame.f_back  # type: ignore[assignment]
    return str(frame.f_globals["__name__"])


@pytest.fixture(scope="module")
def counted() -> tuple[Counter[str], Counter[str], int, Counter[str]]:
    """Who parsed and who decrypted dossiers in a whole round, how many were delivered, how often each was parsed."""
    parsed: Counter[str] = Counter()
    decrypted: Counter[str] = Counter()
    files: Counter[str] = Counter()
    parse, decrypt = reading.parse, RegionKeys.decrypt

    def counting_parse(plain: bytes) -> Any:
        parsed[stage()] += 1
        if stage() == INTAKE:
            files[hashlib.sha256(plain).hexdigest()] += 1
        return parse(plain)

    def counting_decrypt(keys: RegionKeys, sealed: Any, bound_to: str) -> bytes:
        if _CONTENT.fullmatch(bound_to):
            decrypted[stage()] += 1
        return decrypt(keys, sealed, bound_to)

    utrecht = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    agreement = utrecht.model_copy(update={"rounds": {RoundKind.ADVICE: utrecht.round(RoundKind.ADVICE)}})
    with pytest.MonkeyPatch.context() as patch, temporary_server() as server:
        patch.setattr(reading, "parse", counting_parse)
        patch.setattr(RegionKeys, "decrypt", counting_decrypt)
        who: dict[str, Any] = {
            "seed": 4,
            "pupils": PUPILS,
            "schools": 2,
            "assumptions": RehearsalAssumptions(late=0, silent=0),
        }
        year = rehearse_year(agreement, national_year("2026-2027"), server=server, **who)
        confirmed = sum(int(str(one.facts["confirmed"])) for one in year if one.what == "closed")
    return parsed, decrypted, confirmed, files


def test_a_dossier_is_parsed_at_intake_and_at_sealing_and_to_be_shown(
    counted: tuple[Counter[str], Counter[str], int, Counter[str]],
) -> None:
    parsed, _, confirmed, _ = counted
    assert confirmed > 0
    assert set(parsed) <= {INTAKE, "overstap.delivery.sealing", *SHOWS}
    assert parsed["overstap.delivery.sealing"] == confirmed
    assert parsed[INTAKE] >= confirmed


def test_the_content_of_a_dossier_is_decrypted_at_sealing_and_to_be_shown(
    counted: tuple[Counter[str], Counter[str], int, Counter[str]],
) -> None:
    _, decrypted, confirmed, _ = counted
    decrypted.pop("overstap.simulation.rehearsal.play")  # at its end it tries whether all that is encrypted opens
    assert set(decrypted) <= {"overstap.delivery.sealing", *SHOWS}
    assert decrypted["overstap.delivery.sealing"] == confirmed


def test_a_file_that_has_not_changed_is_parsed_once_however_often_its_school_is_collected_from(
    counted: tuple[Counter[str], Counter[str], int, Counter[str]],
) -> None:
    *_, confirmed, files = counted
    assert len(files) >= confirmed
    assert set(files.values()) == {1}
