"""SMTP server that delivers nothing and stores mails as files, for the demonstration."""

import hashlib
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_MAX_BYTES = 1024 * 1024


class MailFileHandler:
    """Handler that stores each mail as `<recipient>/<digest of its Message-ID>.eml`; a repeated mail is stored once.

    Args:
        folder: folder of the mails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (its name)
        """Write the mail atomically, then confirm it."""
        content = envelope.original_content or b""
        name = hashlib.sha256(str(message_from_bytes(content, policy=default)["Message-ID"]).encode()).hexdigest()[:16]
        for to in envelope.rcpt_tos:
            box = self.folder / "".join(sign if sign.isalnum() or sign in "@.-_" else "_" for sign in to)
            box.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = box / f".{name}"
            draft.write_bytes(content)
            draft.replace(box / f"{name}.eml")
        return "250 kept"


class MailSink(Controller):
    """SMTP server on 127.0.0.1 in a separate thread: `start()`, then `stop()`.

    Args:
        folder: folder of the mails.
        port: port to listen on.
    """

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(MailFileHandler(folder), hostname="127.0.0.1", port=port, data_size_limit=_MAX_BYTES)
