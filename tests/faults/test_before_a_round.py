"""Test messages (proefberichten) before a round: the whole way to real endpoints, by the command and by the watch."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from integration.round.house import House

from overstap.agreements import Agreement
from overstap.agreements.model import Folder, Pull
from overstap.clock import now
from overstap.delivery.manifest import Kind
from overstap.delivery.storage import FolderStore
from overstap.delivery.testing import Tester
from overstap.ledger import Ledger
from overstap.ledger.test_messages import SchoolResult, results

from .conftest import Watch, agreed_anew, moved
from .liars import Server, answer, receipt_of


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
    [message] = store.stored(Kind.TEST)
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
    agreement = agreed_anew(house, receiving(agreement, {pull: house.agreement.school(pull).receives}))
    house.receive(pull)
    Tester(ledger, house.trust(), agreement, house.round_id, "watch", now, tmp_path / "outbox").send()
    assert set(passed(ledger, house).values()) == {"yes"}
    assert house.count("test_message") == 2


def receiving(agreement: Agreement, ways: dict[str, object]) -> Agreement:
    """Return the agreement with other ways to schools."""
    schools = tuple(
        one.model_copy(update={"receives": ways[one.id]}) if one.id in ways else one for one in agreement.schools
    )
    return agreement.model_copy(update={"schools": schools})


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
