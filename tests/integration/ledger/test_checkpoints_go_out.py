"""Tests of the daily publication of checkpoints: a write-once file, a time stamp, and mail."""

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from test_walk import REGION, accept_all, incoming, supply
from typer.testing import CliRunner

from overstap.cli import app
from overstap.clock import now
from overstap.closing.export import export, verify_export
from overstap.closing.timestamps import stamped_at, time_stamp
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.pki import Role, TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.rounds.context import Context
from overstap.rounds.publication import publish_checkpoint
from overstap.settings import Settings

SERVICE = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/tsa.crt
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
"""


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Stamping(ThreadingHTTPServer):
    """A service for time stamps: openssl's own, behind HTTP."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.reply: bytes | None = None
        folder.mkdir()
        config = folder / "tsa.cnf"
        config.write_text(SERVICE.format(folder=folder))
        (folder / "serial").write_text("01\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")
        openssl(
            *("req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-days", "30"),
            *("-subj", "/CN=Stamps", "-config", config, "-extensions", "authority"),
        )
        openssl(
            *("req", *curve, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr"),
            *("-subj", "/CN=Stamp 1", "-config", config),
        )
        openssl(
            *("x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key"),
            *("-out", folder / "tsa.crt", "-days", "20", "-extfile", config, "-extensions", "stamping"),
        )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def authority(self) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates((self.folder / "ca.crt").read_bytes())


class _Handler(BaseHTTPRequestHandler):
    server: Stamping

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        folder = self.server.folder
        (folder / "asked.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.reply is None:
            openssl(
                *("ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile", folder / "asked.tsq"),
                *("-out", folder / "said.tsr"),
            )
        content = self.server.reply or (folder / "said.tsr").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def stamping(tmp_path: Path) -> Iterator[Stamping]:
    with Stamping(tmp_path / "tsa") as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service
        service.shutdown()


@pytest.fixture
def context(ledger: Ledger, tmp_path: Path, stamping: Stamping) -> Context:
    DevelopmentAuthority(tmp_path / "trust", at=now()).conductor(REGION)
    supply(ledger, incoming())
    (tmp_path / "once").mkdir()
    settings = Settings(
        trust=tmp_path / "trust",
        checkpoints=tmp_path / "once",
        checkpoint_mail="bestuur@example.org, coordinator@example.org",
        timestamps=stamping.address,
    )
    return Context(settings, ledger)


def test_a_checkpoint_goes_to_a_file_a_stamp_and_by_mail(context: Context, stamping: Stamping, tmp_path: Path) -> None:
    done = publish_checkpoint(context, REGION)
    assert done is not None
    assert (done["files"], done["stamps"], done["mails"]) == (1, 1, 2)
    [file] = (tmp_path / "once").glob("*.json")
    assert file.name == f"{REGION}-{done['up_to']}.json"
    stamp = file.with_suffix(".tsr")
    assert file.stat().st_mode & 0o222 == stamp.stat().st_mode & 0o222 == 0
    moment = stamped_at(stamp.read_bytes(), file.read_bytes(), stamping.authority)
    assert now() - timedelta(hours=1) < moment < now() + timedelta(hours=1)
    # Somebody without Overstap proves it with openssl
    openssl(*("ts", "-verify", "-data", file, "-in", stamp, "-CAfile", stamping.folder / "ca.crt"))
    with context.ledger.unit(REGION, "test") as unit:
        mails = unit.rows("select mail, key_id, content from overstap.mail where kind = 'checkpoint'")
        assert len(mails) == 2
    told = CliRunner().invoke(app, ["audit", "stamped", str(file), "--authority", str(stamping.folder / "ca.crt")])
    assert told.exit_code == 0, told.output
    # The next day another one follows it, and nothing is written twice
    accept_all(context.ledger)
    publish_checkpoint(context, REGION)
    assert len(list((tmp_path / "once").glob("*.json"))) == 2


def test_a_file_that_was_handed_out_tells_a_chain_that_was_cut_short(
    context: Context, owner_dsn: str, tmp_path: Path
) -> None:
    publish_checkpoint(context, REGION)
    known = [json.loads(file.read_text())["checkpoint"] for file in (tmp_path / "once").glob("*.json")]
    trust = TrustStore(tmp_path / "trust", production=False)
    signers = trust.conductor_signers(REGION)
    with context.ledger.unit(REGION, "test") as unit:
        lines = list(export(unit))
    assert verify_export(lines, conductors=signers, known=known).fault is None
    kept = [line for line in lines if "checkpoint" not in json.loads(line)]
    assert "cut short" in str(verify_export(kept, conductors=signers, known=known).fault)
    assert "no checkpoint" in str(verify_export(kept, conductors=signers, since=now() - timedelta(hours=1)).fault)


ATTACKS = {
    "another signer": lambda entry, other: {**entry, "certificate": other},
    "another moment": lambda entry, other: {
        **entry,
        "checkpoint": json.dumps({**json.loads(entry["checkpoint"]), "at": now().isoformat()}),
    },
    "another root": lambda entry, other: {
        **entry,
        "checkpoint": json.dumps({**json.loads(entry["checkpoint"]), "root": "0" * 64}),
    },
    "no signature": lambda entry, other: {**entry, "signature": ""},
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_checkpoint_that_somebody_made_is_none(context: Context, tmp_path: Path, attack) -> None:
    publish_checkpoint(context, REGION)
    other = DevelopmentAuthority(tmp_path / "other", at=now())
    other.conductor(REGION)
    [named] = (tmp_path / "other" / "conductor" / REGION).glob(f"{Role.SIGNING.file_stem}-1.crt")
    foreign = named.read_text()
    trust = TrustStore(tmp_path / "trust", production=False)
    with context.ledger.unit(REGION, "test") as unit:
        *lines, last = export(unit)
    changed = json.dumps(attack(json.loads(last), foreign))
    assert verify_export([*lines, changed], conductors=trust.conductor_signers(REGION)).fault is not None
    foreign_certificate = x509.load_pem_x509_certificate(foreign.encode())
    assert "another certificate" in str(verify_export([*lines, last], conductors=[foreign_certificate]).fault)
    assert verify_export([*lines, last], conductors=[]).fault is not None


def test_a_checkpoint_of_the_future_is_none(context: Context, tmp_path: Path) -> None:
    """One of the year 2099 would be recent for ever."""
    late = Context(context.settings, context.ledger, clock=lambda: now() + timedelta(days=20))
    publish_checkpoint(late, REGION)
    trust = TrustStore(tmp_path / "trust", production=False)
    with context.ledger.unit(REGION, "test") as unit:
        lines = list(export(unit))
    signers = trust.conductor_signers(REGION)
    assert verify_export(lines, conductors=signers, since=now() - timedelta(hours=1)).fault is None
    assert "still to come" in str(verify_export(lines, conductors=signers, until=now()).fault)


@pytest.mark.parametrize("said", ["", "rubbish", "another", "refused"])
def test_a_stamp_of_something_else_is_none(context: Context, stamping: Stamping, tmp_path: Path, said: str) -> None:
    kept = time_stamp(stamping.address, b"something else")
    refused = b"\x30\x05\x30\x03\x02\x01\x02"  # TimeStampResp with status rejection, and no token
    stamping.reply = {"": b"\x30\x00", "rubbish": b"<html>", "another": kept, "refused": refused}[said]
    with pytest.raises(OverstapError) as problem:
        publish_checkpoint(context, REGION)
    assert problem.value.code == "CLOSING-002"
    assert len(list((tmp_path / "once").glob("*.json"))) == 1, "the checkpoint itself is out"
    assert not list((tmp_path / "once").glob("*.tsr"))
    with pytest.raises(OverstapError):
        stamped_at(kept, b"our bytes", stamping.authority)
    foreign = DevelopmentAuthority(tmp_path / "other", at=now())
    foreign.conductor(REGION)
    roots = x509.load_pem_x509_certificates((tmp_path / "other" / "ca" / "authorities.pem").read_bytes())
    with pytest.raises(OverstapError):
        stamped_at(kept, b"something else", roots)
    assert isinstance(stamped_at(kept, b"something else", stamping.authority), datetime)


def test_where_nothing_is_set_nothing_is_handed_out(context: Context) -> None:
    assert publish_checkpoint(Context(Settings(trust=context.settings.trust), context.ledger), REGION) is None
