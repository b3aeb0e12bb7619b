"""A virus scanner that runs, Debian's clamd, looks at attachments before they are taken in; with the EICAR test file.

Without internet there is no database of signatures: this one has a line with the digest of the EICAR file.
"""

import base64
import getpass
import hashlib
import io
import shutil
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from overstap.errors import OverstapError
from overstap.intake.virus_scanner import VirusScanner
from overstap.oso import build
from overstap.oso.model import Dossier
from overstap.oso.traversal import documents
from overstap.simulation.synthetic.writing import dossiers as synthetic
from overstap_tools.bench.sandbox import region_of
from overstap_tools.local.waiting import wait_until

# In two halves, else scanners of whoever checks this repository out would take this file away
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD" + "-ANTIVIRUS-TEST-FILE!$H+H*").encode()
WAITS = 180


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirusScanner]:
    """Run clamd on a socket of its own, as long as the tests of this module take."""
    program = shutil.which("clamd")
    if program is None:
        pytest.skip("clamd is not installed: apt-get install clamav-daemon")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    (folder / "db" / "test.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Eicar-Test\n")  # noqa: S324
    config = folder / "clamd.conf"
    config.write_text(
        f"LocalSocket {folder}/clamd.ctl\nDatabaseDirectory {folder}/db\nForeground yes\nLogFile {folder}/log\n"
        f"StreamMaxLength 35M\nUser {getpass.getuser()}\n"
    )
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scanner = VirusScanner(f"{folder}/clamd.ctl")

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            scanner.check_available()
        except OverstapError:
            return False
        return True

    try:
        wait_until(answers, "clamd", WAITS)
        yield scanner
    finally:
        process.kill()
        process.wait()


def with_attachment(name: str, content: bytes) -> Dossier:
    """Return a dossier with an attachment as a school packs it: Base64 of a ZIP with one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    text = base64.b64encode(packed.getvalue()).decode()

    def put(block: dict[str, Any]) -> None:
        for key, found in block.items():
            if key == "bestandsinhoud":
                block[key] = [text]
            for one in found if isinstance(found, list) else []:
                if isinstance(one, dict):
                    put(one)

    region = region_of("alfa", 40, date(2026, 11, 23))
    dossier = next(one for _, one in synthetic(region) if any(True for _ in documents(one)))
    values: Any = dossier.tree
    put(values)
    return build(values)


@pytest.mark.parametrize("name", ["rapport.pdf", "brief.docx", "notitie.txt"])
def test_the_test_file_is_found_whatever_it_is_called(clamd: VirusScanner, name: str) -> None:
    with pytest.raises(OverstapError) as found:
        clamd.check_attachments(with_attachment(name, EICAR))
    assert found.value.code == "INTAKE-056"


def test_what_is_clean_passes(clamd: VirusScanner) -> None:
    clamd.check_attachments(with_attachment("notitie.txt", b"niets bijzonders"))


def test_what_nobody_looked_at_does_not_pass(tmp_path: Path) -> None:
    for address in (str(tmp_path / "none.ctl"), "127.0.0.1:1", "nowhere", "127.0.0.1:x"):
        with pytest.raises(OverstapError) as found:
            VirusScanner(address).check_available()
        assert found.value.code == "INTAKE-057"


@pytest.mark.parametrize("said", [b"", b"stream: OK (not)\0", b"INSTREAM size limit exceeded. ERROR\0", b"OK\0"])
def test_an_answer_that_says_nothing_is_no_leave(said: bytes) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        line, _ = listening.accept()
        with line:
            while not line.recv(65_536).endswith(b"\0\0\0\0"):
                pass
            line.sendall(said)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with pytest.raises(OverstapError) as found:
        VirusScanner(f"127.0.0.1:{listening.getsockname()[1]}").check_attachments(with_attachment("a.txt", b"x"))
    assert found.value.code == "INTAKE-057"
    thread.join(WAITS)
    listening.close()
