"""Channel `folder`: a school collects envelopes by hand and leaves receipts beside them.

The folder, `<outbox>/<region>/<school>/`, lies on a file server, a share, a synchronised disk or in an object store
that the school can reach. Envelopes are sealed for the school alone: whoever else can read it learns how many there
are, and no more.
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overstap import storage
from overstap.agreements.kinds import ChannelKind
from overstap.agreements.model.receiving import ReceivingPart
from overstap.delivery.channels.channel import OFFERED, ChannelContext, ChannelError, HandOver, UnverifiedAnswer
from overstap.envelope import file_names
from overstap.envelope.file_names import AnswerKind
from overstap.errors import OverstapError, system_fault
from overstap.resources import INCLUDE
from overstap.storage import Entry, Place, UnreadError
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

    def __init__(self, folder: Place) -> None:
        self._folder = folder

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write an envelope to the folder atomically, and sync it to disk."""
        return self._put(file_names.envelope_name(message_id), envelope, message_id)

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write the revocation to the folder, and remove the envelope if it is still there."""
        handed = self._put(file_names.revocation_name(message_id), statement, message_id)
        if handed.is_offered:
            try:
                storage.remove(self._folder, file_names.envelope_name(message_id))
            except OSError as error:  # the school removes its copy by the statement
                self._tell(error)
        return handed

    def _put(self, name: str, content: bytes, message_id: UUID) -> HandOver:
        try:
            # Readable for the folder's group: the school's account is in it
            aside = file_names.unfinished_name(message_id)
            storage.write(self._folder, name, content, mode=0o640, folder_mode=0o750, aside=aside)
        except OSError as error:
            self._tell(error)
            return HandOver(None, TransportProblem.STORAGE)
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield the answers in the folder. Files that are too long, special or unreadable stay, with a log line."""
        try:
            found = storage.entries(self._folder, file_names.MAX_NAMES)
        except FileNotFoundError:
            return
        except OSError as error:
            self._tell(error)
            raise ChannelError(TransportProblem.STORAGE) from error
        for entry in found[: file_names.MAX_NAMES]:
            answer = file_names.answer_of(entry.name)
            if answer is None or (answer[1] is AnswerKind.RECEIPT and answer[0] not in awaited):
                continue
            content = self._read(entry)
            if content is not None:
                yield UnverifiedAnswer(*answer, content)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _read(self, entry: Entry) -> bytes | None:
        try:
            if entry.why_not is not None:
                raise UnreadError(entry.why_not)
            return storage.read(self._folder, entry.name, limit_bytes=file_names.MAX_BYTES).data
        except UnreadError as error:
            _log.warning("%s is not read: %s", entry.name, error.why)
            return None
        except OSError as error:
            if storage.is_store_fault(error):
                self._tell(error)
                raise ChannelError(TransportProblem.STORAGE) from error
            _log.warning("%s: %s", entry.name, system_fault(error))
            return None

    def _tell(self, error: OSError) -> None:
        _log.warning("folder of %s: %s", self._folder.name, system_fault(error))


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
