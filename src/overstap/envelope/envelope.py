"""Sealing of files for one school, and opening of envelopes with every check (docs/envelope.md)."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from overstap.envelope import cms
from overstap.envelope import manifest as manifests
from overstap.envelope.encryption import decrypt, encrypt
from overstap.envelope.manifest import EnvelopeKind, Manifest, Party
from overstap.envelope.package import DEFAULT_LIMITS, PackageLimits, pack, unpack
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.signing import sign, verify
from overstap.pki import KeyRing, RecipientCertificate, SigningIdentity, TrustStore, oin_of

DOSSIER_FILE = "dossier.xml"
"""File name of a dossier in an envelope; the school's own file name is never used."""

MAX_AGE = timedelta(days=180)
"""Largest age of an envelope, longer than a round takes, against replay of last year's messages."""
MAX_AHEAD = timedelta(hours=1)
"""Tolerance for a sender's clock that is ahead."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SealedEnvelope:
    """An envelope with the digests that its receipt must state."""

    envelope: bytes
    envelope_sha256: bytes
    manifest_sha256: bytes
    files_sha256: bytes
    """Digest over the entries of the manifest, equal for equal files."""


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """Content of an envelope that passed every check."""

    manifest: Manifest
    files: dict[str, bytes]
    """Files of the manifest by name."""
    manifest_bytes: bytes
    """manifest.json as received, over which `manifest_sha256` is computed."""
    envelope_sha256: bytes
    manifest_sha256: bytes


def seal(
    files: Mapping[str, bytes],
    *,
    message_id: UUID,
    round_id: str,
    sender: SigningIdentity,
    recipient: RecipientCertificate,
    oso_version: str,
    created_at: datetime,
    kind: EnvelopeKind = EnvelopeKind.DOSSIER,
    replaces: UUID | None = None,
) -> SealedEnvelope:
    """Sign files as one school and encrypt them for another.

    Two calls with the same arguments return different envelopes, since each has its own content key. A retry must
    therefore send the stored envelope: a receiver refuses a known message id with another digest.

    Args:
        files: content by name, at least one file; names as in `package.FILE_NAME`, `DOSSIER_FILE` for the dossier.
        message_id: UUID version 7, unique per envelope (`message_ids.message_id`).
        round_id: id of the round: letters, digits and `._:/-`, at most 100 characters.
        sender: signing key of the school that is responsible for the content.
        recipient: decryption certificate of the receiving school.
        oso_version: version of the OSO data set, such as 2019.1.
        created_at: the moment of sealing, aware; truncated to whole seconds.
        kind: dossier or test message.
        replaces: message id of the envelope with the previous version, if the recipient has or may have it.

    Raises:
        ValueError: an argument does not have the form that the manifest requires.
    """
    signed = sign_files(
        files,
        message_id=message_id,
        round_id=round_id,
        sender=sender,
        recipient=Party(recipient.oin, recipient.school),
        oso_version=oso_version,
        created_at=created_at,
        kind=kind,
        replaces=replaces,
    )
    envelope = encrypt(signed.content, recipient)
    return SealedEnvelope(envelope, hashlib.sha256(envelope).digest(), signed.manifest_sha256, signed.files_sha256)


@dataclass(frozen=True, slots=True)
class SignedPackage:
    """A signed package that is not encrypted yet, with the digests of its manifest and files."""

    content: bytes = field(repr=False)
    manifest_sha256: bytes
    files_sha256: bytes


def sign_files(
    files: Mapping[str, bytes],
    *,
    message_id: UUID,
    round_id: str,
    sender: SigningIdentity,
    recipient: Party,
    oso_version: str,
    created_at: datetime,
    kind: EnvelopeKind = EnvelopeKind.DOSSIER,
    replaces: UUID | None = None,
) -> SignedPackage:
    """Pack files with their manifest and sign them as one school; arguments and errors as of `seal`.

    For a receiver without a certificate, whose package the caller encrypts with a key of the region.
    """
    manifests.check_sender_values(round_id, oso_version, message_id, *([replaces] if replaces else []))
    if not files or any(name.casefold() in manifests.RESERVED for name in files):
        raise ValueError("an envelope has at least one file, none with a name that the format uses itself")
    created_at = created_at.replace(microsecond=0)
    entries = manifests.entries_of(files)
    manifest = Manifest(
        kind=kind,
        message_id=message_id,
        round_id=round_id,
        oso_version=oso_version,
        created_at=created_at,
        sender=Party(sender.oin, sender.school),
        recipient=recipient,
        files=entries,
        replaces=replaces,
    ).to_bytes()
    signed = sign(pack({manifests.NAME: manifest, **files}), sender, at=created_at)
    return SignedPackage(signed, hashlib.sha256(manifest).digest(), manifests.files_digest(entries))


def files_of(signed: bytes) -> dict[str, bytes]:
    """Return the files of a package that the ledger kept; its signature was made here and is not verified again.

    Args:
        signed: as `SignedPackage.content`, decrypted.

    Raises:
        EnvelopeError: it is no such package.
    """
    content = cms.decode_content(signed, cms.SIGNED_DATA, OpeningFailure.NOT_SIGNED, cms.SignedData)
    files = unpack(content.encapsulated.content)
    files.pop(manifests.NAME, None)
    return files


def open_envelope(
    data: bytes,
    *,
    keyring: KeyRing,
    trust: TrustStore,
    school: str,
    at: datetime,
    limits: PackageLimits = DEFAULT_LIMITS,
) -> OpenedEnvelope:
    """Decrypt an envelope and verify its signature, signer, manifest and files.

    Args:
        data: the envelope.
        keyring: the decryption keys of this school.
        trust: trust store that checks the signer's certificate.
        school: id of this school (BRIN and branch).
        at: the moment of opening.
        limits: size limits.

    Raises:
        EnvelopeError: always with the same code and sentences; `reason` is for this school's own log.
    """
    try:
        return _open(data, keyring, trust, school, at, limits)
    except EnvelopeError as refusal:
        cause = getattr(refusal.__cause__, "code", type(refusal.__cause__).__name__)
        _log.warning(
            "envelope refused: reason=%s cause=%s sha256=%s", refusal.reason, cause, hashlib.sha256(data).hexdigest()
        )
        raise


def _open(
    data: bytes, keyring: KeyRing, trust: TrustStore, school: str, at: datetime, limits: PackageLimits
) -> OpenedEnvelope:
    if len(data) > limits.envelope_bytes:
        raise EnvelopeError(OpeningFailure.TOO_LARGE)
    signed = verify(decrypt(data, keyring), trust=trust, at=at)
    files = unpack(signed.content, limits=limits)
    if next(iter(files)) != manifests.NAME:
        raise EnvelopeError(OpeningFailure.MANIFEST)
    manifest_bytes = files.pop(manifests.NAME)
    manifest = manifests.parse(manifest_bytes)
    if manifest.sender.oin != signed.oin:
        raise EnvelopeError(OpeningFailure.SENDER)
    if manifest.recipient != Party(oin_of(school), school):
        raise EnvelopeError(OpeningFailure.RECIPIENT)
    if manifest.created_at != signed.signed_at or manifest.files != manifests.entries_of(files):
        raise EnvelopeError(OpeningFailure.MANIFEST)
    if manifest.created_at < at - MAX_AGE:
        raise EnvelopeError(OpeningFailure.TOO_OLD)
    if manifest.created_at > at + MAX_AHEAD:
        raise EnvelopeError(OpeningFailure.FROM_THE_FUTURE)
    return OpenedEnvelope(
        manifest=manifest,
        files=files,
        manifest_bytes=manifest_bytes,
        envelope_sha256=hashlib.sha256(data).digest(),
        manifest_sha256=hashlib.sha256(manifest_bytes).digest(),
    )
