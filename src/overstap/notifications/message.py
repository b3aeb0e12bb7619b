"""Mail messages (RFC 5322) made from the outbox, with plain text, HTML, and a stable Message-ID."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from overstap.errors import OverstapError
from overstap.ledger.notifications.outbox import ClaimedMail

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
"""Valid addresses (RFC 5321 clause 4.1.2, without quoted local parts); the length is checked separately."""
_LONGEST_ADDRESS = 254


def compose(taken: ClaimedMail, *, sender: str, sender_name: str, at: datetime) -> EmailMessage:
    """Return the message of a claimed mail.

    Args:
        taken: the mail.
        sender: address of the sender.
        sender_name: display name of the sender.
        at: the moment of sending, aware.

    Raises:
        OverstapError: MAIL-004 when the address is not valid, or the subject is not one line.
    """
    if not is_address(taken.to) or not taken.subject.strip() or len(taken.subject.splitlines()) != 1:
        raise OverstapError("MAIL-004", kind=taken.kind)
    message = EmailMessage(policy=SMTP)
    local, _, domain = sender.rpartition("@")
    message["From"] = Address(sender_name, local, domain)
    message["To"] = taken.to
    if answers := [address for address in taken.reply_to if is_address(address)]:
        message["Reply-To"] = ", ".join(answers)
    message["Subject"] = taken.subject
    message["Date"] = format_datetime(at)
    # The outbox's id, by which a mail system recognises a mail that is sent twice after a broken connection.
    message["Message-ID"] = f"<{taken.mail}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(taken.text)
    if taken.html is not None:
        message.add_alternative(taken.html, subtype="html")
    if taken.calendar:
        message.add_attachment(
            taken.calendar.encode(),
            maintype="text",
            subtype="calendar",
            filename="afspraak.ics",
            params={"method": "PUBLISH", "charset": "utf-8"},
        )
    return message


def is_address(text: str) -> bool:
    """Tell whether a text is a valid mail address."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None and ".." not in text
