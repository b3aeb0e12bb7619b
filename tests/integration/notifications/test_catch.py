"""Tests of the demonstration's mail server as a command."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

from overstap_tools.local import ports
from overstap_tools.project import PROJECT


def test_it_keeps_a_mail_once_and_ends_in_order(tmp_path: Path) -> None:
    port = ports.any_free()
    command = [sys.executable, "-m", "overstap", "local", "mail", str(tmp_path / "boxes"), "--port", str(port)]
    path = os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "tools"), str(PROJECT)])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)
    try:
        while ports.is_free(port):
            assert process.poll() is None
            time.sleep(0.1)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "a@b.example", "../x@y.example", "hoi"
        mail["Message-ID"] = "<1@b.example>"
        mail.set_content("dag")
        for _ in range(2):
            with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
                client.send_message(mail)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert [path.relative_to(tmp_path / "boxes").parts[0] for path in tmp_path.rglob("*.eml")] == [".._x@y.example"]
