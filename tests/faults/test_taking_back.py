"""Tests of withdrawal (F73): a dossier withdrawn before and after delivery, replaced, and sent again on request."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from integration.round.deployment import RegionDeployment
from psycopg import sql

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.delivery.desk.desk import RegionDesk
from overstap.delivery.revocation_sender import take_back_all
from overstap.envelope import manifest as manifests
from overstap.envelope.pull_messages import NoDossier
from overstap.envelope.receipt import Refusal
from overstap.envelope.revocation import make_revocation, verify_revocation_receipt
from overstap.ledger import Ledger
from overstap.ledger.delivery.withdrawals import WithdrawalReason, statuses, withdraw
from overstap.receiver.folder_store import FolderStore

from .steps import asked, seal, send


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


def take_back(deployment: RegionDeployment, ledger: Ledger) -> dict[str, int]:
    done = take_back_all(ledger, deployment.trust(), agreement=deployment.agreement, actor="watch", clock=now)
    return {name: count for name, count in done.items() if count}


def decide(deployment: RegionDeployment, ledger: Ledger, *dossiers: UUID) -> int:
    with ledger.unit("alfa", "coordinator_alfa") as unit:
        return withdraw(
            unit, deployment.round_id, dossiers, reason=WithdrawalReason.PUPIL_NOT_COMING, decided_by="coordinator_alfa"
        )


def delivered_to(deployment: RegionDeployment, school: str) -> list[tuple[UUID, UUID]]:
    """Return dossier and message id of all deliveries for a school alone."""
    return [
        (row[0], row[1])
        for row in deployment.rows(
            "select dossier, message_id, secondary_school from overstap.delivery l where not exists "
            "(select from overstap.delivery o where o.dossier = l.dossier "
            "and o.secondary_school <> l.secondary_school) order by message_id"
        )
        if row[2] == school
    ]


@pytest.mark.fault("F73")
def test_after_delivery_it_is_gone_and_the_school_has_signed_so(
    deployment: RegionDeployment, school: str, random: Random
) -> None:
    endpoint = deployment.receive(school)
    dossier, message = random.choice(delivered_to(deployment, school))
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
        assert (endpoint.store / "dossiers" / str(message) / "dossier.xml").exists()
        endpoint.kill()
        assert decide(deployment, ledger, dossier) == 1
        assert decide(deployment, ledger, dossier) == 0
        assert take_back(deployment, ledger) == {"signed": 1, "failed": 1}
        assert take_back(deployment, ledger) == {}, "it waits for its time"
        with ledger.unit("alfa", "test") as unit:
            [one] = statuses(unit, deployment.round_id)
            assert (one.state, one.problem, one.decided_by) == ("open", "DELIVERY-021", "coordinator_alfa")
            unit.run("update overstap.revocation set next_attempt_at = '-infinity'")
        assert [one.invariant for one in deployment.breaches()] == []
        endpoint = deployment.receive(school)
        assert take_back(deployment, ledger) == {"confirmed": 1}
        assert take_back(deployment, ledger) == {}
    place = endpoint.store / "withdrawn" / str(message)
    assert sorted(path.name for path in place.iterdir()) == [
        "answer.cms",
        "envelope.sha256",
        "manifest.json",
        "receipt.cms",
        "revocation.cms",
    ]
    assert not (endpoint.store / "dossiers" / str(message)).exists()
    assert deployment.states()["withdrawn"] == 1
    assert deployment.rows("select state, had, attempts from overstap.revocation") == [("confirmed", True, 2)]
    assert deployment.breaches() == []


def test_before_it_was_sent_nothing_goes(deployment: RegionDeployment, school: str) -> None:
    deployment.receive(school)
    (dossier, message), (other, _) = delivered_to(deployment, school)[:2]
    with deployment.ledger() as ledger:
        assert decide(deployment, ledger, dossier) == 1
        assert take_back(deployment, ledger) == {}, "nobody has it"
        send(deployment, school, ledger)
    assert message not in {UUID(path.name) for path in (deployment.store(school) / "dossiers").iterdir()}
    assert deployment.count("dossier", dossier=str(other), state="confirmed") == 1
    assert deployment.breaches() == []


def test_what_comes_after_it_was_taken_back_is_refused(deployment: RegionDeployment, school: str) -> None:
    """An envelope that was under way, or that somebody kept: the school knows by then."""
    deployment.receive(school)
    _, message = delivered_to(deployment, school)[0]
    [(envelope, digest, primary)] = kept(deployment, message)
    trust = deployment.trust()
    statement = make_revocation(
        trust.signing_identity(primary, at=now()),
        message_id=message,
        envelope_sha256=digest,
        recipient=school,
        reason="objection",
        at=now(),
    )
    client = trust.conductor_identity("alfa", at=now())
    with PushChannel(deployment.url(school), school=school, trust=trust, client=client, at=now()) as line:
        answers = {line.take_back(statement, message_id=message, at=now()).receipt_unverified for _ in range(2)}
        [answer] = answers  # the same statement, the same answer
        found = verify_revocation_receipt(
            answer or b"",
            message_id=message,
            revocation_sha256=hashlib.sha256(statement).digest(),
            receiver=school,
            trust=trust,
            at=now(),
        )
        assert (found.outcome, found.had) == ("withdrawn", False)
        refused = line.hand_over(envelope, message_id=message)
    assert refused.status == 422
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
    assert deployment.count("delivery", message_id=str(message), state="refused", problem=Refusal.WITHDRAWN.value) == 1
    assert deployment.breaches() == []


def test_nobody_else_takes_a_dossier_back(deployment: RegionDeployment, school: str) -> None:
    deployment.receive(school)
    other = deployment.region.secondary[1].id
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
    (_, message), (_, second) = delivered_to(deployment, school)[:2]
    [(_, digest, primary)] = kept(deployment, message)
    trust = deployment.trust()
    right = {"signer": primary, "envelope_sha256": digest, "recipient": school, "under": message}
    wrong = {"signer": other, "envelope_sha256": bytes(32), "recipient": other, "under": second}
    client = trust.conductor_identity("alfa", at=now())
    with PushChannel(deployment.url(school), school=school, trust=trust, client=client, at=now()) as line:
        for what, value in wrong.items():
            said = right | {what: value}
            under, signer = said.pop("under"), trust.signing_identity(str(said.pop("signer")), at=now())
            statement = make_revocation(signer, message_id=message, reason="other", at=now(), **said)  # type: ignore[arg-type]
            assert line.take_back(statement, message_id=under, at=now()).status == 422, what  # type: ignore[arg-type]
        assert line.take_back(b"no statement", message_id=message, at=now()).status == 422
    assert FolderStore(deployment.store(school)).evidence(message) is not None
    assert deployment.breaches() == []


def kept(deployment: RegionDeployment, message: UUID) -> list[tuple]:
    """Return a delivery's envelope, its digest and the sender."""
    return deployment.rows(
        sql.SQL(
            "select envelope, envelope_digest, primary_school from overstap.delivery "
            "join overstap.dossier using (dossier) where message_id = {}"
        ).format(message)
    )


@pytest.mark.fault("F73")
@pytest.mark.parametrize("point", ["before the rename", "after the rename"])
def test_kill_9_while_it_is_taken_back(
    deployment: RegionDeployment, school: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The endpoint kills itself around the commit point; the statement comes again, and the content is gone."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(
        "import os, pathlib, signal\n"
        "whole = pathlib.Path.rename\n"
        "def rename(self, target):\n"
        "    if 'withdrawn' not in pathlib.Path(target).parts: return whole(self, target)\n"
        f"    if {point == 'after the rename'}: whole(self, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pathlib.Path.rename = rename\n"
    )
    deployment.receive(school)
    dossier, message = delivered_to(deployment, school)[0]
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
        deployment.endpoints[school].kill()
        monkeypatch.setenv("PYTHONPATH", str(patch))
        killed = deployment.receive(school)
        monkeypatch.delenv("PYTHONPATH")
        decide(deployment, ledger, dossier)
        assert take_back(deployment, ledger) == {"signed": 1, "failed": 1}
        killed.process.wait()
        assert (deployment.store(school) / "dossiers" / str(message)).exists()
        deployment.receive(school)
        is_gone = not (deployment.store(school) / "dossiers" / str(message)).exists()
        assert is_gone == (point == "after the rename"), "what was begun is finished at the start"
        with ledger.unit("alfa", "test") as unit:
            unit.run("update overstap.revocation set next_attempt_at = '-infinity'")
        assert take_back(deployment, ledger) == {"confirmed": 1}
    assert not (deployment.store(school) / "dossiers" / str(message)).exists()
    assert deployment.breaches() == []


@pytest.mark.fault("F19", "F73")
def test_a_newer_version_replaces_the_delivered_one(deployment: RegionDeployment, school: str) -> None:
    """The school mends a delivered dossier: a review of its own, and an envelope that says what it replaces."""
    from datetime import timedelta

    from overstap.ledger.dossiers.dossiers import contents, decide_release, verdicts
    from overstap.ledger.review.decisions import ReviewDecision, record
    from overstap.oso.reading import read
    from overstap.oso.writing import content_digest

    endpoint = deployment.receive(school)
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
        dossier, message = delivered_to(deployment, school)[0]
        newer_version(deployment, ledger, dossier)
        with ledger.unit("alfa", "check") as unit:
            [content] = contents(unit, deployment.round_id, ["supplied"])
            assert content.ref.number == 2
            assert content_digest(read(content.content))
            verdicts(unit, {content.ref: []})
            decide_release(
                unit,
                deployment.round_id,
                approved=True,
                decided_by="coordinator_alfa",
                reason="",
                answer_key="2",
                closes_at=now() + timedelta(hours=1),
            )
        assert send(deployment, school, ledger) == {}, "nothing goes before its own review"
        las_key = las_key_of(deployment, ledger, dossier)
        with ledger.unit("alfa", "school") as unit:
            done = record(
                unit,
                deployment.round_id,
                deployment.region.primary[0].id,
                [ReviewDecision(las_key, deployment.region.today, "Ja", None)],
                ground="school_list",
            )
            assert len(done.recorded) == 1
        seal(deployment, ledger)
        assert send(deployment, school, ledger) == {"accepted": 1}
    [(newer,)] = deployment.rows("select message_id from overstap.delivery where number = 2")
    manifest = json.loads((endpoint.store / "dossiers" / str(newer) / "manifest.json").read_bytes())
    assert manifest["replaces"] == str(message)
    current = {one.message_id for one in FolderStore(endpoint.store).current()}
    assert newer in current
    assert message not in current
    had, has = (FolderStore(endpoint.store).manifest_of(one) for one in (message, newer))
    assert had is not None
    assert has is not None
    with deployment.ledger() as ledger:  # and a school that asks gets it, though it has the version before
        desk = RegionDesk(ledger, "alfa", trust=deployment.trust())
        pupil = next(
            one for one in deployment.region.pupils() if one.las_key == las_key_of(deployment, ledger, dossier)
        )
        asks = partial(asked, pupil)
        assert desk.ask(asks(newer_than=manifests.parse(had).created_at), school=school).message_id == newer
        assert desk.ask(asks(newer_than=manifests.parse(has).created_at), school=school).answer is NoDossier.NOT_NEWER
    assert deployment.states()["confirmed"] > 0
    assert deployment.breaches() == []
    with deployment.ledger() as ledger:  # and both are taken back, when it comes to that
        decide(deployment, ledger, dossier)
        assert take_back(deployment, ledger) == {"signed": 2, "confirmed": 2}
    assert deployment.breaches() == []


def newer_version(deployment: RegionDeployment, ledger: Ledger, dossier: UUID) -> None:
    """Supply one dossier again with another content, as its school would."""
    from overstap.ledger.dossiers.dossiers import IncomingDossier, contents, store
    from overstap.oso.reading import read
    from overstap.oso.writing import content_digest

    with ledger.unit("alfa", "collect") as unit:
        [one] = [one for one in contents(unit, deployment.round_id, ["confirmed"]) if one.ref.dossier == dossier]
        [(las, pupil)] = unit.rows("select las_key, pupil from overstap.dossier where dossier = %(id)s", id=dossier)
    found = read(one.content)
    pupils = {p.number: p for p in deployment.region.pupils()}
    with ledger.unit("alfa", "collect") as unit:
        number = next(n for n in pupils if unit.keys.lookup("pupil", n) == pupil)
    changed = one.content.replace(b"</voornamen>", b"-Anders</voornamen>", 1)
    if changed == one.content:
        changed = changed_anyhow(one.content)
    digest = content_digest(read(changed))
    assert digest != content_digest(found)
    assert las is not None
    incoming = IncomingDossier(number, pupils[number].las_key, changed, digest, found.version, "drop_folder")
    with ledger.unit("alfa", "collect") as unit:
        assert store(unit, deployment.round_id, one.primary_school, [incoming]).changed == 1


def changed_anyhow(content: bytes) -> bytes:
    """Change a letter in the first name found."""
    import re

    match = re.search(rb"<(\w*:?(?:achternaam|roepnaam|voorna\w+))>([^<]+)<", content)
    assert match, content[:500]
    return content[: match.start(2)] + b"Anders" + content[match.end(2) :]


def las_key_of(deployment: RegionDeployment, ledger: Ledger, dossier: UUID) -> str:
    with ledger.unit("alfa", "test") as unit:
        [(pupil,)] = unit.rows("select pupil from overstap.dossier where dossier = %(id)s", id=dossier)
        return next(p.las_key for p in deployment.region.pupils() if unit.keys.lookup("pupil", p.number) == pupil)
