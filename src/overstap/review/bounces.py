"""Mails that came back: delivery reports as mail systems write them (RFC 3464), read from a mail folder.

A mail server that refuses an address at once is no bounce: the outbox keeps that itself. What a server took and could
not deliver later comes back as a report to the sender's own mailbox; it names our mail by its Message-ID.
"""

import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from uuid import UUID

_MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^>\s]+>", re.IGNORECASE)
_FAILED = re.compile(r"^5\.\d{1,3}\.\d{1,3}$")
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail that could not be delivered for good.

    Args:
        mail: number of our mail in the outbox.
        status: the status in the report (RFC 3463), such as "5.1.1".
    """

    mail: UUID
    status: str


def bounces(folder: Path) -> Iterator[Bounce]:
    """Yield what came back for good, from a Maildir, or from a folder with a file per mail (.eml).

    Args:
        folder: where the sender's mailbox is kept. Nothing in it is changed; what is no report is left aside.
    """
    for content in _contents(folder):
        found = bounce(content)
        if found is not None:
            yield found


def bounce(content: bytes) -> Bounce | None:
    """Return what one mail reports; None when it is no report of a lasting failure of one of our mails."""
    if len(content) > MOST_BYTES:
        return None
    message = BytesParser(policy=default).parsebytes(content)
    if message.get_content_type() != "multipart/report":
        return None
    status, ours = None, None
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            status = status or _status(part)
        elif kind in ("message/rfc822", "text/rfc822-headers"):
            ours = ours or _our_mail(part)
    return Bounce(ours, status) if status and ours else None


def _status(part: Message) -> str | None:
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else []:
        if not isinstance(block, Message):
            continue
        action, status = (
            str(block.get("Action", "")).strip().lower(),
            str(block.get("Status", "")).strip().split(" ")[0],
        )
        if action == "failed" and _FAILED.match(status):
            return status
    return None


def _our_mail(part: EmailMessage | Message) -> UUID | None:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        text = str(payload[0].get("Message-ID", ""))
    else:
        header = re.search(r"^message-id:\s*(<[^>]+>)", str(payload), re.IGNORECASE | re.MULTILINE)
        text = header[1] if header else ""
    found = _MESSAGE_ID.fullmatch(text.strip())
    return UUID(found[1]) if found else None


def _contents(folder: Path) -> Iterator[bytes]:
    if (folder / "cur").is_dir() and (folder / "new").is_dir():
        box = mailbox.Maildir(folder, create=False)
        for key in sorted(box.keys()):
            yield box.get_bytes(key)
        return
    for path in sorted(folder.glob("*.eml")):
        yield path.read_bytes()
