"""Sealing a dossier for one school, and opening a sealed one (docs/envelope.md)."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from overstap.envelope import manifest as manifests
from overstap.envelope.encryption import decrypt, encrypt
from overstap.envelope.manifest import EnvelopeKind, Manifest, Party
from overstap.envelope.package import DEFAULT_LIMITS, PackageLimits, pack, unpack
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.signing import sign, verify
from overstap.pki import KeyRing, RecipientCertificate, SigningIdentity, TrustStore, oin_of

DOSSIER_FILE = "dossier.xml"
"""The name under which a dossier goes: never the name it had at the school."""

MAX_AGE = timedelta(days=180)
"""Older than a round can take: last year's message that somebody sends again."""
MAX_AHEAD = timedelta(hours=1)
"""How far a sender's clock may be ahead."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SealedEnvelope:
    """An envelope and the two digests that its receipt has to state."""

    envelope: bytes
    envelope_sha256: bytes
    manifest_sha256: bytes
    files_sha256: bytes
    """Of the manifest's entries: the same for the same files."""


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """What came out of an envelope after every check."""

    manifest: Manifest
    files: dict[str, bytes]
    """The files that the manifest names, by name."""
    manifest_bytes: bytes
    """manifest.json as it came, over which its digest is."""
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
    """Seal files in the name of one school, for one school.

    Two calls with the same arguments give two envelopes that differ, since each has a key of its own. So the envelope
    is kept, and what is sent again is that envelope: a receiver refuses a message id with another digest.

    Args:
        files: content by name; at least one; names of the format, `DOSSIER_FILE` for the dossier.
        message_id: UUID version 7, new for each envelope (`message_ids.message_id`).
        round_id: the round it belongs to, letters, digits and `._:/-`, at most 100.
        sender: the school that answers for the content, from the trust store.
        recipient: the school that may read it, from the trust store.
        oso_version: version of the dossier, such as 2019.1.
        created_at: the moment of sealing, aware; kept in whole seconds.
        kind: a dossier or a test message.
        replaces: message id of the envelope with the version before, which the recipient has or may have.

    Raises:
        ValueError: an argument is not of the manifest's form.
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
        recipient=Party(recipient.oin, recipient.school),
        files=entries,
        replaces=replaces,
    ).to_bytes()
    package = pack({manifests.NAME: manifest, **files})
    envelope = encrypt(sign(package, sender, at=created_at), recipient)
    digests = hashlib.sha256(envelope).digest(), hashlib.sha256(manifest).digest()
    return SealedEnvelope(envelope, *digests, manifests.files_digest(entries))


def open_envelope(
    data: bytes,
    *,
    keyring: KeyRing,
    trust: TrustStore,
    school: str,
    at: datetime,
    limits: PackageLimits = DEFAULT_LIMITS,
) -> OpenedEnvelope:
    """Open an envelope, or refuse it.

    Args:
        data: the envelope.
        keyring: the decryption keys of this school.
        trust: who may sign.
        school: this school's id (BRIN and branch).
        at: the moment of opening.
        limits: how large it may be.

    Raises:
        EnvelopeError: always the same code and sentences; `reason` is for the log here.
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
