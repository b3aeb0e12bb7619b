"""What is told by mail: noted, written, sent."""

import logging
from collections import Counter
from datetime import datetime

from airflow.sdk.exceptions import AirflowSkipException

from overstap.clock import now
from overstap.orchestration.links import round_page
from overstap.orchestration.mail import door
from overstap.orchestration.round_context import bare_workplace, say
from overstap.pki import TrustStore
from overstap.pki.watch import ExpiryKind, expiring
from overstap.settings import Settings

log = logging.getLogger(__name__)


def tell(region: str, school_year: str) -> dict[str, int]:
    """Note what coordinators and schools are to be told, and put the mails that may go in the outbox."""
    from overstap.notifications.noting import tell as told

    with bare_workplace() as (settings, ledger):
        done = told(ledger, region, at=now(), endings=_endings(settings), board=round_page, actor="tell")
    say("Berichten | notices", done)
    return dict(done)


def invite_late(region: str, school_year: str) -> dict[str, int]:
    """Invite families whose dossier was released since, and remind who is due, in every open round."""
    from overstap.review.inviting import invite

    done: Counter[str] = Counter()
    with bare_workplace() as (settings, ledger):
        with ledger.unit(region, "invite_late") as unit:
            found = unit.rows("select round_id from overstap.round where closed_at is null order by round_id")
        for (round_id,) in found:
            done += invite(
                ledger, region=region, round_id=round_id, actor="invite_late", address=settings.review_address
            )
    say("Uitnodigingen | invitations", done)
    return dict(done)


def send_mail(region: str, school_year: str) -> dict[str, int]:
    """Send what is due in the region's outbox; without a mail server it waits there.

    Raises:
        AirflowSkipException: no mail server is named (setting OVERSTAP_MAIL).
    """
    from overstap.notifications.outbox import work

    with bare_workplace() as (settings, ledger):
        if not settings.mail:
            raise AirflowSkipException("OVERSTAP_MAIL noemt geen mailserver (names no mail server): de mail wacht")
        done = work(ledger, region, door(settings.mail), actor="send_mail", clock=now)
    say("Mail", done)
    return dict(done)


def _endings(settings: Settings) -> list[tuple[str, str, datetime]]:
    """Return the certificates that end soon: name, owner and moment; none where this deployment has no trust folder."""
    if settings.trust is None:
        return []
    store = TrustStore(settings.trust, production=settings.production)
    return [(one.name, one.owner, one.until) for one in expiring(store, at=now()) if one.kind is ExpiryKind.CERTIFICATE]
