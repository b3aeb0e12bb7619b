"""A secondary school gives the applications at the school a state on its page; and what others cannot do there."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest
from collecting_school import agreement_with_page, deliver, enrol, on_page, press, receiver, token
from families import REGION
from openpyxl import load_workbook
from owned import files_told
from school_service import ACCOUNT, OTHER, PASSWORD, School, rows, school_service, signed_in, sound

from overstap.clock import now
from overstap.delivery.revocation_sender import take_back_all
from overstap.ledger import accounts
from overstap.ledger.delivery.withdrawals import statuses
from overstap.ledger.invariants import check
from overstap.ledger.rounds import registrations, school_applications
from overstap.ledger.rounds.application_list import COLUMNS
from overstap.ledger.rounds.registrations import Registration
from overstap.pages.school.passwords import hash_password
from overstap.pki import TrustStore
from overstap_tools.local.postgres import EmbeddedPostgres

ELSEWHERE, COLLEAGUE = "elders@vo.example", "collega@vo.example"


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        deliver(made)
        with made.review_round.unit("beheer") as unit:
            other = made.review_round.region.secondary[1].id
            accounts.put_account(unit, ELSEWHERE, other, "Een andere school", hash_password(PASSWORD))
            accounts.put_account(unit, COLLEAGUE, receiver(made), "Een collega", hash_password(PASSWORD))
            registrations.record_registrations(
                unit,
                made.review_round.agreement.school_year,
                [
                    Registration(number, str(dossier.sender), other, "applied", now(), preference=2)
                    for number, dossier in made.review_round.made.items()
                ],
            )
        yield made


@pytest.fixture(scope="module")
def elsewhere(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ELSEWHERE)) as made:
        yield made


def year_of(school: School) -> str:
    return school.review_round.agreement.school_year


def found(person: httpx.Client, *numbers: str, year: str) -> tuple[list[str], str]:
    """The ids of the applications of some pupils, and the page."""
    key = token(person.get("/aanmeldingen").text)
    page = person.post("/aanmeldingen/zoek", data={"formulier": key, "jaar": year, "nummers": "\n".join(numbers)})
    assert page.status_code == 200
    return re.findall(r'name="aanmelding" value="([0-9a-f-]{36})"', page.text), page.text


def say(
    school: School, person: httpx.Client, ids: list[str], stand: str, reden: str = "", **more: str
) -> httpx.Response:
    key = token(person.get("/aanmeldingen").text)
    form = {"formulier": key, "jaar": year_of(school), "aanmelding": ids, "stand": stand, "reden": reden, **more}
    return person.post("/aanmeldingen/stand", data=form)


def standing(school: School, number: str, at: str) -> tuple[Any, ...]:
    """State, reason, stage, whether it counts no longer, and the source and author of the last state."""
    with school.review_round.unit() as unit:
        pupil = unit.keys.lookup("pupil", number)
    [one] = rows(
        school,
        "select a.status, a.status_reason, a.stage, a.withdrawn_at is not null, e.source, e.noted_by "
        "from overstap.application a cross join lateral (select * from overstap.application_event x "
        "where x.pupil = a.pupil and x.secondary_school = a.secondary_school "
        "order by x.application_event desc limit 1) e where a.pupil = %s and a.secondary_school = %s",
        *(pupil, at),
    )
    return tuple(one)


def numbers(school: School) -> list[str]:
    return list(school.review_round.made)


def test_without_a_second_factor_or_of_a_primary_school_nothing_is_listed(school: School) -> None:
    with closing(signed_in(school, COLLEAGUE)) as weak:
        page = weak.get("/aanmeldingen")
        assert "Eerst een tweede stap" in page.text
        assert 'name="aanmelding"' not in page.text
        [(one, *_)] = rows(
            school,
            "select min(application_event::text) from overstap.application_event where secondary_school = %s",
            receiver(school),
        )
        answer = say(school, weak, [one], "admissible")
        assert answer.status_code == 403
        assert weak.get(f"/aanmeldingen/{one}").status_code == 404
    with closing(signed_in(school, ACCOUNT)) as primary:
        assert primary.get("/aanmeldingen").status_code == 404
        answer = primary.post(
            "/aanmeldingen/stand", data={"formulier": token(primary.get("/beveiliging").text), "aanmelding": [one]}
        )
        assert answer.status_code == 404
    sound(school)


def test_a_pupil_is_found_by_number_and_shown_without_name(school: School, person: httpx.Client) -> None:
    number, second = numbers(school)[:2]
    ids, page = found(person, number, second, "13", "123456782", year=year_of(school))
    assert len(ids) == 2
    assert "Geen geldig nummer: 1 regel." in page
    assert "Zonder aanmelding bij uw school: 1 leerling." in page
    for dossier in school.review_round.made.values():
        assert f">{dossier.surname}<" not in page
        assert str(dossier.pupil_number) not in page
    assert number not in school.log


def test_a_number_without_its_zeros_is_looked_for_with_them_and_told(school: School, person: httpx.Client) -> None:
    """Of shorter numbers the check digit says too little."""
    ids, page = found(person, numbers(school)[0], "12345672", "12345678", "345672", year=year_of(school))
    assert len(ids) == 1
    assert "Bij 1 nummer stonden de nullen vooraan er niet." in page
    assert "Geen geldig nummer: 2 regels." in page
    assert "Zonder aanmelding bij uw school: 1 leerling." in page
    assert "nullen vooraan" not in found(person, numbers(school)[0], year=year_of(school))[1]


def test_a_state_is_kept_with_reason_source_and_account(school: School, person: httpx.Client) -> None:
    number = numbers(school)[0]
    [one], _ = found(person, number, year=year_of(school))
    assert "Kies minstens één leerling" in say(school, person, [], "refused").text
    assert "Kies een status" in say(school, person, [one], "verzonnen").text
    assert "Kies een reden" in say(school, person, [one], "refused").text
    assert "hoort geen reden" in say(school, person, [one], "complete", "full").text
    assert standing(school, number, receiver(school))[0] is None
    done = say(school, person, [one], "refused", "full")
    assert (done.status_code, "Vastgelegd: 1 aanmelding." in done.text) == (200, True)
    assert standing(school, number, receiver(school)) == (
        *("refused", "full", "placed", True, "page"),
        f"school:{OTHER}",
    )
    assert "hadden die status al" in say(school, person, [one], "refused", "full").text
    say(school, person, [one], "admissible")
    assert standing(school, number, receiver(school))[:4] == ("admissible", None, "registered", False)
    say(school, person, [one], "placed")
    say(school, person, [one], "support_examined")
    assert standing(school, number, receiver(school))[:4] == ("support_examined", None, "registered", False)
    history = person.get(f"/aanmeldingen/{one}").text
    for word in ("geweigerd", "geen plaats", "toelaatbaar", "ondersteuning in onderzoek", "deze pagina", OTHER):
        assert word in history
    assert say(school, person, [one], "placed").status_code == 200
    sound(school)


def test_an_older_list_takes_no_state_of_the_school_away(school: School, person: httpx.Client) -> None:
    number = numbers(school)[1]
    [one], _ = found(person, number, year=year_of(school))
    before = now()
    say(school, person, [one], "refused", "advice")
    with school.review_round.unit("registrations") as unit:
        sender = str(school.review_round.made[number].sender)
        stated = [Registration(number, sender, receiver(school), "placed", before)]
        assert registrations.record_registrations(unit, year_of(school), stated) == 0
    assert standing(school, number, receiver(school))[:2] == ("refused", "advice")
    say(school, person, [one], "placed")
    sound(school)


def test_what_another_school_says_is_of_its_own_applications(
    school: School, person: httpx.Client, elsewhere: httpx.Client
) -> None:
    number = numbers(school)[2]
    [mine], _ = found(person, number, year=year_of(school))
    [theirs], _ = found(elsewhere, number, year=year_of(school))
    assert mine != theirs
    assert elsewhere.get(f"/aanmeldingen/{mine}").status_code == 404
    assert "geplaatst op een andere school" in elsewhere.get("/aanmeldingen").text
    assert say(school, elsewhere, [mine], "refused", "full").status_code == 200, "the pupil's application there, if any"
    assert standing(school, number, receiver(school))[0] != "refused"
    sound(school)


def test_parents_withdraw_at_one_school_and_only_there_it_is_taken_back(
    school: School, person: httpx.Client, elsewhere: httpx.Client
) -> None:
    number, unsent = numbers(school)[3:5]
    with school.review_round.unit() as unit:
        pupils = [unit.keys.lookup("pupil", each) for each in (number, unsent)]
    message, other = (
        str(
            rows(
                school,
                "select l.message_id from overstap.delivery l join overstap.dossier d using (dossier) "
                "where d.pupil = %s",
                each,
            )[0][0]
        )
        for each in pupils
    )
    press(person, "bestand", [message], vorm="xml")
    press(person, "bevestigen", [message], zeker="ja")
    ids, _ = found(person, number, unsent, year=year_of(school))
    assert "Zet een vinkje" in say(school, person, ids, "withdrawn", "elsewhere").text
    done = say(school, person, ids, "withdrawn", "elsewhere", zeker="ja")
    assert "Vastgelegd: 2 aanmeldingen." in done.text
    assert "Ingetrokken bij uw school: 1 dossier." in done.text
    assert not {message, other} & set(on_page(person)), "neither is offered any more"
    assert press(person, "bestand", [other], vorm="xml").status_code == 404
    assert standing(school, number, school.review_round.region.secondary[1].id)[3] is False, "elsewhere it stands"
    with school.review_round.unit() as unit:
        assert [one.state for one in statuses(unit, school.review_round.round_id)] == ["unsigned"]
    agreement = agreement_with_page(school)
    trust = TrustStore(school.folder / "trust", production=False)
    take_back_all(school.review_round.ledger, trust, agreement=agreement, actor="watch", clock=now, outbox=None)
    page = person.get("/ophalen").text
    assert "Ingetrokken dossiers" in page
    assert message in page
    sound(school)
    # A withdrawal that was a mistake: what was never sent may go, what was taken back goes in a newer version only
    say(school, person, ids, "placed")
    assert other in on_page(person)
    assert press(person, "bestand", [message], vorm="xml").status_code == 404
    assert press(person, "verwijderd", [message], zeker="ja").status_code == 200
    assert [row[0] for row in rows(school, "select state from overstap.revocation")] == ["confirmed"]
    sound(school)


def test_what_is_said_beside_the_functions_is_refused_or_found(school: School) -> None:
    dsn = school.dsn
    for statement in (
        "update overstap.application set status = 'placed'",
        "insert into overstap.envelope_withdrawal select * from overstap.envelope_withdrawal",
        "select overstap.take_back_at('{}', 'x', 'other', 'x')",
        "select overstap.audit('delivery.take_back', array['x'], array['{}'])",
        "select overstap.audit('registrations.by_school', array['x'], array['{}'])",
    ):
        with psycopg.connect(dsn) as login:
            login.execute(f"set local role overstap_school_{REGION}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
    with psycopg.connect(dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        for stay in (b"", b"x" * 32):
            said = login.execute(
                "select changed from overstap.state_applications(%s, %s, "
                "array(select pupil from overstap.application), 'refused', 'full')",
                [stay, year_of(school)],
            ).fetchone()
            assert said == (None,)
    sound(school)
    with psycopg.connect(school.home.owner_dsn, autocommit=True) as owner:
        [kept] = owner.execute("select to_jsonb(w) from overstap.envelope_withdrawal w limit 1").fetchall()
        owner.execute("delete from overstap.envelope_withdrawal")
    with school.review_round.unit() as unit:
        assert "delivery.take_back" in " ".join(breach.why for breach in check(unit))
    assert kept[0]["secondary_school"] == receiver(school)


def file_of(person: httpx.Client, stand: str = "", vorm: str = "csv", jaar: str = "") -> httpx.Response:
    key = token(person.get("/beveiliging").text)
    return person.post("/aanmeldingen/lijst", data={"formulier": key, "jaar": jaar, "stand": stand, "vorm": vorm})


def lines_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    head, *found = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert tuple(head) == COLUMNS
    return [dict(zip(head, row, strict=True)) for row in found]


def test_a_school_gets_its_own_applications_as_a_file(
    school: School, person: httpx.Client, elsewhere: httpx.Client
) -> None:
    number = numbers(school)[1]
    [one], page = found(person, number, year=year_of(school))
    [sign] = re.findall(r'value="[0-9a-f-]{36}" aria-label="([^"]+)"', page)
    say(school, person, [one], "refused", "advice")
    answer = file_of(person)
    assert answer.headers["cache-control"] == "no-store"
    assert f"aanmeldingen-{receiver(school)}-{year_of(school)}.csv" in answer.headers["content-disposition"]
    lines = lines_of(answer)
    with school.review_round.unit() as unit:
        ids = school_applications.listed(unit, year_of(school), receiver(school))
    assert [line["leerling"] for line in lines] == [each.sign for each in ids]
    assert {(line["school_brin"], line["schooljaar"]) for line in lines} == {(receiver(school), year_of(school))}
    [own] = [line for line in lines if line["leerling"] == sign]
    assert (own["status"], own["status_code"], own["reden"]) == ("geweigerd", "refused", "advies past niet")
    assert (own["reden_code"], own["bron"], own["bron_code"]) == ("advice", "pagina van de school", "page")
    assert own["basisschool_brin"] == str(school.review_round.made[number].sender)
    assert datetime.fromisoformat(own["geldt_sinds"]).tzinfo is not None
    assert own["vastgelegd_op"] >= own["geldt_sinds"][:10]
    assert own["besluit_uiterlijk"] == "", "what is refused has no day to decide before"
    for number, dossier in school.review_round.made.items():
        assert number not in answer.text
        assert not re.search(rf"\b{re.escape(str(dossier.surname))}\b", answer.text), "in a sign it may stand by chance"
    assert [line["leerling"] for line in lines_of(file_of(person, "refused"))] == [sign]
    sheet = load_workbook(io.BytesIO(file_of(person, vorm="xlsx").content)).active
    assert sheet is not None
    assert [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)] == [
        list(COLUMNS),
        *[list(line.values()) for line in lines],
    ]
    told = [line["detail"] for line in files_told(school.home.owner_dsn)]
    assert {(detail["file"], detail["to"]) for detail in told} == {("applications", receiver(school))}
    assert [detail["pupils"] for detail in told] == [len({each.sign for each in ids}), 1, told[0]["pupils"]]
    assert sign not in told[1]["signs"], "it is made of the hash of the pupil; the chain has the dossier instead"
    say(school, person, [one], "placed")
    theirs = lines_of(file_of(elsewhere))
    assert {line["school_brin"] for line in theirs} == {school.review_round.region.secondary[1].id}
    assert {line["voorkeur"] for line in theirs} == {"2"}
    open_ones = [line for line in theirs if line["status_code"] == "applied" and line["elders_geplaatst"] == "nee"]
    assert all(bool(line["besluit_uiterlijk"]) for line in open_ones)
    assert next(line for line in theirs if line["leerling"] == sign)["elders_geplaatst"] == "ja"


def test_who_does_not_see_the_applications_gets_no_file(school: School) -> None:
    with closing(signed_in(school, COLLEAGUE)) as weak:
        for kind in ("csv", "xlsx"):
            answer = file_of(weak, vorm=kind)
            assert (answer.status_code, "content-disposition" in answer.headers) == (403, False)
            assert "Eerst een tweede stap" in answer.text
    with closing(signed_in(school, ACCOUNT)) as primary:
        assert file_of(primary).status_code == 404
    with closing(httpx.Client(base_url=school.address, verify=False)) as nobody:  # noqa: S501 (a server of the test)
        assert nobody.post("/aanmeldingen/lijst", data={"vorm": "csv"}).status_code in (303, 401, 403)


HOSTILE = ("\0", "\r\nX-Forged: 1", '"; filename="x.html', "../../etc/passwd", "=1+1", "9" * 5_000, "' or 1=1")


def test_what_is_sent_for_the_file_changes_neither_its_name_nor_whose_it_is(
    school: School, person: httpx.Client
) -> None:
    all_lines, key = lines_of(file_of(person)), token(person.get("/beveiliging").text)
    name = f"aanmeldingen-{receiver(school)}-{year_of(school)}.csv"
    for sent in HOSTILE:
        for field in ("jaar", "vorm"):
            answer = file_of(person, **{field: sent})
            assert (lines_of(answer), "x-forged" in answer.headers) == (all_lines, False), (field, sent)
            assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
            assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert answer.headers["x-content-type-options"] == "nosniff"
        # What cannot be a state is none, and then all are listed, as on the page
        assert lines_of(file_of(person, stand=sent)) in ([], all_lines)
    other = school.review_round.region.secondary[1].id
    form = {"formulier": key, "school": other, "account": ELSEWHERE, "region": "beta", "vorm": "csv"}
    assert lines_of(person.post("/aanmeldingen/lijst", data=form)) == all_lines
    assert person.get("/aanmeldingen/lijst", params=form).status_code in (404, 405)
    for wrong in ("", "0" * 64, key[:-1], f"{key}\0"):
        answer = person.post("/aanmeldingen/lijst", data={"formulier": wrong, "vorm": "csv"})
        assert (answer.status_code >= 400, "content-disposition" in answer.headers) == (True, False), wrong
