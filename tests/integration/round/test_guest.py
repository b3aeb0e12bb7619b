"""A primary school from outside the region in a round that Airflow plays: from its upload to receipt and report."""

import contextlib
import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger, guests
from overstap.ledger.accounts import SchoolAccount
from overstap.ledger.decision_lines import differences
from overstap.ledger.guests import GuestAsked
from overstap.oso.writing import to_bytes
from overstap.pages.school.uploaded import UploadedFile, UploadOperations
from overstap.pki.authority import DevelopmentAuthority
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.reviews import write_reviews
from overstap.simulation.synthetic.writing import dossiers
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Played, Players
from .conftest import Schools
from .deployment import RegionDeployment, build

GUEST, NAME, EMAIL = "98ZZ00", "De Verre Kim", "directie@verre.example"
PUPILS = 3


@dataclass
class PlayedGuest:
    """A round as it was played, first without the guest, then with it."""

    deployment: RegionDeployment
    before: Played
    """Nobody was invited yet; the coordinator did not release anything."""
    late: Played
    """Invited, and nothing supplied."""
    complete: Played
    again: Played


@pytest.fixture(scope="module")
def played(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlayedGuest]:
    today = dutch_time(now()).date()
    region = make_region(13, 9, 2, 2, today=today, name="alfa", late=0, faulty=0, littered=0, database=0)
    deployment = build(tmp_path_factory.mktemp("guest"), server, region, review=timedelta(minutes=20), las=False)
    elsewhere = guest_region()
    deployment.receive_all()
    airflow = players.open(deployment)
    schools = Schools(deployment)
    try:
        before = airflow.play(answer={"release": "Nog niet"})
        account = invite(deployment)
        register(deployment, elsewhere)
        late = airflow.play(answer={"release": "Nog niet"})
        upload(deployment, account, elsewhere)
        folder = deployment.folder / "region" / "reviews" / region.name
        write_reviews(elsewhere, folder, today)
        DevelopmentAuthority(deployment.folder / "trust", at=now()).school(GUEST)
        deployment.region = replace(region, primary=(*region.primary, *elsewhere.primary))
        schools.start()
        complete = airflow.play()
        yield PlayedGuest(deployment, before, late, complete, airflow.play())
    finally:
        schools.over.set()
        airflow.close()
        deployment.close()


def guest_region() -> SyntheticRegion:
    """The guest as a region of its own, with a few pupils."""
    today = dutch_time(now()).date()
    made = make_region(77, 4_000, 60, 3, today=today, name="elders", title="Elders")
    school = replace(made.primary[-1], id=GUEST, name=NAME, size=PUPILS)
    return replace(made, primary=(school,))


def invite(deployment: RegionDeployment) -> SchoolAccount:
    """Invite the guest, and make its account behind the address."""
    asked = GuestAsked(EMAIL, tuple(f"Leerling {number}, 3 mei 2014" for number in range(PUPILS)))
    with deployment.ledger() as ledger:
        with ledger.unit("alfa", deployment.coordinator) as unit:
            done = guests.invite(unit, unit.keys, deployment.round_id, uuid4(), GUEST, NAME, asked)
            assert done == "invited"
        with ledger.unit("alfa", "tell") as unit:
            [one] = guests.waiting(unit)
            secret = guests.new_address(unit, one.guest)
    assert secret is not None
    with pages(deployment) as ledger:
        login = guests.accept(ledger, secret, "J. de Gast", "no password: nobody signs in here", GUEST)
    assert login is not None
    return SchoolAccount(login, "alfa", GUEST, "J. de Gast", deployment.round_id)


@contextlib.contextmanager
def pages(deployment: RegionDeployment) -> Iterator[Ledger]:
    """The ledger as the schools' pages have it."""
    dsn = deployment.server.dsn("overstap_school", deployment.database)
    with contextlib.closing(Ledger(dsn, deployment.sandbox.keys)) as found:
        yield found


def upload(deployment: RegionDeployment, account: SchoolAccount, elsewhere: SyntheticRegion) -> None:
    files = [UploadedFile(f"{number}.xml", to_bytes(one)) for number, (_, one) in enumerate(dossiers(elsewhere))]
    with pages(deployment) as ledger:
        found = UploadOperations(lambda: contextlib.nullcontext(ledger)).take(account, deployment.round_id, files)
    assert [(one.state, one.why) for one in found] == [("taken", ())] * PUPILS


def register(deployment: RegionDeployment, elsewhere: SyntheticRegion) -> None:
    """State the guest's pupils among the registrations, for one secondary school."""
    path = deployment.drop / "alfa" / str(deployment.agreement.registrations.file)
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=";"))
    phase, moment = rows[1][4:6]
    receiver = deployment.region.secondary[0].id
    with path.open("a", encoding="utf-8", newline="") as file:
        for pupil in elsewhere.pupils():
            row = (pupil.number, pupil.birth_date.isoformat(), GUEST, receiver, phase, moment)
            csv.writer(file, delimiter=";").writerow(row)
    written = path.stat().st_mtime - 60
    os.utime(path, (written, written))


def of_guest(deployment: RegionDeployment, query: str) -> list[tuple]:
    return deployment.rows(query.replace("GUEST", f"'{GUEST}'"))


def test_without_a_guest_the_round_goes_on(played: PlayedGuest) -> None:
    assert played.before.labels["collect_guests[0]"] == "Ophalen - geen school uitgenodigd"
    assert played.before.tasks["collect_guests[0]"] == "success"
    assert played.before.tasks["check"] == "success"


def test_a_guest_that_supplied_nothing_is_red_by_its_own_square_and_holds_up_nobody(played: PlayedGuest) -> None:
    assert played.late.tasks["collect_guests[0]"] == "failed"
    assert played.late.labels["collect_guests[0]"] == f"Ophalen - {NAME} ({GUEST})"
    assert played.late.tasks["check"] == "success"
    assert f"INTAKE-050 | {NAME}" in played.late.log
    assert "zie Contact met scholen op het bord" in played.late.log
    assert "verre.example" not in played.late.log + played.complete.log, "the address is encrypted in the ledger"


def test_its_dossiers_go_from_upload_to_receipt(played: PlayedGuest) -> None:
    deployment = played.deployment
    assert played.complete.state == "success"
    assert set(played.complete.tasks.values()) == {"success"}
    states = Counter(
        dict(
            of_guest(deployment, "select state, count(*) from overstap.dossier where primary_school = GUEST group by 1")
        )
    )
    assert set(states) <= {"confirmed", "not_inspected"}
    assert states["confirmed"] > 0
    found = of_guest(
        deployment,
        "select l.secondary_school, r.outcome, count(*) from overstap.delivery l "
        "join overstap.dossier d using (dossier) "
        "join overstap.receipt r using (message_id) where d.primary_school = GUEST group by 1, 2",
    )
    assert found == [(deployment.region.secondary[0].id, "accepted", states["confirmed"])]
    decided = of_guest(
        deployment,
        "select count(distinct r.dossier) from overstap.review_decision r join overstap.dossier d using (dossier) "
        "where d.primary_school = GUEST",
    )
    assert decided[0][0] >= states["confirmed"], "inspected by parents, as everywhere"
    assert deployment.breaches() == []
    with deployment.ledger() as ledger, ledger.unit("alfa", "test") as unit:
        assert list(differences(unit)) == []


def test_report_and_evidence_tell_of_the_guest(played: PlayedGuest) -> None:
    deployment = played.deployment
    [report] = [path for path in deployment.reports.rglob("*.html") if NAME in path.read_text(encoding="utf-8")][:1]
    text = report.read_text(encoding="utf-8")
    assert GUEST in text
    assert not re.search(r"verre\.example|Leerling \d, 3 mei", text)
    lines = Counter(
        dict(deployment.rows("select payload::jsonb ->> 'action', count(*) from overstap.audit_line group by 1"))
    )
    assert lines["guest.invite"] == lines["guest.mail"] == lines["guest.accept"] == 1
    assert lines["typed.hand_in"] == PUPILS
    assert lines["evidence.checkpoint"] > 0


def test_playing_the_round_again_delivers_nothing_twice(played: PlayedGuest) -> None:
    deployment = played.deployment
    assert played.again.state == "success"
    assert (
        deployment.rows("select dossier from overstap.delivery group by dossier, secondary_school having count(*) > 1")
        == []
    )
