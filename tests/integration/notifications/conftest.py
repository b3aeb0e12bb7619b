"""Fixtures: a mail server per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mail_server import MailServer


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path / "mails")
    server.start()
    yield server
    server.stop()
