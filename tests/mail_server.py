"""Mail server (aiosmtpd) that can be told to refuse, defer or disconnect."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from overstap_tools.local import ports
from overstap_tools.local.mail_sink import MailFileHandler, MailSink


class Moody(MailFileHandler):
    """Keeps mails as the sink does, unless told otherwise for an address."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers: dict[str, str] = {}
        """Answer to RCPT by address."""
        self.hangs_up_after: int | None = None
        """Mails that are taken before the server takes one more and says nothing about it."""
        self.taken = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 (its name)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (its name)
        said = await super().handle_DATA(server, session, envelope)
        self.taken += 1
        if self.hangs_up_after is not None and self.taken > self.hangs_up_after:
            self.hangs_up_after = None
            server.transport.abort()
        return said


class MailServer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.any_free()
        self.moods = Moody(folder)
        self._sink: MailSink | None = None

    def start(self) -> None:
        self._sink = MailSink(self.folder, self.port)
        self._sink.handler = self.moods
        self._sink.start()

    def stop(self) -> None:
        if self._sink is not None:
            self._sink.stop()
            self._sink = None

    def box(self, address: str) -> list[EmailMessage]:
        paths = sorted((self.folder / address).glob("*.eml"))
        return [message_from_bytes(path.read_bytes(), policy=default) for path in paths]
