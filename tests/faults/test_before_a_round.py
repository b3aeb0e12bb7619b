"""Test messages (proefberichten) before a round: the whole way to real endpoints, by the command and by the watch."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from integration.delivery import sshd
from integration.round.house import House
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
from overstap.envelope.manifest import EnvelopeKind
from overstap.envelope.message_ids import message_id
from overstap.envelope.over_https import NOTIFICATIONS
from overstap.envelope.proof_pupil import BIRTH_DATE, NUMBER, SURNAME
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.test_messages import SchoolResult, results
from overstap.pki.sshkeys import make_ssh_key
from overstap.receiver.desk_client import Asker
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception, Took
from overstap.simulation.synthetic.agreement import write_agreement

from .conftest import Watch, agreed_anew, moved
from .desks import desk
from .liars import Server, answer, receipt_of
from .steps import asked


@pytest.fixture
def house(at_brink: Callable[[str], House]) -> House:
    return at_brink("opened")


@pytest.fixture
def ledger(house: House) -> Iterator[Ledger]:
    with house.ledger() as found:
        yield found


def overstap(house: House, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overstap", *map(str, arguments)],
        env=os.environ | house.settings,
        capture_output=True,
        text=True,
        timeout=120,
    )


def by_command(house: House, *arguments: object) -> tuple[int, dict[str, str]]:
    """Give `overstap delivery test`; return its exit code and what it says of each school."""
    ran = overstap(house, "delivery", "test", "--round", house.round_id, "--by", house.coordinator, *arguments)
    assert ran.stderr.count("Traceback") == 0, ran.stderr
    schools = [one.id for one in (*house.region.primary, *house.region.secondary)]
    return ran.returncode, {
        school: line for line in ran.stdout.splitlines() for school in schools if f"({school})" in line
    }


def passed(ledger: Ledger, house: House) -> dict[str, str | None]:
    """Return of each school whether it passed ("yes"), or the code of what is wrong."""
    with ledger.unit("alfa", "test") as unit:
        found: list[SchoolResult] = results(unit, house.round_id)
    return {one.school: "yes" if one.has_passed else one.code for one in found}


def test_the_whole_way_and_who_passed(house: House, ledger: Ledger) -> None:
    """Receipted, not imported; a school that is down or lies has not passed, and harms no other."""
    sender = house.region.primary[0].id
    up, other = (one.id for one in house.region.secondary)
    before = house.dump("dossier"), house.dump("delivery")
    house.receive(up)
    code, said = by_command(house)
    assert code == 1
    assert [said[one].startswith("geslaagd") for one in (sender, up, other)] == [True, True, False]
    assert "DELIVERY-021" in said[other]
    store = FolderStore(house.store(up))
    assert list(store.stored()) == []
    [message] = store.stored(EnvelopeKind.TEST)
    assert (message.sender.school, message.recipient.school) == (sender, up)
    [(receipt,)] = house.rows("select receipt from overstap.test_message where outcome = 'accepted'")
    assert store.receipt_for(message.message_id) == (store_digest(house, up, message.message_id), receipt)

    lie = Server(house, other, lambda line, id_, body: answer(line, receipt_of(house, other, id_, body, signer=up)))
    code, said = by_command(house)
    lie.close()
    assert (code, len(lie.seen)) == (1, 1)
    assert "niet geslaagd" in said[other]
    assert house.count("test_message", secondary_school=up) == 1, "who passed is not asked again"
    assert house.count("test_message", secondary_school=other, outcome="unverified") == 1

    house.receive(other)
    code, said = by_command(house)
    assert (code, passed(ledger, house)) == (0, dict.fromkeys((sender, up, other), "yes"))
    assert by_command(house, "--school", other)[0] == 0
    assert house.count("test_message", secondary_school=other) == 4
    house.endpoints[up].kill()
    assert by_command(house, "--again")[0] == 1, "who passed once and is down now has not passed"
    assert passed(ledger, house) == {sender: "yes", up: "DELIVERY-021", other: "yes"}
    assert (house.dump("dossier"), house.dump("delivery")) == before
    house.endpoints.pop(up)
    assert house.breaches() == []


def store_digest(house: House, school: str, message: object) -> bytes:
    [(digest,)] = house.rows(
        f"select envelope_digest from overstap.test_message where message_id = '{message}'"  # noqa: S608
    )
    return bytes(digest)


def test_a_school_that_takes_it_itself_passes_when_its_receipt_lies_there(
    house: House, ledger: Ledger, tmp_path: Path
) -> None:
    """In its folder, and at the desk under a pupil who does not exist."""
    sender = house.region.primary[0].id
    folder, pull = (one.id for one in house.region.secondary)
    agreement = agreed_anew(house, receiving(house.agreement, {folder: Folder(way="folder"), pull: Pull(way="pull")}))
    tester = Tester(ledger, house.trust(), agreement, house.round_id, "watch", now, tmp_path / "outbox")
    for _ in range(2):  # what stands ready is not put there again
        tester.send()
        assert passed(ledger, house) == {sender: None, folder: "DELIVERY-109", pull: "DELIVERY-110"}
        [file] = (tmp_path / "outbox" / "alfa" / folder).iterdir()
    opened = overstap(house, "open", file, "--school", folder, "--store", tmp_path / "store")
    assert opened.returncode == 0, opened.stderr
    assert list(FolderStore(tmp_path / "store").stored()) == []
    tester.send()
    assert passed(ledger, house) == {sender: "yes", folder: "yes", pull: "DELIVERY-110"}
    store = tmp_path / "asked"
    with desk(house) as (address, _):
        given = ("--school", pull, "--desk", address, "--store", store, "--test")
        strange = overstap(house, "receive", "ask", *given, "nowhere")
        asks = [overstap(house, "receive", "ask", *given, sender) for _ in range(2)]
    assert strange.returncode != 0
    assert "DELIVERY-057" in strange.stderr + strange.stdout
    assert [one.returncode for one in asks] == [0, 0], asks[0].stderr
    assert "regel 1: ontvangen" in asks[0].stdout
    assert "regel 1: was al ontvangen" in asks[1].stdout
    assert list(FolderStore(store).stored()) == []
    assert len(list(FolderStore(store).stored(EnvelopeKind.TEST))) == 1
    assert set(passed(ledger, house).values()) == {"yes"}
    assert house.count("test_message", outcome="accepted") == 2
    assert house.count("delivery") == house.count("dossier_request") == 0
    assert house.breaches() == []


def test_a_pulling_school_is_told_of_its_test_and_its_receipt_has_to_count(
    house: House, ledger: Ledger, tmp_path: Path
) -> None:
    """F16 to F18 at the desk for a test; and a notification that nobody takes is what is told."""
    pull, other = (one.id for one in house.region.secondary)
    url = f"https://127.0.0.1:{house.ports[pull]}{NOTIFICATIONS}"
    ways = {pull: Pull(way="pull", notify=url), other: Folder(way="folder")}
    agreement = agreed_anew(house, receiving(house.agreement, ways))
    tester = Tester(ledger, house.trust(), agreement, house.round_id, "watch", now, tmp_path / "outbox")
    tester.send()
    assert passed(ledger, house)[pull] == "DELIVERY-021"
    house.receive(pull)
    tester.send()
    assert passed(ledger, house)[pull] == "DELIVERY-110"
    [notified] = (house.store(pull) / "notified").glob("*.json")
    at_desk = RegionDesk(ledger, "alfa", trust=house.trust())
    told = at_desk.ask(test_request(house), school=pull)
    assert str(told.message_id) == notified.stem
    assert at_desk.ask(test_request(house), school=other).answer is NoDossier.NOT_READY, "it is another's"
    assert at_desk.ask(test_request(house, oso_versions=("2017.1",)), school=pull).answer is NoDossier.WRONG_VERSION
    assert told.message_id is not None
    assert told.envelope is not None

    def hand_in(school: str = pull, **lie: object) -> str:
        made = receipt_of(house, pull, told.message_id, told.envelope, **lie)  # type: ignore[arg-type]
        return at_desk.receipt(made, told.message_id, school=school, at=now())  # type: ignore[arg-type]

    assert hand_in(signer=other) == "DELIVERY-013"
    assert hand_in(envelope_sha256=bytes(32)) == "DELIVERY-015"
    assert hand_in(other) == DeskRefusal.UNKNOWN_MESSAGE
    assert passed(ledger, house)[pull] == "DELIVERY-110"
    assert [hand_in(), hand_in()] == ["accepted", "accepted"]
    assert passed(ledger, house)[pull] == "yes"


def test_request(house: House, **other: object) -> DossierRequest:
    said = {"pupil_number": NUMBER, "surname": SURNAME, "birth_date": BIRTH_DATE, "sender": "99ZZ00"}
    return asked(next(iter(house.region.pupils())), **said | other)


test_request.__test__ = False  # type: ignore[attr-defined]


def test_the_test_message_over_openssh(house: House, ledger: Ledger, tmp_path: Path) -> None:
    sftp, folder = (one.id for one in house.region.secondary)
    server = sshd.start(tmp_path / "sshd", make_ssh_key(house.folder / "trust", "alfa"))
    try:
        ways = {sftp: server.place(), folder: Folder(way="folder")}
        agreement = agreed_anew(house, receiving(house.agreement, ways))
        tester = Tester(ledger, house.trust(), agreement, house.round_id, "watch", now, tmp_path / "outbox")
        tester.send()
        assert passed(ledger, house)[sftp] == "DELIVERY-109"
        [file] = (server.folder / "inbox").iterdir()
        opened = overstap(house, "open", file, "--school", sftp, "--store", tmp_path / "store")
        assert opened.returncode == 0, opened.stderr
        assert tester.take_in() == 1
        assert passed(ledger, house)[sftp] == "yes"
        server.stop()
        tester.send(only=sftp)
        assert passed(ledger, house)[sftp] == "DELIVERY-021", "who passed once and is down now has not passed"
    finally:
        server.stop()
    assert [one.message_id for one in FolderStore(tmp_path / "store").stored(EnvelopeKind.TEST)] == [UUID(file.stem)]


def receiving(agreement: Agreement, ways: dict[str, object]) -> Agreement:
    """Return the agreement with other ways to schools."""
    schools = tuple(
        one.model_copy(update={"receives": ways[one.id]}) if one.id in ways else one for one in agreement.schools
    )
    return agreement.model_copy(update={"schools": schools})


def test_the_test_message_through_the_traffic_centre(
    house: House, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a session, which is signed off; without one the desk says nothing, not even of a test."""
    school, other = (one.id for one in house.region.secondary)
    centre, sender, trust = SimulatedTrafficCentre(tmp_path / "centre"), house.region.primary[0].id, house.trust()
    by_centre = ByTrafficCentre(way="traffic_centre", delivery_point=centre.routeringskenmerk(school))
    agreement = agreed_anew(house, receiving(house.agreement, {school: by_centre, other: Folder(way="folder")}))
    write_agreement(agreement, house.folder / "regions")
    named = f"overstap.delivery.traffic_centre.simulated:simulated={tmp_path / 'centre'}"
    monkeypatch.setenv("OVERSTAP_TRAFFIC_CENTRE", named)
    Tester(ledger, trust, agreement, house.round_id, "watch", now, tmp_path / "outbox").send()
    assert passed(ledger, house)[school] == "DELIVERY-110"
    reception = Reception(school, trust=trust, store=FolderStore(tmp_path / "store"))

    def make(session: str | None) -> DossierRequest:
        fresh = message_id(now(), os.urandom(10))
        return test_request(house, sender=sender, session=session, request_id=fresh)

    through = {"OVERSTAP_REGIONS": str(house.folder / "regions"), "OVERSTAP_TRAFFIC_CENTRE": named}
    with desk(house, **through) as (address, _), Asker(address, school=school, trust=trust, at=now()) as asker:
        with pytest.raises(OverstapError) as told:
            asker.ask(make(None))
        assert told.value.facts["problem"] == "session"
        assert passed(ledger, house)[school] == "DELIVERY-110"
        found = fetch_through(centre, asker, reception, make, sender=sender, pupil_number=NUMBER, clock=now)
    assert (found.answer, centre.resultaat(found.session)) == (Took.STORED, Resultaat.GESLAAGD)
    assert passed(ledger, house)[school] == "yes"
    assert list(FolderStore(tmp_path / "store").stored()) == []
    assert house.count("delivery") == house.count("dossier_request") == 0
    assert house.breaches() == []


def test_the_watch_tests_between_opening_and_delivery(house: House, ledger: Ledger, watch: Watch) -> None:
    up, other = (one.id for one in house.region.secondary)
    house.receive(up)
    later = now() + timedelta(hours=3)
    agreed_anew(house, moved(house, delivers=later, review_closes=later, receipts_due=later + timedelta(days=1)))
    first, second = watch(house, times=2)
    assert first["tested"] == 3
    assert second.get("tested", 0) == 0, "not again within six hours"
    assert passed(ledger, house)[up] == "yes"
    assert passed(ledger, house)[other] == "DELIVERY-021"
    house.receive(other)
    sent = house.count("test_message")
    with psycopg.connect(house.owner_dsn) as connection:
        connection.execute("update overstap.test_message set settled_at = settled_at - interval '7 hours'")
    assert watch(house)[0]["tested"] == 3
    assert set(passed(ledger, house).values()) == {"yes"}
    assert house.count("test_message") == sent + 1
