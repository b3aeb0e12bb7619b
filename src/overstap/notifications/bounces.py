"""Reader of bounces, the delivery reports of mail systems (RFC 3464, RFC 6533), in the sender's mail folder.

An address that the mail server refuses at once is no bounce; the outbox records that. A server that accepted a mail and
could not deliver it sends a report to the sender's mailbox, which names our mail by its Message-ID. A report in another
format, or an incomplete one, is listed for a person.
"""

import base64
import binascii
import itertools
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
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
# Services that send for us put an id of their own in its place, and ours beside it (X-Google-Original-Message-ID)
_ID_FIELD = re.compile(
    r"^(?:[a-z0-9-]{1,40}-)?message-id:[ \t]*(?:\r?\n[ \t]+)?(<[^>\s]+>)", re.IGNORECASE | re.MULTILINE
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_SMTP_REPLY = re.compile(r"(?<!\d)([45])\d\d(?!\d)")
_QSBMF = re.compile(r"^Hi\. This is the [^\n]{0,200}\n(?:[^\n]{0,400}\n){0,10}?\r?\n<[^>\n]*>:\r?$", re.MULTILINE)
"""The bounce format of qmail (QSBMF): a greeting, then a paragraph per recipient that begins with the address."""
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_DETAILS = re.compile(r"^Final-Recipient[ \t]*:.{0,2000}?^Action[ \t]*:", re.IGNORECASE | re.MULTILINE | re.DOTALL)
"""What a status part says, in a part that a gateway or a mail program called something else."""
_MESSAGES = frozenset({"message/rfc822", "message/global"})
_COPY_PARTS = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_FAILED, _OTHERWISE = "failed", frozenset({"delayed", "delivered", "relayed", "expanded"})
_SYSTEM_NAMES = re.compile(
    r"mail delivery (?:sub)?system|mail (?:administrator|system)|system administrator|(?:internet )?mail delivery",
    re.IGNORECASE,
)
_SYSTEM_SUBJECTS = re.compile(
    r"(?:undeliver|onbestelbaar|niet[ -]bezorg|non remis|unzustellbar|returned mail|failure notice|mail delivery fail"
    r"|mail system error|delivery (?:status notification|failure|has failed)|delivery notification)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    rb"^From \S+ +[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}[^\r\n]* [0-9]{4}[^\r\n]*\r?\n",
    re.MULTILINE,
)
"""The line before each mail of an mbox file (RFC 4155)."""
_BEFORE_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*(?:[0-9]{1,10}[ \t]*\r?\n)?")
"""What programs leave above the first header field: a mark, empty lines, the size that Apple's Mail keeps there."""
_UNKNOWN_STATUS = "5.0.0"
"""RFC 3463 clause 3.1: undefined status, which is the only code for an error without another one."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A permanent delivery failure of one of our mails.

    Args:
        mail: id of our mail in the outbox.
        status: enhanced status code of the report (RFC 3463), such as "5.1.1", or "4.4.1" after days of attempts.
    """

    mail: UUID
    status: str


class UnclearReason(StrEnum):
    """Reason that a mail is listed for a person: it may be a bounce, but cannot be interpreted."""

    NOT_OURS = "not_ours"
    """It reports a failure, but names none of our mails by its Message-ID."""
    NO_VERDICT = "no_verdict"
    """It comes from a mail system or looks like a report, but states no outcome of a delivery."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """The file cannot be read, or is no mail message."""


@dataclass(frozen=True, slots=True)
class UnclearBounce:
    """A file that a person must examine."""

    file: str
    why: UnclearReason


@dataclass(frozen=True, slots=True)
class NotABounce:
    """A mail that reports no failure: a delay, a confirmation, or a mail from a person."""


def read_bounces(folder: Path) -> Iterator[Bounce | UnclearBounce | NotABounce]:
    """Yield what each mail of a Maildir, or each file of a folder, reports.

    Args:
        folder: folder of the sender's mailbox, which is not changed.
    """
    for name, path in mail_files(folder):
        try:
            content = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
        except OSError:
            yield UnclearBounce(name, UnclearReason.UNREADABLE)
            continue
        mails = [] if content is None else _mails(content)
        results = [found for mail in mails for found in reports(mail)] or [UnclearReason.TOO_LARGE]
        for number, found in enumerate(results, start=1):
            label = f"{name} ({number})" if len(results) > 1 else name
            yield UnclearBounce(label, found) if isinstance(found, UnclearReason) else found or NotABounce()


def _mails(content: bytes) -> list[bytes]:
    """Return the mails of a file: one, or those of an mbox file."""
    begins = [found.start() for found in _SEPARATOR.finditer(content)] if content.startswith(b"From ") else []
    # A separator follows an empty line; a line of text may begin with "From " too
    begins = [at for at in begins if at == 0 or content[max(0, at - 3) : at].endswith((b"\n\n", b"\n\r\n"))]
    return [content[at:end] for at, end in itertools.pairwise([*begins, len(content)])] if begins else [content]


def read_bounce(content: bytes) -> Bounce | UnclearReason | None:
    """Return the bounce in one mail, or why it is unclear; None when it reports no failure.

    Of several reports in the mail the first one with a failure counts.

    Args:
        content: the mail as received, in any format.
    """
    found = reports(content)
    first: Bounce | UnclearReason | None = next((each for each in found if each is not None), None)
    return next((each for each in found if isinstance(each, Bounce)), first)


def reports(content: bytes) -> list[Bounce | UnclearReason | None]:
    """Return the result of each report in a mail: one, unless several were forwarded in one mail.

    Args:
        content: the mail as received, in any format.
    """
    if len(content) > MAX_BYTES:
        return [UnclearReason.TOO_LARGE]
    if not content.strip():
        return [UnclearReason.UNREADABLE]
    begins = _BEFORE_HEADER.match(content)
    content = content[begins.end() :] if begins else content
    try:
        # compat32 keeps header fields unchanged; the newer policies raise on some malformed ones
        message = BytesParser(policy=compat32).parsebytes(content)
        if not message.keys():
            return [UnclearReason.UNREADABLE]
        within = list(_reports(message))
        return [_judged(each) for each in (within if len(within) > 1 else [message])]
    except RecursionError:  # parts within parts without end
        return [UnclearReason.UNREADABLE]


def _reports(message: Message) -> Iterator[Message]:
    if _kind(message) == "multipart/report" or "X-Failed-Recipients" in message:
        yield message
        return
    inner = _inner(message)
    payload = [inner] if inner else message.get_payload()
    for part in payload if isinstance(payload, list) else ():
        if isinstance(part, Message):
            yield from _reports(part)


def _judged(message: Message) -> Bounce | UnclearReason | None:
    parts = list(_walk(message))
    verdicts = [verdict for part in parts if _kind(part) in _STATUS_PARTS for verdict in _verdicts(_text(part))]
    if not verdicts:
        verdicts = [verdict for text in _details(parts) for verdict in _verdicts(text, is_whole=False)]
    status = _worst(message, parts, verdicts)
    if status is not None:
        mail = _our_mail(message, parts)
        return Bounce(mail, status) if mail else UnclearReason.NOT_OURS
    if verdicts and all(verdict in _OTHERWISE for verdict, _ in verdicts):
        return None
    return UnclearReason.NO_VERDICT if verdicts or _is_of_a_mail_system(message, parts) else None


def _worst(message: Message, parts: list[Message], verdicts: list[tuple[str, str | None]]) -> str | None:
    """Return the status of the first reported failure, in any format; None when there is none."""
    for verdict, status in verdicts:
        if verdict == _FAILED:
            return status or _UNKNOWN_STATUS
    if verdicts:
        return None
    # Exim and Google name failed recipients in a field of their own; qmail uses text in a known format
    if message.get("X-Failed-Recipients"):
        return _UNKNOWN_STATUS
    if any(_QSBMF.search(_text(part)) for part in parts if _kind(part) == "text/plain"):
        return _UNKNOWN_STATUS
    return None


def _details(parts: list[Message]) -> Iterator[str]:
    """Yield delivery status fields that are in a text part or an attachment instead of a status part."""
    for part in parts:
        if not part.is_multipart() and (_kind(part).startswith("text/") or _kind(part) == "application/octet-stream"):
            text = _text(part)
            if _DETAILS.search(text):
                yield text


def _verdicts(text: str, *, is_whole: bool = True) -> Iterator[tuple[str, str | None]]:
    """Yield action and status per recipient (RFC 3464 clause 2.3), comments taken out (RFC 5322 clause 3.2.2).

    Args:
        text: the fields.
        is_whole: whether the text holds nothing else; other text may have lines that look like fields.
    """
    wanted = {"action", "status", "final-recipient", "original-recipient"} if is_whole else {"final-recipient"}
    for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text.replace("\r\n", "\n").replace("\r", "\n").strip()):
        for fields in _recipients(block):
            if not fields.keys() & wanted:
                continue  # fields of the whole message
            yield _verdict(fields)


def _verdict(fields: dict[str, str]) -> tuple[str, str | None]:
    action = _without_comments(fields.get("action", "")).strip().lower()
    plain = _without_comments(fields.get("status", ""))
    status = _STATUS.search(plain) or _STATUS.search(fields.get("status", ""))
    if status is None:
        status = _STATUS.search(fields.get("diagnostic-code", ""))
    code = status[1] if status else None
    if not action:  # RFC 3464 requires it; where it is missing, a permanent status is sufficient
        reply = _SMTP_REPLY.search(fields.get("diagnostic-code", ""))
        is_permanent = code.startswith("5") if code else bool(reply and reply[1] == "5")
        action = _FAILED if is_permanent else ""
    return action, code if code and not code.startswith("2") else None


def _recipients(block: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each recipient in a block; some systems omit the empty line (RFC 3464 clause 2.1)."""
    found: dict[str, str] = {}
    for name, value in _fields(block):
        if name in ("final-recipient", "action") and name in found:
            yield found
            found = {}
        found.setdefault(name, value)
    yield found


def _fields(block: str) -> Iterator[tuple[str, str]]:
    """Yield a block's fields, names in small letters, folded lines joined (RFC 5322 clause 2.2.3)."""
    for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[\x21-\x7e]+", name.strip()):
            yield name.strip().lower(), value.strip()


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
    """Return the id of our mail from the copy in the report, else from its threading fields, else from its text."""
    copies = [_text(part) for part in parts if _kind(part) in _COPY_PARTS]
    # A report is itself a mail, whose threading fields name our mail (Exchange, Google)
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
    """Tell whether a mail looks like a report, by its format, its sender or its subject."""
    kinds = {_kind(part) for part in parts}
    if kinds & _STATUS_PARTS:
        return True
    if "message/disposition-notification" in kinds:  # that somebody read it, or did not (RFC 8098)
        return False
    if any(
        _kind(part) == "multipart/report" and str(part.get_param("report-type", "")).lower() == "delivery-status"
        for part in parts
    ):
        return True
    name, address = parseaddr(_words(message.get("From", "")))
    sender = address.partition("@")[0].lower()
    if sender in ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon") or sender.startswith("microsoftexchange"):
        return True
    if "X-Failed-Recipients" in message or "X-MS-Exchange-Message-Is-Ndr" in message:
        return True
    if _SYSTEM_NAMES.match(name.strip()) or _SYSTEM_SUBJECTS.match(_words(message.get("Subject", "")).strip()):
        return True
    # Mail systems leave the return path of reports empty (RFC 5321 clause 6.1); so do automatic replies, which
    # identify themselves (RFC 3834 clause 5)
    is_empty = str(message.get("Return-Path", "")).strip() == "<>"
    return is_empty and not str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")


def _words(value: object) -> str:
    """Return a field's text, of which words may be encoded (RFC 2047); as it stands where they cannot be undone."""
    text = str(value)
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text


def _walk(message: Message) -> Iterator[Message]:
    """Yield a mail's parts, including those of a report that was forwarded within another mail."""
    yield message
    inner = _inner(message)
    payload = [inner] if inner else message.get_payload()
    if isinstance(payload, list) and _kind(message) not in _STATUS_PARTS:
        for part in payload:
            if isinstance(part, Message):
                yield from _walk(part)


def _inner(part: Message) -> Message | None:
    """Return the mail that a part holds where the parser did not see it: encoded, or sent along as a file."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    is_file = _kind(part).startswith("application/") and str(part.get_filename() or "").lower().endswith(".eml")
    if not is_file and not (_kind(part) in _MESSAGES and encoding in ("base64", "quoted-printable")):
        return None
    inner = BytesParser(policy=compat32).parsebytes(_data(part))
    return inner if inner.keys() else None


def _kind(part: Message) -> str:
    return part.get_content_type()


def _written(block: Message) -> bytes:
    """Return header fields as bytes; the library refuses fields with a character that it treats as a line end."""
    try:
        return block.as_bytes(policy=compat32)
    except HeaderParseError:
        fields = "\n".join(f"{name}: {value}" for name, value in block.items())
        return f"{fields}\n\n{block.get_payload()}".encode("utf-8", "surrogateescape")


def _text(part: Message) -> str:
    """Return a part's content as text, without its transfer encoding."""
    return _data(part).decode("utf-8", "replace")


def _data(part: Message) -> bytes:
    """Return a part's content, without its transfer encoding.

    The parser reads `message/*` parts as header fields, whatever their encoding, so these are serialised again and
    decoded here.
    """
    payload = part.get_payload()
    if isinstance(payload, list):
        data = b"\n".join(_written(one) for one in payload if isinstance(one, Message))
    else:
        data = str(payload).encode("utf-8", "surrogateescape")
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "base64":
        try:
            return base64.b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", data) + b"==")
        except binascii.Error:
            return b""
    return quopri.decodestring(data) if encoding == "quoted-printable" else data


def mail_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file that `read_bounces` reads."""
    is_maildir = (folder / "cur").is_dir() and (folder / "new").is_dir()
    for subfolder in (folder / "new", folder / "cur") if is_maildir else (folder,):
        for path in sorted(subfolder.iterdir()):
            if not path.is_dir() and not path.name.startswith("."):
                yield path.name, path
