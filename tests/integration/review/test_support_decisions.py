"""A partnership records its decision on its page; the school reads it, and the pupil's next dossier takes it over."""

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest
from collecting_school import enrol, token
from families import REGION
from owned import files_told
from school_service import ACCOUNT, PASSWORD, School, rows, school_service, signed_in

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.ledger import accounts
from overstap.ledger.decision_lines import differences
from overstap.ledger.dossiers import dossiers, records
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import sha256
from overstap.ledger.rounds import rounds
from overstap.oso import to_bytes
from overstap.oso.facts import DossierFacts
from overstap.pages.school.passwords import hash_password
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap_tools.local.postgres import EmbeddedPostgres

SWV, LAS_KEY = "zorg@swv.example", "LN-77"
GRANTED = {
    "maatregel": "tlv",
    "uitkomst": "toegekend",
    "nummer": "TLV-2027-0815",
    "vanaf": "1-8-2026",
    "tot": "31-7-2028",
    "categorie": "L",
    "reden": "",
}


@pytest.fixture(scope="module")
def school(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    with school_service(postgres, ledger_template, tmp_path_factory.mktemp("school")) as made:
        place = made.review_round
        kinds = {kind: past_milestones(now()) for kind in (RoundKind.ADVICE, RoundKind.SUPPORT)}
        agreement = agreement_of(place.region, kinds)
        [partnership] = [one.id for one in agreement.schools if one.kind == "SWV"]
        with place.unit("beheer") as unit:
            rounds.open_round(unit, agreement, RoundKind.SUPPORT)
            accounts.put_account(unit, SWV, partnership, "Zorgteam", hash_password(PASSWORD))
            content = to_bytes(next(one for one in place.made.values() if one.sender == place.school))
            item = dossiers.IncomingDossier(LAS_KEY, LAS_KEY, content, sha256(content), "2019.1", "drop_folder")
            dossiers.store(unit, agreement.round_id(RoundKind.SUPPORT), place.school, [item])
            [stored] = unit.one("select dossier from overstap.dossier where round_id like '%%support'")
            records.of(unit, [dossiers.VersionRef(stored, 1)], DossierFacts)
        rows(
            made,
            "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, serial, "
            "envelope, envelope_digest, manifest_digest, files_digest, state, attempts) select gen_random_uuid(), "
            "region, round_id, dossier, 1, %s, 0, 'x', sha256('x'), sha256('x'), sha256('x'), 'confirmed', 1 "
            "from overstap.dossier where round_id = %s",
            partnership,
            agreement.round_id(RoundKind.SUPPORT),
        )
        yield made


@pytest.fixture(scope="module")
def partnership(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, SWV)) as made:
        yield made


@pytest.fixture(scope="module")
def primary(school: School) -> Iterator[httpx.Client]:
    with closing(enrol(school, ACCOUNT)) as made:
        yield made


def the_dossier(school: School) -> str:
    return str(rows(school, "select dossier from overstap.delivery")[0][0])


def decide(school: School, who: httpx.Client, **changed: str) -> httpx.Response:
    key = token(who.get("/ondersteuning").text)
    return who.post(
        "/ondersteuning/besluit", data={"formulier": key, "dossier": the_dossier(school), **GRANTED, **changed}
    )


def as_logged(school: School) -> list[str]:
    with school.review_round.unit() as unit:
        return [why for _, why in differences(unit) if "support" in why]


def test_only_the_partnership_with_a_second_factor_decides(school: School, primary: httpx.Client) -> None:
    with closing(signed_in(school, SWV)) as weak:
        assert "Eerst een tweede stap" in weak.get("/ondersteuning").text
        form = {"formulier": token(weak.get("/beveiliging").text), "dossier": the_dossier(school), **GRANTED}
        assert weak.post("/ondersteuning/besluit", data=form).status_code == 403
    assert decide(school, primary).status_code == 404, "the school that sent it"
    assert rows(school, "select 1 from overstap.support_decision") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"uitkomst": ""}, "Kies waarover"),
        ({"nummer": ""}, "beschikkingsnummer"),
        ({"vanaf": "1-13-2026"}, "Vul een datum in"),
        ({"tot": "gauw"}, "Vul een datum in"),
        ({"tot": "1-7-2026"}, "voor de eerste"),
        ({"categorie": ""}, "Kies de categorie"),
        ({"maatregel": "lwoo", "tot": "30-6-2028"}, "31 juli"),
        ({"uitkomst": "geweigerd"}, "Schrijf waarom"),
    ],
)
def test_what_is_not_complete_is_not_kept(
    school: School, partnership: httpx.Client, change: dict[str, str], said: str
) -> None:
    answer = decide(school, partnership, **change)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert rows(school, "select 1 from overstap.support_decision") == []


def test_a_decision_is_signed_read_by_the_school_and_taken_over(
    school: School, partnership: httpx.Client, primary: httpx.Client, tmp_path: Path
) -> None:
    done = decide(school, partnership)
    assert (done.status_code, "vastgelegd en ondertekend" in done.text) == (200, True)
    page = primary.get("/ondersteuning").text
    for word in ("TLV-2027-0815", "01-08-2026", "31-07-2028", "categorie laag", "toegekend"):
        assert word in page
    decision = re.findall(r'name="besluit" value="([0-9a-f-]{36})"', page)[0]
    key = token(page)
    file = primary.post("/ondersteuning/bestand", data={"formulier": key, "besluit": decision})
    with zipfile.ZipFile(io.BytesIO(file.content)) as package:
        package.extractall(tmp_path)
    [told] = files_told(school.home.owner_dsn)
    assert told["detail"]["file"] == "support_decision"
    assert told["detail"]["signs"] == [reference(UUID(the_dossier(school)))]
    said = json.loads((tmp_path / "besluit.json").read_bytes())
    assert (said["number"], said["account"], said["is_granted"]) == ("TLV-2027-0815", SWV, True)
    root = next((school.folder / "trust").rglob("root*.crt"), None) or next((school.folder / "trust").rglob("*.crt"))
    verified = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-noverify", "-content"]
    command = [*verified, str(tmp_path / "besluit.json"), "-in", str(tmp_path / "besluit.json.p7s")]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0, root
    (tmp_path / "besluit.json").write_bytes((tmp_path / "besluit.json").read_bytes().replace(b"0815", b"0816"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    [(content,)] = rows(school, "select content from overstap.support_decision")
    assert b"TLV" not in content
    assert as_logged(school) == []
    place = f"/ronde/{school.review_round.round_id}"
    roster = f"leerlingnummer;leerlingid;achternaam;geboortedatum;roepnaam;groep\n;{LAS_KEY};Lijst;2015-03-30;Noor;8A\n"
    sent = {"bestand": ("l.csv", roster)}
    done = primary.post(f"{place}/leerlingenlijst", data={"formulier": key}, files=sent)
    assert done.status_code == 200, done.text
    listed = primary.get(f"{place}/invullen").text
    entry = re.findall(r'<option value="([0-9a-f-]{36})">Noor Lijst', listed)
    assert entry, listed
    begun = primary.post(f"{place}/invullen", data={"formulier": key, "leerling": entry[0]})
    draft = re.findall(r"/invullen/([0-9a-f-]{36})", begun.headers.get("location", "") + begun.text)[0]
    step = primary.get(f"{place}/invullen/{draft}/stap/onderwijsondersteuning").text
    assert "Overgenomen uit het besluit van" in step
    for value in ("TLV-2027-0815", "01-08-2026"):
        assert f'value="{value}"' in step
    refused = decide(school, partnership, uitkomst="geweigerd", reden="Basisondersteuning volstaat")
    assert "Basisondersteuning volstaat" in refused.text
    page = primary.get("/ondersteuning").text
    assert page.index("geweigerd") < page.index("TLV-2027-0815")
    again = primary.post(f"{place}/invullen", data={"formulier": key, "leerling": entry[0]})
    draft = re.findall(r"/invullen/([0-9a-f-]{36})", again.headers.get("location", "") + again.text)[0]
    step = primary.get(f"{place}/invullen/{draft}/stap/onderwijsondersteuning").text
    assert "TLV-2027-0815" not in step, "a refusal takes nothing over"
    assert as_logged(school) == []
    assert "TLV" not in school.log


def test_a_form_that_is_sent_twice_or_eight_times_at_once_is_one_decision(
    school: School, partnership: httpx.Client
) -> None:
    """Each was one more decision, signed, that nobody can take away. Another decision in between is one of its own."""

    def kept() -> int:
        return int(rows(school, "select count(*) from overstap.support_decision")[0][0])

    before = kept()
    wanted = {**GRANTED, "nummer": "TLV-2027-0900"}
    form = {"formulier": token(partnership.get("/ondersteuning").text), "dossier": the_dossier(school), **wanted}
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda _: partnership.post("/ondersteuning/besluit", data=form), range(8)))
    assert {one.status_code for one in many} <= {200, 503}, "503: three of an account are looked at at a time"
    assert sum("vastgelegd en ondertekend" in one.text for one in many) == 1
    assert kept() == before + 1
    assert "was al vastgelegd" in decide(school, partnership, nummer="TLV-2027-0900").text
    assert kept() == before + 1
    decide(school, partnership, nummer="TLV-2027-0901")
    assert "vastgelegd en ondertekend" in decide(school, partnership, nummer="TLV-2027-0900").text
    assert kept() == before + 3
    assert as_logged(school) == []


def test_an_account_fills_no_page_with_decisions(school: School, partnership: httpx.Client) -> None:
    done = rows(school, "select count(*) from overstap.support_decision")[0][0]
    for number in range(50 - done):
        assert decide(school, partnership, nummer=f"TLV-{number}").status_code == 200
    answer = decide(school, partnership, nummer="TLV-51")
    assert (answer.status_code, "vijftig besluiten" in answer.text) == (409, True)
    assert rows(school, "select count(*) from overstap.support_decision") == [(50,)]


def test_what_is_said_beside_the_function_is_refused_or_found(school: School) -> None:
    with psycopg.connect(school.dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute("delete from overstap.support_decision")
    with psycopg.connect(school.dsn) as login:
        login.execute(f"set local role overstap_school_{REGION}")
        with pytest.raises(psycopg.errors.CheckViolation):
            login.execute(
                "select overstap.decide_support(sha256('x'), gen_random_uuid(), gen_random_uuid(), '1', %s, 'x', "
                "sha256('x'), 0)",
                [bytes(20_001)],
            )
    rows(school, "update overstap.support_decision set digest = sha256('x')")
    assert as_logged(school)
