"""A secondary school from outside the region collects named dossiers of one round on its page; and nothing else."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from collecting_school import enrol, on_page, press
from families import REGION
from guest_school import another_round, browser, coordinator, let_in
from school_service import PASSWORD, School, attempt, school_service

from overstap.agreements import RoundId
from overstap.clock import dutch_time, now
from overstap.closing.report import results_table, secondary_table
from overstap.errors import OverstapError
from overstap.ledger import guests
from overstap.ledger.decision_lines import differences
from overstap.ledger.delivery import deliveries, results
from overstap.ledger.invariants import check
from overstap.ledger.notifications import outbox
from overstap.ledger.review import decisions
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.counts import secondary_schools
from overstap.notifications.updating import update_notices
from overstap.oso.reading import read
from overstap.pki.authority import DevelopmentAuthority
from overstap.rounds import delivering
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap_tools.local.postgres import EmbeddedPostgres

COLLECTOR, NAME, EMAIL = "97ZZ00", "Het Verre {{ 7*7 }} <b>Lyceum</b>", "post@verre.example"


@dataclass
class Delivered:
    """A round in which two dossiers are ready for the guest."""

    school: School
    login: str
    given: list[UUID]
    others: list[UUID]


def coordinated(school: School, dossiers: list[UUID], number: str = COLLECTOR) -> str:
    place = school.review_round
    with place.unit(coordinator(school)) as unit:
        return guests.invite_collector(
            *(unit, unit.keys, place.round_id, uuid4(), number, NAME), email=EMAIL, dossiers=dossiers
        )


def mailed_to_collector(school: School) -> str:
    place = school.review_round
    update_notices(place.ledger, REGION, at=now(), expiring=(), board=str, actor="tell", school_page=school.address)
    with place.unit("test") as unit:
        [(waiting,)] = unit.rows("select mail from overstap.mail where kind = 'guest_invitation' and state = 'waiting'")
        mail = outbox.claim(unit, waiting)
    assert mail.to == EMAIL
    assert "U kunt 2 overstapdossiers op een eigen pagina ophalen" in mail.text
    found = re.search(rf"{re.escape(school.address)}(/uitnodiging/\S+)", mail.text)
    assert found is not None, mail.text
    return found[1]


def seal(school: School, folder: Path) -> None:
    """Let the moment of delivery come, every parent agree, and the round seal as its task does."""
    place = school.review_round
    authority = DevelopmentAuthority(school.folder / "trust", at=now())
    for one in place.region.primary:
        authority.school(one.id)
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        past = now() - timedelta(minutes=5)
        owner.execute("update overstap.round set delivers_at = %s where round_id = %s", [past, place.round_id])
        owner.execute(
            "update overstap.round_agreement set delivers_at = %s where round_id = %s", [past, place.round_id]
        )
    with place.unit("school") as unit:
        for one in place.region.primary:
            keys = [
                str(each.pupil.text("leerlingid"))
                for each in place.made.values()
                if each.sender == one.id and each.pupil
            ]
            said = [decisions.ReviewDecision(key, dutch_time(now()).date(), "Ja", None) for key in keys]
            decisions.record(unit, place.round_id, one.id, said, ground="school_list")
    settings = Settings(regions=folder / "regions", trust=school.folder / "trust", outbox=str(folder / "outbox"))
    context = round_context(Context(settings, place.ledger), RoundId(place.round_id), "seal")
    with place.unit("receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, place.round_id, context.round.receivers)
    assert sorted_out["no_receiver"] > 0, "the others go nowhere"
    with pytest.raises(OverstapError, match="GATE-004"):  # what goes nowhere is unusual: the coordinator is asked
        delivering.seal(context)
    by = coordinator(school)
    with place.unit(by) as unit:
        gate_holds.decide(
            *(unit, place.round_id, gate_holds.RELEASE_FOR_DELIVERY, 1),
            approved=True,
            decided_by=by,
            reason="",
            answer_key="1",
            dossiers=2,
        )
        gate_holds.settle(unit, place.round_id, gate_holds.RELEASE_FOR_DELIVERY, 1, answer_key="1")
    done = delivering.seal(context)
    assert done["envelopes"] == 2


def told_of_a_change(school: School) -> list[str]:
    """Tell what there is to tell; return subjects and texts of the mails about changes."""
    place = school.review_round
    update_notices(place.ledger, REGION, at=now(), expiring=(), board=str, actor="tell", school_page=school.address)
    with place.unit("test") as unit:
        waiting = unit.rows("select mail from overstap.mail where kind = 'guest_change' and state = 'waiting'")
        mails = [outbox.claim(unit, one[0]) for one in waiting]
    assert {one.to for one in mails} <= {EMAIL}
    return [f"{one.subject}\n{one.text}" for one in mails]


@pytest.fixture(scope="module")
def delivered(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Delivered]:
    folder = tmp_path_factory.mktemp("secondary")
    with school_service(postgres, ledger_template, folder / "school") as school:
        place = school.review_round
        with place.unit("look") as unit:
            ids = [row[0] for row in unit.rows("select dossier from overstap.dossier order by dossier")]
        assert coordinated(school, ids[:2]) == "invited"
        login, client = let_in(school, mailed_to_collector(school))
        client.close()
        seal(school, folder)
        yield Delivered(school, login, ids[:2], ids[2:])


@pytest.fixture(scope="module")
def person(delivered: Delivered) -> Iterator[httpx.Client]:
    with closing(enrol(delivered.school, delivered.login)) as made:
        yield made


def test_without_a_second_factor_nothing_is_listed(delivered: Delivered) -> None:
    school = delivered.school
    with closing(browser(school)) as weak:
        answer = attempt(school, delivered.login, PASSWORD, weak)
        assert answer.status_code == 303
        assert weak.get("/rondes").headers["location"] == "/ophalen"
        assert "Eerst een tweede stap" in weak.get("/ophalen").text


def test_it_collects_and_confirms_the_named_dossiers_alone(delivered: Delivered, person: httpx.Client) -> None:
    school, place = delivered.school, delivered.school.review_round
    shown = on_page(person)
    with place.unit("look") as unit:
        mine = dict(unit.rows("select message_id::text, dossier from overstap.delivery"))
    assert {mine[one] for one in shown} == set(delivered.given)
    sheets = press(person, "bestand", shown, vorm="sheet")
    assert sheets.content.startswith(b"%PDF")
    xml = press(person, "bestand", shown[:1], vorm="xml")
    assert read(xml.content).tree.block("inzage") is not None, "inspected, as every dossier"
    assert press(person, "terugmelden", shown, uitkomst="placed").status_code == 409, "not confirmed yet"
    assert press(person, "bevestigen", shown, zeker="ja").status_code == 200
    assert "Gemeld over 2 dossiers" in press(person, "terugmelden", shown, uitkomst="imported").text
    assert press(person, "terugmelden", shown[:1], uitkomst="placed").status_code == 200
    assert press(person, "terugmelden", shown[:1], uitkomst="placed").status_code == 409, "said before"
    assert press(person, "terugmelden", shown, uitkomst="{{ 7*7 }}").status_code == 422
    assert press(person, "terugmelden", [], uitkomst="placed").status_code == 422
    with place.unit("look") as unit:
        states = dict(unit.rows("select dossier, state from overstap.dossier"))
        assert {states[one] for one in delivered.given} == {"confirmed"}
        [counted] = [one for one in secondary_schools(unit, place.round_id) if one.school == COLLECTOR]
        assert (counted.confirmed, counted.by_account) == (2, 2), "told as by account"
        told = secondary_table([counted], str)
        [said] = [one for one in results.counts(unit, place.round_id) if one.school == COLLECTOR]
        assert (said.outcomes, said.by_account) == ({"imported": 2, "placed": 1}, 3)
        assert "zonder ondertekening: 3" in str(results_table([said]))
        assert check(unit) == []
        assert list(differences(unit)) == []
    assert "account" in str(told).lower()
    assert not re.search("verre|Lyceum", school.log)


def test_it_opens_nothing_else(delivered: Delivered, person: httpx.Client) -> None:
    school, place = delivered.school, delivered.school.review_round
    listed = f"/ronde/{place.round_id}"
    for path in ("/invullen", "/invullen/werkmap.xlsx", "/leerlingenlijst", "/uitnodigen"):
        answer = person.get(f"{listed}{path}")
        assert answer.status_code in (404, 409), path
        assert not any(str(one.surname) in answer.text for one in place.made.values()), path
    for strange in delivered.others[:3] + delivered.given:
        for path in (f"/leerling/{strange}", f"/invullen/{strange}", f"/invullen/{strange}/ouders"):
            assert person.get(f"{listed}{path}").status_code in (404, 409, 422), path
    assert press(person, "bestand", [str(uuid4())], vorm="xml").status_code == 404
    other = another_round(school)
    assert person.get(f"/ronde/{other}").status_code == 404
    key = person.get("/ophalen").text.partition('name="formulier" value="')[2].partition('"')[0]
    for path in ("/invullen", "/invullen/oso", "/uitnodigen"):
        sent = person.post(f"{listed}{path}", data={"formulier": key, "school": "98ZZ00"})
        assert sent.status_code in (404, 409, 422), path


def test_what_a_coordinator_cannot_give(delivered: Delivered) -> None:
    school, place = delivered.school, delivered.school.review_round
    assert coordinated(school, delivered.given, place.region.secondary[0].id) == "member"
    assert coordinated(school, delivered.given, place.region.primary[0].id) == "member"
    assert coordinated(school, [uuid4()], "96ZZ00") == "unknown"
    with psycopg.connect(school.home.owner_dsn) as owner:
        assert owner.execute("select count(*) from overstap.guest_school").fetchone() == (1,)
    for statement in (
        "insert into overstap.guest_dossier select guest, region, dossier, school from overstap.guest_dossier",
        "update overstap.guest_dossier set ended_at = null",
        "update overstap.guest_school set kind = 'PO'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), place.unit("x") as unit:
            unit.run(statement)


def test_it_is_mailed_when_dossiers_are_added(delivered: Delivered) -> None:
    school, place = delivered.school, delivered.school.review_round
    assert told_of_a_change(school) == [], "the invitation says it"
    assert coordinated(school, delivered.given) == "added"
    assert told_of_a_change(school) == [], "nothing was added"
    assert coordinated(school, [*delivered.given, *delivered.others[-2:]]) == "added"
    [mail] = told_of_a_change(school)
    assert "In totaal gaat het nu om 4 overstapdossiers" in mail
    assert school.address in mail
    assert "uitnodiging/" not in mail
    assert not [one for one in place.made.values() if one.pupil and str(one.pupil.text("achternaam")) in mail]
    assert told_of_a_change(school) == [], "once"
    with place.unit("look") as unit:
        assert list(differences(unit)) == []


def test_when_its_part_ends_the_page_is_shut(delivered: Delivered, person: httpx.Client) -> None:
    school, place = delivered.school, delivered.school.review_round
    mine = "select dossier from overstap.may_receive where secondary_school = %(school)s"
    with place.unit("look") as unit:
        [one] = guests.of_round(unit, place.round_id)
        assert {row[0] for row in unit.rows(mine, school=COLLECTOR)} >= set(delivered.given)
    with place.unit(coordinator(school)) as unit:
        assert guests.end(unit, one.guest)
    with place.unit("look") as unit:
        assert unit.rows(mine, school=COLLECTOR) == [], "nothing more is sealed for it, or shown to it"
    assert person.get("/ophalen").status_code == 403
    assert attempt(school, delivered.login, PASSWORD).status_code == 422
    assert coordinated(school, delivered.others[:1]) == "ended"
    with place.unit("look") as unit:
        assert check(unit) == [], "what was confirmed while it took part stays right"
        assert list(differences(unit)) == []
