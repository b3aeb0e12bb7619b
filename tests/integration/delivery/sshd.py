"""OpenSSH server as a process on loopback, with the account that runs the tests."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from overstap.delivery.channels.sftp import Sftp

PROGRAM = shutil.which("sshd") or "/usr/sbin/sshd"
PRIVILEGES = Path("/run/sshd")
"""Where an sshd that runs as root insists on separating its privileges."""


@dataclass
class Sshd:
    """A running server whose SFTP account sees the whole machine, as ours does; tests give it a folder."""

    port: int
    host_key: str
    folder: Path
    process: subprocess.Popen[bytes]

    def place(self, folder: Path | None = None, **other: object) -> Sftp:
        """Return what an agreement says of it."""
        said = {
            "way": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "folder": str(folder or self.folder / "inbox"),
            "host_key": self.host_key,
        }
        return Sftp.model_validate(said | other)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def start(folder: Path, authorized: str) -> Sshd:
    """Start a server; skip the test where there is none to start.

    Args:
        folder: an empty folder of its own.
        authorized: the line of whoever may log in.
    """
    if not Path(PROGRAM).exists():
        pytest.skip("OpenSSH's sshd is not on this machine")
    if os.geteuid() == 0:
        PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(exist_ok=True)
    (folder / "inbox").mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    (folder / "authorized_keys").write_text(f"{authorized}\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'authorized_keys'}\n"
        f"PidFile {folder / 'pid'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    log = (folder / "log").open("ab")
    process = subprocess.Popen([PROGRAM, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log)
    log.close()
    for _ in range(200):
        if process.poll() is not None:
            raise AssertionError((folder / "log").read_text())
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    kind, key, *_ = (folder / "host.pub").read_text().split()
    return Sshd(port, f"{kind} {key}", folder, process)
