"""Make the test vectors of the envelope anew: `python tests/vectors/envelope/generate.py`.

Every vector is an envelope that somebody could send. `good/` must open; each of `bad/` must be refused for the reason
in front of its name, `<reason>.<what is wrong>.cms`. `receipts/` likewise, with the fault in front. `vectors.json` says
who the recipient is and at which moment to open. The keys here were made for this and are used for nothing else;
recipients' private keys are stored so that other implementations can try their own opener.
"""

import io
import json
import shutil
import stat
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import revocation_vectors
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.envelope import (
    cms,
    encryption,
    envelope,
    manifest,
    package,
    receipt,
    signing,
)
from overstap.envelope.der import (
    CONTEXT_0,
    NULL,
    OCTET_STRING,
    SEQUENCE,
    SET,
    tlv,
)
from overstap.envelope.message_ids import message_id
from overstap.pki import (
    DevelopmentAuthority,
    KeyKind,
    RecipientCertificate,
    Role,
    SigningIdentity,
    TrustStore,
    oin_of,
)
from overstap.pki import roles as trust_roles
from overstap.pki.key_files import read_certificates, read_key

HERE = Path(__file__).resolve().parent
MADE = datetime(2026, 1, 5, 9, tzinfo=UTC)
AT = datetime(2026, 3, 12, 15, tzinfo=UTC)
DAYS = 36_500
ID = message_id(AT, bytes(10))
FILES = {"dossier.xml": b"<dossier>the content of a synthetic pupil</dossier>\n" * 8}
SENDERS = {"99AB00": KeyKind.P256, "99AC00": KeyKind.RSA3072, "99AD00": KeyKind.RSA4096}
RECIPIENTS = {"98XA00": KeyKind.P256, "98XB00": KeyKind.RSA3072, "98XC00": KeyKind.RSA4096}
Oid = x509.ObjectIdentifier
DER = serialization.Encoding.DER


class Workshop:
    """Keys, certificates, and the steps of sealing one by one, so that each can be done wrong.

    Args:
        trust: folder for the authority and certificates.
    """

    def __init__(self, trust: Path) -> None:
        self.authority = DevelopmentAuthority(trust, at=MADE)
        self.authority.publish_revocations(days=DAYS)
        for school, kind in (SENDERS | RECIPIENTS).items():
            for role in (Role.SIGNING, Role.DECRYPTION):
                self.authority.renew(school, role, kind=kind, days=3600)
        self.store = TrustStore(trust, production=False)
        self.sender = self.store.signing_identity("99AB00", at=AT)
        self.rsa_sender = self.store.signing_identity("99AC00", at=AT)
        self.recipient = self.store.recipient("98XA00", at=AT)
        self.rsa_recipient = self.store.recipient("98XB00", at=AT)

    def seal(self, sender: SigningIdentity, recipient: RecipientCertificate, **changes: object) -> bytes:
        values = {"message_id": ID, "round_id": "waterland/2025-2026/advice", "oso_version": "2019.1", "created_at": AT}
        return envelope.seal(FILES, sender=sender, recipient=recipient, **(values | changes)).envelope  # type: ignore[arg-type]

    def manifest(self, **changes: object) -> manifest.Manifest:
        made = manifest.Manifest(
            kind=manifest.EnvelopeKind.DOSSIER,
            message_id=ID,
            round_id="waterland/2025-2026/advice",
            oso_version="2019.1",
            created_at=AT,
            sender=manifest.Party(self.sender.oin, self.sender.school),
            recipient=manifest.Party(self.recipient.oin, self.recipient.school),
            files=manifest.entries_of(FILES),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def from_package(self, packed: bytes) -> bytes:
        return encryption.encrypt(signing.sign(packed, self.sender, at=AT), self.recipient)

    def from_manifest(self, text: bytes, files: Mapping[str, bytes] = FILES) -> bytes:
        return self.from_package(package.pack({"manifest.json": text, **files}))

    def packed(self) -> bytes:
        return package.pack({"manifest.json": self.manifest().to_bytes(), **FILES})

    def signed(self) -> bytes:
        return signing.sign(self.packed(), self.sender, at=AT)

    def certificate(
        self, key: object, *, role: Role = Role.SIGNING, days: int = 3600, made: datetime = MADE, oin: str | None = None
    ) -> x509.Certificate:
        """Let the trusted authority certify a key that it should not have, or in a way that it should not."""
        issuing_key = self.authority._issuing_key
        issuing = self.authority._issuing
        subject = x509.Name(
            [
                x509.NameAttribute(x509.NameOID.COMMON_NAME, "vector"),
                x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, oin or self.sender.oin),
            ]
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuing.subject)
            .public_key(key.public_key())  # type: ignore[attr-defined]
            .serial_number(x509.random_serial_number())
            .not_valid_before(made)
            .not_valid_after(made + timedelta(days=days))
            .add_extension(trust_roles.key_usage(role, rsa_key=False), critical=True)
            .add_extension(trust_roles.extended_key_usage(role), critical=False)
            .sign(issuing_key, hashes.SHA256())
        )

    def signed_with(self, certificate: x509.Certificate, key: object) -> bytes:
        identity = SigningIdentity(self.sender.school, self.sender.oin, certificate, key)  # type: ignore[arg-type]
        with patch.object(signing, "check_key"):  # which would not let us sign with a weak key
            return encryption.encrypt(signing.sign(self.packed(), identity, at=AT), self.recipient)


# -- changes to what was sealed


def outer(data: bytes) -> cms.AuthEnvelopedData:
    return cms.decode(cms.ContentInfo, data).content.parse(cms.AuthEnvelopedData)


def enveloped(content: object) -> bytes:
    return tlv(SEQUENCE, cms.oid(cms.AUTH_ENVELOPED_DATA), tlv(CONTEXT_0, asn1.encode_der(content)))


def inner(data: bytes) -> cms.SignedData:
    return cms.decode(cms.ContentInfo, data).content.parse(cms.SignedData)


def signed(content: object) -> bytes:
    return tlv(SEQUENCE, cms.oid(cms.SIGNED_DATA), tlv(CONTEXT_0, asn1.encode_der(content)))


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def change(data: bytes, how: Callable[[cms.AuthEnvelopedData], None]) -> bytes:
    found = outer(data)
    how(found)
    return enveloped(found)


def openssl(*arguments: str, given: bytes) -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


def zipped(entries: list[tuple[zipfile.ZipInfo | str, bytes]], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, content in entries:
            made.writestr(name, content)
    return out.getvalue()


# -- the bad ones


def bad_structure(shop: Workshop) -> dict[str, bytes]:
    good = shop.seal(shop.sender, shop.recipient)
    rsa_good = shop.seal(shop.sender, shop.rsa_recipient)
    content_key, nonce = bytes(range(32)), bytes(12)
    certificate = shop.recipient.certificate

    def wrapped(recipient: bytes, algorithm: bytes, key: bytes = content_key, tag: int = 16) -> bytes:
        sealed = AESGCM(key).encrypt(nonce, shop.signed(), None)
        stated = tlv(0x02, bytes((tag,))) if tag != 12 else b""  # 12 is the default, which DER leaves out
        parameters = tlv(SEQUENCE, tlv(OCTET_STRING, nonce), stated)
        body = tlv(SEQUENCE, cms.oid(cms.DATA), tlv(SEQUENCE, algorithm, parameters), tlv(0x80, sealed[:-16]))
        recipients = tlv(SET, recipient)
        parts = tlv(SEQUENCE, tlv(0x02, b"\0"), recipients, body, tlv(OCTET_STRING, sealed[-16:][:tag]))
        return tlv(SEQUENCE, cms.oid(cms.AUTH_ENVELOPED_DATA), tlv(CONTEXT_0, parts))

    gcm = cms.oid(cms.AES_256_GCM)
    right = encryption._for_recipient(certificate, content_key)
    rsa_certificate = shop.rsa_recipient.certificate
    rsa_key = rsa_certificate.public_key()
    assert isinstance(rsa_key, rsa.RSAPublicKey)
    name = cms.issuer_and_serial(rsa_certificate)

    def transport(algorithm: bytes, encrypted: bytes) -> bytes:
        return tlv(SEQUENCE, tlv(0x02, b"\0"), name, algorithm, tlv(OCTET_STRING, encrypted))

    pkcs1 = tlv(SEQUENCE, cms.oid(Oid("1.2.840.113549.1.1.1")), NULL)
    oaep_sha1 = tlv(SEQUENCE, cms.oid(Oid("1.2.840.113549.1.1.7")), tlv(SEQUENCE))
    sha1 = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the downgrade to refuse
    with tempfile.NamedTemporaryFile(suffix=".crt") as file:
        Path(file.name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        cbc = openssl("cms", "-encrypt", "-binary", "-aes256", "-outform", "DER", file.name, given=shop.signed())
        stream = openssl(
            "cms", "-encrypt", "-binary", "-stream", "-aes-256-gcm", "-outform", "DER", file.name, given=shop.signed()
        )

    def set_tag(found: cms.AuthEnvelopedData) -> None:
        found.tag = flipped(found.tag)

    def set_text(found: cms.AuthEnvelopedData) -> None:
        found.content.ciphertext = flipped(found.content.ciphertext, 40)

    def set_nonce(found: cms.AuthEnvelopedData) -> None:
        found.content.algorithm.parameters.nonce = flipped(found.content.algorithm.parameters.nonce)

    def set_key(found: cms.AuthEnvelopedData) -> None:
        agreement = found.recipients.as_list()[0]
        key = agreement.encrypted_keys[0]
        key.encrypted_key = flipped(key.encrypted_key)

    def set_point(found: cms.AuthEnvelopedData) -> None:
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        form = serialization.PublicFormat.UncompressedPoint
        point = asn1.BitString(other.public_bytes(serialization.Encoding.X962, form), 0)
        found.recipients.as_list()[0].originator.key.point = point

    def off_curve(found: cms.AuthEnvelopedData) -> None:
        found.recipients.as_list()[0].originator.key.point = asn1.BitString(b"\4" + bytes(range(64)), 0)

    def rsa_set_key(found: cms.AuthEnvelopedData) -> None:
        transported = found.recipients.as_list()[0]
        transported.encrypted_key = flipped(transported.encrypted_key, 9)

    overrun = bytearray(good)
    overrun[2:4] = b"\xff\xff"
    return {
        "malformed.empty": b"",
        "malformed.text": b"-----BEGIN CMS-----\n",
        "malformed.truncated": good[:-1],
        "malformed.byte_behind": good + b"\0",
        "malformed.length_overrun": bytes(overrun),
        "malformed.indefinite_length": stream,
        "recipients.none": enveloped_with(good, tlv(SET)),
        "not_authenticated.enveloped_data_cbc": cbc,
        "not_authenticated.signed_not_encrypted": shop.signed(),
        "algorithm.aes_128_gcm": wrapped(
            encryption._for_recipient(certificate, content_key), cms.oid(Oid("2.16.840.1.101.3.4.1.6")), bytes(16)
        ),
        "algorithm.tag_of_12_bytes": wrapped(right, gcm, tag=12),
        "algorithm.rsa_pkcs1_key_transport": wrapped(
            transport(pkcs1, rsa_key.encrypt(content_key, padding.PKCS1v15())), gcm
        ),
        "algorithm.rsa_oaep_sha1": wrapped(transport(oaep_sha1, rsa_key.encrypt(content_key, sha1)), gcm),
        "algorithm.ecdh_sha1_kdf": wrapped(
            with_sha1_kdf(right),
            gcm,
        ),
        "recipients.two": enveloped_with(
            good, tlv(SET, *sorted((right, encryption._for_recipient(certificate, content_key))))
        ),
        "not_for_this_key.other_school": shop.seal(
            shop.sender,
            RecipientCertificate("98XA00", oin_of("98XA00"), shop.store.recipient("98XC00", at=AT).certificate),
        ),
        "decryption.tag": change(good, set_tag),
        "decryption.ciphertext": change(good, set_text),
        "decryption.nonce": change(good, set_nonce),
        "decryption.wrapped_key": change(good, set_key),
        "decryption.other_ephemeral_key": change(good, set_point),
        "decryption.point_off_the_curve": change(good, off_curve),
        "decryption.rsa_encrypted_key": change(rsa_good, rsa_set_key),
    }


def enveloped_with(data: bytes, recipients: bytes) -> bytes:
    found = outer(data)
    parts = (tlv(0x02, b"\0"), recipients, asn1.encode_der(found.content), tlv(OCTET_STRING, found.tag))
    return tlv(SEQUENCE, cms.oid(cms.AUTH_ENVELOPED_DATA), tlv(CONTEXT_0, tlv(SEQUENCE, *parts)))


def with_sha1_kdf(recipient: bytes) -> bytes:
    """Put dhSinglePass-stdDH-sha1kdf-scheme where the SHA-256 one stands."""
    found = asn1.decode_der(asn1.TLV, recipient)
    body = bytes(found.data)
    wrap = cms._algorithm("2.16.840.1.101.3.4.1.45")
    scheme = tlv(SEQUENCE, asn1.encode_der(Oid("1.3.133.16.840.63.0.2")), wrap)
    return tlv(0xA1, body.replace(cms.ECDH_SHA256_AES_256_WRAP, scheme))


def bad_signature(shop: Workshop) -> dict[str, bytes]:
    seal = lambda content: encryption.encrypt(content, shop.recipient)  # noqa: E731
    good = shop.signed()

    def changed(how: Callable[[cms.SignedData, cms.SignerInfo], None]) -> bytes:
        found = inner(good)
        signer = found.signers.as_list()[0]
        how(found, signer)
        found.signers = asn1.SetOf([signer])
        return seal(signed(found))

    def attributes(how: Callable[[list[cms.Attribute]], list[cms.Attribute]], *, sign: bool = True) -> bytes:
        def apply(_: cms.SignedData, signer: cms.SignerInfo) -> None:
            signer.signed_attributes = asn1.SetOf(how(signer.signed_attributes.as_list()))
            if sign:
                data = asn1.encode_der(signer.signed_attributes)
                signer.signature = shop.sender.key.sign(data, signing._ECDSA)  # type: ignore[call-arg, arg-type]

        return changed(apply)

    def attribute(kind: Oid, value: object) -> cms.Attribute:
        return cms.Attribute(kind=kind, values=asn1.SetOf([asn1.decode_der(asn1.TLV, asn1.encode_der(value))]))

    def without(kind: Oid) -> Callable[[list[cms.Attribute]], list[cms.Attribute]]:
        return lambda found: [one for one in found if one.kind != kind]

    def flip_signature(_: cms.SignedData, signer: cms.SignerInfo) -> None:
        signer.signature = flipped(signer.signature, 20)

    def no_signer(found: cms.SignedData, _: cms.SignerInfo) -> None:
        pass

    def swap_content(found: cms.SignedData, _: cms.SignerInfo) -> None:
        found.encapsulated.content += b" "

    other_time = attribute(cms.SIGNING_TIME, asn1.UTCTime(AT.replace(microsecond=0) + timedelta(days=1)))
    other_certificate = attribute(
        cms.SIGNING_CERTIFICATE_V2,
        cms.SigningCertificate(
            certificates=[
                cms.EssCertificateId(
                    digest=shop.rsa_sender.certificate.fingerprint(hashes.SHA256()), issuer_serial=None
                )
            ]
        ),
    )
    stripped = tlv(SEQUENCE, cms.oid(cms.DATA), tlv(CONTEXT_0, tlv(OCTET_STRING, shop.packed())))
    empty = inner(good)
    empty.signers = asn1.SetOf([])
    twice = inner(good)
    twice.signers = asn1.SetOf([*twice.signers.as_list(), *twice.signers.as_list()])

    rsa_signed = inner(signing.sign(shop.packed(), shop.rsa_sender, at=AT))
    rsa_signer = rsa_signed.signers.as_list()[0]
    rsa_data = asn1.encode_der(rsa_signer.signed_attributes)
    rsa_signer.signature = shop.rsa_sender.key.sign(rsa_data, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[call-arg, arg-type]
    rsa_signer.signature_algorithm = asn1.decode_der(
        asn1.TLV, tlv(SEQUENCE, cms.oid(Oid("1.2.840.113549.1.1.11")), NULL)
    )
    rsa_signed.signers = asn1.SetOf([rsa_signer])

    p384, rsa2048 = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
    p256 = ec.generate_private_key(ec.SECP256R1())
    revoked = shop.certificate(p256)
    shop.authority.publish_revocations(revoked.serial_number, days=DAYS)
    with tempfile.TemporaryDirectory() as folder:
        stranger = DevelopmentAuthority(Path(folder), at=MADE)
        stranger.renew("99AB00", Role.SIGNING, days=3600)
        place = Path(folder) / "schools" / "99AB00"
        foreign = shop.signed_with(read_certificates(place / "signing-1.crt")[0], read_key(place / "signing-1.key"))
    return {
        "not_signed.plain_data": seal(stripped),
        "not_signed.no_signer": seal(signed(empty)),
        "not_signed.two_signers": seal(signed(twice)),
        "malformed.signature_stripped_to_zip": seal(shop.packed()),
        "signed_attributes.content_replaced": changed(swap_content),
        "signed_attributes.without_signing_certificate": attributes(without(cms.SIGNING_CERTIFICATE_V2)),
        "signed_attributes.without_time": attributes(without(cms.SIGNING_TIME)),
        "signed_attributes.without_digest": attributes(without(cms.MESSAGE_DIGEST)),
        "signed_attributes.other_signing_certificate": attributes(
            lambda found: [*without(cms.SIGNING_CERTIFICATE_V2)(found), other_certificate]
        ),
        "signed_attributes.unknown_one": attributes(
            lambda found: [*found, attribute(Oid("1.2.840.113549.1.9.15"), b"capabilities")]
        ),
        "signed_attributes.time_twice": attributes(lambda found: [*found, other_time]),
        "signature.flipped": changed(flip_signature),
        "signature.other_time": attributes(lambda found: [*without(cms.SIGNING_TIME)(found), other_time], sign=False),
        "algorithm.rsa_pkcs1_signature": seal(signed(rsa_signed)),
        "algorithm.signer_p384": shop.signed_with(shop.certificate(p384), p384),
        "algorithm.signer_rsa_2048": shop.signed_with(shop.certificate(rsa2048), rsa2048),
        "signer.tls_certificate": shop.signed_with(shop.certificate(p256, role=Role.TLS), p256),
        "signer.decryption_certificate": shop.signed_with(shop.certificate(p256, role=Role.DECRYPTION), p256),
        "signer.expired": shop.signed_with(shop.certificate(p256, days=30), p256),
        "signer.not_yet_valid": shop.signed_with(shop.certificate(p256, made=AT + timedelta(days=1)), p256),
        "signer.revoked": shop.signed_with(revoked, p256),
        "signer.unknown_authority": foreign,
    }


def bad_package(shop: Workshop) -> dict[str, bytes]:
    text = shop.manifest().to_bytes()
    dossier = FILES["dossier.xml"]
    good = shop.packed()

    def with_name(name: str, content: bytes = b"x") -> bytes:
        return shop.from_package(zipped([("manifest.json", text), ("dossier.xml", dossier), (name, content)]))

    link = zipfile.ZipInfo("link.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    bomb = zipped([("manifest.json", text), ("dossier.xml", bytes(65 * 1024 * 1024))])
    small = bytearray(zipped([("manifest.json", text), ("dossier.xml", bytes(4 * 1024 * 1024))]))  # it states 1 kB
    for position in (small.find(b"PK\3\4", 4) + 22, small.rfind(b"PK\1\2") + 24):
        small[position : position + 4] = struct.pack("<L", 1024)
    locked = bytearray(good)
    locked[locked.find(b"PK\1\2") + 8] |= 1
    wrong_sum = bytearray(good)
    for position in (wrong_sum.rfind(b"PK\3\4") + 14, wrong_sum.rfind(b"PK\1\2") + 16):
        wrong_sum[position] ^= 1
    many = zipped([("manifest.json", text), *((f"f{number}.xml", b"") for number in range(40))])
    packages = {
        "not_a_zip": b"no zip at all, but long enough to hold an end record",
        "empty_zip": zipped([]),
        "bytes_in_front": b"#!/bin/sh\n" + good,
        "bytes_behind": good + b"\0" * 30,
        "bomb_65_megabytes": bomb,
        "bomb_that_states_less": bytes(small),
        "forty_entries": many,
        "encrypted_entry": bytes(locked),
        "wrong_checksum": bytes(wrong_sum),
        "symbolic_link": zipped([("manifest.json", text), ("dossier.xml", dossier), (link, b"/etc/passwd")]),
        "bzip2": zipped([("manifest.json", text), ("dossier.xml", dossier)], zipfile.ZIP_BZIP2),
        "name_twice": zipped([("manifest.json", text), ("dossier.xml", dossier), ("dossier.xml", b"other")]),
        "name_twice_by_case": zipped([("manifest.json", text), ("dossier.xml", dossier), ("Dossier.xml", b"other")]),
    }
    names = {
        "path_upwards": "../dossier.xml",
        "path_absolute": "/tmp/dossier.xml",
        "path_windows": "C:\\dossier.xml",
        "folder": "more/dossier.xml",
        "name_with_nul": "dossier.xml\0.exe",
        "hidden_name": ".profile",
        "name_with_accent": "Zoë.xml",
    }
    return {f"package.{name}": shop.from_package(made) for name, made in packages.items()} | {
        f"package.{what}": with_name(name) for what, name in names.items()
    }


def bad_manifest(shop: Workshop) -> dict[str, bytes]:
    text = shop.manifest().to_bytes()
    fields = json.loads(text)
    other = manifest.Party(oin_of("98XB00"), "98XB00")

    def with_fields(**changes: object) -> bytes:
        return shop.from_manifest(json.dumps(fields | changes).encode())

    def dated(at: datetime) -> bytes:
        return shop.seal(shop.sender, shop.recipient, created_at=at)

    first = fields["files"][0]
    forwarded = package.pack({"manifest.json": shop.manifest(recipient=other).to_bytes(), **FILES})
    return {
        "manifest.missing": shop.from_package(package.pack(FILES)),
        "manifest.not_first": shop.from_package(package.pack(FILES | {"manifest.json": text})),
        "manifest.not_json": shop.from_manifest(b"{"),
        "manifest.not_utf8": shop.from_manifest(text.replace(b"advice", b"\xff\xfe")),
        "manifest.deep": shop.from_manifest(b"[" * 100_000),
        "manifest.field_twice": shop.from_manifest(text.replace(b'{"format"', b'{"kind":"test","format"', 1)),
        "manifest.unknown_field": with_fields(urgent=True),
        "manifest.unknown_kind": with_fields(kind="letter"),
        "manifest.message_id_version_4": with_fields(message_id="11111111-2222-4333-8444-555555555555"),
        "manifest.other_digest": with_fields(files=[first | {"sha256": "0" * 64}]),
        "manifest.other_size": with_fields(files=[first | {"size": first["size"] + 1}]),
        "manifest.no_files": with_fields(files=[]),
        "manifest.file_not_there": with_fields(files=[first, first | {"name": "more.xml"}]),
        "manifest.file_not_named": shop.from_manifest(text, FILES | {"more.xml": b"<more/>"}),
        "manifest.reserved_name": shop.from_manifest(
            shop.manifest(files=manifest.entries_of({"receipt.cms": b"forged"})).to_bytes(), {"receipt.cms": b"forged"}
        ),
        "manifest.oin_of_another_school": with_fields(recipient={"oin": oin_of("98XB00"), "school": "98XA00"}),
        "manifest.time_other_than_signed": with_fields(created_at="2026-03-12T15:00:01Z"),
        "format_version.two": with_fields(format="overstap-envelope/2"),
        "sender.signed_by_another_school": encryption.encrypt(
            signing.sign(shop.packed(), shop.rsa_sender, at=AT), shop.recipient
        ),
        "recipient.forwarded_by_another_school": shop.from_package(forwarded),
        "too_old.last_year": dated(AT - timedelta(days=365) + timedelta(days=120)),
        "from_the_future.tomorrow": dated(AT + timedelta(days=1)),
    }


def receipts(shop: Workshop) -> dict[str, bytes]:
    """Return receipts about the envelope digest of 32 x 0xAA and the manifest digest of 32 x 0xBB."""
    school = shop.store.signing_identity("98XA00", at=AT)
    other = shop.store.signing_identity("98XB00", at=AT)
    values = {"message_id": ID, "envelope_sha256": b"\xaa" * 32, "manifest_sha256": b"\xbb" * 32, "at": AT}
    make = lambda who, **changes: receipt.make_receipt(who, **(values | changes))  # type: ignore[arg-type]  # noqa: E731
    accepted = make(school)
    content = inner(accepted).encapsulated.content
    claimed = content.replace(other.oin.encode(), school.oin.encode())
    impostor = inner(make(other)).encapsulated.content.replace(b"98XB00", b"98XA00")
    flip = inner(accepted)
    flip_signer = flip.signers.as_list()[0]
    flip_signer.signature = flipped(flip_signer.signature, 20)
    flip.signers = asn1.SetOf([flip_signer])
    stray = lambda text: signing.sign(text, school, at=AT)  # noqa: E731
    return {
        "good.accepted": accepted,
        "good.accepted_rsa_3072": make(other),
        "good.refused": make(school, manifest_sha256=None, refusal=receipt.Refusal.ENVELOPE),
        "malformed.empty": b"",
        "malformed.not_signed": content,
        "malformed.another_format": stray(claimed.replace(b"receipt/1", b"receipt/2")),
        "malformed.unknown_refusal": stray(
            content.replace(b'"accepted"', b'"refused"').replace(b"null", b'"because"', 1)
        ),
        "malformed.accepted_with_refusal": stray(content.replace(b"null", b'"too_large"', 1)),
        "malformed.accepted_without_manifest": stray(content.replace(b'"' + b"bb" * 32 + b'"', b"null")),
        "signature.flipped": signed(flip),
        "receiver.another_school": make(other),
        "receiver.another_school_in_this_name": signing.sign(impostor, other, at=AT),
        "message.other_id": make(school, message_id=message_id(AT, bytes(9) + b"\1")),
        "digest.other_envelope": make(school, envelope_sha256=b"\xac" * 32),
        "digest.other_manifest": make(school, manifest_sha256=b"\xbc" * 32),
        "time.from_the_future": make(school, at=AT + timedelta(days=1)),
    }


def write(folder: Path) -> None:
    """Write all vectors below a folder."""
    trust = folder / "trust"
    shop = Workshop(trust)
    listed = []

    def put(name: str, data: bytes, **facts: str) -> None:
        path = folder / f"{name}.cms"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        listed.append({"file": f"{name}.cms", **facts})

    for sender, sender_kind in SENDERS.items():
        for school, kind in RECIPIENTS.items():
            made = shop.seal(shop.store.signing_identity(sender, at=AT), shop.store.recipient(school, at=AT))
            put(f"good/{sender_kind}_to_{kind}", made, recipient=school, sender=sender)
    replacing = shop.seal(shop.sender, shop.recipient, replaces=message_id(AT - timedelta(days=1), bytes(10)))
    put("good/p256_replacing", replacing, recipient="98XA00", sender="99AB00")
    made_bad = bad_structure(shop) | bad_signature(shop) | bad_package(shop) | bad_manifest(shop)
    rsa = {"algorithm.rsa_pkcs1_key_transport", "algorithm.rsa_oaep_sha1", "decryption.rsa_encrypted_key"}
    for name, data in made_bad.items():
        reason = name.partition(".")[0]
        put(f"bad/{name}", data, recipient="98XB00" if name in rsa else "98XA00", reason=reason, code="DELIVERY-001")
    for name, data in receipts(shop).items():
        fault = name.partition(".")[0]
        receiver = "98XB00" if name.endswith("rsa_3072") else "98XA00"
        verdict = {} if fault == "good" else {"fault": fault, "code": receipt._CODES[receipt.ReceiptFault(fault)]}
        put(f"receipts/{name}", data, receiver=receiver, **verdict)
    made_statements = revocation_vectors.statements(shop.store, ID, AT)
    for name, data in made_statements.items():
        reason = name.partition(".")[0]
        verdict = {} if reason == "good" else {"reason": reason, "code": "DELIVERY-001"}
        put(f"revocations/{name}", data, recipient="98XA00", **verdict)
    answers = revocation_vectors.answers(shop.store, ID, AT, made_statements["good.objection"])
    for name, data in answers.items():
        fault = name.partition(".")[0]
        verdict = {} if fault == "good" else {"fault": fault, "code": receipt._CODES[receipt.ReceiptFault(fault)]}
        put(f"revocations/answers/{name}", data, receiver="98XA00", **verdict)
    for path in trust.rglob("*.key"):
        if path.parent.name not in RECIPIENTS or path.name != "decryption-1.key":
            path.unlink()
    facts = {
        "at": manifest.moment_text(AT),
        "message_id": str(ID),
        "receipts_envelope_sha256": "aa" * 32,
        "receipts_manifest_sha256": "bb" * 32,
        "vectors": listed,
    }
    (folder / "vectors.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for old in ("trust", "good", "bad", "receipts", "revocations"):
        shutil.rmtree(HERE / old, ignore_errors=True)
    write(HERE)
