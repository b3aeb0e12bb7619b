"""Worker of the outbox: each due mail is sent once, after its audit line.

A kill in the middle loses nothing: the mail that was on its way is found as `sending` and goes again under the same
Message-ID. A mail server that is down stops the work, not a mail: all stay for the next time.
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


def work(
    ledger: Ledger, region: str, open_session: OpenSession, *, actor: str, clock: Callable[[], datetime]
) -> Counter[str]:
    """Send what is due in a region's outbox.

    Args:
        ledger: the ledger.
        region: whose outbox.
        open_session: connects to the mail server; not called when nothing is due.
        actor: who sends, for the evidence.
        clock: the present moment, asked anew for each mail.

    Returns:
        Counts: "sent", "refused", "later", and "damaged" (kept; its content cannot be decrypted).

    Raises:
        OverstapError: MAIL-001 when the mail server is away, LEDGER-012 when somebody else is sending.
    """
    done: Counter[str] = Counter()
    with ledger.alone(f"mail.{region}"):
        with ledger.unit(region, actor) as unit:
            waiting = outbox.due(unit)
        if not waiting:
            return done
        with open_session() as smtp_session:
            for mail in waiting:
                try:
                    with ledger.unit(region, actor) as unit:
                        taken = outbox.take(unit, mail)
                except OverstapError as error:  # one that cannot be decrypted must not stop the others
                    _log.error("%s", error)
                    done["damaged"] += 1
                    continue
                done[_send(ledger, region, smtp_session, taken, actor=actor, at=clock())] += 1
    return done


def _send(
    ledger: Ledger, region: str, smtp_session: SmtpSession, taken: outbox.Taken, *, actor: str, at: datetime
) -> str:
    """Send one mail and keep what came of it."""
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
