"""What the key service does for a client: it checks what that client may ask, and answers with bytes."""

import json
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from threading import RLock

from overstap.alarms import raise_alarm
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.key_client import Facts
from overstap.key_service.permissions import Permissions, is_access_key, kind_of
from overstap.ledger.region_keys import EncryptedContent, RegionKeys, load_keys
from overstap.pki import TrustStore
from overstap.pki.detached_signature import sign_detached

PROOF_KIND = "overstap proof of inspection"
"""What the field `kind` of a proof says (`review.proof`)."""
SUPPORT_KIND = "overstap support decision"
"""The same of a decision of a partnership (`pages.school.support`); a text of any other kind is not signed."""
_PDF = b"%PDF-"
_REGION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_WORD = re.compile(r"[a-z_]{1,40}")
"""Names of operations and kinds; whatever else is asked for is not repeated in the log."""
_ALARMS = frozenset(10**power for power in range(10))
"""At which refusals within a minute an alarm is raised: the first, and each that is ten times as many."""
_KEY_ID = re.compile(r"[0-9A-Za-z._~-]{0,200}")
_HOUR_SECONDS = 3600


OPERATIONS = frozenset({"newest", "encrypt", "decrypt", "lookup", "derive", "signer", "sign_proof"})


class KeyOperations:
    """The operations for one client; safe to use from several threads.

    Args:
        client: name of the client, such as "school".
        may: what it may ask.
        keys: the keys folder (setting OVERSTAP_KEYS).
        trust: trust store with the conductors' signing keys; None when nothing is signed here.
        regions: the regions that are served; None for all.
    """

    def __init__(
        self,
        client: str,
        may: Permissions,
        keys: Path,
        trust: TrustStore | None,
        regions: frozenset[str] | None = None,
    ) -> None:
        self._client = client
        self._may = may
        self._folder = keys
        self._trust = trust
        self._regions = regions
        self._known: dict[str, tuple[int, RegionKeys]] = {}
        """Keys that were read, with the change of their folder: a destroyed key is gone at once, a new one there."""
        self.done: Counter[tuple[str, str, str]] = Counter()
        """How often what was done: operation, region, kind. Without ids; begun anew each minute."""
        self._looked_up: dict[str, deque[float]] = {}
        """Moments of the last hour's look-ups per region, where they are limited."""
        self._counting = RLock()

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
        if operation == "holds":
            return "", json.dumps(self.holds()).encode()
        done = getattr(self, f"_{operation}") if operation in OPERATIONS else None
        if done is None or not _REGION.fullmatch(region):
            raise self._refused(operation, "region")
        if self._regions is not None and region not in self._regions:
            raise self._refused(operation, "another region")
        if not _KEY_ID.fullmatch(asked.get("key_id", "")):  # it is said again in a header
            raise self._refused(operation, "key")
        return done(region, asked, content)

    def holds(self) -> dict[str, dict[str, object]]:
        """Return which regions are served: the newest key and their number, or what is wrong with them; no key."""
        found: dict[str, dict[str, object]] = {}
        for folder in sorted(self._folder.iterdir()):
            region = folder.name
            if not folder.is_dir() or not _REGION.fullmatch(region):
                continue
            if self._regions is not None and region not in self._regions:
                continue
            try:
                keys = self._keys(region)
                found[region] = {"newest": keys.newest, "keys": len(keys.ids)}
                if self._may.signs_proof:
                    self._store().conductor_signing(region, at=now())
            except OverstapError as error:
                found.setdefault(region, {})["error"] = error.code
        return found

    def note_refusal(self, operation: str = "?") -> None:
        """Count what was refused, and raise an alarm: the pages ask nothing that is refused.

        Args:
            operation: name of the operation.
        """
        with self._counting:  # two at once would both see two, and neither were the first
            self.done["refused", "", operation] += 1
            refused = sum(count for (what, _, _), count in self.done.items() if what == "refused")
        if refused in _ALARMS:
            raise_alarm("key_refused", service=f"keys-{self._client}", failed=refused)

    def _newest(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        return self._keys(region).newest, b""

    def _encrypt(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        keys = self._permitted("encrypt", region, kind_of(asked["bound_to"]), self._may.encrypts)
        sealed = keys.encrypt(content, asked["bound_to"], asked["key_id"] or None)
        return sealed.key_id, sealed.data

    def _decrypt(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        keys = self._permitted("decrypt", region, kind_of(asked["bound_to"]), self._may.decrypts)
        return "", keys.decrypt(EncryptedContent(asked["key_id"], content), asked["bound_to"])

    def _lookup(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        keys = self._permitted("lookup", region, asked["kind"], self._may.looks_up)
        self._limit_lookups(region)  # of a region with keys alone: names of others would be remembered without end
        return "", keys.lookup(asked["kind"], content.decode())

    def _limit_lookups(self, region: str) -> None:
        """Count a look-up.

        Raises:
            OverstapError: KEYS-004 when the client has had as many in the last hour as it may.
        """
        if self._may.most_lookups is None:
            return
        with self._counting:
            done = self._looked_up.setdefault(region, deque())
            at = time.monotonic()
            while done and done[0] < at - _HOUR_SECONDS:
                done.popleft()
            if len(done) >= self._may.most_lookups:
                self.note_refusal("lookup")
                raise OverstapError("KEYS-004", client=self._client, most=self._may.most_lookups)
            done.append(at)

    def _derive(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        if not self._may.derives or not is_access_key(asked["key_id"]):
            raise self._refused("derive", "key")
        keys = self._keys(region)
        self._count("derive", region, "access")
        return asked["key_id"], keys.derived_key(asked["key_id"]) or b""

    def _signer(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        self._store().conductor_signing(region, at=now())
        return "", b""

    def _sign_proof(self, region: str, asked: Facts, content: bytes) -> tuple[str, bytes]:
        trust = self._store()
        if not content.startswith(_PDF) and not _is_proof(content):
            raise self._refused("sign_proof", "other content")
        signer = trust.conductor_signing(region, at=now())
        self._count("sign_proof", region, "proof")
        return "", sign_detached(content, signer)

    def _store(self) -> TrustStore:
        if self._trust is None or not self._may.signs_proof:
            raise self._refused("sign_proof", "proof")
        return self._trust

    def _keys(self, region: str) -> RegionKeys:
        folder = self._folder / region
        changed = folder.stat().st_mtime_ns if folder.is_dir() else 0
        known = self._known.get(region)
        if known is None or known[0] != changed:
            known = self._known[region] = (changed, load_keys(self._folder, region))
        return known[1]

    def _permitted(self, operation: str, region: str, kind: str, permitted: frozenset[str]) -> RegionKeys:
        if kind not in permitted:
            raise self._refused(operation, kind)
        keys = self._keys(region)
        self._count(operation, region, kind)
        return keys

    def _count(self, operation: str, region: str, kind: str) -> None:
        with self._counting:
            self.done[operation, region, kind] += 1

    def take_counts(self) -> Counter[tuple[str, str, str]]:
        """Return what was counted, and begin anew."""
        with self._counting:
            counted, self.done = self.done, Counter()
        return counted

    def _refused(self, operation: str, kind: str) -> OverstapError:
        """Return the error; a client chooses both words, so none goes into the log that is not a name."""
        operation = operation if _WORD.fullmatch(operation) else "?"
        kind = kind if _WORD.fullmatch(kind.replace(" ", "_")) else "?"
        self.note_refusal(operation if operation in OPERATIONS else "?")
        return OverstapError("KEYS-002", client=self._client, operation=operation, kind=kind)


def _is_proof(content: bytes) -> bool:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):  # no JSON, or nested without end
        return False
    return isinstance(said, Mapping) and said.get("kind") in (PROOF_KIND, SUPPORT_KIND)
