"""Store in a folder: each accepted envelope exactly once, durable before it is confirmed.

    dossiers/<message id>/   envelope.cms, receipt.cms, manifest.json and the dossier's files; result.cms once stated
    tests/<message id>/      the same for test messages, which nobody imports
    withdrawn/<message id>/  what was taken back: the statement, our answer, and of the envelope its receipt,
                             manifest and digest; its content is gone
    refused/                 receipts of refusals, by the digest of what was refused
    notified/                notifications: a message id each, with nothing of a pupil
    asked/                   of which pupil the newest dossier is of when, by a salted digest
    alarms/                  a message id that came again with another content
    arriving/                what is being written; nothing in it was confirmed

An envelope's folder is written aside, synced, and renamed to its name. The rename is the commit point: it succeeds for
one of two simultaneous posts, and after a crash it has happened or not. The receipt lies in the folder, so whatever is
stored has its receipt, and a repetition is answered with the same bytes.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from overstap.envelope import manifest as manifests
from overstap.envelope.envelope import OpenedEnvelope
from overstap.envelope.manifest import EnvelopeKind, Manifest, moment_text

ENVELOPE, RECEIPT, RESULT = "envelope.cms", "receipt.cms", "result.cms"
_FOLDERS = {EnvelopeKind.DOSSIER: "dossiers", EnvelopeKind.TEST: "tests"}
REVOCATION, ANSWER, DIGEST = "revocation.cms", "answer.cms", "envelope.sha256"
_ABANDONED = timedelta(hours=1)


class _Syncing:
    """Threads that sync files; a process that was forked has threads of its own."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="sync")
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="sync")


_syncing = _Syncing()


class FolderStore:
    """A store below one folder, for one school; several processes may use it at once.

    Args:
        folder: made when missing, readable for its owner only: dossiers lie in it unencrypted, as in any school.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        made = (*_FOLDERS.values(), "withdrawn", "refused", "alarms", "arriving", "notified", "asked")
        for name in made:
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def receipt_for(self, message_id: UUID) -> tuple[bytes, bytes] | None:
        """Return the digest of the envelope stored under a message id and its receipt, or None."""
        for name in _FOLDERS.values():
            place = self.folder / name / str(message_id)
            if place.exists():
                envelope_sha256 = hashlib.sha256((place / ENVELOPE).read_bytes()).digest()
                return envelope_sha256, (place / RECEIPT).read_bytes()
        place = self.folder / "withdrawn" / str(message_id)
        if (place / RECEIPT).exists():
            return bytes.fromhex((place / DIGEST).read_text(encoding="ascii")), (place / RECEIPT).read_bytes()
        return None

    def add(self, opened: OpenedEnvelope, envelope: bytes, receipt: bytes, *, unique: bytes) -> bool:
        """Store an envelope with everything that belongs to it, durably.

        Args:
            opened: what came out of it.
            envelope: as it came: the proof of who sent it.
            receipt: what will be answered.
            unique: random bytes that no other call uses, for the folder aside.

        Returns:
            False when its message id was already there; nothing is changed then.
        """
        manifest = opened.manifest
        contents = {**opened.files, manifests.NAME: opened.manifest_bytes, ENVELOPE: envelope, RECEIPT: receipt}
        return self._commit(contents, self.folder / _FOLDERS[manifest.kind] / str(manifest.message_id), unique)

    def _commit(self, contents: Mapping[str, bytes], target: Path, unique: bytes) -> bool:
        """Write a folder aside and give it its name; False when somebody else did."""
        aside = self.folder / "arriving" / f"{target.name}.{unique.hex()}"
        aside.mkdir(mode=0o700)
        try:
            _write_all(aside, contents)
            try:
                aside.rename(target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                return False
            _sync(target.parent)
            return True
        finally:
            shutil.rmtree(aside, ignore_errors=True)  # renamed by now, or not to be kept

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Take an envelope's content away, durably, and keep that it was; also one that has not come yet.

        The rename into `withdrawn/` is the commit point. After a crash behind it the content goes at the next call or
        `clean`; the answer is the same bytes each time.

        Args:
            message_id: of the envelope.
            revocation: the statement, as it came.
            answer: makes what will be answered, given whether the envelope was there.
            unique: random bytes that no other call uses.

        Returns:
            The answer to this statement.
        """
        target = self.folder / "withdrawn" / str(message_id)
        if not target.exists():
            place = self._place(message_id)
            contents = {REVOCATION: revocation, ANSWER: answer(place is not None)}
            if place is not None:
                digest = hashlib.sha256((place / ENVELOPE).read_bytes()).hexdigest()
                kept = {name: (place / name).read_bytes() for name in (RECEIPT, manifests.NAME)}
                contents |= {DIGEST: digest.encode("ascii"), **kept}
            self._commit(contents, target, unique)
        self._forget(message_id)
        if (target / REVOCATION).read_bytes() != revocation:  # said again in other bytes: what is so is still so
            return answer((target / RECEIPT).exists())
        return (target / ANSWER).read_bytes()

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was taken back, come or not."""
        return (self.folder / "withdrawn" / str(message_id)).exists()

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Remove what was stored while it was being taken back; return whether it was."""
        if not self.is_withdrawn(message_id):
            return False
        self._forget(message_id)
        return True

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of what is, or was, stored under a message id."""
        places = self._place(message_id), self.folder / "withdrawn" / str(message_id)
        found = (place / manifests.NAME for place in places if place is not None)
        return next((path.read_bytes() for path in found if path.exists()), None)

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope as they are stored under a message id, or None."""
        place = self._place(message_id)
        if place is None:
            return None
        return (place / RECEIPT).read_bytes(), (place / manifests.NAME).read_bytes(), (place / ENVELOPE).read_bytes()

    def _place(self, message_id: UUID) -> Path | None:
        places = (self.folder / name / str(message_id) for name in _FOLDERS.values())
        return next((place for place in places if place.exists()), None)

    def _forget(self, message_id: UUID) -> None:
        """Remove the content of what was taken back."""
        place = self._place(message_id)
        if place is not None:
            aside = self.folder / "arriving" / f"{message_id}.gone"
            shutil.rmtree(aside, ignore_errors=True)  # of an earlier try that was cut off
            place.rename(aside)
            _sync(place.parent)
            shutil.rmtree(aside)

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Keep the receipt of a refusal, the last one for the same bytes."""
        _replace(self.folder / "refused" / f"{envelope_sha256.hex()}.cms", receipt)

    def raise_alarm(self, message_id: UUID, *, stored: bytes, came: bytes, at: datetime) -> None:
        """Record that a message id came again with another content.

        Args:
            message_id: the id.
            stored: digest of the envelope that is stored.
            came: digest of the one that came now.
            at: when.
        """
        facts = {"message_id": str(message_id), "stored": stored.hex(), "came": came.hex(), "at": moment_text(at)}
        _replace(self.folder / "alarms" / f"{message_id}-{came.hex()[:16]}.json", json.dumps(facts).encode())

    def alarms(self) -> int:
        """Return how many alarms there are."""
        return sum(1 for _ in (self.folder / "alarms").glob("*.json"))

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of everything stored, in the order of the message ids."""
        for place in sorted((self.folder / _FOLDERS[kind]).iterdir()):
            yield manifests.parse((place / manifests.NAME).read_bytes())

    def envelope_of(self, message_id: UUID) -> bytes | None:
        """Return a stored envelope as it came, or None."""
        for name in _FOLDERS.values():
            place = self.folder / name / str(message_id) / ENVELOPE
            if place.exists():
                return place.read_bytes()
        return None

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Keep what was stated of a stored dossier, the last statement of all."""
        _replace(self.folder / _FOLDERS[EnvelopeKind.DOSSIER] / str(message_id) / RESULT, content)

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Keep a notification; the same again changes nothing."""
        _replace(self.folder / "notified" / f"{message_id}.json", content)

    def notified(self) -> int:
        """Return of how many dossiers the school was notified that are not stored."""
        names = {path.stem for path in (self.folder / "notified").glob("*.json")}
        return sum(1 for name in names if self.receipt_for(UUID(name)) is None)

    def salt(self) -> bytes:
        """Return random bytes of this store, the same ever after."""
        path = self.folder / "asked" / ".salt"
        if not path.exists():
            beside = path.with_name(f".salt.{os.urandom(6).hex()}")
            _write(beside, os.urandom(32))
            try:
                os.link(beside, path)  # the first one counts
            except FileExistsError:
                pass
            finally:
                beside.unlink()
        return path.read_bytes()

    def remember(self, handle: bytes, moment: datetime) -> None:
        """Remember of when the newest dossier of a pupil is.

        Args:
            handle: stands for pupil and sender.
            moment: when it was sealed.
        """
        _replace(self.folder / "asked" / handle.hex(), moment_text(moment).encode())

    def remembered(self, handle: bytes) -> datetime | None:
        """Return what was remembered, or None."""
        path = self.folder / "asked" / handle.hex()
        return manifests.moment_of(path.read_text()) if path.exists() else None

    def current(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of everything stored that no newer version replaces."""
        found = list(self.stored(kind))
        replaced = {one.replaces for one in found}
        yield from (one for one in found if one.message_id not in replaced)

    def clean(self, *, at: datetime) -> int:
        """Remove what a crash left half written, once it is old enough to be nobody's; return how much.

        And finish what a crash left half removed.
        """
        removed = 0
        for taken_back in (self.folder / "withdrawn").iterdir():
            if self._place(UUID(taken_back.name)) is not None:
                self._forget(UUID(taken_back.name))
                removed += 1
        for aside in (self.folder / "arriving").iterdir():
            if aside.stat().st_mtime < (at - _ABANDONED).timestamp():
                shutil.rmtree(aside)
                removed += 1
        return removed


def envelope_digests(folder: Path) -> dict[UUID, bytes]:
    """Return what an endpoint stored: message id to SHA-256 of the envelope as it lies there now.

    Args:
        folder: the endpoint's store.
    """
    return {
        UUID(place.name): hashlib.sha256((place / ENVELOPE).read_bytes()).digest()
        for place in sorted((folder / "dossiers").iterdir())
    }


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a new folder, durably with their names.

    All are synced at the same moment: the disk then does for one what it does for all, in a quarter of the time.
    """
    with ExitStack() as stack:

        def opened(path: Path, flags: int) -> int:
            handle = os.open(path, flags, 0o600)
            stack.callback(os.close, handle)
            return handle

        handles = []
        for name, content in contents.items():
            handles.append(opened(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            left = memoryview(content)
            while left:
                left = left[os.write(handles[-1], left) :]
        synced = [_syncing.threads.submit(os.fsync, handle) for handle in (*handles, opened(folder, os.O_RDONLY))]
        wait(synced)  # all of them, also when one failed: their files stay open until then
        for one in synced:
            one.result()


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    _write(beside, content)
    beside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make a folder's entries durable: a file that is synced can still be lost with its name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
