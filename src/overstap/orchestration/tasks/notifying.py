"""Tasks that record notices, compose mails, and send the due mails of the outbox."""

from airflow.sdk.exceptions import AirflowSkipException

from overstap.orchestration.links import round_page
from overstap.orchestration.mail import smtp_session
from overstap.orchestration.round_context import bare_workplace, say


def tell(region: str, school_year: str) -> dict[str, int]:
    """Note what coordinators and schools are to be told, and put the mails that may go in the outbox."""
    from overstap.rounds import notifying

    with bare_workplace() as context:
        done = notifying.notify(context, region, board=round_page)
    say("Berichten | notices", done)
    return dict(done)


def invite_late(region: str, school_year: str) -> dict[str, int]:
    """Invite families whose dossier was released since, and remind who is due, in every open round."""
    from overstap.rounds import notifying

    with bare_workplace() as context:
        done = notifying.invite_late(context, region)
    say("Uitnodigingen | invitations", done)
    return dict(done)


def send_mail(region: str, school_year: str) -> dict[str, int]:
    """Send what is due in the region's outbox; without a mail server it waits there.

    Raises:
        AirflowSkipException: no mail server is named (setting OVERSTAP_MAIL).
    """
    from overstap.rounds import notifying

    with bare_workplace() as context:
        if not context.settings.mail:
            notifying.finish(context, region)
            raise AirflowSkipException("OVERSTAP_MAIL noemt geen mailserver (names no mail server): de mail wacht")
        done = notifying.send_mail(context, region, server=smtp_session(context.settings.mail))
        notifying.finish(context, region)
    say("Mail", done)
    return dict(done)
