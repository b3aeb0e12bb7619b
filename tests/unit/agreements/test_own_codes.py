"""A region's own codes: a labelled extension of the standard's code lists, in the agreement of a school year."""

from pathlib import Path

import pytest
from agreement_files import GOOD, write

from overstap.agreements import load_agreement
from overstap.agreements.checks import check_agreements
from overstap.errors import OverstapError

OWN = "own_codes:\n  - {list: '42', code: '0017', label: Leerling in beeld}\n"


def codes(path: Path) -> list[str]:
    return [each.code for checked in check_agreements([path]) for each in checked.findings]


def test_they_are_read_with_their_meaning(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + OWN)
    assert codes(path) == []
    assert load_agreement(path).own_code_labels == {("42", "0017"): "Leerling in beeld"}


def test_an_agreement_without_them_is_stored_as_before(tmp_path: Path) -> None:
    """The digest of the agreements that run does not change."""
    agreement = load_agreement(write(tmp_path, GOOD))
    assert "own_codes" not in agreement.model_dump(mode="json")


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("{list: '99', code: '0017', label: X}", "AGREEMENT-180"),
        ("{list: '48', code: MISSCHIEN, label: Misschien}", "AGREEMENT-180"),
        ("{list: '2', code: '90', label: Iets}", "AGREEMENT-180"),
        ("{list: '42', code: '0013', label: IEP}", "AGREEMENT-181"),
    ],
)
def test_what_cannot_be_extended_is_told_at_its_line(own: str, code: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"{GOOD}own_codes:\n  - {own}\n")
    [found] = [each for checked in check_agreements([path]) for each in checked.findings]
    assert found.code == code
    assert found.line == GOOD.count("\n") + 2


@pytest.mark.parametrize(
    "own",
    [
        "{list: '42', code: '0017'}",
        "{list: '42', code: '', label: Leeg}",
        "{list: toetsen, code: '0017', label: X}",
        "{list: '42', code: '0017', label: A}\n  - {list: '42', code: '0017', label: B}",
    ],
)
def test_a_code_without_a_meaning_or_twice_is_refused(own: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"{GOOD}own_codes:\n  - {own}\n")
    with pytest.raises(OverstapError, match="AGREEMENT-001"):
        load_agreement(path)
    assert any(not each.startswith("AGREEMENT-181") for each in codes(path))
