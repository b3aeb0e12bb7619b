"""SMTP client that distinguishes refusals of one mail from an unavailable server."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from overstap.errors import OverstapError

_PERMANENT = 500


class RefusalError(Exception):
    """The mail server refused one mail.

    Args:
        reply: its reply code (RFC 5321 clause 4.2). Its text is not kept, since it may contain the address.
    """

    def __init__(self, reply: int) -> None:
        super().__init__(f"SMTP status {reply}")
        self.reply = reply

    @property
    def is_final(self) -> bool:
        """Whether the refusal is permanent (5yz)."""
        return self.reply >= _PERMANENT


class SmtpSession:
    """An open connection to a mail server.

    Args:
        client: connected client, logged in where that is needed.
        sender: address of the sender.
        sender_name: display name of the sender.
    """

    def __init__(self, client: smtplib.SMTP, *, sender: str, sender_name: str = "Overstap") -> None:
        self._client = client
        self.sender = sender
        self.sender_name = sender_name

    def send(self, message: EmailMessage, to: str) -> int:
        """Send one mail; return the mail server's reply code.

        Args:
            message: the mail.
            to: envelope recipient.

        Raises:
            RefusalError: the server refused this mail; the connection can still be used.
            OverstapError: MAIL-001 when the connection broke; whether the mail was sent is unknown.
        """
        try:
            self._client.sendmail(self.sender, [to], message.as_bytes())
        except smtplib.SMTPRecipientsRefused as problem:
            [(status, _)] = problem.recipients.values()
            raise RefusalError(status) from None
        except smtplib.SMTPResponseException as problem:  # the sender, or the content
            raise RefusalError(problem.smtp_code) from None
        except (OSError, smtplib.SMTPException) as problem:
            raise OverstapError("MAIL-001", kind=type(problem).__name__) from None
        return 250


@contextmanager
def opened(connect: Callable[[], smtplib.SMTP], *, sender: str, sender_name: str = "Overstap") -> Iterator[SmtpSession]:
    """Connect to a mail server, and close the connection at the end.

    Args:
        connect: returns a connected client, logged in where that is needed.
        sender: address of the sender.
        sender_name: display name of the sender.

    Raises:
        OverstapError: MAIL-001 when the server cannot be reached or refuses the login.
    """
    try:
        client = connect()
    except (OSError, smtplib.SMTPException) as problem:
        raise OverstapError("MAIL-001", kind=type(problem).__name__) from None
    try:
        yield SmtpSession(client, sender=sender, sender_name=sender_name)
    finally:
        try:
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()  # the connection is gone; the outcome of every mail is recorded already
