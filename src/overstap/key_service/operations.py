"""What the key service does for a client: it checks what that client may ask, and answers with bytes."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.key_client import Facts
from overstap.key_service.permissions import Permissions, is_access_key, kind_of
from overstap.ledger.region_keys import EncryptedContent, RegionKeys, load_keys
from overstap.pki import TrustStore
from overstap.pki.detached_signature import sign_detached

PROOF_KIND = "overstap proof of inspection"
"""What the field `kind` of a proof says (`review.proof`); a text of any other kind is not signed."""
_PDF = b"%PDF-"


class KeyOperations:
    """The operations for one client; safe to use from several threads.

    Args:
        client: name of the client, such as "school".
        may: what it may ask.
        keys: the keys folder (setting OVERSTAP_KEYS).
        trust: trust store with the conductors' signing keys; None when nothing is signed here.
    """

    def __init__(self, client: str, may: Permissions, keys: Path, trust: TrustStore | None) -> None:
        self._client = client
        self._may = may
        self._folder = keys
        self._trust = trust
        self._known: dict[str, RegionKeys] = {}
        self.done: Counter[tuple[str, str, str]] = Counter()
        """How often what was done: operation, region, kind. Without ids."""

    def answer(self, asked: Facts, content: bytes) -> tuple[str, bytes]:
        """Do one operation.

        Args:
            asked: `operation` and the ids that it needs.
            content: its bytes.

        Returns:
            Id of the key that was used, empty where none was, and the bytes of the answer.

        Raises:
            OverstapError: KEYS-002 for what this client may not ask; errors of the ledger's keys and of certificates.
        """
        operation, region = asked.get("operation", ""), asked.get("region", "")
        done = {
            "newest": self._newest,
            "encrypt": self._encrypt,
            "decrypt": self._decrypt,
            "lookup": self._lookup,
            "derive": self._derive,
            "signer": self._signer,
            "sign_proof": self._sign_proof,
        }.get(operation)
        if done is None or not region.replace("-", "").isalnum():
            raise self._refused(operation[:20], "")
        return done(region, asked, content)

    def _newest(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        return self._keys(region).newest, b""

    def _encrypt(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        self._permitted("encrypt", region, kind_of(asked["bound_to"]), self._may.encrypts)
        sealed = self._keys(region).encrypt(content, asked["bound_to"], asked["key_id"] or None)
        return sealed.key_id, sealed.data

    def _decrypt(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        self._permitted("decrypt", region, kind_of(asked["bound_to"]), self._may.decrypts)
        return "", self._keys(region).decrypt(EncryptedContent(asked["key_id"], content), asked["bound_to"])

    def _lookup(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        self._permitted("lookup", region, asked["kind"], self._may.looks_up)
        return "", self._keys(region).lookup(asked["kind"], content.decode())

    def _derive(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        if not self._may.derives or not is_access_key(asked["key_id"]):
            raise self._refused("derive", "key")
        self.done["derive", region, "access"] += 1
        return asked["key_id"], self._keys(region).derived_key(asked["key_id"]) or b""

    def _signer(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        self._store().conductor_signing(region, at=now())
        return "", b""

    def _sign_proof(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        trust = self._store()
        if not content.startswith(_PDF) and not _is_proof(content):
            raise self._refused("sign_proof", "other content")
        self.done["sign_proof", region, "proof"] += 1
        return "", sign_detached(content, trust.conductor_signing(region, at=now()))

    def _store(self) -> TrustStore:
        if self._trust is None or not self._may.signs_proof:
            raise self._refused("sign_proof", "proof")
        return self._trust

    def _keys(self, region: str) -> RegionKeys:
        if region not in self._known:
            self._known[region] = load_keys(self._folder, region)
        return self._known[region]

    def _permitted(self, operation: str, region: str, kind: str, permitted: frozenset[str]) -> None:
        if kind not in permitted:
            raise self._refused(operation, kind[:40])
        self.done[operation, region, kind] += 1

    def _refused(self, operation: str, kind: str) -> OverstapError:
        self.done["refused", "", operation] += 1
        return OverstapError("KEYS-002", client=self._client, operation=operation, kind=kind)


def _is_proof(content: bytes) -> bool:
    try:
        said = json.loads(content)
    except ValueError:
        return False
    return isinstance(said, Mapping) and said.get("kind") == PROOF_KIND
