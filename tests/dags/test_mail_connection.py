"""Tests of mail through an Airflow connection to a real mail server, by login and by token."""

import json
from base64 import b64decode
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult, LoginPassword

from overstap.errors import OverstapError
from overstap_tools.local import ports

USER, PASSWORD, TOKEN = "overstap", "een lang geheim", "een token"
SENDER = "ronde@regio.example"


class Kept(Message):
    """Keeps what came, and lets in who knows the password or has the token."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []
        self.came_in_by: list[str] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)

    def by_password(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        good = given == LoginPassword(USER.encode(), PASSWORD.encode())
        self.came_in_by.append(mechanism if good else "nothing")
        return AuthResult(success=good, handled=False)

    async def auth_XOAUTH2(self, server: Any, words: list[str]) -> AuthResult:  # noqa: N802 (its name)
        said = b64decode(words[1]).decode() if len(words) > 1 else ""
        good = said == f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01"
        self.came_in_by.append("XOAUTH2" if good else "nothing")
        return AuthResult(success=good, handled=False)


@pytest.fixture
def server() -> Iterator[tuple[Kept, int]]:
    kept = Kept()
    port = ports.any_free()
    controller = Controller(
        kept,
        hostname="127.0.0.1",
        port=port,
        authenticator=kept.by_password,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    yield kept, port
    controller.stop()


def connected(monkeypatch: pytest.MonkeyPatch, port: int, *, password: str = PASSWORD, **extra: object) -> None:
    fields = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "login": USER, "password": password}
    plain = {"from_email": SENDER, "disable_ssl": True, "disable_tls": True, "timeout": 10}
    monkeypatch.setenv("AIRFLOW_CONN_OVERSTAP_MAIL", json.dumps(fields | {"extra": plain | extra}))


def send() -> None:
    from overstap.orchestration.mail import smtp_session

    message = EmailMessage()
    message["Subject"] = "Ronde geopend"
    message.set_content("Beste collega")
    with smtp_session("overstap_mail")() as session:
        assert session.sender == SENDER
        session.send(message, "school@school.example")


@pytest.mark.parametrize(
    ("extra", "by"), [({}, "LOGIN PLAIN"), ({"auth_type": "oauth2", "access_token": TOKEN}, "XOAUTH2")]
)
def test_mail_goes_with_the_connections_login_or_token(
    server: tuple[Kept, int], monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], by: str
) -> None:
    kept, port = server
    connected(monkeypatch, port, **extra)
    send()
    assert [one["Subject"] for one in kept.mails] == ["Ronde geopend"]
    assert set(kept.came_in_by) <= set(by.split())
    assert kept.came_in_by


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "een ander geheim"},
        {"auth_type": "oauth2", "access_token": "verlopen"},
        {"auth_type": "oauth2"},
        {"disable_tls": False},  # a server that knows no TLS gets nothing in the clear
        {"disable_ssl": False},
        {"disable_tls": False, "ssl_context": "misschien"},
    ],
    ids=["password", "token", "no token", "no STARTTLS", "no TLS", "context"],
)
def test_a_server_that_does_not_let_us_in_is_told_and_gets_nothing(
    server: tuple[Kept, int], monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    kept, port = server
    connected(monkeypatch, port, **wrong)
    with pytest.raises(OverstapError, match="MAIL-001") as refused:
        send()
    assert PASSWORD not in str(refused.value)
    assert kept.mails == []


def test_a_connection_that_is_not_there_or_names_no_sender_is_an_error(
    server: tuple[Kept, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OverstapError, match="MAIL-005"):
        send()
    connected(monkeypatch, server[1], from_email="")
    with pytest.raises(OverstapError, match="MAIL-005"):
        send()
