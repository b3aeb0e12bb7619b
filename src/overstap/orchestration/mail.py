"""Connects to the mail server that an Airflow connection of type SMTP names, with its TLS, login or OAuth token."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager

from airflow.providers.smtp.hooks.smtp import SmtpHook, build_xoauth2_string
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
    return lambda: opened(lambda: _client(hook), sender=sender, sender_name=name)


def _client(hook: SmtpHook) -> smtplib.SMTP:
    """Return a client that is connected and logged in as the connection says.

    The hook reads the connection's fields; its own sending knows HTML alone and no status of a refusal, and it hands
    its client to nobody. So the client is made here, of what the hook makes public.
    """
    # A port of 0 is the usual one of the protocol (smtplib)
    port, seconds = hook.port or 0, hook.timeout
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL(hook.host, port, timeout=seconds, context=_tls(hook))
        if hook.use_ssl
        else smtplib.SMTP(hook.host, port, timeout=seconds)
    )
    try:
        if hook.smtp_starttls:
            client.starttls(context=_tls(hook))
            client.ehlo()
        if hook.auth_type == "oauth2":
            _with_token(client, hook)
        elif hook.smtp_user and hook.smtp_password:
            client.login(hook.smtp_user, hook.smtp_password)
    except BaseException:
        client.close()
        raise
    return client


def _tls(hook: SmtpHook) -> ssl.SSLContext | None:
    """Return how the server is authenticated; None where the connection asks for no authentication of the server.

    Raises:
        OSError: the field `ssl_context` says neither "default" nor "none".
    """
    if hook.ssl_context not in (None, "default", "none"):
        raise OSError("ssl_context")
    return None if hook.ssl_context == "none" else ssl.create_default_context()


def _with_token(client: smtplib.SMTP, hook: SmtpHook) -> None:
    """Log in with the access token of the connection (SASL XOAUTH2)."""
    user, token = hook.smtp_user or str(hook.from_email), hook.access_token
    if token is None:
        raise smtplib.SMTPAuthenticationError(535, b"the connection has no access_token")
    client.ehlo_or_helo_if_needed()  # else the server's 503 is taken for a yes
    client.auth("XOAUTH2", lambda _challenge=None: build_xoauth2_string(user, token))
