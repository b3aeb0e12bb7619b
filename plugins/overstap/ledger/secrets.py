"""A region's keys: files outside the database, one to encrypt with, one to find a pupil by.

`<keys>/<region>/<key id>.key` are content keys: the newest id encrypts, all decrypt (rotation is a new file).
`<keys>/<region>/lookup` is the key of the hash by which a pupil is found; to rotate it all hashes must be rebuilt.
"""

import hashlib
import hmac
import os
import secrets
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.errors import OverstapError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MOST_CONTENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sealed:
    """Encrypted bytes and the id of the key that opens them."""

    key_id: str
    data: bytes


@dataclass(frozen=True)
class RegionKeys:
    """The keys of one region. Nothing of them shows in its representation."""

    region: str
    newest: str
    _content: dict[str, AESGCM] = field(repr=False)
    _lookup: bytes = field(repr=False)

    def encrypt(self, content: bytes, bound_to: str, key_id: str | None = None) -> Sealed:
        """Compress and encrypt (AES-256-GCM, a random nonce in front).

        Args:
            content: plain bytes.
            bound_to: what the bytes belong to; the same words are needed to decrypt, so that rows cannot be swapped.
            key_id: which key; None: the newest.

        Raises:
            OverstapError: LEDGER-002 when that key is not there.
        """
        named = key_id or self.newest
        key = self._content.get(named)
        if key is None:
            raise OverstapError("LEDGER-002", region=self.region, key_id=named)
        nonce = os.urandom(_NONCE_BYTES)
        return Sealed(named, nonce + key.encrypt(nonce, zlib.compress(content, 1), self._bound(bound_to)))

    def decrypt(self, sealed: Sealed, bound_to: str) -> bytes:
        """Return the plain bytes.

        Raises:
            OverstapError: LEDGER-002 when the key is not there, LEDGER-003 when the bytes are not what was written.
        """
        key = self._content.get(sealed.key_id)
        if key is None:
            raise OverstapError("LEDGER-002", region=self.region, key_id=sealed.key_id)
        try:
            packed = key.decrypt(sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:], self._bound(bound_to))
        except InvalidTag as problem:
            raise OverstapError("LEDGER-003", region=self.region, subject=bound_to) from problem
        return zlib.decompressobj().decompress(packed, _MOST_CONTENT_BYTES)

    def lookup(self, kind: str, value: str) -> bytes:
        """Return the keyed hash (HMAC-SHA-256, 32 bytes) by which a value is found without standing anywhere.

        Args:
            kind: what sort of value it is ("pupil", "las_key", "file"), so that equal values of two kinds differ.
            value: the value itself, such as a BSN.
        """
        return hmac.digest(self._lookup, f"{kind}\0{value}".encode(), "sha256")

    def _bound(self, bound_to: str) -> bytes:
        return f"{self.region}\0{bound_to}".encode()


def create_keys(folder: Path, region: str, key_id: str) -> None:
    """Make a content key with this id, and the region's look-up key if it has none. Existing files are never touched.

    Args:
        folder: the keys folder (setting OVERSTAP_KEYS).
        region: region id.
        key_id: names sort by age, such as "2026-11".

    Raises:
        OverstapError: LEDGER-004 when that key exists.
    """
    mine = folder / region
    mine.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (mine / "lookup").exists():
        _write_key(mine / "lookup")
    path = mine / f"{key_id}.key"
    if path.exists():
        raise OverstapError("LEDGER-004", region=region, key_id=key_id)
    _write_key(path)


def load_keys(folder: Path, region: str) -> RegionKeys:
    """Read a region's keys.

    Raises:
        OverstapError: LEDGER-001 when there are none, LEDGER-005 when others may read one or it has a wrong length.
    """
    mine = folder / region
    content = {path.stem: AESGCM(_read_key(path, region)) for path in sorted(mine.glob("*.key"))}
    if not content or not (mine / "lookup").is_file():
        raise OverstapError("LEDGER-001", region=region, folder=str(mine))
    return RegionKeys(region, max(content), content, _read_key(mine / "lookup", region))


def _write_key(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(secrets.token_bytes(_KEY_BYTES))


def _read_key(path: Path, region: str) -> bytes:
    key = path.read_bytes()
    open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
    if open_to_others or len(key) != _KEY_BYTES:
        raise OverstapError("LEDGER-005", region=region, file=path.name)
    return key


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest, 32 bytes."""
    return hashlib.sha256(data).digest()
