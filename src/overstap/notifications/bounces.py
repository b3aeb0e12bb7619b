"""Delivery reports of mails that came back (RFC 3464, RFC 6533), read from the sender's mail folder.

A mail server that refuses an address at once is no bounce: the outbox keeps that itself. A server that took a mail and
could not deliver it later sends a report to the sender's own mailbox; it names our mail by its Message-ID. A report of
another make, or one of which part is missing, is never passed over: it is listed for a person.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from uuid import UUID

MAX_BYTES = 10_000_000
"""Our mails are a few kilobytes; a report that quotes one is not larger than this."""
_MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^>\s]+>", re.IGNORECASE)
_ID_FIELD = re.compile(r"^message-id:[ \t]*(?:\r?\n[ \t]+)?(<[^>\s]+>)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_SMTP_REPLY = re.compile(r"(?<!\d)([45])\d\d(?!\d)")
_QSBMF = re.compile(r"^Hi\. This is the [^\n]{0,200}\n(?:[^\n]{0,400}\n){0,10}?\r?\n<[^>\n]*>:\r?$", re.MULTILINE)
"""The bounce format of qmail (QSBMF): a greeting, then a paragraph per recipient that begins with the address."""
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_COPY_PARTS = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_FAILED, _OTHERWISE = "failed", frozenset({"delayed", "delivered", "relayed", "expanded"})
_UNKNOWN_STATUS = "5.0.0"
"""RFC 3463 clause 3.1: undefined status, which is the only code for an error without another one."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail that could not be delivered for good.

    Args:
        mail: number of our mail in the outbox.
        status: the status in the report (RFC 3463), such as "5.1.1"; also "4.4.1", when a server gave up after days.
    """

    mail: UUID
    status: str


class Unclear(StrEnum):
    """Why a mail is listed for a person: it may say that something was not delivered, and cannot be understood."""

    NOT_OURS = "not_ours"
    """It says that a mail failed, and does not name one of ours by its Message-ID."""
    NO_VERDICT = "no_verdict"
    """It comes of a mail system, or looks like a report, and says neither that delivery failed nor that it did not."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """The file cannot be read, or is no mail."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the folder that a person has to look at."""

    file: str
    why: Unclear


@dataclass(frozen=True, slots=True)
class Other:
    """A mail that reports no failure: a delay, a confirmation, or a mail of a person."""


def bounces(folder: Path) -> Iterator[Bounce | Listed | Other]:
    """Yield what each mail of a Maildir, or each file of a folder, reports.

    Args:
        folder: where the sender's mailbox is kept. Nothing in it is changed.
    """
    for name, path in _files(folder):
        try:
            content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
        except OSError:
            yield Listed(name, Unclear.UNREADABLE)
            continue
        found = Unclear.TOO_LARGE if content is None else bounce(content)
        yield Listed(name, found) if isinstance(found, Unclear) else found or Other()


def bounce(content: bytes) -> Bounce | Unclear | None:
    """Return what one mail reports; None when it reports no failure.

    Args:
        content: the mail as it was received, of any form.
    """
    if len(content) > MAX_BYTES:
        return Unclear.TOO_LARGE
    if not content.strip():
        return Unclear.UNREADABLE
    try:
        # compat32 keeps header fields as they stand; the newer policies raise on some malformed ones
        message = BytesParser(policy=compat32).parsebytes(content)
        if not message.keys():
            return Unclear.UNREADABLE
        parts = list(_walk(message))
    except RecursionError:  # parts within parts without end
        return Unclear.UNREADABLE
    verdicts = [verdict for part in parts if _kind(part) in _STATUS_PARTS for verdict in _verdicts(part)]
    status = _worst(message, parts, verdicts)
    if status is not None:
        mail = _our_mail(message, parts)
        return Bounce(mail, status) if mail else Unclear.NOT_OURS
    if verdicts and all(verdict in _OTHERWISE for verdict, _ in verdicts):
        return None
    return Unclear.NO_VERDICT if verdicts or _is_of_a_mail_system(message, parts) else None


def _worst(message: Message, parts: list[Message], verdicts: list[tuple[str, str | None]]) -> str | None:
    """Return the status of the first failure that is reported, in whichever form; None when none is."""
    for verdict, status in verdicts:
        if verdict == _FAILED:
            return status or _UNKNOWN_STATUS
    if verdicts:
        return None
    # Exim and Google name who failed in a field of their own; qmail says it in words of a known form
    if message.get("X-Failed-Recipients"):
        return _UNKNOWN_STATUS
    if any(_QSBMF.search(_text(part)) for part in parts if _kind(part) == "text/plain"):
        return _UNKNOWN_STATUS
    return None


def _verdicts(part: Message) -> Iterator[tuple[str, str | None]]:
    """Yield action and status per recipient (RFC 3464 clause 2.3), comments taken out (RFC 5322 clause 3.2.2)."""
    for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", _text(part).replace("\r\n", "\n").replace("\r", "\n").strip()):
        fields = _fields(block)
        if not fields.keys() & {"action", "status", "final-recipient", "original-recipient"}:
            continue  # of the message as a whole
        action = _without_comments(fields.get("action", "")).strip().lower()
        told = _without_comments(fields.get("status", ""))
        status = _STATUS.search(told) or _STATUS.search(fields.get("status", ""))
        if status is None:
            status = _STATUS.search(fields.get("diagnostic-code", ""))
        code = status[1] if status else None
        if not action:  # RFC 3464 requires it; some leave it out, and the status alone says enough when it is permanent
            reply = _SMTP_REPLY.search(fields.get("diagnostic-code", ""))
            is_permanent = code.startswith("5") if code else bool(reply and reply[1] == "5")
            action = _FAILED if is_permanent else ""
        yield action, code if code and not code.startswith("2") else None


def _fields(block: str) -> dict[str, str]:
    """Return a block's fields by name in small letters, folded lines joined (RFC 5322 clause 2.2.3)."""
    found: dict[str, str] = {}
    for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[\x21-\x7e]+", name.strip()):
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _without_comments(text: str) -> str:
    out, depth = [], 0
    for sign in text:
        if sign == "(":
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
        elif not depth:
            out.append(sign)
    return "".join(out)


def _our_mail(message: Message, parts: list[Message]) -> UUID | None:
    """Return the number of our mail: of the copy in the report, else of its threading fields, else of its text."""
    copies = [_text(part) for part in parts if _kind(part) in _COPY_PARTS]
    # A report is itself a mail, and what it answers stands in these (Exchange, Google)
    threads = [str(message.get(name, "")) for name in ("In-Reply-To", "References", "X-Original-Message-ID")]
    texts = [_text(part) for part in parts if _kind(part).startswith("text/")]
    for found in (
        [field[1] for copy in copies for field in _ID_FIELD.finditer(copy)],
        threads,
        [field[1] for text in texts for field in _ID_FIELD.finditer(text)],
    ):
        for text in found:
            if known := _MESSAGE_ID.search(text):
                return UUID(known[1])
    return None


def _is_of_a_mail_system(message: Message, parts: list[Message]) -> bool:
    """Whether a mail looks like a report: of its form, or of who sent it."""
    if any(_kind(part) in _STATUS_PARTS for part in parts):
        return True
    if any(
        _kind(part) == "multipart/report" and str(part.get_param("report-type", "")).lower() == "delivery-status"
        for part in parts
    ):
        return True
    sender = parseaddr(str(message.get("From", "")))[1].partition("@")[0].lower()
    if sender in ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon") or "X-Failed-Recipients" in message:
        return True
    # No report answers a report, so mail systems leave the return path empty (RFC 5321 clause 6.1); so do answering
    # machines, which say what they are (RFC 3834 clause 5)
    is_empty = str(message.get("Return-Path", "")).strip() == "<>"
    return is_empty and not str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")


def _walk(message: Message) -> Iterator[Message]:
    """Yield a mail's parts, also within a report that a gateway or a person wrapped in another mail."""
    yield message
    payload = message.get_payload()
    if isinstance(payload, list) and _kind(message) not in _STATUS_PARTS:
        for part in payload:
            if isinstance(part, Message):
                yield from _walk(part)


def _kind(part: Message) -> str:
    return part.get_content_type()


def _written(block: Message) -> bytes:
    """Write out what was read as header fields; the library refuses one with a sign that it takes for a line end."""
    try:
        return block.as_bytes(policy=compat32)
    except HeaderParseError:
        fields = "\n".join(f"{name}: {value}" for name, value in block.items())
        return f"{fields}\n\n{block.get_payload()}".encode("utf-8", "surrogateescape")


def _text(part: Message) -> str:
    """Return a part's content as text, its transfer encoding undone.

    The parser reads what is called `message/*` as header fields at once, whatever its encoding: what it made of it is
    written out again, and decoded here.
    """
    payload = part.get_payload()
    if isinstance(payload, list):
        data = b"\n".join(_written(one) for one in payload if isinstance(one, Message))
    else:
        data = str(payload).encode("utf-8", "surrogateescape")
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        try:
            data = base64.b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", data) + b"==")
        except binascii.Error:
            return ""
    elif encoding == "quoted-printable":
        data = quopri.decodestring(data)
    return data.decode("utf-8", "replace")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    is_maildir = (folder / "cur").is_dir() and (folder / "new").is_dir()
    for place in (folder / "new", folder / "cur") if is_maildir else (folder,):
        for path in sorted(place.iterdir()):
            if not path.is_dir() and not path.name.startswith("."):
                yield path.name, path
