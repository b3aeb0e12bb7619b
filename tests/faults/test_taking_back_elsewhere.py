"""Tests of withdrawal (F73) at schools that collect: the revocation is beside the envelopes, or the desk's answer."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from forked import run
from integration.round.deployment import RegionDeployment

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.delivery.channels.pull import Pull
from overstap.delivery.desk.desk import DeskRefusal, RegionDesk
from overstap.delivery.revocation_sender import take_back_all
from overstap.delivery.stored_evidence import receipt_fault
from overstap.envelope.over_https import NOTIFICATIONS
from overstap.envelope.pull_messages import NoDossier
from overstap.envelope.revocation import make_revocation_receipt
from overstap.ledger import Ledger
from overstap.ledger.delivery.withdrawals import WithdrawalReason, withdraw
from overstap.ledger.invariants import ExternalEvidence, check
from overstap.receiver.folder_store import envelope_digests as stored

from .desks import OVERSTAP, desk
from .receiving_ends import ReceivingEnd, ask, envelopes, open_files, own, pupil_list, receiving
from .steps import asked, send


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


@pytest.fixture
def ledger(deployment: RegionDeployment) -> Iterator[Ledger]:
    with deployment.ledger() as found:
        yield found


def take_back(deployment: RegionDeployment, ledger: Ledger, agreement: Agreement) -> dict[str, int]:
    given = {"agreement": agreement, "actor": "watch", "clock": now, "outbox": deployment.folder / "outbox"}
    done = take_back_all(ledger, deployment.trust(), **given)  # type: ignore[arg-type]
    return {name: count for name, count in done.items() if count}


def withdrawn(deployment: RegionDeployment, ledger: Ledger, *messages: UUID) -> None:
    with ledger.unit("alfa", "coordinator_alfa") as unit:
        dossiers = [
            unit.one("select dossier from overstap.delivery where message_id = %(id)s", id=one)[0] for one in messages
        ]
        withdraw(unit, deployment.round_id, dossiers, reason=WithdrawalReason.OBJECTION, decided_by="coordinator_alfa")


def states(deployment: RegionDeployment) -> dict[str, tuple[str, str | None, bool | None]]:
    rows = deployment.rows("select message_id, state, problem, had from overstap.revocation")
    return {str(row[0]): row[1:] for row in rows}


def breaches(deployment: RegionDeployment, ledger: Ledger, school: str, store: Path) -> list[object]:
    with ledger.unit("alfa", "test") as unit:
        return list(check(unit, ExternalEvidence({school: stored(store)}, receipt_fault(deployment.trust()))))


def alone(deployment: RegionDeployment, messages: list[UUID]) -> list[UUID]:
    """Return those whose dossier goes to this school alone."""
    rows = deployment.rows(
        "select message_id from overstap.delivery l where not exists (select from overstap.delivery o "
        "where o.dossier = l.dossier and o.message_id <> l.message_id)"
    )
    return [one for one in messages if (one,) in rows]


@pytest.mark.fault("F73")
def test_the_statement_lies_there_and_the_answer_comes_back(
    deployment: RegionDeployment, school: str, ledger: Ledger, receiving_end: ReceivingEnd, tmp_path: Path
) -> None:
    agreement, folder = receiving_end
    store = tmp_path / "store"
    send(deployment, school, ledger, agreement=agreement, outbox=deployment.folder / "outbox")
    found = [folder / f"{one}.cms" for one in alone(deployment, [UUID(path.stem) for path in envelopes(folder)])]
    had, waiting, untouched = found[:3]
    assert open_files(deployment, school, [had, untouched], store).returncode == 0
    send(deployment, school, ledger, agreement=agreement, outbox=deployment.folder / "outbox")
    withdrawn(deployment, ledger, UUID(had.stem), UUID(waiting.stem))
    assert take_back(deployment, ledger, agreement) == {"signed": 2, "offered": 2}
    assert not waiting.exists(), "what the school did not take yet is taken away"
    assert states(deployment) == {one.stem: ("open", "DELIVERY-108", None) for one in (had, waiting)}
    assert take_back(deployment, ledger, agreement) == {}, "it lies there; nothing is put there twice"

    # A lie: the answer to another statement, under this one's name
    statements = {one.stem: folder / f"{one.stem}.revocation.cms" for one in (had, waiting)}
    lie = make_revocation_receipt(
        deployment.trust().signing_identity(school, at=now()),
        message_id=UUID(had.stem),
        revocation=statements[waiting.stem].read_bytes(),
        had=True,
        at=now(),
    )
    (folder / f"{had.stem}.taken-back.cms").write_bytes(lie)
    assert take_back(deployment, ledger, agreement) == {"unverified": 1}
    assert states(deployment)[had.stem] == ("open", "DELIVERY-015", None)

    # As the guide says: everything that lies there, statements, receipts and all
    done = open_files(deployment, school, sorted(folder.glob("*.cms")), store)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ingetrokken en verwijderd") == 2
    assert not (store / "dossiers" / had.stem).exists()
    assert (store / "dossiers" / untouched.stem).exists()
    assert take_back(deployment, ledger, agreement) == {"confirmed": 2}
    assert states(deployment) == {had.stem: ("confirmed", None, True), waiting.stem: ("confirmed", None, False)}
    assert breaches(deployment, ledger, school, store) == []


def test_who_asks_is_told_that_it_was_taken_back(
    deployment: RegionDeployment, school: str, ledger: Ledger, tmp_path: Path
) -> None:
    """By the commands of the school, with the desk as a process; then lies and repetitions."""
    other = deployment.region.secondary[1].id
    deployment.receive(school)
    store = deployment.store(school)
    url = f"https://127.0.0.1:{deployment.ports[school]}{NOTIFICATIONS}"
    agreement = receiving(deployment, school, Pull(way="pull", notify=url))
    send(deployment, school, ledger, agreement=agreement)
    single = {pupil for pupil in own(deployment, school) if not any(c.school_id == other for c in pupil.choices)}
    mine = [pupil for pupil in own(deployment, school) if pupil in single][:3]
    pupils = pupil_list(deployment, tmp_path / "pupils.csv", mine[:2])
    with desk(deployment) as (address, _):
        said, _ = ask(deployment, school, address, pupils, store).communicate(timeout=120)
        assert said.count(": ontvangen") == 2, said
        messages = {path.name for path in (store / "dossiers").iterdir()}
        keys = {}
        at_desk = RegionDesk(ledger, "alfa", trust=deployment.trust())
        for pupil in mine:
            given = at_desk.ask(asked(pupil), school=school).message_id
            assert given is not None
            keys[pupil] = given
        gone, kept, early = (keys[pupil] for pupil in mine)
        assert messages == {str(gone), str(kept)}
        withdrawn(deployment, ledger, gone, early)
        # One it has, and one that was handed out and never confirmed
        assert take_back(deployment, ledger, agreement) == {"signed": 2, "offered": 2}
        assert states(deployment) == {str(one): ("open", "DELIVERY-108", None) for one in (gone, early)}
        said, _ = ask(deployment, school, address, pupils, store).communicate(timeout=120)
        assert "regel 1: ingetrokken: bij u verwijderd en bevestigd" in said
        assert "regel 2: u hebt de nieuwste versie al" in said
        again, _ = ask(deployment, school, address, pupils, store).communicate(timeout=120)
        assert "regel 1: door de basisschool ingetrokken" in again
        for word in (pupils, store):
            assert str(word) not in (deployment.folder / "desk.log").read_text()
    assert states(deployment)[str(gone)] == ("confirmed", None, True)
    assert not (store / "dossiers" / str(gone)).exists()
    assert (store / "dossiers" / str(kept)).exists()

    third = mine[2]
    told = at_desk.ask(asked(third), school=school)
    assert (told.message_id, told.envelope, told.answer) == (early, None, None)
    assert told.statement is not None
    assert at_desk.ask(asked(third), school=other).answer is NoDossier.UNKNOWN, "another school learns nothing"
    assert at_desk.ask(asked(third, surname="Niemand"), school=school).answer is NoDossier.UNKNOWN

    def hand_in(signer: str = school, school: str = school, revocation: bytes = told.statement, **more: Any) -> str:
        made = make_revocation_receipt(
            deployment.trust().signing_identity(signer, at=now()),
            message_id=early,
            revocation=revocation,
            had=False,
            at=now(),
            **more,
        )
        return at_desk.taken_back(made, early, school=school, at=now())

    assert hand_in(signer=other) == "DELIVERY-013"
    assert hand_in(revocation=b"another") == "DELIVERY-015"
    assert hand_in(school=other) == DeskRefusal.UNKNOWN_MESSAGE
    assert states(deployment)[str(early)][0] == "open"
    assert [hand_in(), hand_in()] == ["confirmed", "confirmed"]
    assert at_desk.ask(asked(third), school=school).answer is NoDossier.WITHDRAWN
    assert deployment.breaches() == []


def test_what_was_never_handed_out_is_withdrawn_without_a_statement(
    deployment: RegionDeployment, school: str, ledger: Ledger
) -> None:
    agreement = receiving(deployment, school, Pull(way="pull"))
    pupil = own(deployment, school)[0]
    with psycopg.connect(deployment.owner_dsn) as connection, ledger.unit("alfa", "test") as unit:
        key = unit.keys.lookup("pupil", pupil.number)
        query = (
            "select l.message_id from overstap.delivery l join overstap.dossier d using (dossier) where d.pupil = %s"
        )
        message = connection.execute(query, [key]).fetchone()[0]  # type: ignore[index]
    withdrawn(deployment, ledger, message)
    assert take_back(deployment, ledger, agreement) == {}
    at_desk = RegionDesk(ledger, "alfa", trust=deployment.trust())
    assert at_desk.ask(asked(pupil), school=school).answer is NoDossier.WITHDRAWN
    assert deployment.breaches() == []


def test_the_command_says_how_it_stands(deployment: RegionDeployment, school: str, ledger: Ledger) -> None:
    """`overstap delivery withdraw` for a school with a folder: it stands ready, and the school's answer is awaited."""
    from overstap.delivery.channels.folder import Folder

    from .conftest import agreed_anew

    agreement = agreed_anew(deployment, receiving(deployment, school, Folder(way="folder")))
    send(deployment, school, ledger, agreement=agreement, outbox=deployment.folder / "outbox")
    [(dossier,)] = deployment.rows(
        f"select dossier from overstap.delivery where secondary_school = '{school}' limit 1"  # noqa: S608
    )
    words = ["delivery", "withdraw", "--round", deployment.round_id, "--by", deployment.coordinator, str(dossier)]
    ran = run(
        [*OVERSTAP, *words],
        env=os.environ | deployment.settings | {"OVERSTAP_OUTBOX": str(deployment.folder / "outbox")},
        timeout=120,
    )
    assert ran.returncode == 1, ran.stderr
    assert f"{school} open DELIVERY-108" in " ".join(ran.stdout.split())
