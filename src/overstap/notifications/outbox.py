"""Worker that sends the due mails of the outbox, each after its audit line.

After a kill, the mail that was being sent is found in state `sending` and sent again under the same Message-ID. When
the mail server is unavailable the run ends, and all mails stay for the next run.
"""

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.notifications import outbox
from overstap.notifications.message import compose
from overstap.notifications.smtp import RefusalError, SmtpSession

_log = logging.getLogger(__name__)

OpenSession = Callable[[], AbstractContextManager[SmtpSession]]


def send_due(
    ledger: Ledger, region: str, open_session: OpenSession, *, actor: str, clock: Callable[[], datetime]
) -> Counter[str]:
    """Send the due mails of a region's outbox.

    Args:
        ledger: the ledger.
        region: region id.
        open_session: connects to the mail server; not called when nothing is due.
        actor: step or account, recorded in audit lines.
        clock: returns the present moment, aware; called for each mail.

    Returns:
        Counts: "sent", "refused", "later", and "damaged" (kept, since its content cannot be decrypted).

    Raises:
        OverstapError: MAIL-001 when the mail server is unavailable, LEDGER-012 when another process is sending.
    """
    done: Counter[str] = Counter()
    with ledger.exclusive(f"mail.{region}"):
        with ledger.unit(region, actor) as unit:
            waiting = outbox.due(unit)
        if not waiting:
            return done
        with open_session() as smtp_session:
            for mail in waiting:
                try:
                    with ledger.unit(region, actor) as unit:
                        taken = outbox.claim(unit, mail)
                except OverstapError as error:  # a mail that cannot be decrypted must not stop the others
                    _log.error("%s", error)
                    done["damaged"] += 1
                    continue
                done[_send(ledger, region, smtp_session, taken, actor=actor, at=clock())] += 1
    return done


def _send(
    ledger: Ledger, region: str, smtp_session: SmtpSession, taken: outbox.ClaimedMail, *, actor: str, at: datetime
) -> str:
    """Send one mail and record the outcome; return its count."""
    code: str | None = None
    reply: int | None = None
    is_final = True
    down: OverstapError | None = None
    try:
        message = compose(taken, sender=smtp_session.sender, sender_name=smtp_session.sender_name, at=at)
        reply = smtp_session.send(message, taken.to)
    except RefusalError as refusal:
        reply, is_final = refusal.reply, refusal.is_final
        code = "MAIL-003" if is_final else "MAIL-002"
        _log.error("%s", OverstapError(code, kind=taken.kind, reply=reply))
    except OverstapError as error:
        code, is_final = error.code, error.code != "MAIL-001"
        down = None if is_final else error
        _log.error("%s", error)
    with ledger.unit(region, actor) as unit:
        outbox.settle(unit, taken.mail, code=code, reply=reply, final=is_final)
    if down is not None:
        raise down
    return "sent" if code is None else "refused" if is_final else "later"
