"""What a registration takes from dossiers: initials that no roster states, whole pupils, and provisional advices."""

import json
from datetime import timedelta
from pathlib import Path

import doorstroomtoets
import pytest
from typer.testing import CliRunner

from overstap.cli import app
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.dossiers.dossiers import write_records
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import sha256
from overstap.ledger.rosters.taking import Leaver
from overstap.oso.building import build
from overstap.oso.facts import record_of
from overstap.oso.writing import canonical
from overstap.pki import TrustStore
from overstap.simulation.synthetic.numbers import bsn
from overstap.test_chain.client import ADVICES, REGISTER
from overstap.test_chain.participants import participants
from overstap.test_chain.registering import Registrar

from .conftest import BARE, KEYS, NUMBERS, REGION, SCHOOL, SECOND, YEAR, Supplier, agreement, person, take_roster

ROUND = agreement().round_id("pre_registration")


def supply(ledger: Ledger, school: str, number: str, *, advice: str = "61", **pupil: object) -> None:
    """Supply a dossier of a pupil as a collection does."""
    known = {
        "voornaam": ["Bo", "Anna"],
        "voorvoegsel": "de",
        "achternaam": "Bij",
        "roepnaam": "Bo",
        "geboortedatum": "2015-02-01",
        "geslacht": "2",
        "bsn": number,
        "leerlingid": number,
        "overstapadvies": {"advies": advice},
    }
    made = build(
        {"huidigeschool": {"brincode": school[:4], "vestigingscode": school[4:], "leerling": {**known, **pupil}}}
    )
    content = canonical(made)
    one = dossiers.IncomingDossier(number, number, content, sha256(content), "2019.1", "drop_folder")
    with ledger.unit(REGION, "collect") as unit:
        dossiers.store(unit, ROUND, school, [one])
        [(dossier, version)] = unit.rows(
            "select dossier, version from overstap.dossier where pupil = %(pupil)s",
            pupil=unit.keys.lookup("pupil", number),
        )
        write_records(unit, [(dossiers.VersionRef(dossier, version), record_of(made))])


def test_initials_come_from_the_dossier_where_the_roster_has_none(
    registrar: Registrar, opened: Ledger, supplier: Supplier
) -> None:
    bare, other = person(NUMBERS[3], initials="", sex=""), person(NUMBERS[4])
    take_roster(opened, SECOND, [Leaver(one, "group_8") for one in (bare, other)], now() + timedelta(minutes=1))
    assert registrar.register(SECOND, dry_run=True).left_out == {"no_initials": 1}
    supply(opened, SECOND, NUMBERS[3])
    assert registrar.register(SECOND).sent == 2
    surname = f"Vis {NUMBERS[3]}"
    [pupil] = [one for one in json.loads(supplier.got[0][2])["deelnemers"] if one["achternaam"] == surname]
    assert (pupil["extensie"]["voorletters"], pupil["extensie"]["geslacht"]) == ("BA", 1)
    assert pupil["roepnaam"] == "Noor", "the roster comes first"


def test_without_a_roster_the_pupils_of_dossiers_take_the_test(opened: Ledger) -> None:
    supply(opened, BARE, bsn(40))
    supply(opened, BARE, bsn(41), voornaam=[])
    with opened.unit(REGION, "test") as unit:
        found, left = participants(unit, YEAR, BARE)
        assert (list(found), left) == ([unit.keys.lookup("pupil", bsn(40))], {"no_initials": 1})
    [one] = found.values()
    assert (one.surname, one.first_name, one.initials, one.sex, one.group) == ("Bij", "Bo", "BA", "boy", "8")
    assert "Bij" not in repr(one)


def test_advices_go_of_who_is_registered_and_once(
    registrar: Registrar, opened: Ledger, supplier: Supplier, judge: doorstroomtoets.Judge
) -> None:
    supplier.judge = judge
    supply(opened, SCHOOL, NUMBERS[0], advice="61")
    assert registrar.send_advices(SCHOOL).left_out == {"not_registered": 1}
    assert supplier.got == []
    registrar.register(SCHOOL)
    done = registrar.send_advices(SCHOOL)
    assert (done.sent, done.left_out) == (1, {"no_advice": 2})
    call, query, body = supplier.got[-1]
    assert (call, query["edu-from"]) == (ADVICES, KEYS[SCHOOL])
    [entry] = json.loads(body)["voorlopigSchooladviezen"]
    assert entry["advies"] == "HAVO_TM_VWO"
    again = registrar.send_advices(SCHOOL)
    assert (again.sent, again.as_before, len(supplier.got)) == (0, 1, 2)
    supplier.answers = [403]
    supply(opened, SCHOOL, NUMBERS[0], advice="70")
    with pytest.raises(OverstapError, match="TESTS-004"):
        registrar.send_advices(SCHOOL)
    assert registrar.send_advices(SCHOOL).sent == 1
    with opened.unit(REGION, "test") as unit:
        assert check(unit) == []


@pytest.fixture
def command(
    opened: Ledger, app_dsn: str, keys_folder: Path, trust: TrustStore, monkeypatch: pytest.MonkeyPatch
) -> CliRunner:
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    monkeypatch.setenv("OVERSTAP_TRUST", str(trust.folder))
    return CliRunner()


def test_the_command_tells_numbers_and_no_names(command: CliRunner, supplier: Supplier, opened: Ledger) -> None:
    words = ["tests", "register", REGION, "--by", "c.jansen"]
    dry = command.invoke(app, [*words, "--dry-run"])
    assert (dry.exit_code, supplier.got) == (0, []), dry.output
    assert "99AB00: 3 leerlingen aan te melden bij Toetsbureau; al bekend: 0" in dry.output
    done = command.invoke(app, words)
    assert "99AB00: 3 leerlingen aangemeld bij Toetsbureau; al bekend: 0" in done.output
    assert "99AC00: 2 leerlingen aangemeld" in done.output
    assert [call for call, _, _ in supplier.got] == [REGISTER, REGISTER]
    again = json.loads(command.invoke(app, [*words, "--school", SCHOOL, "--year", YEAR, "--json"]).stdout)
    assert [(one["sent"], one["as_before"]) for one in again] == [(0, 3)]
    told = command.invoke(app, ["tests", "advices", REGION, "--by", "c.jansen"])
    assert "nog zonder voorlopig advies: 3" in told.output
    assert "Vis" not in dry.output + done.output + told.output
    with opened.unit(REGION, "test") as unit:
        actors = unit.rows(
            "select distinct payload::jsonb ->> 'actor' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'test_registrations.announce'"
        )
    assert actors == [("c.jansen",)]
    refused = command.invoke(app, [*words, "--school", "99AD00"])
    assert isinstance(refused.exception, OverstapError)
    assert refused.exception.code == "TESTS-001"
