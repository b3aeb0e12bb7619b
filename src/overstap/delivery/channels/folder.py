"""Channel `folder`: a school collects envelopes by hand and leaves receipts beside them.

The folder, `<outbox>/<region>/<school>/`, lies on a file server, a share or a synchronised disk that the school can
reach. Envelopes are sealed for the school alone: whoever else can read it learns how many there are, and no more.
"""

import itertools
import logging
import os
import stat
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, ChannelError, HandOver, UnverifiedAnswer
from overstap.envelope import file_names
from overstap.envelope.file_names import AnswerKind
from overstap.errors import OverstapError
from overstap.resources import INCLUDE
from overstap.transport.https_client import TransportProblem

_log = logging.getLogger(__name__)


class Folder(ReceivingPart):
    """The school collects by hand: envelopes lie in a folder, it puts its receipts beside them."""

    way: Literal["folder"]


class FolderChannel:
    """One school's folder.

    Args:
        folder: where envelopes lie; made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write an envelope to the folder atomically, and sync it to disk."""
        return self._put(self._folder / file_names.envelope_name(message_id), envelope, message_id)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write the revocation to the folder, and remove the envelope if it is still there."""
        handed = self._put(self._folder / file_names.revocation_name(message_id), statement, message_id)
        if handed.is_offered:
            try:
                (self._folder / file_names.envelope_name(message_id)).unlink(missing_ok=True)
            except OSError as error:  # the school removes its copy by the statement
                _log.warning("folder of %s: %s", self._folder.name, error.strerror)
        return handed

    def _put(self, path: Path, content: bytes, message_id: UUID) -> HandOver:
        aside = self._folder / file_names.unfinished_name(message_id)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            aside.unlink(missing_ok=True)
            # Readable for the folder's group: the school's account is in it
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
            with os.fdopen(handle, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            aside.replace(path)
            _sync(self._folder)
        except OSError as error:
            _log.warning("folder of %s: %s", self._folder.name, error.strerror)
            return HandOver(None, TransportProblem.STORAGE)
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield the answers in the folder. Files that are too long, special or unreadable stay, with a log line."""
        try:
            names = sorted(path.name for path in itertools.islice(self._folder.iterdir(), file_names.MAX_NAMES))
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("folder of %s: %s", self._folder.name, error.strerror)
            raise ChannelError(TransportProblem.STORAGE) from error
        for name in names:
            found = file_names.answer_of(name)
            if found is None or (found[1] is AnswerKind.RECEIPT and found[0] not in awaited):
                continue
            content = self._read(self._folder / name)
            if content is not None:
                yield UnverifiedAnswer(*found, content)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _read(self, path: Path) -> bytes | None:
        try:
            # No link and no pipe is opened: who may write here must not make this process read elsewhere, or wait
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    _log.warning("%s is no file", path.name)
                    return None
                content = file.read(file_names.MAX_BYTES + 1)
        except OSError as error:
            _log.warning("%s: %s", path.name, error.strerror)
            return None
        if len(content) > file_names.MAX_BYTES:
            _log.warning("%s is longer than an answer can be", path.name)
            return None
        return content


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(receives: Folder, context: ChannelContext) -> FolderChannel:
    if context.outbox is None:
        raise OverstapError("SETTING-001", setting="OVERSTAP_OUTBOX")
    return FolderChannel(context.outbox / context.region / context.school.id)


def _cell(cell: str) -> dict[str, Any] | None:
    """Read `folder`."""
    return {"way": "folder"} if cell == "folder" else None


KIND = ChannelKind(
    model=Folder, help=INCLUDE / "texts" / "channels" / "folder.yaml", open=_open, cell=_cell, leaves_answers=True
)
