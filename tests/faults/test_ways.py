"""Tests of faults (F11, F14, F19, F21) and kills for schools that collect by desk, folder or server.

Real processes on loopback: the desk, the asking school, OpenSSH. After each the invariants, over ledger and stores.
"""

import contextlib
import csv
import dataclasses
import getpass
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from forked import popen, run
from integration.delivery import sshd
from integration.round.deployment import RegionDeployment, wait_for
from traffic_centre_chain import fetch_through

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.delivery.channels.folder import Folder
from overstap.delivery.channels.pull import Pull
from overstap.delivery.channels.sftp import Sftp
from overstap.delivery.channels.traffic_centre import ByTrafficCentre
from overstap.delivery.stored_evidence import receipt_fault
from overstap.delivery.traffic_centre.messages import OverdrachtRequest, Resultaat
from overstap.delivery.traffic_centre.simulated import SimulatedTrafficCentre
from overstap.envelope.file_names import envelope_name
from overstap.envelope.message_ids import message_id
from overstap.envelope.over_https import NOTIFICATIONS
from overstap.envelope.pull_messages import DossierRequest
from overstap.errors import OverstapError
from overstap.ledger.delivery.dossier_requests import keep_request
from overstap.ledger.invariants import ExternalEvidence, check
from overstap.pki.ssh_keys import make_ssh_key
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.simulation.synthetic.agreement import write_agreement
from overstap.simulation.synthetic.pupil import SyntheticPupil
from overstap_tools.local import ports
from overstap_tools.project import PROJECT

from .desks import OVERSTAP, desk
from .receiving_ends import ReceivingEnd, ask, envelopes, open_files, own, pupil_list, receiving
from .steps import asked, seal
from .steps import send as send_by


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


def send(deployment: RegionDeployment, agreement: Agreement, school: str, *, is_asked: bool = False) -> dict[str, int]:
    with deployment.ledger() as ledger:
        return send_by(
            deployment, school, ledger, agreement=agreement, outbox=deployment.folder / "outbox", is_asked=is_asked
        )


def breaches(deployment: RegionDeployment, school: str, store: Path) -> list[object]:
    evidence = ExternalEvidence({school: stored(store)}, receipt_fault(deployment.trust()))
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, "test") as unit:
        return list(check(unit, evidence))


def total(deployment: RegionDeployment, school: str) -> int:
    return deployment.count("delivery", secondary_school=school)


def confirmed(deployment: RegionDeployment, school: str) -> int:
    return deployment.count("delivery", secondary_school=school, state="confirmed")


# -- pull


@pytest.mark.fault("F05", "F06", "F14")
def test_a_school_asks_for_its_pupils_while_everybody_is_killed(
    deployment: RegionDeployment, school: str, tmp_path: Path, random: Random
) -> None:
    """The asking school and the desk die at random moments; in the end each dossier is there once, and confirmed."""
    agreement = receiving(deployment, school, Pull(way="pull"))
    wanted = total(deployment, school)
    offered = send(deployment, agreement, school)
    assert offered == {"offered": wanted, "waiting": wanted}
    assert send(deployment, agreement, school) == {"waiting": wanted}, (
        "nothing is offered twice, and waiting is no fault"
    )
    mine = own(deployment, school)
    applied = [one for one in deployment.region.pupils() if school in {choice.school_id for choice in one.choices}]
    strangers = [one for one in deployment.region.pupils() if one not in applied][:3]
    unsure = [one for one in applied if one not in mine][:2]
    pupils, store = pupil_list(deployment, tmp_path / "pupils.csv", mine[:20] + strangers + unsure), tmp_path / "store"
    for round_number in range(2):
        with desk(deployment) as (address, process):
            asking = ask(deployment, school, address, pupils, store)
            upto = len(stored(store)) + random.randrange(1, 5) if store.exists() else random.randrange(1, 5)
            wait_for(
                lambda upto=upto, asking=asking: (  # type: ignore[misc]
                    asking.poll() is not None or ((store / "dossiers").exists() and len(stored(store)) >= upto)
                )
            )
            time.sleep(random.uniform(0, 0.05))
            victim = asking if round_number % 2 else process
            victim.send_signal(signal.SIGKILL)
            asking.wait(60)
            if round_number % 2 == 0:
                said = asking.stdout.read() if asking.stdout else ""
                assert asking.returncode == 2, said
                assert "DELIVERY-05" in said
        assert breaches(deployment, school, store) == []
    with desk(deployment) as (address, _):
        asking = ask(deployment, school, address, pupils, store)
        said, _ = asking.communicate(timeout=300)
        assert asking.returncode == 0, said
        again = ask(deployment, school, address, pupils, store)
        told, _ = again.communicate(timeout=300)
    assert len(stored(store)) == confirmed(deployment, school) == 20
    assert "20 x u hebt de nieuwste versie al" in told, "what it has is not handed out again"
    assert f"{len(strangers)} x met deze gegevens staat er geen dossier voor u klaar" in told
    assert f"{len(unsure)} x de leerling is bij u nog niet aangemeld, ingeschreven of geplaatst" in told
    assert breaches(deployment, school, store) == []
    log = (deployment.folder / "desk.log").read_text() + said + told
    for pupil in deployment.region.pupils():
        assert pupil.number not in log
        assert pupil.surname not in log


def test_a_notification_that_fails_is_tried_again_and_names_the_request(
    at_brink: Callable[[str], RegionDeployment], tmp_path: Path
) -> None:
    """Asked too early; told "not ready"; when it is, the school hears of it by its own request's id."""
    deployment = at_brink("inspected")
    school = deployment.region.secondary[0].id
    pupils, store = (
        pupil_list(deployment, tmp_path / "pupils.csv", own(deployment, school)[:10]),
        deployment.store(school),
    )
    with desk(deployment) as (address, _):
        early, _ = ask(deployment, school, address, pupils, store).communicate(timeout=300)
    assert "nog niet klaar" in early
    with deployment.ledger() as ledger:
        seal(deployment, ledger)
    wanted = total(deployment, school)
    assert early.count(": nog niet klaar\n") == 10
    url = f"https://127.0.0.1:{deployment.ports[school]}{NOTIFICATIONS}"
    agreement = receiving(deployment, school, Pull(way="pull", notify=url))
    with pytest.raises(OverstapError) as told:
        send(deployment, agreement, school)
    assert told.value.code == "DELIVERY-101"
    assert "DELIVERY-021" in told.value.facts["problems"]
    deployment.receive(school)
    # The school was silent, so it is left in peace for a while, unless a person asks
    assert send(deployment, agreement, school, is_asked=True)["waiting"] == wanted
    assert deployment.breaches() == []
    found = sorted((store / "notified").glob("*.json"))
    assert len(found) == wanted
    asked = {str(row[0]) for row in deployment.rows("select request_id from overstap.dossier_request")}
    named = {json.loads(path.read_text())["request_id"] for path in found}
    assert named == asked | {None}
    with desk(deployment) as (address, _):
        process = ask(deployment, school, address, pupils, store)
        process.communicate(timeout=300)
    assert confirmed(deployment, school) == 10
    assert deployment.breaches() == []


def test_a_receiver_that_pours_into_a_notification_harms_only_itself(deployment: RegionDeployment, school: str) -> None:
    """A notified server that never ends, and another school that gets all of its own meanwhile."""
    other = deployment.region.secondary[1].id
    deployment.receive(other)
    listener = socket.create_server(("127.0.0.1", deployment.ports[school]))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    while True:
                        connection.sendall(os.urandom(65536))

    threading.Thread(target=serve, daemon=True).start()
    url = f"https://127.0.0.1:{deployment.ports[school]}{NOTIFICATIONS}"
    agreement = receiving(deployment, school, Pull(way="pull", notify=url))
    with pytest.raises(OverstapError) as told:
        send(deployment, agreement, school)
    assert told.value.code == "DELIVERY-101"
    assert send(deployment, agreement, other) == {"accepted": total(deployment, other)}
    listener.close()
    assert deployment.breaches() == []


# -- files: a folder, and OpenSSH


def test_files_are_collected_and_their_receipts_fetched(
    deployment: RegionDeployment, school: str, receiving_end: ReceivingEnd, tmp_path: Path
) -> None:
    agreement, folder = receiving_end
    wanted, store = total(deployment, school), tmp_path / "store"
    assert send(deployment, agreement, school) == {"offered": wanted, "waiting": wanted}
    found = envelopes(folder)
    assert len(found) == wanted
    first, rest = found[:3], found[3:]
    # One is damaged on its way to the school: refused, with a signed receipt that says so
    damaged = first[0]
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.chmod(0o640)
    damaged.write_bytes(content)
    done = open_files(deployment, school, first, store)
    assert done.returncode == 1
    assert done.stdout.count("geopend") >= 2
    assert "geweigerd" in done.stdout
    # That receipt is about other bytes than were sent: it does not count, and is told
    with pytest.raises(OverstapError) as told:
        send(deployment, agreement, school)
    assert "DELIVERY-015" in told.value.facts["problems"]
    assert confirmed(deployment, school) == 2
    assert breaches(deployment, school, store) == []
    # It gets the same bytes again from us, and is opened with the others
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, "coordinator") as unit:
        envelope = unit.one("select envelope from overstap.delivery where message_id = %(id)s", id=UUID(damaged.stem))[
            0
        ]
    damaged.write_bytes(envelope)
    assert open_files(deployment, school, [damaged, *rest], store).returncode == 0
    # F19: a receipt under another message's name, and one that nobody waits for
    (folder / f"{first[1].stem}.receipt.cms").write_bytes((folder / f"{rest[0].stem}.receipt.cms").read_bytes())
    assert send(deployment, agreement, school) == {"accepted": wanted - 2}
    assert confirmed(deployment, school) == len(stored(store)) == wanted
    assert send(deployment, agreement, school) == {}
    assert breaches(deployment, school, store) == []


def test_results_that_lie_beside_the_receipts_are_kept_and_shown(
    deployment: RegionDeployment, school: str, receiving_end: ReceivingEnd, tmp_path: Path
) -> None:
    """The second answer, by the commands of the school and of the region."""
    agreement, folder = receiving_end
    send(deployment, agreement, school)
    first = envelopes(folder)[:3]
    store = tmp_path / "store"
    assert open_files(deployment, school, first, store).returncode == 0

    def overstap(*arguments: object) -> str:
        ran = run(
            [*OVERSTAP, *map(str, arguments)],
            env=os.environ | deployment.settings | {"COLUMNS": "200"},
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    given = ("--school", school, "--store", store, "--out", folder)
    overstap("receive", "result", first[0].stem, first[1].stem, "--outcome", "imported", *given)
    overstap("receive", "result", first[2].stem, "--outcome", "rejected", "--reason", "incomplete", *given)
    (folder / f"{envelopes(folder)[3].stem}.result.cms").write_bytes(
        (folder / f"{first[0].stem}.result.cms").read_bytes()
    )
    assert send(deployment, agreement, school) == {
        "accepted": 3,
        "results": 3,
        "waiting": total(deployment, school) - 3,
    }
    assert send(deployment, agreement, school) == {"results": 0, "waiting": total(deployment, school) - 3}, "once"
    assert deployment.count("result") == 3
    shown = overstap("deliver", "results", deployment.round_id)
    name = deployment.agreement.school(school).name
    [row] = [line for line in shown.splitlines() if f"{name} ({school})" in line and ":" not in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")][1:4] == ["3", "2", "1"]
    assert f"{name} ({school}): 1 x niet ingelezen: er ontbreekt iets" in shown
    primary = deployment.region.primary[0].id
    overstap("deliver", "results", deployment.round_id, "--school", primary, "--out", tmp_path / "terug.csv")
    lines = list(csv.DictReader(io.StringIO((tmp_path / "terug.csv").read_text("utf-8-sig")), delimiter=";"))
    assert sorted(line["ingelezen"] for line in lines) == ["ingelezen", "ingelezen", "niet ingelezen"]
    assert (tmp_path / "terug.csv").stat().st_mode & 0o777 == 0o600
    assert breaches(deployment, school, store) == []


@pytest.mark.fault("F05")
def test_a_sender_is_killed_while_it_puts_files_there(
    deployment: RegionDeployment, school: str, receiving_end: ReceivingEnd, random: Random, tmp_path: Path
) -> None:
    """Every file that has its name is whole, whatever moment the sender died at; none is there twice."""
    agreement, folder = receiving_end
    region_files = deployment.folder / "regions"
    path = region_files / deployment.region.name / f"{agreement.school_year}.yaml"
    path.parent.mkdir(parents=True)
    write_agreement(agreement, region_files)
    environment = (
        os.environ
        | deployment.settings
        | {
            "OVERSTAP_REGIONS": str(region_files),
            "OVERSTAP_OUTBOX": str(deployment.folder / "outbox"),
        }
    )
    wanted, store = total(deployment, school), tmp_path / "store"
    stage = str(Path(__file__).with_name("stage.py"))
    for _ in range(2):
        process = popen([stage, "send", deployment.round_id, school], env=environment)
        upto = (len(envelopes(folder)) if folder.exists() else 0) + random.randrange(1, 15)
        wait_for(
            lambda upto=upto, process=process: (  # type: ignore[misc]
                process.poll() is not None or (folder.exists() and len(envelopes(folder)) >= upto)
            )
        )
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.wait()
        for found in envelopes(folder):
            row = deployment.rows(
                f"select envelope_digest from overstap.delivery where message_id = '{UUID(found.stem)}'"  # noqa: S608
            )
            assert row == [(_sha256(found.read_bytes()),)]
        assert breaches_of_ledger(deployment) == []
    done = run([stage, "send", deployment.round_id, school], env=environment, timeout=300)
    assert done.returncode == 0
    assert len(envelopes(folder)) == wanted
    assert open_files(deployment, school, envelopes(folder), store).returncode == 0
    assert send(deployment, agreement, school) == {"accepted": wanted}
    assert breaches(deployment, school, store) == []


@pytest.mark.fault("F11")
def test_a_server_that_is_down_for_days_is_told_and_loses_nothing(
    deployment: RegionDeployment, school: str, tmp_path: Path
) -> None:
    """F11 for SFTP: no connection, then nobody home while receipts are awaited, then all is well."""
    server = sshd.start(tmp_path / "sshd", make_ssh_key(deployment.folder / "trust", deployment.region.name))
    agreement = receiving(deployment, school, server.place())
    wanted, store = total(deployment, school), tmp_path / "store"
    try:
        assert send(deployment, agreement, school)["offered"] == wanted
        gone = Sftp.model_validate(server.place().model_dump() | {"port": ports.any_free(), "user": getpass.getuser()})
        with pytest.raises(OverstapError) as told:
            send(deployment, receiving(deployment, school, gone), school)
        assert told.value.facts["problems"] == f"DELIVERY-021: {wanted}"
        assert open_files(deployment, school, envelopes(server.folder / "inbox"), store).returncode == 0
        assert send(deployment, agreement, school) == {"accepted": wanted}
    finally:
        server.stop()
    assert breaches(deployment, school, store) == []


def test_a_school_without_an_outbox_is_told_what_is_missing(deployment: RegionDeployment, school: str) -> None:
    agreement = receiving(deployment, school, Folder(way="folder"))
    with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
        send_by(deployment, school, ledger, is_asked=False, agreement=agreement)
    assert (told.value.code, told.value.facts["setting"]) == ("SETTING-001", "OVERSTAP_OUTBOX")


def breaches_of_ledger(deployment: RegionDeployment) -> list[object]:
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, "test") as unit:
        return list(check(unit, ExternalEvidence({}, receipt_fault(deployment.trust()))))


def _sha256(data: bytes) -> bytes:
    from overstap.ledger.region_keys import sha256

    return sha256(data)


def test_names_of_files_are_message_ids(deployment: RegionDeployment, school: str) -> None:
    agreement = receiving(deployment, school, Folder(way="folder"))
    send(deployment, agreement, school)
    folder = deployment.folder / "outbox" / deployment.region.name / school
    ids = {row[0] for row in deployment.rows("select message_id from overstap.delivery")}
    assert {path.name for path in folder.iterdir()} <= {envelope_name(one) for one in ids}


# -- parties not written here, and the Traffic Centre


EXAMPLES = PROJECT / "examples"


def shell(folder: Path) -> list[str]:
    return ["sh", str(EXAMPLES / "ask_for_dossier.sh")]


def node(folder: Path) -> list[str]:
    return ["node", str(EXAMPLES / "node" / "ask-for-dossier.mjs")]


def java(folder: Path) -> list[str]:
    sources = [str(EXAMPLES / "java" / f"{name}.java") for name in ("OpenEnvelope", "AskForDossier")]
    brief = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # it need not become fast, nor work beside itself
    compiler = ["javac", *(f"-J{word}" for word in brief), "-Xlint:all", "-Werror", "-d", str(folder)]
    subprocess.run([*compiler, *sources], check=True, timeout=120)
    return ["java", *brief, "-cp", str(folder), "AskForDossier"]


PROGRAMS: dict[Callable[[Path], list[str]], tuple[str, ...]] = {
    shell: ("curl", "openssl", "unzip"),
    node: ("node",),
    java: ("java", "javac"),
}


@pytest.mark.parametrize("example", PROGRAMS, ids=lambda example: example.__name__)
def test_examples_ask_open_and_confirm(
    example: Callable[[Path], list[str]], deployment: RegionDeployment, school: str, tmp_path: Path
) -> None:
    """The suppliers' examples: a school with stock tools alone gets a dossier by pull, and its receipt counts."""
    for program in PROGRAMS[example]:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine")
    script = example(tmp_path / "build")
    trust = deployment.folder / "trust"
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(
        b"".join((trust / "ca" / name).read_bytes() for name in ("authorities.pem", "issuing.crl", "root.crl"))
    )
    request = asked(own(deployment, school)[0])
    with desk(deployment) as (address, _):
        given = [address, school, str(trust / "schools" / school), str(authorities)]
        done = subprocess.run(
            [*script, *given, str(tmp_path / "out")], input=request.to_bytes(), capture_output=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        nobody = dataclasses.replace(request, surname="Niemand", request_id=message_id(now(), os.urandom(10)))
        none = subprocess.run(
            [*script, *given, str(tmp_path / "none")], input=nobody.to_bytes(), capture_output=True, timeout=120
        )
    assert (none.returncode, (tmp_path / "none").exists()) == (3, False), none.stderr
    assert b'"answer":"unknown"' in none.stderr
    assert json.loads(done.stdout) == {"taken": "accepted"}
    assert (tmp_path / "out" / "dossier.xml").exists()
    assert confirmed(deployment, school) == 1
    assert breaches_of_ledger(deployment) == []


def test_the_chain_through_the_traffic_centre(deployment: RegionDeployment, school: str, tmp_path: Path) -> None:
    """Session request, document request, session check, dossier, sign-off; then a notification (DOMAIN 3.2)."""
    centre = SimulatedTrafficCentre(tmp_path / "centre")
    by_centre = ByTrafficCentre(way="traffic_centre", delivery_point=centre.routeringskenmerk(school))
    agreement = receiving(deployment, school, by_centre)
    write_agreement(agreement, deployment.folder / "regions")
    named = f"overstap.delivery.traffic_centre.simulated:simulated={tmp_path / 'centre'}"
    through = {"OVERSTAP_REGIONS": str(deployment.folder / "regions"), "OVERSTAP_TRAFFIC_CENTRE": named}
    pupil, other = own(deployment, school)[:2]
    trust, store = deployment.trust(), tmp_path / "store"
    reception = Reception(school, trust=trust, store=FolderStore(store))

    def make(session: str | None, one: SyntheticPupil = pupil) -> DossierRequest:
        return DossierRequest(
            request_id=message_id(now(), os.urandom(10)),
            pupil_number=one.number,
            surname=one.surname,
            birth_date=one.birth_date,
            sender=one.school.id,
            oso_versions=("2019.1",),
            session=session,
        )

    with (
        desk(deployment, **through) as (address, _),
        DeskClient(address, school=school, trust=trust, at=now()) as desk_client,
    ):
        found = fetch_through(
            centre, desk_client, reception, make, sender=pupil.school.id, pupil_number=pupil.number, clock=now
        )
        assert (found.answer, found.resultaat) == (ReceptionStatus.STORED, Resultaat.GESLAAGD)
        assert centre.resultaat(found.session) is Resultaat.GESLAAGD
        session = centre.overdracht(
            OverdrachtRequest(
                school, centre.routeringskenmerk(school), pupil.school.id, centre.zoeksleutel(pupil.number)
            )
        )
        refused = {
            "no session": make(None),
            "a session that was signed off": make(found.session),
            "a session for another pupil": make(session, other),
            "a session that does not exist": make("c0ffee00-0000-4000-8000-000000000000"),
        }
        for name, request in refused.items():
            with pytest.raises(OverstapError) as told:
                desk_client.request_dossier(request)
            assert told.value.facts["problem"] == "session", name
        strange = fetch_through(
            *(centre, desk_client, reception),
            lambda given: dataclasses.replace(make(given), surname="Niemand"),
            sender=pupil.school.id,
            pupil_number=pupil.number,
            clock=now,
        )
        assert strange.resultaat is Resultaat.GEEN_DOSSIER
    assert confirmed(deployment, school) == 1
    assert breaches(deployment, school, store) == []
    # Delivery through it: what stands ready is offered, and whoever asked too early hears of it
    with deployment.ledger() as ledger, ledger.unit(deployment.region.name, "test") as unit:
        early = message_id(now(), os.urandom(10))
        keep_request(
            *(unit, early),
            secondary_school=school,
            primary_school=other.school.id,
            pupil=unit.keys.lookup("pupil", other.number),
            answer="not_ready",
            reason="not_sealed",
        )
    with pytest.raises(OverstapError) as missing:
        send(deployment, agreement, school)
    assert missing.value.code == "DELIVERY-030", "without an adapter it is told"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERSTAP_TRAFFIC_CENTRE", named)
        assert send(deployment, agreement, school)["offered"] == total(deployment, school) - 1
        assert centre.notifications(school) == [str(early)]
        patch.setenv("OVERSTAP_PRODUCTION", "true")
        with pytest.raises(OverstapError) as refused_here:
            send(deployment, agreement, school)
        assert refused_here.value.code == "DELIVERY-062"
    assert breaches(deployment, school, store) == []
