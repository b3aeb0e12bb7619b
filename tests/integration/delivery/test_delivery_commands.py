"""Tests of the delivery commands."""

import os
import subprocess
from pathlib import Path

import pytest
from forked import run as run_forked
from rich.console import Console

from overstap.clock import now
from overstap.pki import KeyKind, TrustStore
from overstap_tools.bench.delivery import run, sample

from .conftest import SCHOOL


def overstap(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    return run_forked(["-m", "overstap", *map(str, arguments)], env=os.environ | environment, timeout=120)


def test_one_file_by_hand(trust_folder: Path, tmp_path: Path, make) -> None:
    message = make(content=b"<dossier>by hand</dossier>")
    file = tmp_path / f"{message.id}.cms"
    file.write_bytes(message.sealed.envelope)
    given = ("open", file, "--school", SCHOOL, "--trust", trust_folder, "--store", tmp_path / "store")
    for _ in range(2):
        done = overstap(*given)
        assert done.returncode == 0, done.stderr
        place = tmp_path / "store" / "dossiers" / str(message.id)
        assert (place / "dossier.xml").read_bytes() == b"<dossier>by hand</dossier>"
        assert message.receipt((place / "receipt.cms").read_bytes()).is_accepted
        beside = tmp_path / f"{message.id}.receipt.cms"
        assert beside.read_bytes() == (place / "receipt.cms").read_bytes()
    file.write_bytes(message.sealed.envelope[:-1] + b"x")
    done = overstap(*given)
    assert done.returncode == 1
    assert len(list((tmp_path / "store" / "refused").iterdir())) == 1

    (tmp_path / "unnamed").write_bytes(b"")
    done = overstap("open", tmp_path / "unnamed", *given[2:])
    assert done.returncode == 2
    assert "DELIVERY-003" in done.stderr


def test_the_development_authority(tmp_path: Path) -> None:
    done = overstap("trust", "dev-authority", "99AB00", SCHOOL, "--region", "waterland", "--trust", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    store = TrustStore(tmp_path / "t", production=False)
    assert store.recipient(SCHOOL, at=now())
    assert overstap("trust", "watch", "--trust", tmp_path / "t").returncode == 0
    assert overstap("trust", "watch", "--trust", tmp_path / "t", "--days", 4000).returncode == 1
    certificate = tmp_path / "t" / "schools" / SCHOOL / "decryption-1.crt"
    assert overstap("trust", "crl", "--trust", tmp_path / "t", "--revoke", certificate).returncode == 0
    with pytest.raises(Exception, match="TRUST-008"):
        store.recipient(SCHOOL, at=now())


def test_production_makes_and_takes_no_development_certificates(trust_folder: Path, tmp_path: Path) -> None:
    done = overstap("trust", "dev-authority", SCHOOL, "--trust", tmp_path / "t", OVERSTAP_PRODUCTION="true")
    assert (done.returncode, (tmp_path / "t").exists()) == (2, False)
    assert "TRUST-017" in done.stderr
    serve = ("receive", "serve", "--school", SCHOOL, "--trust", trust_folder, "--store", tmp_path / "s", "--port", 0)
    done = overstap(*serve, OVERSTAP_PRODUCTION="true")
    assert done.returncode == 2
    assert "TRUST-013" in done.stderr


def test_the_benchmark_measures_all_it_names() -> None:
    with Path(os.devnull).open("w") as nowhere:
        found = run(Console(file=nowhere), at=now(), count=20, peers=1, kinds=[KeyKind.P256, KeyKind.RSA3072])
    ours = [one for one in found if one.program == "overstap"]
    assert [one.keys for one in ours] == [KeyKind.P256, KeyKind.RSA3072]
    assert all(rate and rate > 0 for one in ours for rate in (one.seal, one.open, one.receipt, one.verify))
    assert sample(3) == sample(3)
    assert len(set(sample(3))) == 3
