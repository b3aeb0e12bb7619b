"""Tests of test messages (proefberichten) to real endpoints, by command and by background work."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from forked import run
from integration.delivery import sshd
from integration.round.deployment import RegionDeployment
from traffic_centre_chain import fetch_through

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.delivery.channels.folder import Folder
from overstap.delivery.channels.pull import Pull
from overstap.delivery.channels.traffic_centre import ByTrafficCentre
from overstap.delivery.desk.desk import DeskRefusal, RegionDesk
from overstap.delivery.test_messages import Tester
from overstap.delivery.traffic_centre.messages import Resultaat
from overstap.delivery.traffic_centre.simulated import SimulatedTrafficCentre
from overstap.envelope.fictitious_pupil import BIRTH_DATE, NUMBER, SURNAME
from overstap.envelope.manifest import EnvelopeKind
from overstap.envelope.message_ids import message_id
from overstap.envelope.over_https import NOTIFICATIONS
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.test_messages import SchoolResult, results
from overstap.pki.ssh_keys import make_ssh_key
from overstap.receiver.desk_client import DeskClient
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.simulation.synthetic.agreement import write_agreement

from .conftest import Watch, agreed_anew, moved
from .desks import desk
from .dishonest_receivers import Server, answer, receipt_of
from .steps import asked


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("opened")


@pytest.fixture
def ledger(deployment: RegionDeployment) -> Iterator[Ledger]:
    with deployment.ledger() as found:
        yield found


def overstap(deployment: RegionDeployment, *arguments: object) -> subprocess.CompletedProcess[str]:
    return run(
        ["-m", "overstap", *map(str, arguments)],
        env=os.environ | deployment.settings,
        timeout=120,
    )


def by_command(deployment: RegionDeployment, *arguments: object) -> tuple[int, dict[str, str]]:
    """Give `overstap delivery test`; return its exit code and what it says of each school."""
    ran = overstap(
        deployment, "delivery", "test", "--round", deployment.round_id, "--by", deployment.coordinator, *arguments
    )
    assert ran.stderr.count("Traceback") == 0, ran.stderr
    schools = [one.id for some in (deployment.region.primary, deployment.region.secondary) for one in some]
    return ran.returncode, {
        school: line for line in ran.stdout.splitlines() for school in schools if f"({school})" in line
    }


def passed(ledger: Ledger, deployment: RegionDeployment) -> dict[str, str | None]:
    """Return of each school whether it passed ("yes"), or the code of what is wrong."""
    with ledger.unit("alfa", "test") as unit:
        found: list[SchoolResult] = results(unit, deployment.round_id)
    return {one.school: "yes" if one.has_passed else one.code for one in found}


def test_the_whole_way_and_who_passed(deployment: RegionDeployment, ledger: Ledger) -> None:
    """Receipted, not imported; a school that is down or lies has not passed, and harms no other."""
    sender = deployment.region.primary[0].id
    up, other = (one.id for one in deployment.region.secondary)
    before = deployment.dump("dossier"), deployment.dump("delivery")
    deployment.receive(up)
    code, said = by_command(deployment)
    assert code == 1
    assert [said[one].startswith("aangekomen") for one in (sender, up, other)] == [True, True, False]
    assert "DELIVERY-021" in said[other]
    store = FolderStore(deployment.store(up))
    assert list(store.stored()) == []
    [message] = store.stored(EnvelopeKind.TEST)
    assert (message.sender.school, message.recipient.school) == (sender, up)
    [(receipt,)] = deployment.rows("select receipt from overstap.test_message where outcome = 'accepted'")
    assert store.receipt_for(message.message_id) == (store_digest(deployment, up, message.message_id), receipt)

    lie = Server(
        deployment, other, lambda line, id_, body: answer(line, receipt_of(deployment, other, id_, body, signer=up))
    )
    code, said = by_command(deployment)
    lie.close()
    assert (code, len(lie.seen)) == (1, 1)
    assert "niet aangekomen" in said[other]
    assert deployment.count("test_message", secondary_school=up) == 1, "who passed is not asked again"
    assert deployment.count("test_message", secondary_school=other, outcome="unverified") == 1

    deployment.receive(other)
    code, said = by_command(deployment)
    assert (code, passed(ledger, deployment)) == (0, dict.fromkeys((sender, up, other), "yes"))
    assert by_command(deployment, "--school", other)[0] == 0
    assert deployment.count("test_message", secondary_school=other) == 4
    deployment.endpoints[up].kill()
    assert by_command(deployment, "--again")[0] == 1, "who passed once and is down now has not passed"
    assert passed(ledger, deployment) == {sender: "yes", up: "DELIVERY-021", other: "yes"}
    assert (deployment.dump("dossier"), deployment.dump("delivery")) == before
    deployment.endpoints.pop(up)
    assert deployment.breaches() == []


def store_digest(deployment: RegionDeployment, school: str, message: object) -> bytes:
    [(digest,)] = deployment.rows(
        f"select envelope_digest from overstap.test_message where message_id = '{message}'"  # noqa: S608
    )
    return bytes(digest)


def test_a_school_that_takes_it_itself_passes_when_its_receipt_lies_there(
    deployment: RegionDeployment, ledger: Ledger, tmp_path: Path
) -> None:
    """In its folder, and at the desk under a pupil who does not exist."""
    sender = deployment.region.primary[0].id
    folder, pull = (one.id for one in deployment.region.secondary)
    agreement = agreed_anew(
        deployment, receiving(deployment.agreement, {folder: Folder(way="folder"), pull: Pull(way="pull")})
    )
    tester = Tester(ledger, deployment.trust(), agreement, deployment.round_id, "watch", now, tmp_path / "outbox")
    told: list[int] = []
    assert tester.extent() == 2
    for _ in range(2):  # what stands ready is not put there again
        tester.send(advance=told.append)
        assert told == [1, 1]
        assert passed(ledger, deployment) == {sender: None, folder: "DELIVERY-109", pull: "DELIVERY-110"}
        [file] = (tmp_path / "outbox" / "alfa" / folder).iterdir()
    opened = overstap(deployment, "open", file, "--school", folder, "--store", tmp_path / "store")
    assert opened.returncode == 0, opened.stderr
    assert list(FolderStore(tmp_path / "store").stored()) == []
    tester.send()
    assert passed(ledger, deployment) == {sender: "yes", folder: "yes", pull: "DELIVERY-110"}
    store = tmp_path / "asked"
    with desk(deployment) as (address, _):
        given = ("--school", pull, "--desk", address, "--store", store, "--test")
        strange = overstap(deployment, "receive", "ask", *given, "nowhere")
        asks = [overstap(deployment, "receive", "ask", *given, sender) for _ in range(2)]
    assert strange.returncode != 0
    assert "DELIVERY-057" in strange.stderr + strange.stdout
    assert [one.returncode for one in asks] == [0, 0], asks[0].stderr
    assert "regel 1: ontvangen" in asks[0].stdout
    assert "regel 1: was al ontvangen" in asks[1].stdout
    assert list(FolderStore(store).stored()) == []
    assert len(list(FolderStore(store).stored(EnvelopeKind.TEST))) == 1
    assert set(passed(ledger, deployment).values()) == {"yes"}
    assert deployment.count("test_message", outcome="accepted") == 2
    assert deployment.count("delivery") == deployment.count("dossier_request") == 0
    assert deployment.breaches() == []


@pytest.mark.fault("F16", "F17", "F18")
def test_a_pulling_school_is_told_of_its_test_and_its_receipt_has_to_count(
    deployment: RegionDeployment, ledger: Ledger, tmp_path: Path
) -> None:
    """F16 to F18 at the desk for a test; and a notification that nobody takes is what is told."""
    pull, other = (one.id for one in deployment.region.secondary)
    url = f"https://127.0.0.1:{deployment.ports[pull]}{NOTIFICATIONS}"
    ways = {pull: Pull(way="pull", notify=url), other: Folder(way="folder")}
    agreement = agreed_anew(deployment, receiving(deployment.agreement, ways))
    tester = Tester(ledger, deployment.trust(), agreement, deployment.round_id, "watch", now, tmp_path / "outbox")
    tester.send()
    assert passed(ledger, deployment)[pull] == "DELIVERY-021"
    deployment.receive(pull)
    tester.send()
    assert passed(ledger, deployment)[pull] == "DELIVERY-110"
    [notified] = (deployment.store(pull) / "notified").glob("*.json")
    at_desk = RegionDesk(ledger, "alfa", trust=deployment.trust())
    told = at_desk.ask(test_request(deployment), school=pull)
    assert str(told.message_id) == notified.stem
    assert at_desk.ask(test_request(deployment), school=other).answer is NoDossier.NOT_READY, "it is another's"
    assert (
        at_desk.ask(test_request(deployment, oso_versions=("2017.1",)), school=pull).answer is NoDossier.WRONG_VERSION
    )
    assert told.message_id is not None
    assert told.envelope is not None

    def hand_in(school: str = pull, **lie: object) -> str:
        made = receipt_of(deployment, pull, told.message_id, told.envelope, **lie)  # type: ignore[arg-type]
        return at_desk.receipt(made, told.message_id, school=school, at=now())  # type: ignore[arg-type]

    assert hand_in(signer=other) == "DELIVERY-013"
    assert hand_in(envelope_sha256=bytes(32)) == "DELIVERY-015"
    assert hand_in(other) == DeskRefusal.UNKNOWN_MESSAGE
    assert passed(ledger, deployment)[pull] == "DELIVERY-110"
    assert [hand_in(), hand_in()] == ["accepted", "accepted"]
    assert passed(ledger, deployment)[pull] == "yes"


def test_request(deployment: RegionDeployment, **other: object) -> DossierRequest:
    said = {"pupil_number": NUMBER, "surname": SURNAME, "birth_date": BIRTH_DATE, "sender": "99ZZ00"}
    return asked(next(iter(deployment.region.pupils())), **said | other)


test_request.__test__ = False  # type: ignore[attr-defined]


def test_the_test_message_over_openssh(deployment: RegionDeployment, ledger: Ledger, tmp_path: Path) -> None:
    sftp, folder = (one.id for one in deployment.region.secondary)
    server = sshd.start(tmp_path / "sshd", make_ssh_key(deployment.folder / "trust", "alfa"))
    try:
        ways = {sftp: server.place(), folder: Folder(way="folder")}
        agreement = agreed_anew(deployment, receiving(deployment.agreement, ways))
        tester = Tester(ledger, deployment.trust(), agreement, deployment.round_id, "watch", now, tmp_path / "outbox")
        tester.send()
        assert passed(ledger, deployment)[sftp] == "DELIVERY-109"
        [file] = (server.folder / "inbox").iterdir()
        opened = overstap(deployment, "open", file, "--school", sftp, "--store", tmp_path / "store")
        assert opened.returncode == 0, opened.stderr
        assert tester.take_in() == 1
        assert passed(ledger, deployment)[sftp] == "yes"
        server.stop()
        tester.send(only=sftp)
        assert passed(ledger, deployment)[sftp] == "DELIVERY-021", "who passed once and is down now has not passed"
    finally:
        server.stop()
    assert [one.message_id for one in FolderStore(tmp_path / "store").stored(EnvelopeKind.TEST)] == [UUID(file.stem)]


def receiving(agreement: Agreement, ways: Mapping[str, object]) -> Agreement:
    """Return the agreement with other ways to schools."""
    schools = tuple(
        one.model_copy(update={"receives": ways[one.id]}) if one.id in ways else one for one in agreement.schools
    )
    return agreement.model_copy(update={"schools": schools})


def test_the_test_message_through_the_traffic_centre(
    deployment: RegionDeployment, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a session, which is signed off; without one the desk says nothing, not even of a test."""
    school, other = (one.id for one in deployment.region.secondary)
    centre, sender, trust = (
        SimulatedTrafficCentre(tmp_path / "centre"),
        deployment.region.primary[0].id,
        deployment.trust(),
    )
    by_centre = ByTrafficCentre(way="traffic_centre", delivery_point=centre.routeringskenmerk(school))
    agreement = agreed_anew(
        deployment, receiving(deployment.agreement, {school: by_centre, other: Folder(way="folder")})
    )
    write_agreement(agreement, deployment.folder / "regions")
    named = f"overstap.delivery.traffic_centre.simulated:simulated={tmp_path / 'centre'}"
    monkeypatch.setenv("OVERSTAP_TRAFFIC_CENTRE", named)
    Tester(ledger, trust, agreement, deployment.round_id, "watch", now, tmp_path / "outbox").send()
    assert passed(ledger, deployment)[school] == "DELIVERY-110"
    reception = Reception(school, trust=trust, store=FolderStore(tmp_path / "store"))

    def make(session: str | None) -> DossierRequest:
        fresh = message_id(now(), os.urandom(10))
        return test_request(deployment, sender=sender, session=session, request_id=fresh)

    through = {"OVERSTAP_REGIONS": str(deployment.folder / "regions"), "OVERSTAP_TRAFFIC_CENTRE": named}
    with (
        desk(deployment, **through) as (address, _),
        DeskClient(address, school=school, trust=trust, at=now()) as desk_client,
    ):
        with pytest.raises(OverstapError) as told:
            desk_client.request_dossier(make(None))
        assert told.value.facts["problem"] == "session"
        assert passed(ledger, deployment)[school] == "DELIVERY-110"
        found = fetch_through(centre, desk_client, reception, make, sender=sender, pupil_number=NUMBER, clock=now)
    assert (found.answer, centre.resultaat(found.session)) == (ReceptionStatus.STORED, Resultaat.GESLAAGD)
    assert passed(ledger, deployment)[school] == "yes"
    assert list(FolderStore(tmp_path / "store").stored()) == []
    assert deployment.count("delivery") == deployment.count("dossier_request") == 0
    assert deployment.breaches() == []


def test_the_watch_tests_between_opening_and_delivery(
    deployment: RegionDeployment, ledger: Ledger, watch: Watch
) -> None:
    up, other = (one.id for one in deployment.region.secondary)
    deployment.receive(up)
    later = now() + timedelta(hours=3)
    agreed_anew(
        deployment, moved(deployment, delivers=later, review_closes=later, receipts_due=later + timedelta(days=1))
    )
    first, second = watch(deployment, times=2)
    assert first["tested"] == 3
    assert second.get("tested", 0) == 0, "not again within six hours"
    assert passed(ledger, deployment)[up] == "yes"
    assert passed(ledger, deployment)[other] == "DELIVERY-021"
    deployment.receive(other)
    sent = deployment.count("test_message")
    with psycopg.connect(deployment.owner_dsn) as connection:
        connection.execute("update overstap.test_message set settled_at = settled_at - interval '7 hours'")
    assert watch(deployment)[0]["tested"] == 3
    assert set(passed(ledger, deployment).values()) == {"yes"}
    assert deployment.count("test_message") == sent + 1
