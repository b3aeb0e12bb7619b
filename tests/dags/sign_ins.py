"""Processes that sign in at Airflow, or show its page to sign in, each with settings and a database of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple

from overstap.resources import INCLUDE

from . import signing_in


class SignIn(NamedTuple):
    """A process that signs in: what is told to it, and what it says until its end."""

    asking: TextIOWrapper
    answers: TextIOWrapper


class SignIns:
    """The process that has loaded Airflow, from which the others are forked; it is started here.

    Args:
        home: folder for its database and its log.
    """

    def __init__(self, home: Path) -> None:
        database = home / "sign_ins.db"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log = home / "sign_ins.log"
        settings = self._settings() | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}"}
        with theirs, self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(signing_in.__file__)), str(theirs.fileno()), str(database)],
                env=os.environ | settings,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
            )

    def begin(self, function: str, folder: Path, errors: IO[str], settings: Mapping[str, str] | None = None) -> SignIn:
        """Begin one.

        Args:
            function: name of a function of `signing_in`.
            folder: its working folder, where its database is made.
            errors: file for what it writes to standard error.
            settings: environment variables beside those of the tests.
        """
        environment = os.environ | self._settings() | dict(settings or {})
        told = {"function": function, "folder": str(folder), "environment": environment}
        (to_read, asking), (answers, to_say) = os.pipe(), os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(told).encode()], [to_read, to_say, errors.fileno()])
        except BrokenPipeError as gone:
            raise AssertionError(self._log.read_text()[-3_000:]) from gone
        finally:
            os.close(to_read)
            os.close(to_say)
        return SignIn(os.fdopen(asking, "w"), os.fdopen(answers))

    def close(self) -> None:
        """End the process."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    @staticmethod
    def _settings() -> dict[str, str]:
        return {
            "AIRFLOW__FAB__CONFIG_FILE": str(INCLUDE / "airflow" / "webserver_config.py"),
            "AIRFLOW__API__SECRET_KEY": "only in this test",
        }
