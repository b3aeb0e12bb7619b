"""SMTP client, and the meaning of a server's replies."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from overstap.errors import OverstapError

_PERMANENT = 500


class RefusalError(Exception):
    """The mail server said no to one mail.

    Args:
        reply: its status (RFC 5321 clause 4.2). Its words may repeat the address: they are not kept.
    """

    def __init__(self, reply: int) -> None:
        super().__init__(f"SMTP status {reply}")
        self.reply = reply

    @property
    def is_final(self) -> bool:
        """Whether another attempt makes no sense (5yz)."""
        return self.reply >= _PERMANENT


class SmtpSession:
    """An open connection to a mail server.

    Args:
        client: connected, and logged in where that is needed.
        sender: address that mails come from.
        sender_name: name beside it.
    """

    def __init__(self, client: smtplib.SMTP, *, sender: str, sender_name: str = "Overstap") -> None:
        self._client = client
        self.sender = sender
        self.sender_name = sender_name

    def send(self, message: EmailMessage, to: str) -> int:
        """Hand one mail over; return the mail server's status.

        Args:
            message: the mail.
            to: whom it goes to; what its header says is for the reader.

        Raises:
            RefusalError: the server said no to this one mail; the connection can be used on.
            OverstapError: MAIL-001 when the connection broke; whether the mail went is unknown.
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
    """Connect to a mail server and leave it in order after.

    Args:
        connect: gives a client that is connected, and logged in where that is needed.
        sender: address that mails come from.
        sender_name: name beside it.

    Raises:
        OverstapError: MAIL-001 when it cannot be reached or does not let us in.
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
            client.close()  # it was gone already; every mail that went has been answered for
