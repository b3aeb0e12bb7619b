"""Connection to the mail server of an Airflow connection, by the SMTP provider with its TLS, login and OAuth."""

import smtplib
from collections.abc import Callable
from contextlib import AbstractContextManager

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from overstap.errors import OverstapError
from overstap.notifications.message import is_address
from overstap.notifications.smtp import SmtpSession, opened
from overstap.settings import Settings


def smtp_session(connection: str) -> Callable[[], AbstractContextManager[SmtpSession]]:
    """Return a function that connects to the mail server of an Airflow connection.

    Args:
        connection: its id; of type SMTP, with the address that mail comes from in "From email".

    Raises:
        OverstapError: MAIL-005 when it is not there or lacks that address.
    """
    hook = SmtpHook(smtp_conn_id=connection)
    try:
        hook.smtp_connection = hook.get_connection(connection)
    except AirflowException:
        raise OverstapError("MAIL-005", connection=connection) from None
    sender = str(hook.from_email or "")
    if not is_address(sender):
        raise OverstapError("MAIL-005", connection=connection)
    name = "Overstap PROEF (TRIAL)" if Settings().trial else "Overstap"
    return lambda: opened(lambda: _client(connection), sender=sender, sender_name=name)


class _Connected(SmtpHook):
    """Subclass of the provider's hook that gives access to its connected client."""

    @property
    def client(self) -> object:
        """The client, connected and logged in."""
        self.get_conn()
        return self._smtp_client


def _client(connection: str) -> smtplib.SMTP:
    """Return a client that is connected and logged in.

    The hook's own `send_email_smtp` sends HTML only and does not return the status of a refusal.
    """
    try:
        client = _Connected(smtp_conn_id=connection).client
    except AirflowException as problem:
        raise smtplib.SMTPServerDisconnected(type(problem).__name__) from None
    if not isinstance(client, smtplib.SMTP):
        raise TypeError("the SMTP provider's client is not of smtplib")
    return client
