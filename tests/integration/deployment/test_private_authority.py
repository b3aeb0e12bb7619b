"""Test of the recipe in docs/certificates.md, with stock OpenSSL."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from overstap.clock import now
from overstap.errors import OverstapError
from overstap.pki import Role, TrustStore
from overstap.pki.certificate_requests import accept_certificates, request_certificates
from overstap_tools.project import PROJECT

PAGE = (PROJECT / "docs" / "certificates.md").read_text(encoding="utf-8")
OIN = "00000003123456780000"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")


def commands(heading: str) -> list[str]:
    """Return the commands of a section, in order, those within a container left out."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S)
    assert section is not None
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", section[1], flags=re.M | re.S)
    return [line.strip() for block in blocks for line in block.splitlines() if not line.startswith("docker")]


def run(command: str, place: Path) -> None:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine with an authority by the recipe, that signed a region's two requests."""
    place = tmp_path_factory.mktemp("authority")
    shutil.copytree(PROJECT / "deploy", place / "deploy")
    trust = place / "trust"
    request_certificates(trust, "haaglanden", oin=OIN, organisation="Regio", hosts=["loket.example.nl"])
    for path in (trust / "conductor" / "haaglanden").glob("*.csr"):
        shutil.copy(path, place)
    (trust / "ca").mkdir()
    for command in commands("A private authority"):
        run(command.replace("/var/lib/overstap/", ""), place)
    return place


def test_production_takes_what_the_recipe_makes(place: Path) -> None:
    trust = place / "trust"
    files = [place / "tls-1.crt", place / "signing-1.crt"]
    taken = accept_certificates(trust, "haaglanden", files, at=now(), production=True)
    assert [path.name for path in taken] == ["tls-1.crt", "signing-1.crt"]
    store = TrustStore(trust, production=True)
    assert store.conductor_identity("haaglanden", at=now()).oin == OIN
    assert store.conductor_desk("haaglanden", at=now()).oin == OIN
    assert store.conductor_signing("haaglanden", at=now()).oin == OIN
    assert store.authorities_file(at=now()).exists()


def test_a_certificate_is_refused_for_another_use_or_region(place: Path) -> None:
    trust = place / "trust"
    with pytest.raises(OverstapError, match="TRUST-031"):
        accept_certificates(trust, "waterland", [place / "tls-1.crt"], at=now(), production=True)
    store = TrustStore(trust, production=True)
    signing = store._certificates(place / "signing-1.crt")[0]
    with pytest.raises(OverstapError, match="TRUST-010"):
        store.check(signing, role=Role.CLIENT, oin=OIN, at=now())


def test_a_list_that_is_too_old_holds_and_refuses_nothing(place: Path) -> None:
    store = TrustStore(place / "trust", production=True)
    with pytest.raises(OverstapError, match=r"TRUST-0(09|19)"):
        store.check(
            store._certificates(place / "signing-1.crt")[0], role=Role.SIGNING, oin=OIN, at=now() + timedelta(days=60)
        )


def test_a_second_request_is_the_next_number(place: Path) -> None:
    again = request_certificates(place / "trust", "haaglanden", oin=OIN, organisation="Regio", hosts=[])
    assert [path.name for path in again] == ["tls-2.csr", "signing-2.csr"]


def test_a_number_that_is_no_oin_is_told(tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match="TRUST-030"):
        request_certificates(tmp_path, "haaglanden", oin="12345678", organisation="Regio", hosts=[])
    assert not list(tmp_path.iterdir())
