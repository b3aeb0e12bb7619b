"""Message store in a folder: stores each accepted envelope exactly once, durably before it is confirmed.

    dossiers/<message id>/   envelope.cms, receipt.cms, manifest.json and the dossier's files; result.cms once stated
    tests/<message id>/      the same for test messages, which nobody imports
    withdrawn/<message id>/  revoked envelopes: the revocation, its receipt, and the envelope's receipt, manifest and
                             digest; the content is erased
    refused/                 receipts of refusals, by the digest of the refused bytes
    notified/                notifications by message id, without personal data
    asked/                   sealing time of each pupil's newest dossier, by a salted digest of pupil and sender
    alarms/                  conflicts: a message id that was received again with other content
    arriving/                folders that are being written; nothing in them was confirmed

An envelope's folder is written in `arriving/`, synced, and renamed into place. The rename is the commit point: it
succeeds for one of two simultaneous requests, and after a crash it has happened or not. The folder holds the receipt,
so each stored envelope has its receipt, and a repeated request gets the same bytes.
"""

import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from overstap.atomic_files import sync_folder
from overstap.envelope import manifest as manifests
from overstap.envelope.manifest import EnvelopeKind, Manifest, moment_text
from overstap.receiver.arrived import Arrived

ENVELOPE, RECEIPT, RESULT = "envelope.cms", "receipt.cms", "result.cms"
_FOLDERS = {EnvelopeKind.DOSSIER: "dossiers", EnvelopeKind.TEST: "tests"}
REVOCATION, ANSWER, DIGEST = "revocation.cms", "answer.cms", "envelope.sha256"
_ABANDONED_AFTER = timedelta(hours=1)
_SYNC_THREADS = 8
_OPEN_FILES = 256
"""Most files of a group that are open at once."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be written."""

    contents: Mapping[str, bytes]
    """Files by name."""
    target: Path
    unique: bytes
    """For the name of the temporary folder."""


class _SyncThreads:
    """Thread pool for fsync; a forked process creates its own pool, since threads do not survive a fork."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.threads = ThreadPoolExecutor(_SYNC_THREADS, thread_name_prefix="sync")


_sync_threads = _SyncThreads()


class FolderStore:
    """Store of one school below one folder. Safe to use from several threads and processes.

    Args:
        folder: created when missing, readable by its owner only, since it holds dossiers unencrypted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._several = threading.Lock()
        names = (*_FOLDERS.values(), "withdrawn", "refused", "alarms", "arriving", "notified", "asked")
        for name in names:
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def receipt_for(self, message_id: UUID) -> tuple[bytes, bytes] | None:
        """Return the digest of the envelope stored under a message id and its receipt, or None."""
        for name in _FOLDERS.values():
            stored = _read(self.folder / name / str(message_id), ENVELOPE, RECEIPT)
            if stored is not None:
                return hashlib.sha256(stored[0]).digest(), stored[1]
        withdrawn = _read(self.folder / "withdrawn" / str(message_id), DIGEST, RECEIPT)
        return None if withdrawn is None else (bytes.fromhex(withdrawn[0].decode("ascii")), withdrawn[1])

    def add_all(self, arrived: Sequence[Arrived]) -> list[bool | OSError]:
        """Store envelopes with their files, manifests and receipts, durably; see `ReceiverStore.add_all`."""
        folders = [
            _Folder(
                {**one.opened.files, manifests.NAME: one.opened.manifest_bytes, ENVELOPE: one.envelope}
                | {RECEIPT: one.receipt},
                self.folder / _FOLDERS[one.opened.manifest.kind] / str(one.opened.manifest.message_id),
                one.unique,
            )
            for one in arrived
        ]
        if len(folders) == 1:
            return self._commit(folders)
        with self._several:  # the open files of one group at a time
            return [found for part in _parts(folders) for found in self._commit(part)]

    def sync(self) -> None:
        """Sync the names of stored envelopes: another call may have renamed one and not synced its name yet."""
        for name in _FOLDERS.values():
            sync_folder(self.folder / name)

    def _commit(self, folders: Sequence["_Folder"]) -> list[bool | OSError]:
        """Write temporary folders, sync all of them together, and rename each to its target.

        Returns:
            For each folder whether it was renamed: False when its target exists already.
        """
        asides = [self.folder / "arriving" / f"{one.target.name}.{one.unique.hex()}" for one in folders]
        try:
            found: list[bool | OSError] = []
            for one, aside, problem in zip(folders, asides, _write_all(folders, asides), strict=True):
                found.append(problem or _renamed(aside, one.target))
            parents = {one.target.parent: one for one, is_new in zip(folders, found, strict=True) if is_new is True}
            for parent in parents:
                try:
                    sync_folder(parent)
                except OSError as problem:
                    found = [
                        problem if is_new is True and one.target.parent == parent else is_new
                        for one, is_new in zip(folders, found, strict=True)
                    ]
            return found
        finally:
            for aside in asides:
                shutil.rmtree(aside, ignore_errors=True)  # it exists only when it was not renamed

    def withdraw(self, message_id: UUID, revocation: bytes, answer: Callable[[bool], bytes], *, unique: bytes) -> bytes:
        """Erase the content of a revoked envelope, durably, and record the revocation.

        An envelope that has not arrived yet can be revoked too; it is then refused when it arrives. The rename into
        `withdrawn/` is the commit point. After a crash behind it, the next call or `clean` erases the content. Repeated
        calls return the same bytes.

        Args:
            message_id: id of the envelope.
            revocation: the signed revocation as received.
            answer: makes the receipt of the revocation, given whether the envelope was stored.
            unique: random bytes that no other call uses.

        Returns:
            The receipt of this revocation.
        """
        target = self.folder / "withdrawn" / str(message_id)
        if not target.exists():
            stored = self.evidence(message_id)
            contents = {REVOCATION: revocation, ANSWER: answer(stored is not None)}
            if stored is not None:
                receipt, manifest, envelope = stored
                digest = hashlib.sha256(envelope).hexdigest().encode("ascii")
                contents |= {DIGEST: digest, RECEIPT: receipt, manifests.NAME: manifest}
            [written] = self._commit([_Folder(contents, target, unique)])
            if isinstance(written, OSError):
                raise written
            # False changes nothing: another call was first
        self._forget(message_id)
        if (target / REVOCATION).read_bytes() != revocation:  # another signed statement of the same revocation
            return answer((target / RECEIPT).exists())
        return (target / ANSWER).read_bytes()

    def is_withdrawn(self, message_id: UUID) -> bool:
        """Return whether an envelope was revoked, whether or not it has arrived."""
        return (self.folder / "withdrawn" / str(message_id)).exists()

    def forget_withdrawn(self, message_id: UUID) -> bool:
        """Erase the content of an envelope that was stored while it was being revoked; return whether it is revoked."""
        if not self.is_withdrawn(message_id):
            return False
        self._forget(message_id)
        return True

    def manifest_of(self, message_id: UUID) -> bytes | None:
        """Return the manifest of an envelope that is stored, or was stored before its revocation; None without one."""
        for name in (*_FOLDERS.values(), "withdrawn"):
            found = _read(self.folder / name / str(message_id), manifests.NAME)
            if found is not None:
                return found[0]
        return None

    def evidence(self, message_id: UUID) -> tuple[bytes, bytes, bytes] | None:
        """Return receipt, manifest and envelope stored under a message id, or None."""
        for name in _FOLDERS.values():
            found = _read(self.folder / name / str(message_id), RECEIPT, manifests.NAME, ENVELOPE)
            if found is not None:
                receipt, manifest, envelope = found
                return receipt, manifest, envelope
        return None

    def _folder_of(self, message_id: UUID) -> Path | None:
        folders = (self.folder / name / str(message_id) for name in _FOLDERS.values())
        return next((folder for folder in folders if folder.exists()), None)

    def _forget(self, message_id: UUID) -> None:
        """Erase the content of a revoked envelope; several calls may do so at once."""
        arriving = self.folder / "arriving"
        folder = self._folder_of(message_id)
        if folder is not None:
            with suppress(FileNotFoundError):  # another call was first
                folder.rename(arriving / f"{message_id}.{os.urandom(6).hex()}.gone")
            sync_folder(folder.parent)
        for aside in arriving.glob(f"{message_id}.*.gone"):  # also what an interrupted call left
            _erase(aside)

    def add_refusal(self, envelope_sha256: bytes, receipt: bytes) -> None:
        """Store the receipt of a refusal; it replaces an earlier one for the same bytes."""
        _replace(self.folder / "refused" / f"{envelope_sha256.hex()}.cms", receipt)

    def raise_alarm(self, message_id: UUID, *, stored: bytes, received: bytes, at: datetime) -> None:
        """Record that a message id was received again with other content.

        Args:
            message_id: the id.
            stored: SHA-256 digest of the stored envelope.
            received: SHA-256 digest of the envelope received now.
            at: the moment of receiving it.
        """
        facts = {"message_id": str(message_id), "stored": stored.hex(), "came": received.hex(), "at": moment_text(at)}
        _replace(self.folder / "alarms" / f"{message_id}-{received.hex()[:16]}.json", json.dumps(facts).encode())

    def alarms(self) -> int:
        """Return the number of alarms."""
        return sum(1 for _ in (self.folder / "alarms").glob("*.json"))

    def stored(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of each stored envelope of a kind, in the order of message ids."""
        for folder in sorted((self.folder / _FOLDERS[kind]).iterdir()):
            yield manifests.parse((folder / manifests.NAME).read_bytes())

    def envelope_of(self, message_id: UUID) -> bytes | None:
        """Return a stored envelope as received, or None."""
        found = self.evidence(message_id)
        return None if found is None else found[2]

    def keep_result(self, message_id: UUID, content: bytes) -> None:
        """Store the result stated of a stored dossier; it replaces an earlier one."""
        _replace(self.folder / _FOLDERS[EnvelopeKind.DOSSIER] / str(message_id) / RESULT, content)

    def keep_notification(self, message_id: UUID, content: bytes) -> None:
        """Store a notification; storing it again changes nothing."""
        _replace(self.folder / "notified" / f"{message_id}.json", content)

    def pending_notifications(self) -> int:
        """Return the number of notifications whose dossier is not stored yet."""
        names = {path.stem for path in (self.folder / "notified").glob("*.json")}
        return sum(1 for name in names if self.receipt_for(UUID(name)) is None)

    def salt(self) -> bytes:
        """Return the random salt of this store, created at the first call."""
        path = self.folder / "asked" / ".salt"
        if not path.exists():
            beside = path.with_name(f".salt.{os.urandom(6).hex()}")
            _write(beside, os.urandom(32))
            try:
                os.link(beside, path)  # fails for the second of two simultaneous calls, which then reads the first
            except FileExistsError:
                pass
            finally:
                beside.unlink()
        return path.read_bytes()

    def record_newest(self, handle: bytes, moment: datetime) -> None:
        """Record the sealing time of a pupil's newest dossier.

        Args:
            handle: salted digest of pupil number and sender.
            moment: when the dossier was sealed.
        """
        _replace(self.folder / "asked" / handle.hex(), moment_text(moment).encode())

    def newest_sealed_at(self, handle: bytes) -> datetime | None:
        """Return the recorded sealing time of a pupil's newest dossier, or None."""
        path = self.folder / "asked" / handle.hex()
        return manifests.moment_of(path.read_text()) if path.exists() else None

    def current(self, kind: EnvelopeKind = EnvelopeKind.DOSSIER) -> Iterator[Manifest]:
        """Yield the manifest of each stored envelope that no newer version replaces."""
        manifests_stored = list(self.stored(kind))
        replaced = {one.replaces for one in manifests_stored}
        yield from (one for one in manifests_stored if one.message_id not in replaced)

    def clean(self, *, at: datetime) -> int:
        """Remove unfinished folders that a crash left, once they are an hour old; return the number removed.

        Revoked envelopes whose content a crash left in place are erased too.
        """
        removed = 0
        for taken_back in (self.folder / "withdrawn").iterdir():
            if self._folder_of(UUID(taken_back.name)) is not None:
                self._forget(UUID(taken_back.name))
                removed += 1
        for aside in (self.folder / "arriving").iterdir():
            if aside.stat().st_mtime < (at - _ABANDONED_AFTER).timestamp():
                shutil.rmtree(aside)
                removed += 1
        return removed


def envelope_digests(folder: Path) -> dict[UUID, bytes]:
    """Return the SHA-256 digest of each stored dossier's envelope, computed from its file, by message id.

    Args:
        folder: the folder of the store.
    """
    return {
        UUID(stored.name): hashlib.sha256((stored / ENVELOPE).read_bytes()).digest()
        for stored in sorted((folder / "dossiers").iterdir())
    }


def _read(folder: Path, *names: str) -> tuple[bytes, ...] | None:
    """Return the content of files of one folder; None when it is not there, or is being moved away by another call."""
    try:
        return tuple(_content(f"{folder}/{name}") for name in names)
    except FileNotFoundError:
        return None


def _content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (a path made of a Path costs more than opening it; this is per envelope)
        return file.read()


def _erase(folder: Path) -> None:
    """Erase a folder that another call may be erasing too."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _parts(folders: Sequence[_Folder]) -> Iterator[list[_Folder]]:
    """Yield folders in parts with a bounded number of files, since all files of a part are open at once."""
    part: list[_Folder] = []
    files = 0
    for one in folders:
        if part and files + len(one.contents) + 1 > _OPEN_FILES:
            yield part
            part, files = [], 0
        part.append(one)
        files += len(one.contents) + 1
    yield part


def _write_all(folders: Sequence[_Folder], asides: Sequence[Path]) -> list[OSError | None]:
    """Write files into new folders and sync them with the folders' entries; return what went wrong, per folder.

    All files are synced concurrently: the disk then flushes once for all, which takes a quarter of the time.
    """
    problems: list[OSError | None] = [None] * len(folders)
    with ExitStack() as stack:
        opened: list[tuple[int, int]] = []
        for place, (one, aside) in enumerate(zip(folders, asides, strict=True)):
            try:
                aside.mkdir(mode=0o700)
                for name, content in one.contents.items():
                    opened.append((place, _written(f"{aside}/{name}", content, stack)))
                handle = os.open(aside, os.O_RDONLY)
                stack.callback(os.close, handle)
                opened.append((place, handle))
            except OSError as problem:
                problems[place] = problem
        turns = min(len(opened), _SYNC_THREADS)
        synced = [_sync_threads.threads.submit(_sync, opened[turn::turns]) for turn in range(turns)]
        wait(synced)  # also when one failed: the files must stay open until all are synced
        for done in synced:
            for place, fault in done.result():
                problems[place] = problems[place] or fault
    return problems


def _written(path: str, content: bytes, stack: ExitStack) -> int:
    """Write a new file and return its handle, which the stack closes."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    stack.callback(os.close, handle)
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]
    return handle


def _sync(opened: Sequence[tuple[int, int]]) -> list[tuple[int, OSError]]:
    """Sync handles, each with the place of its folder; return what went wrong."""
    found = []
    for place, handle in opened:
        try:
            os.fsync(handle)
        except OSError as problem:
            found.append((place, problem))
    return found


def _renamed(aside: Path, target: Path) -> bool | OSError:
    """Rename a written folder; return False when the target exists already."""
    try:
        aside.rename(target)
    except OSError as problem:
        return False if problem.errno in (errno.ENOTEMPTY, errno.EEXIST) else problem
    return True


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
    sync_folder(path.parent)
