"""Check of mail: sign-in at the mail server, without sending."""

import importlib.util
import smtplib
from collections.abc import Iterator

from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.errors import OverstapError
from overstap.settings import Settings


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on the mail server."""
    if not settings.mail:
        yield mind("mail", "there is no mail server: mails wait in the outbox", "overstap deploy init --mail ...")
        return
    if importlib.util.find_spec("airflow") is None:
        yield unseen("mail", "Airflow's connections are not known here")
        return
    from overstap.orchestration.mail import smtp_session

    try:
        with smtp_session(settings.mail)() as opened:
            sender = opened.sender
    except OverstapError as error:
        yield wrong("mail", f"{error.code}: {error.message_en}", error.do_en)
        return
    except (smtplib.SMTPException, OSError) as error:
        yield wrong("mail", f"the server does not let us in ({type(error).__name__})", "check host, port, login, TLS")
        return
    yield good("mail", f"the server lets us in, as {sender}")
