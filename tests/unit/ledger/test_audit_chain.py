"""Tests of the audit chain (F76): alteration, removal, reordering and appending give the first invalid line."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overstap.ledger.audit import GENESIS, ChainFault, merkle_root, verify

REGION = "alfa"


def chain(count: int, region: str = REGION, after: tuple[int, str] = (0, GENESIS)) -> list[tuple[str, bytes]]:
    seq, previous = after
    lines = []
    for _ in range(count):
        seq += 1
        payload = json.dumps({"region": region, "seq": seq, "previous": previous, "subject": f"dossier {seq}"})
        digest = hashlib.sha256(payload.encode()).digest()
        lines.append((payload, digest))
        previous = digest.hex()
    return lines


def rehashed(payload: str, **changes: object) -> tuple[str, bytes]:
    text = json.dumps(json.loads(payload) | changes)
    return text, hashlib.sha256(text.encode()).digest()


def test_a_whole_chain_holds() -> None:
    assert verify(chain(20), region=REGION) is None
    assert verify([], region=REGION) is None


@pytest.mark.fault("F76")
@given(place=st.integers(0, 9))
def test_a_changed_line_is_named(place: int) -> None:
    lines = chain(10)
    payload, digest = lines[place]
    lines[place] = (payload.replace("dossier", "dossiar"), digest)
    assert verify(lines, region=REGION) == ChainFault(REGION, place + 1, "its content is not what was hashed")


@given(place=st.integers(0, 8))
def test_a_changed_line_with_a_new_hash_is_told_by_the_next(place: int) -> None:
    lines = chain(10)
    lines[place] = rehashed(lines[place][0], subject="another")
    fault = verify(lines, region=REGION)
    assert fault is not None
    assert (fault.seq, fault.why) == (place + 2, "it does not follow from the line before")


@pytest.mark.fault("F76")
@given(place=st.integers(0, 8))
def test_a_removed_line_is_told_where_it_was(place: int) -> None:
    lines = chain(10)
    del lines[place]
    fault = verify(lines, region=REGION)
    assert fault is not None
    assert fault.seq == place + 1
    assert f"it says number {place + 2}" in fault.why


@pytest.mark.fault("F76")
@given(places=st.lists(st.integers(0, 9), min_size=2, max_size=2, unique=True))
def test_two_lines_swapped_are_told_at_the_first(places: list[int]) -> None:
    lines = chain(10)
    one, two = sorted(places)
    lines[one], lines[two] = lines[two], lines[one]
    fault = verify(lines, region=REGION)
    assert fault is not None
    assert fault.seq == one + 1


def test_another_regions_line_is_not_ours() -> None:
    fault = verify([*chain(2), *chain(1, "beta", (2, chain(2)[-1][1].hex()))], region=REGION)
    assert fault == ChainFault(REGION, 3, "it is another region's")


def test_a_part_is_proved_after_the_line_before_it() -> None:
    lines = chain(10)
    assert verify(lines[4:], region=REGION, after=(4, lines[3][1].hex())) is None
    fault = verify(lines[4:], region=REGION, after=(4, lines[2][1].hex()))
    assert fault is not None
    assert fault.seq == 5


@pytest.mark.fault("F76")
def test_a_cut_tail_is_not_seen_here() -> None:
    """Hence the signed checkpoints: only an outsider can tell (tests of overstap.closing)."""
    assert verify(chain(10)[:7], region=REGION) is None


# Test vectors of RFC 9162 / Certificate Transparency (certificate-transparency-go, merkle_tree_test): roots over the
# first n of these leaves.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("count", ROOTS)
def test_the_merkle_root_is_that_of_rfc_9162(count: int) -> None:
    assert merkle_root([bytes.fromhex(leaf) for leaf in LEAVES[:count]]).hex() == ROOTS[count]


def test_a_tree_needs_a_leaf() -> None:
    with pytest.raises(ValueError, match="leaf"):
        merkle_root([])
