"""Tests of `overstap audit checkpoint` and `verify`: a published checkpoint reveals a truncated chain."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from owned import by_owner
from test_walk import PO, REGION, incoming, supply
from typer.testing import CliRunner

from overstap.cli import app
from overstap.ledger import Ledger
from overstap.pki import make_development_certificates


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, app_dsn: str, keys_folder: Path) -> Path:
    make_development_certificates(tmp_path / "trust", schools=[PO], regions=[REGION, "beta"], at=datetime.now(UTC))
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    monkeypatch.setenv("OVERSTAP_TRUST", str(tmp_path / "trust"))
    (tmp_path / "out").mkdir()
    return tmp_path


def audit(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


@pytest.mark.fault("F76")
def test_a_chain_that_its_owner_cut_short_is_found(settings: Path, ledger: Ledger) -> None:
    supply(ledger, incoming())
    audit("checkpoint", REGION, settings / "out")
    supply(ledger, incoming("999990020"))
    audit("checkpoint", REGION, settings / "out")
    first, last = sorted((settings / "out").iterdir(), key=lambda path: int(path.stem.split("-")[1]))
    file = settings / "evidence.jsonl"
    audit("export", REGION, file)
    assert "holds" in audit("verify", file, "--known", first, "--known", last)
    upto = int(first.stem.split("-")[1])
    by_owner(ledger, "delete from overstap.audit_checkpoint where up_to > %(n)s", n=upto)
    by_owner(ledger, "delete from overstap.audit_line where seq > %(n)s", n=upto)
    audit("export", REGION, file)
    assert "holds" in audit("verify", file), "by itself it cannot be told"
    assert "handed out" in audit("verify", file, "--known", last, code=1)


def test_another_conductor_and_no_checkpoint_do_not_prove_it(settings: Path, ledger: Ledger) -> None:
    supply(ledger, incoming())
    file = settings / "evidence.jsonl"
    audit("export", REGION, file)
    assert "no checkpoint" in audit("verify", file, code=1)
    audit("checkpoint", REGION, settings / "out")
    audit("export", REGION, file)
    other = next((settings / "trust" / "conductor" / "beta").glob("signing*.crt"))
    assert "another certificate" in audit("verify", file, "--conductor", other, code=1)
    own = next((settings / "trust" / "conductor" / REGION).glob("signing*.crt"))
    assert "holds" in audit("verify", file, "--conductor", own)
