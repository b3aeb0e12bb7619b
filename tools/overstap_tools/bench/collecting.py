"""Benchmark of delivery by collection: requests at the desk, folder, and SFTP with OpenSSH for comparison.

It also compares response times of the desk for unknown pupils, which must not reveal who exists.
"""

import getpass
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from overstap.clock import now
from overstap.delivery.channels.channel import Channel
from overstap.delivery.channels.folder import FolderChannel
from overstap.delivery.channels.sftp import Sftp
from overstap.delivery.channels.sftp_channel import SftpChannel
from overstap.delivery.desk.desk import RegionDesk
from overstap.envelope import file_names
from overstap.envelope.file_names import AnswerKind
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.ledger import Ledger
from overstap.pki import TrustStore
from overstap.pki.ssh_keys import make_ssh_key, ssh_key_file
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.fetching import RequestedPupil as Wanted
from overstap.receiver.fetching import fetch
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.pupil import SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.reviews import write_reviews
from overstap.simulation.synthetic.writing import write_applications, write_school
from overstap_tools.bench.chain import RegionTask, RoundSteps, registrations_of, reviews_of
from overstap_tools.bench.sandbox import give_certificates, region_of
from overstap_tools.local import ports
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import STARTS_SECONDS, wait_until, wait_until_listening

REGION = "collecting"
ASKED = 160
"""Questions of each kind whose time is compared: together fewer than a day's number of wrong ones."""
_NOBODY = "123456782"
_SSHD = "/usr/sbin/sshd"


def run(console: Console, sandbox: Sandbox, *, today: date, pupils: int) -> None:
    """Print the rates.

    Args:
        console: where to print.
        sandbox: the sandbox; its ledger knows the region `REGION`.
        today: the day of the exports.
        pupils: of the region; about half of them go to the school that collects.
    """
    region = region_of(REGION, pupils, today)
    school = region.secondary[0].id
    ledger = sandbox.ledger()
    sealed = _sealed(sandbox, region, ledger, today)[school]
    trust = TrustStore(sandbox.trust, production=False)
    table = Table(title=f"A school that collects, {len(sealed)} dossiers, one line", title_justify="left")
    table.add_column("work")
    table.add_column("dossiers /s", justify="right")
    for what, rate in _files(sandbox, trust, sealed):
        table.add_row(what, f"{rate:,.0f}")
    mine = _known(region, school, ledger, {name for name, _ in sealed})
    table.add_row(
        "pull over HTTPS: ask, open, store on disk, hand the receipt in", f"{_pull(sandbox, trust, school, mine):,.0f}"
    )
    console.print(table)
    _show_unknown(console, RegionDesk(ledger, REGION, trust=trust), region, school, mine)
    ledger.close()


def _sealed(
    sandbox: Sandbox, region: SyntheticRegion, ledger: Ledger, today: date
) -> dict[str, list[tuple[UUID, bytes]]]:
    """Bring a region to the brink of delivery; return each school's envelopes."""
    give_certificates(sandbox, [region], at=now())
    for one in region.primary:
        write_school(region, one, sandbox.region_folder)
    write_applications(region, registrations_of(sandbox, REGION))
    write_reviews(region, reviews_of(sandbox, REGION), seen_on=today)
    nowhere = {one.id: f"https://{ports.LOOPBACK}:1/v1/envelopes" for one in region.secondary}
    chain = RoundSteps(RegionTask(sandbox, region, nowhere), ledger)
    for name in ("intake", "quality", "review", "seal"):
        chain.steps[name]()
    found: dict[str, list[tuple[UUID, bytes]]] = {one.id: [] for one in region.secondary}
    with ledger.unit(REGION, "bench") as unit:
        for school, name, envelope in unit.rows(
            "select secondary_school, message_id, envelope from overstap.delivery order by message_id"
        ):
            found[school].append((name, envelope))
    return found


def _rate(count: int, work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return count / (time.perf_counter() - begin)


def _files(sandbox: Sandbox, trust: TrustStore, sealed: Sequence[tuple[UUID, bytes]]) -> Iterator[tuple[str, float]]:
    with tempfile.TemporaryDirectory(dir=sandbox.folder) as folder:
        yield from _by(FolderChannel(Path(folder) / "outbox"), Path(folder) / "outbox", "folder", sealed)
        program = shutil.which("sshd") or _SSHD
        if not Path(program).exists():
            yield "SFTP: OpenSSH's sshd is not on this machine", 0.0
            return
        with _sshd(program, Path(folder), make_ssh_key(sandbox.trust, REGION)) as server:
            way = SftpChannel(server, region=REGION, trust=trust)
            yield from _by(way, Path(server.folder), "SFTP to OpenSSH", sealed)
            way.close()
            yield "peer: OpenSSH's sftp, the same files", _peer(server, Path(folder), sandbox, sealed)


def _by(way: Channel, lies: Path, what: str, sealed: Sequence[tuple[UUID, bytes]]) -> Iterator[tuple[str, float]]:
    """Put envelopes there, and read as many answers of a receipt's size from there."""

    def put() -> None:
        for name, envelope in sealed:
            handed = way.hand_over(envelope, message_id=name, at=now())
            if not handed.is_offered:
                raise handed.error(school=what, message_id=name)

    yield f"{what}: put there", _rate(len(sealed), put)
    for name, _ in sealed:
        (lies / file_names.answer_name(name, AnswerKind.RECEIPT)).write_bytes(bytes(1200))
    awaited = {name for name, _ in sealed}
    yield f"{what}: fetch the receipts", _rate(len(sealed), lambda: list(way.answers(awaited, at=now())))


@contextmanager
def _sshd(program: str, folder: Path, authorized: str) -> Iterator[Sftp]:
    """Run a real OpenSSH server for whoever runs this."""
    inbox = folder / "inbox"
    inbox.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)  # noqa: S603, S607
    (folder / "authorized_keys").write_text(f"{authorized}\n")
    port = ports.any_free()
    (folder / "sshd_config").write_text(
        f"ListenAddress {ports.LOOPBACK}:{port}\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nPidFile {folder / 'pid'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    words = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
    with (folder / "sshd.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:  # noqa: S603
        try:
            wait_until(lambda: process.poll() is not None or not ports.is_free(port), "sshd", STARTS_SECONDS)
            kind, key, *_ = (folder / "host.pub").read_text().split()
            said = {"way": "sftp", "host": ports.LOOPBACK, "port": port, "user": getpass.getuser()}
            yield Sftp.model_validate(said | {"folder": str(inbox), "host_key": f"{kind} {key}"})
        finally:
            process.terminate()


def _peer(server: Sftp, folder: Path, sandbox: Sandbox, sealed: Sequence[tuple[UUID, bytes]]) -> float:
    files, there = folder / "peer", folder / "peer-inbox"
    files.mkdir()
    there.mkdir()
    for name, envelope in sealed:
        (files / f"{name}.cms").write_bytes(envelope)
    batch = "".join(f"put {files / f'{name}.cms'} {there}/\n" for name, _ in sealed)
    given = ["-q", "-P", str(server.port), "-i", str(ssh_key_file(sandbox.trust, REGION)), "-b", "-"]
    given += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    words = ["sftp", *given, f"{server.user}@{server.host}"]
    return _rate(
        len(sealed),
        lambda: subprocess.run(words, input=batch.encode(), capture_output=True, check=True),  # noqa: S603
    )


def _known(region: SyntheticRegion, school: str, ledger: Ledger, sealed: set[UUID]) -> list[SyntheticPupil]:
    """Return the pupils whose dossiers stand ready for a school."""
    with ledger.unit(REGION, "bench") as unit:
        ready = {
            row[0]
            for row in unit.rows(
                "select d.pupil from overstap.delivery l join overstap.dossier d using (dossier) "
                "where l.message_id = any(%(ids)s) and l.secondary_school = %(school)s",
                ids=list(sealed),
                school=school,
            )
        }
        return [pupil for pupil in region.pupils() if unit.keys.lookup("pupil", pupil.number) in ready]


def _pull(sandbox: Sandbox, trust: TrustStore, school: str, mine: Sequence[SyntheticPupil]) -> float:
    """Fetch every dossier as `overstap receive ask` does, from a desk that is a process of its own."""
    port, service = ports.any_free(), Service(sandbox.folder, "desk")
    words = [sys.executable, "-m", "overstap", "deliver", "serve", REGION, "--port", str(port)]
    service.start(words, env=sandbox.environment)
    try:
        wait_until_listening(service, port)
        wanted = [Wanted(one.number, one.surname, one.birth_date, one.school.id) for one in mine]
        reception = Reception(school, trust=trust, store=FolderStore(sandbox.folder / "asked"))
        with DeskClient(f"https://{ports.LOOPBACK}:{port}", school=school, trust=trust, at=now()) as desk_client:
            got: list[str] = []
            rate = _rate(
                len(wanted), lambda: got.extend(one.outcome for one in fetch(desk_client, reception, wanted, clock=now))
            )
    finally:
        service.stop()
    if set(got) != {"stored"}:
        raise RuntimeError(f"not every dossier came: {sorted(set(got))}")
    return rate


def _show_unknown(
    console: Console, desk: RegionDesk, region: SyntheticRegion, school: str, mine: Sequence[SyntheticPupil]
) -> None:
    """Print how long the desk itself takes to answer "unknown", turn about, without the beat on which answers leave."""
    theirs = [one for one in region.pupils() if all(choice.school_id != school for choice in one.choices)]
    kinds: dict[str, Callable[[int], DossierRequest]] = {
        "nobody": lambda turn: replace(_request(mine[turn % len(mine)]), pupil_number=_NOBODY),
        "a pupil of another school": lambda turn: _request(theirs[turn % len(theirs)]),
        "a pupil of its own, another name": lambda turn: replace(_request(mine[turn % len(mine)]), surname="Niemand"),
    }
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(ASKED):
        for name, make in kinds.items():
            request = make(turn)
            begin = time.perf_counter()
            told = desk.ask(request, school=school)
            took[name].append(1000 * (time.perf_counter() - begin))
            if told.answer is not NoDossier.UNKNOWN:
                raise RuntimeError(f"{name}: {told.answer}")
    table = Table(title='The desk says "unknown", milliseconds', title_justify="left")
    table.add_column("asked for")
    for head in ("median", "p90"):
        table.add_column(head, justify="right")
    for name, times in took.items():
        table.add_row(name, f"{statistics.median(times):.2f}", f"{statistics.quantiles(times, n=10)[-1]:.2f}")
    console.print(table)


def _request(pupil: SyntheticPupil) -> DossierRequest:
    return DossierRequest(
        request_id=message_id(now(), os.urandom(10)),
        pupil_number=pupil.number,
        surname=pupil.surname,
        birth_date=pupil.birth_date,
        sender=pupil.school.id,
        oso_versions=("2019.1",),
    )
