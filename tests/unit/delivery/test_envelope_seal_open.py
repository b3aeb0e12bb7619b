"""Sealing and opening, and what no stored file can show: every byte, sizes, rotation, and the written DER."""

import hashlib
import io
import json
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat import asn1
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from overstap.envelope import cms, encryption, manifest, package, signing
from overstap.envelope.der import (
    CONTEXT_0,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    tlv,
)
from overstap.envelope.envelope import MAX_AGE, MAX_AHEAD, open_envelope, seal
from overstap.envelope.message_ids import is_message_id, message_id
from overstap.envelope.package import PackageLimits, pack, unpack
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.pki import (
    DevelopmentAuthority,
    KeyKind,
    KeyRing,
    Role,
    TrustStore,
    make_development_certificates,
)

AT = datetime(2027, 3, 12, 15, tzinfo=UTC)
ID = message_id(AT, bytes(range(10)))
FILES = {"dossier.xml": b"<dossier>" + b"een lange inhoud " * 300 + b"</dossier>"}


@pytest.fixture(scope="module", params=[KeyKind.P256, KeyKind.RSA3072])
def trust(request, tmp_path_factory) -> TrustStore:
    folder = tmp_path_factory.mktemp("trust")
    make_development_certificates(folder, schools=["99AB00", "98XA00"], at=AT - timedelta(days=9), kind=request.param)
    return TrustStore(folder, production=False)


@pytest.fixture(scope="module")
def ec_trust(tmp_path_factory) -> TrustStore:
    folder = tmp_path_factory.mktemp("trust")
    make_development_certificates(folder, schools=["99AB00", "98XA00"], at=AT - timedelta(days=9))
    return TrustStore(folder, production=False)


def sealed(trust: TrustStore, files=FILES, **changes):
    values = {"message_id": ID, "round_id": "r/1", "oso_version": "2019.1", "created_at": AT} | changes
    sender = trust.signing_identity("99AB00", at=AT)
    return seal(files, sender=sender, recipient=trust.recipient("98XA00", at=AT), **values)


def opened(
    trust: TrustStore,
    data: bytes,
    *,
    at: datetime = AT,
    limits: PackageLimits = package.DEFAULT_LIMITS,
    keyring: KeyRing | None = None,
):
    keys = keyring or trust.keyring("98XA00", at=AT)
    return open_envelope(data, keyring=keys, trust=trust, school="98XA00", at=at, limits=limits)


def refusal(trust: TrustStore, data: bytes, **options) -> OpeningFailure:
    with pytest.raises(EnvelopeError) as refused:
        opened(trust, data, **options)
    return refused.value.reason


def test_what_was_sealed_comes_out(trust: TrustStore) -> None:
    made = sealed(trust)
    result = opened(trust, made.envelope)
    assert result.files == FILES
    assert (result.envelope_sha256, result.manifest_sha256) == (made.envelope_sha256, made.manifest_sha256)
    assert result.manifest.message_id == ID
    assert (result.manifest.sender.school, result.manifest.recipient.school) == ("99AB00", "98XA00")
    assert result.manifest.created_at == AT


def test_no_two_envelopes_are_alike(trust: TrustStore) -> None:
    first, second = sealed(trust), sealed(trust)
    assert first.envelope_sha256 != second.envelope_sha256
    assert first.manifest_sha256 == second.manifest_sha256


def test_what_was_written_is_the_der_of_the_structures(trust: TrustStore) -> None:
    """Writing joins templates; the declared structures must read them and encode the very same bytes."""
    made = sealed(trust).envelope
    outer = cms.decode(cms.ContentInfo, made)
    assert asn1.encode_der(outer) == made
    inside = outer.content.parse(cms.AuthEnvelopedData)
    assert tlv(CONTEXT_0, asn1.encode_der(inside)) in made
    signed = encryption.decrypt(made, trust.keyring("98XA00", at=AT))
    found = cms.decode(cms.ContentInfo, signed)
    assert asn1.encode_der(found) == signed
    assert asn1.encode_der(found.content.parse(cms.SignedData)) == cms.der_of(found.content)


def spoilt_copies(data: bytes, opaque: bytes, choose: random.Random) -> Iterator[tuple[int, bytes]]:
    """Yield copies with one bit flipped: every bit of the structure, one of each byte in the opaque part."""
    start = data.index(opaque)
    for position in range(len(data)):
        inside = start <= position < start + len(opaque)
        for bit in [choose.randrange(8)] if inside else range(8):
            yield position, data[:position] + bytes((data[position] ^ 1 << bit,)) + data[position + 1 :]


def reasons_for(trust: TrustStore, copies: Iterable[tuple[int, bytes]], seed: int) -> set[OpeningFailure]:
    reasons, keyring = set(), trust.keyring("98XA00", at=AT)
    for position, data in copies:
        try:
            reasons.add(refusal(trust, data, keyring=keyring))
        except BaseException as error:
            raise AssertionError(f"seed {seed}, byte {position}") from error
    return reasons


@pytest.mark.fault("F49")
def test_every_flipped_bit_of_an_envelope_is_refused(ec_trust: TrustStore) -> None:
    """F49, outside. It showed two bits that opened: hybrid points, and bits left over in a BIT STRING."""
    made, seed = sealed(ec_trust).envelope, random.randrange(2**32)
    ciphertext = cms.decode(cms.ContentInfo, made).content.parse(cms.AuthEnvelopedData).content.ciphertext
    reasons = reasons_for(ec_trust, spoilt_copies(made, ciphertext, random.Random(seed)), seed)
    assert {
        OpeningFailure.MALFORMED,
        OpeningFailure.DECRYPTION,
        OpeningFailure.NOT_FOR_THIS_KEY,
        OpeningFailure.ALGORITHM,
    } <= reasons


@pytest.mark.fault("F49")
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_every_flipped_bit_inside_is_refused(ec_trust: TrustStore) -> None:
    """F49, inside: as by somebody who can encrypt for the school, which anybody can."""
    recipient, seed = ec_trust.recipient("98XA00", at=AT), random.randrange(2**32)
    signed = encryption.decrypt(sealed(ec_trust).envelope, ec_trust.keyring("98XA00", at=AT))
    content = cms.decode(cms.ContentInfo, signed).content.parse(cms.SignedData).encapsulated.content
    copies = spoilt_copies(signed, content, random.Random(seed))
    sent = ((position, encryption.encrypt(data, recipient)) for position, data in copies)
    reasons = reasons_for(ec_trust, sent, seed)
    assert {OpeningFailure.MALFORMED, OpeningFailure.SIGNED_ATTRIBUTES, OpeningFailure.SIGNATURE} <= reasons
    assert not reasons & {OpeningFailure.PACKAGE, OpeningFailure.MANIFEST}, "nothing unverified is unpacked"


@pytest.mark.fault("F59")
@pytest.mark.parametrize("cut", [0, 1, 2, 100, -1])
def test_every_truncation_is_refused(ec_trust: TrustStore, cut: int) -> None:
    assert refusal(ec_trust, sealed(ec_trust).envelope[:cut]) is OpeningFailure.MALFORMED


@pytest.mark.fault("F59")
def test_ten_thousand_recipients_are_refused(ec_trust: TrustStore) -> None:
    """F59."""
    one = encryption._for_recipient(ec_trust.recipient("98XA00", at=AT).certificate, bytes(32))
    found = cms.decode(cms.ContentInfo, sealed(ec_trust).envelope).content.parse(cms.AuthEnvelopedData)
    parts = tlv(INTEGER, b"\0"), tlv(SET, *[one] * 10_000), asn1.encode_der(found.content), tlv(OCTET_STRING, found.tag)
    bomb = tlv(SEQUENCE, cms.oid(cms.AUTH_ENVELOPED_DATA), tlv(CONTEXT_0, tlv(SEQUENCE, *parts)))
    assert refusal(ec_trust, bomb) is OpeningFailure.RECIPIENTS


@pytest.mark.fault("F59")
@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_is_refused(ec_trust: TrustStore, depth: int) -> None:
    """F59: headers inside headers, each of a length that fits."""
    bomb = b""
    for _ in range(min(depth, 3000)):
        bomb = tlv(SEQUENCE, bomb)
    assert refusal(ec_trust, bomb) is OpeningFailure.MALFORMED
    assert refusal(ec_trust, b"\x30\x80" * depth) is OpeningFailure.MALFORMED


def test_sizes(ec_trust: TrustStore) -> None:
    made = sealed(ec_trust).envelope
    assert refusal(ec_trust, made, limits=PackageLimits(envelope_bytes=len(made) - 1)) is OpeningFailure.TOO_LARGE
    assert opened(ec_trust, made, limits=PackageLimits(envelope_bytes=len(made))).files == FILES
    assert (
        refusal(ec_trust, made, limits=PackageLimits(content_bytes=len(FILES["dossier.xml"]))) is OpeningFailure.PACKAGE
    )


@pytest.mark.fault("F56")
def test_a_zip_bomb_costs_no_memory(ec_trust: TrustStore) -> None:
    """F56: 200 MB out of 194 kB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made, made.open("dossier.xml", "w") as entry:
        for _ in range(200):
            entry.write(bytes(1024 * 1024))
    data = out.getvalue()
    assert len(data) < 300_000
    tracemalloc.start()
    with pytest.raises(EnvelopeError) as refused:
        unpack(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.reason is OpeningFailure.PACKAGE
    assert peak < 2 * 1024 * 1024


@pytest.mark.fault("F56")
def test_sixty_five_thousand_entries_and_a_zip_inside(ec_trust: TrustStore) -> None:
    """F56: refused by the directory's end alone; and a file that is a ZIP itself stays a file, nobody unpacks it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for number in range(65_000):
            made.writestr(zipfile.ZipInfo(f"{number}.txt"), b"")
    with pytest.raises(EnvelopeError) as refused:
        unpack(out.getvalue())
    assert refused.value.reason is OpeningFailure.PACKAGE
    nested = FILES | {"bijlage.zip": pack({"dossier.xml": bytes(100_000)})}
    assert opened(ec_trust, sealed(ec_trust, files=nested).envelope).files == nested


@pytest.mark.fault("F33", "F53")
def test_age(ec_trust: TrustStore) -> None:
    """F33, F53: a clock somewhat ahead is borne, last year's message is not."""
    made = sealed(ec_trust).envelope
    assert opened(ec_trust, made, at=AT - MAX_AHEAD).files
    assert refusal(ec_trust, made, at=AT - MAX_AHEAD - timedelta(seconds=1)) is OpeningFailure.FROM_THE_FUTURE
    DevelopmentAuthority(ec_trust.folder, at=AT).publish_revocations(days=400)
    assert opened(ec_trust, made, at=AT + MAX_AGE).files
    assert refusal(ec_trust, made, at=AT + MAX_AGE + timedelta(seconds=1)) is OpeningFailure.TOO_OLD


@pytest.mark.fault("F46")
def test_a_key_rotated_under_way_still_opens(tmp_path: Path) -> None:
    """F46: sealed for the old certificate, opened after the new one came; new ones go to the new certificate."""
    make_development_certificates(tmp_path, schools=["99AB00", "98XA00"], at=AT - timedelta(days=9))
    trust = TrustStore(tmp_path, production=False)
    before = sealed(trust)
    DevelopmentAuthority(tmp_path, at=AT).renew("98XA00", Role.DECRYPTION)
    DevelopmentAuthority(tmp_path, at=AT).renew("99AB00", Role.SIGNING)
    after = sealed(trust)
    assert opened(trust, before.envelope).files == opened(trust, after.envelope).files == FILES
    newest = trust.keyring("98XA00", at=AT)
    only_new = KeyRing("98XA00", newest.oin, tuple(newest)[:1])
    with pytest.raises(EnvelopeError) as refused:
        open_envelope(before.envelope, keyring=only_new, trust=trust, school="98XA00", at=AT)
    assert refused.value.reason is OpeningFailure.NOT_FOR_THIS_KEY
    assert open_envelope(after.envelope, keyring=only_new, trust=trust, school="98XA00", at=AT).files == FILES


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": uuid4()},
        {"round_id": "spaces are not agreed"},
        {"round_id": 'quote"'},
        {"oso_version": "latest"},
        {"files": {}},
        {"files": {"../x.xml": b""}},
        {"files": {"manifest.json": b""}},
        {"files": {"Receipt.cms": b""}},
    ],
)
def test_values_of_another_form_are_not_sealed(ec_trust: TrustStore, changes: dict) -> None:
    with pytest.raises(ValueError, match=r"form|name"):
        sealed(ec_trust, **changes)


def test_the_manifest_needs_no_escaping(ec_trust: TrustStore) -> None:
    """It is written without a JSON library: the same fields through one must be the same bytes."""
    text = opened(ec_trust, sealed(ec_trust).envelope).manifest_bytes
    assert json.dumps(json.loads(text), separators=(",", ":")).encode() == text
    assert manifest.parse(text).to_bytes() == text


def test_packages_are_the_same_for_the_same_files_and_readable_elsewhere() -> None:
    files = {"manifest.json": b"{}", "dossier.xml": os.urandom(5000) + bytes(5000), "bijlage-1.pdf": b""}
    assert pack(files) == pack(files)
    with zipfile.ZipFile(io.BytesIO(pack(files))) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == files
    assert unpack(pack(files)) == files


def test_a_package_says_one_thing_to_every_reader() -> None:
    """Readers of ZIP differ: some go by the directory, some by each file's own header, some by what lies in between."""
    good = pack({"manifest.json": b"{}", "dossier.xml": b"<a/>"})
    second = good.index(b"PK\3\4", 4)
    other_name = good[:second] + good[second:].replace(b"dossier.xml", b"another.xml", 1)
    other_size = bytearray(good)
    other_size[second + 22] += 1
    gap = _shifted(good, second, b"<hidden/>")
    for name, data in {"name": other_name, "size": bytes(other_size), "gap": gap}.items():
        with zipfile.ZipFile(io.BytesIO(data)) as found:  # a library sees nothing wrong with its directory
            assert found.namelist() == ["manifest.json", "dossier.xml"], name
        with pytest.raises(EnvelopeError) as refused:
            unpack(data)
        assert refused.value.reason is OpeningFailure.PACKAGE, name


def _shifted(good: bytes, second: int, hidden: bytes) -> bytes:
    """Put bytes between the two files, and let the directory know."""
    start = good.index(b"PK\1\2")
    entry = good.index(b"PK\1\2", start + 4)
    made = bytearray(good[:second] + hidden + good[second:])
    for place, value in ((entry + 42, second), (len(good) - 6, start)):
        made[place + len(hidden) : place + len(hidden) + 4] = struct.pack("<L", value + len(hidden))
    return bytes(made)


@seed(20)
@settings(deadline=None, max_examples=300)
@given(place=st.integers(0, 400), value=st.integers(0, 255), cut=st.integers(0, 3))
def test_what_is_unpacked_is_what_another_reader_unpacks(place: int, value: int, cut: int) -> None:
    data = bytearray(pack({"manifest.json": b"{}" * 40, "dossier.xml": b"<a>xyz</a>" * 200}))
    data[place % len(data)] = value
    try:
        found = unpack(bytes(data[: len(data) - cut]))
    except EnvelopeError:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert found == {name: other.read(name) for name in other.namelist()}


def test_signatures_state_the_moment_in_either_century_form(ec_trust: TrustStore) -> None:
    """RFC 5652 11.3: UTCTime until 2049, GeneralizedTime from 2050."""
    identity = ec_trust.signing_identity("99AB00", at=AT)
    assert signing.verify(signing.sign(b"x", identity, at=AT), trust=ec_trust, at=AT).signed_at == AT
    late = datetime(2051, 1, 1, tzinfo=UTC)
    assert signing.verify(signing.sign(b"x", identity, at=late), trust=ec_trust, at=AT).signed_at == late


def test_message_ids_sort_by_time_and_are_version_7() -> None:
    ids = [message_id(AT + timedelta(milliseconds=step), os.urandom(10)) for step in range(50)]
    assert ids == sorted(ids)
    assert all(is_message_id(one) and one.variant == UUID(int=0x8 << 60).variant for one in ids)
    assert ids[0].int >> 80 == int(AT.timestamp() * 1000)
    with pytest.raises(ValueError, match="10 random bytes"):
        message_id(AT, bytes(9))


def test_a_refusal_crosses_a_process_boundary_and_tells_the_log_only(ec_trust: TrustStore, caplog) -> None:
    data = sealed(ec_trust).envelope[:-1] + b"x"
    with pytest.raises(EnvelopeError) as refused:
        opened(ec_trust, data)
    again = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 - our own bytes
    assert (again.reason, again.code) == (OpeningFailure.DECRYPTION, "DELIVERY-001")
    assert f"sha256={hashlib.sha256(data).hexdigest()}" in caplog.text
    assert "reason=decryption" in caplog.text
