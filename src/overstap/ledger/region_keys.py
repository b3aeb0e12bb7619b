"""Keys of a region, in files outside the database: content keys for encryption, a look-up key for keyed hashes.

`<keys>/<region>/<key id>.key` are content keys: the newest id encrypts, all decrypt (rotation is a new file).
`<keys>/<region>/lookup` is the key of the hash by which a pupil is found; to rotate it all hashes must be rebuilt.

A key id `1~<purpose>` names a key derived from content key `1`. A service that encrypts something for the region, such
as a parent's view, is given a derived key, which decrypts nothing else.
"""

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from isal import isal_zlib

from overstap.errors import OverstapError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_EXPONENT_BYTES = 48  # 16 more than the order of the curve, so that the remainder is even (RFC 9380, 5)
_MAX_CONTENT_BYTES = 64 * 1024 * 1024
_LEVEL = 1  # of ISA-L: a third of the time of zlib's level 1, with smaller output in the same format (RFC 1950)
CONTACTS = "contacts"
"""Purpose of the key with which the board and the tasks encrypt contact with schools."""


@dataclass(frozen=True, slots=True)
class EncryptedContent:
    """Encrypted bytes and the id of the key that decrypts them."""

    key_id: str
    data: bytes


@dataclass(frozen=True)
class RegionKeys:
    """The keys of one region; none appears in its representation."""

    region: str
    newest: str
    _content: dict[str, bytes] = field(repr=False)
    _lookup: bytes = field(repr=False)
    _ready: dict[str, AESGCM] = field(repr=False, default_factory=dict)
    """Ciphers of content keys, cached; those of derived keys are not, since there is one per person."""

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the available content keys."""
        return frozenset(self._content)

    def encrypt(self, content: bytes, bound_to: str, key_id: str | None = None) -> EncryptedContent:
        """Compress and encrypt (AES-256-GCM, a random nonce in front).

        Args:
            content: plain bytes.
            bound_to: identity of the row; decryption needs the same, so that rows cannot be swapped.
            key_id: the key; None: the newest content key. With a derived key, its holder can read the content.

        Raises:
            OverstapError: LEDGER-002 when the key is missing.
        """
        key_id = key_id or self.newest
        return EncryptedContent(key_id, seal(self._key(key_id), content, self._bound(bound_to)))

    def derived(self, purpose: str) -> tuple[str, bytes]:
        """Return the id and the 32 bytes of a key for one purpose, derived from the newest content key (RFC 5869).

        Args:
            purpose: purpose of the key, such as the id of a parent's access code; not secret.
        """
        key_id = f"{self.newest}~{purpose}"
        return key_id, _derive(self._content[self.newest], self.region, purpose)

    def of_purpose(self, purpose: str) -> str:
        """Return the id of the newest key for a purpose: derived here, or in a `BoardKeys` the one that it has."""
        return f"{self.newest}~{purpose}"

    def derived_key(self, key_id: str) -> bytes | None:
        """Return the 32 bytes of a derived key by its id; None when its content key was destroyed."""
        base, _, purpose = key_id.partition("~")
        return _derive(self._content[base], self.region, purpose) if purpose and base in self._content else None

    def decrypt(self, sealed: EncryptedContent, bound_to: str) -> bytes:
        """Return the plain bytes.

        Raises:
            OverstapError: LEDGER-002 when the key is missing, LEDGER-003 when the bytes were changed, LEDGER-014 when
                the content was erased (see `retention`).
        """
        if not sealed.data:
            raise OverstapError("LEDGER-014", subject=bound_to)
        try:
            return unseal(self._key(sealed.key_id), sealed.data, self._bound(bound_to))
        except InvalidTag as problem:
            raise OverstapError("LEDGER-003", region=self.region, subject=bound_to) from problem

    def lookup(self, kind: str, value: str) -> bytes:
        """Return the keyed hash (HMAC-SHA-256, 32 bytes) by which a value is found without being stored.

        Args:
            kind: kind of value ("pupil", "las_key", "file"), so that equal values of two kinds differ.
            value: the value, such as a BSN.
        """
        return hmac.digest(self._lookup, f"{kind}\0{value}".encode(), "sha256")

    def exponent(self) -> int:
        """Return the number by which the region blinds pseudonyms for a comparison, derived from the look-up key.

        It changes with the look-up key alone, since points are kept as pseudonyms are (`comparisons.pseudonyms`).
        """
        made = HKDFExpand(SHA256(), _EXPONENT_BYTES, f"overstap comparison\0{self.region}".encode()).derive(
            self._lookup
        )
        return int.from_bytes(made)

    def _bound(self, bound_to: str) -> bytes:
        return bound(self.region, bound_to)

    def _key(self, key_id: str) -> AESGCM:
        if key_id in self._ready:
            return self._ready[key_id]
        base, _, purpose = key_id.partition("~")
        if base not in self._content:
            raise OverstapError("LEDGER-002", region=self.region, key_id=key_id)
        if purpose:
            return AESGCM(_derive(self._content[base], self.region, purpose))
        self._ready[key_id] = AESGCM(self._content[base])
        return self._ready[key_id]


class BoardKeys(RegionKeys):
    """Keys that the board has of a region: those derived for contact with schools, and nothing else."""

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the available derived keys."""
        return frozenset(self._ready)

    def of_purpose(self, purpose: str) -> str:
        """Return the id of its newest key, which is for one purpose already."""
        return self.newest

    def lookup(self, kind: str, value: str) -> bytes:
        """Raise LEDGER-013: the board finds no pupil."""
        raise OverstapError("LEDGER-013")

    def exponent(self) -> int:
        """Raise LEDGER-013: the board compares with no region."""
        raise OverstapError("LEDGER-013")

    def _key(self, key_id: str) -> AESGCM:
        if key_id not in self._ready:
            raise OverstapError("LEDGER-002", region=self.region, key_id=key_id)
        return self._ready[key_id]


def bound(region: str, bound_to: str) -> bytes:
    """Return the additional authenticated data of AES-GCM for a row of a region."""
    return f"{region}\0{bound_to}".encode()


def seal(key: AESGCM, content: bytes, additional: bytes) -> bytes:
    """Compress and encrypt; return nonce (12 bytes) and ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, isal_zlib.compress(content, _LEVEL), additional)


def unseal(key: AESGCM, data: bytes, additional: bytes) -> bytes:
    """Decrypt and decompress what `seal` made, at most 64 MiB.

    Raises:
        InvalidTag: wrong key, changed bytes, or other additional data.
    """
    packed = key.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], additional)
    return isal_zlib.decompressobj().decompress(packed, _MAX_CONTENT_BYTES)


def _derive(key: bytes, region: str, purpose: str) -> bytes:
    return HKDFExpand(SHA256(), _KEY_BYTES, f"overstap derived key\0{region}\0{purpose}".encode()).derive(key)


def create_keys(folder: Path, region: str, key_id: str) -> None:
    """Create a content key with this id, and the region's look-up key if it has none; existing files stay unchanged.

    Args:
        folder: the keys folder (setting OVERSTAP_KEYS).
        region: region id.
        key_id: id of the key; ids must sort by age, such as "2026-11".

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


def destroy_key(folder: Path, region: str, key_id: str) -> None:
    """Remove a content key, which makes its content unreadable, also in backups of the database.

    Args:
        folder: the keys folder (setting OVERSTAP_KEYS); the administrator must remove the key from its backups.
        region: region id.
        key_id: id of the key.
    """
    mine = folder / region
    (mine / f"{key_id}.key").unlink()
    descriptor = os.open(mine, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def derive_board_keys(keys: Path, board: Path, region: str) -> list[str]:
    """Write the keys for contact with schools, derived from a region's content keys; return the ids of the new ones.

    Keys whose content key was destroyed are removed.

    Args:
        keys: the keys folder (setting OVERSTAP_KEYS).
        board: the board's folder (setting OVERSTAP_BOARD_KEYS), which gets `<region>/<key id>~contacts.key`.
        region: region id.

    Raises:
        OverstapError: LEDGER-001 when the region has no keys, LEDGER-005 when others may read one.
    """
    known = load_keys(keys, region)
    mine = board / region
    mine.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = {f"{key_id}~{CONTACTS}" for key_id in known.ids}
    for path in mine.glob("*.key"):
        if path.stem not in wanted:
            path.unlink()
    made = [key_id for key_id in sorted(wanted) if not (mine / f"{key_id}.key").exists()]
    for key_id in made:
        _write_key(mine / f"{key_id}.key", known.derived_key(key_id))
    return made


def load_board_keys(folder: Path, region: str) -> BoardKeys:
    """Read the keys that the board has of a region.

    Raises:
        OverstapError: LEDGER-001 when there are none, LEDGER-005 when others may read one or its length is wrong.
    """
    content = {path.stem: _read_key(path, region) for path in sorted((folder / region).glob(f"*~{CONTACTS}.key"))}
    if not content:
        raise OverstapError("LEDGER-001", region=region, folder=str(folder / region))
    return BoardKeys(region, max(content), {}, b"", {key_id: AESGCM(key) for key_id, key in content.items()})


def compare_board_keys(keys: RegionKeys, folder: Path) -> tuple[list[str], list[str]]:
    """Compare the board's keys of a region with those that its content keys give.

    Args:
        keys: the region's keys.
        folder: the board's folder (setting OVERSTAP_BOARD_KEYS).

    Returns:
        The ids of keys that are not there, and of those that are not derived from a content key of the region.

    Raises:
        OverstapError: LEDGER-005 when others may read one or its length is wrong.
    """
    found = {path.stem: _read_key(path, keys.region) for path in sorted((folder / keys.region).glob("*.key"))}
    wanted = {f"{key_id}~{CONTACTS}" for key_id in keys.ids}
    other = [key_id for key_id, key in found.items() if key_id not in wanted or key != keys.derived_key(key_id)]
    return sorted(wanted - set(found)), other


class NoKeys:
    """Stand-in for a region's keys in a process without keys; every use raises LEDGER-013."""

    def __getattr__(self, name: str) -> Any:
        raise OverstapError("LEDGER-013")


def load_keys(folder: Path, region: str) -> RegionKeys:
    """Read a region's keys.

    Raises:
        OverstapError: LEDGER-001 when there are none, LEDGER-005 when others may read one or its length is wrong.
    """
    mine = folder / region
    content = {path.stem: _read_key(path, region) for path in sorted(mine.glob("*.key"))}
    if not content or not (mine / "lookup").is_file():
        raise OverstapError("LEDGER-001", region=region, folder=str(mine))
    return RegionKeys(region, max(content), content, _read_key(mine / "lookup", region))


def _write_key(path: Path, key: bytes | None = None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(key or secrets.token_bytes(_KEY_BYTES))


def _read_key(path: Path, region: str) -> bytes:
    key = path.read_bytes()
    open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
    if open_to_others or len(key) != _KEY_BYTES:
        raise OverstapError("LEDGER-005", region=region, file=path.name)
    return key


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest, 32 bytes."""
    return hashlib.sha256(data).digest()
