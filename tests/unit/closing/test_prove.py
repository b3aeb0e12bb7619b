"""Tests of the verification of an exported file (F76): altered, truncated, reordered, or unsigned."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from overstap.clock import now
from overstap.closing import checkpoint
from overstap.closing.export import ExportVerification, verify_export
from overstap.errors import OverstapError
from overstap.ledger.audit import GENESIS, merkle_root
from overstap.pki import SigningIdentity, TrustStore, make_development_certificates

AT = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SigningIdentity]:
    folder: Path = tmp_path_factory.mktemp("trust")
    at: datetime = now()
    make_development_certificates(folder, schools=[], regions=["alfa", "beta"], at=at)
    return lambda region: TrustStore(folder, production=False).conductor_signing(region, at=at)


@pytest.fixture(scope="module")
def exported(signer: Callable[[str], SigningIdentity]) -> list[str]:
    """Ten lines, with checkpoints after the fourth and the ninth."""
    lines, hashes, previous = [], [], GENESIS
    for seq in range(1, 11):
        payload = json.dumps({"region": "alfa", "seq": seq, "previous": previous, "subject": f"dossier {seq}"})
        hashes.append(hashlib.sha256(payload.encode()).digest())
        previous = hashes[-1].hex()
        lines.append(json.dumps({"line": payload, "hash": previous}))
    return lines + [signed(hashes, begin, end, signer("alfa")) for begin, end in ((1, 4), (5, 9))]


CONDUCTORS: list[x509.Certificate] = []


@pytest.fixture(autouse=True, scope="module")
def trusted(signer: Callable[[str], SigningIdentity]) -> None:
    CONDUCTORS[:] = [signer("alfa").certificate]


def proved(lines: list[str], **known: Any) -> ExportVerification:
    return verify_export(lines, conductors=CONDUCTORS, **known)


def signed(hashes: list[bytes], begin: int, end: int, identity: SigningIdentity) -> str:
    payload = json.dumps(
        {
            "region": "alfa",
            "from": begin,
            "up_to": end,
            "root": merkle_root(hashes[begin - 1 : end]).hex(),
            "head": hashes[end - 1].hex(),
            "at": (AT + timedelta(hours=end)).isoformat(),
        }
    )
    signature = checkpoint._sign(payload.encode(), identity)
    pem = identity.certificate.public_bytes(serialization.Encoding.PEM).decode()
    return json.dumps({"checkpoint": payload, "signature": base64.b64encode(signature).decode(), "certificate": pem})


def changed(line: str, name: str, old: str, new: str) -> str:
    entry = json.loads(line)
    assert old in entry[name]
    return json.dumps(entry | {name: entry[name].replace(old, new)})


def test_a_whole_file_holds_and_says_what_is_not_covered(exported: list[str]) -> None:
    proof = proved(exported)
    assert proof.fault is None
    assert (proof.region, proof.lines, proof.checkpoints, proof.covered) == ("alfa", 10, 2, 9)
    assert len(proof.signers) == 1


@pytest.mark.fault("F76")
def test_an_altered_line_is_named(exported: list[str]) -> None:
    lines = [*exported]
    lines[2] = changed(lines[2], "line", "dossier 3", "dossier 8")
    assert "line 3:" in str(proved(lines).fault)


def test_an_altered_line_with_a_whole_new_chain_is_told_by_the_checkpoint(exported: list[str]) -> None:
    lines, previous = [], GENESIS
    for text in exported[:10]:
        said = json.loads(json.loads(text)["line"]) | {"previous": previous}
        if said["seq"] == 6:
            said["subject"] = "another"
        payload = json.dumps(said)
        previous = hashlib.sha256(payload.encode()).hexdigest()
        lines.append(json.dumps({"line": payload, "hash": previous}))
    assert "checkpoint 9" in str(proved(lines + exported[10:]).fault)


@pytest.mark.fault("F76")
@pytest.mark.parametrize("place", range(9))
def test_a_removed_line_is_told(exported: list[str], place: int) -> None:
    assert f"line {place + 1}:" in str(proved(exported[:place] + exported[place + 1 :]).fault)


@pytest.mark.fault("F76")
def test_reordered_lines_are_told(exported: list[str]) -> None:
    assert "line 5:" in str(proved([*exported[:4], exported[5], exported[4], *exported[6:]]).fault)


def test_a_tail_cut_below_a_checkpoint_is_told(exported: list[str]) -> None:
    assert proved(exported[:9] + exported[10:]).fault is None  # after the last checkpoint: cannot be seen
    assert "line 8: gone" in str(proved(exported[:7] + exported[10:]).fault)


def test_a_checkpoint_left_out_or_moved_is_told(exported: list[str]) -> None:
    assert "checkpoint 9: it does not follow" in str(proved(exported[:10] + exported[11:]).fault)
    assert "it does not follow" in str(proved([*exported[:10], exported[11], exported[10]]).fault)


def test_a_checkpoint_over_nothing_is_told(exported: list[str], signer: Callable[[str], SigningIdentity]) -> None:
    """Signed, and of the right form, but its range is empty: there is no tree to compare."""
    entry = json.loads(exported[10])
    payload = json.dumps(json.loads(entry["checkpoint"]) | {"up_to": 0})
    signature = base64.b64encode(checkpoint._sign(payload.encode(), signer("alfa"))).decode()
    empty = json.dumps(entry | {"checkpoint": payload, "signature": signature})
    assert "checkpoint 0: it does not follow" in str(proved([*exported[:10], empty]).fault)


def test_a_checkpoint_that_nobody_signed_is_told(exported: list[str], signer: Callable[[str], SigningIdentity]) -> None:
    altered = changed(exported[10], "checkpoint", '"from": 1', '"from": 2')
    assert "checkpoint 4: its signature does not hold" in str(proved([*exported[:10], altered, exported[11]]).fault)
    other = signer("beta").certificate.public_bytes(serialization.Encoding.PEM).decode()
    swapped = json.dumps(json.loads(exported[10]) | {"certificate": other})
    assert "checkpoint 4: its signature does not hold" in str(proved([*exported[:10], swapped, exported[11]]).fault)


def test_another_signer_shows_by_name(exported: list[str], signer: Callable[[str], SigningIdentity]) -> None:
    """A forged file can be signed by anybody: it does not hold, and the names tell who did."""
    hashes = [bytes.fromhex(json.loads(line)["hash"]) for line in exported[:10]]
    forged = proved([*exported[:10], signed(hashes, 1, 9, signer("beta"))])
    assert "another certificate" in str(forged.fault)
    assert forged.signers.isdisjoint(proved(exported).signers)


@pytest.mark.parametrize("line", ["", "no json", "[]", "{}", '{"line": 1}', '{"line": "x", "hash": "zz"}'])
def test_what_is_no_evidence_is_refused_by_its_line(exported: list[str], line: str) -> None:
    with pytest.raises(OverstapError, match="CLOSING-001") as told:
        proved([exported[0], line, *exported[1:]])
    assert told.value.facts["line"] == 2


HOSTILE = {
    "a certificate that is none": {"certificate": "x"},
    "a signature that is no base64": {"signature": "é"},
    "a payload that is no JSON": {"checkpoint": "x"},
    "a payload without its keys": {"checkpoint": "{}"},
    "a payload of another form": {"checkpoint": "[]"},
    "a range that is empty": {"checkpoint": '{"region": "alfa", "from": 1, "up_to": 0, "root": "", "head": ""}'},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_checkpoint_ends_in_a_sentence(exported: list[str], case: str) -> None:
    entry = json.dumps(json.loads(exported[10]) | HOSTILE[case])
    assert says_what_is_wrong([*exported[:10], entry])


@pytest.mark.parametrize("payload", ["x", "[]", "{}", '{"region": "alfa"}', '{"region": "alfa", "seq": 1}'])
def test_a_hostile_line_ends_in_a_sentence(payload: str) -> None:
    entry = json.dumps({"line": payload, "hash": hashlib.sha256(payload.encode()).hexdigest()})
    assert says_what_is_wrong([entry])


def says_what_is_wrong(lines: list[str]) -> bool:
    try:
        return proved(lines).fault is not None
    except OverstapError as told:
        return told.code == "CLOSING-001"


def test_only_the_conductor_signs(exported: list[str], signer: Callable[[str], SigningIdentity]) -> None:
    assert "another certificate" in str(verify_export(exported, conductors=[]).fault)
    assert "another certificate" in str(verify_export(exported, conductors=[signer("beta").certificate]).fault)
    hashes = [bytes.fromhex(json.loads(line)["hash"]) for line in exported[:10]]
    forged = [*exported[:11], signed(hashes, 5, 9, signer("beta"))]
    assert "checkpoint 9: signed by another certificate" in str(proved(forged).fault)


@pytest.mark.fault("F76")
def test_a_chain_that_was_cut_short_is_found(exported: list[str]) -> None:
    """Cut with its last checkpoint it holds by itself; by its age and by what was handed out it does not."""
    cut = [*exported[:4], exported[10]]
    assert proved(cut).fault is None
    assert "handed out" in str(proved(cut, known=[json.loads(exported[11])["checkpoint"]]).fault)
    assert "last checkpoint is of" in str(proved(cut, since=AT + timedelta(hours=5)).fault)
    whole = {"known": [json.loads(exported[11])["checkpoint"]], "since": AT + timedelta(hours=5)}
    assert proved(exported, **whole).fault is None
    assert "no checkpoint" in str(proved(exported[:10], since=AT).fault)
