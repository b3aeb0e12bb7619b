"""Tests of retention: erased data can be neither read nor found, while the audit chain still verifies."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from families import Family, Home, ReviewRound, home, open_review_round
from typer.testing import CliRunner

from overstap.agreements.model import Invitations
from overstap.clock import now
from overstap.delivery.sealing import seal_round
from overstap.errors import OverstapError
from overstap.ledger import retention
from overstap.ledger.audit import verify
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import create_keys
from overstap.ledger.review import decisions, invitations, parent_requests
from overstap.ledger.rounds import refused_lists, registrations, rounds
from overstap.ledger.rounds.refused_lists import RefusedRows, RegionList
from overstap.ledger.rounds.registrations import RefusedRegistration
from overstap.pages.school.pupils import pupils
from overstap.pki import DevelopmentAuthority, TrustStore
from overstap.review.inviting import invite
from overstap_tools.local.postgres import EmbeddedPostgres

VIEW = "Wij zien het heel anders dan de juf."
ASKED = "Klopt ons adres aan de Kastanjelaan?"
KEPT = {"content_days": 90, "traces_days": 730}


@pytest.fixture
def over(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path) -> Iterator[tuple[Home, ReviewRound]]:
    """A round that was lived through and closed: inspected, objected to, asked about, sealed, confirmed."""
    with home(postgres, tmp_path, ledger_template) as at_home:
        place = open_review_round(at_home.ledger, 12, invitations=Invitations(by=("letter", "email")))
        families = place.families()
        place.give_codes(families)
        invite(at_home.ledger, region="alfa", round_id=place.round_id, actor="invite", address="https://x.example")
        with place.unit("school") as unit:
            seen = [
                decisions.ReviewDecision(one.las_key, date(2026, 11, 20), "Nee", VIEW if number == 0 else None)
                for number, one in enumerate(families)
            ]
            decisions.record(unit, place.round_id, place.school, seen, ground="school_single")
            parent_requests.ask(
                unit, dossiers.VersionRef(families[0].dossier, 1), person=None, kind="question", text=ASKED
            )
            first, person = dossiers.VersionRef(families[0].dossier, 1), families[0].persons[0]
            invitations.note_printed(unit, [invitations.EntitledPerson(first, person, "carer")])
            receiver = place.agreement.secondary_schools[0].id
            registrations.record_registrations(
                unit,
                place.agreement.school_year,
                [
                    registrations.Registration(one.pupil_number, place.school, receiver, "registered", now())
                    for one in families
                ],
            )
        with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
            # As the parents' pages note it; no other login may say that a parent looked.
            owner.execute(
                "insert into overstap.content_access (region, dossier, number, purpose, opened_by, person) "
                "values ('alfa', %s, 1, 'parent_page', 'parent', %s)",
                (first.dossier, person),
            )
            owner.execute("update overstap.dossier set review_closes_at = clock_timestamp()")
            owner.execute("update overstap.round set delivers_at = clock_timestamp()")
            owner.execute("update overstap.round_agreement set delivers_at = clock_timestamp()")
        _deliver(place, tmp_path / "trust")
        with place.unit("close") as unit:
            rounds.close_round(unit, place.round_id)
        yield at_home, place


def _deliver(place: ReviewRound, folder: Path) -> None:
    authority = DevelopmentAuthority(folder, at=now())
    for school in place.agreement.schools:
        authority.school(school.id)
    common = {"agreement": place.agreement, "agreed": place.agreement.round(place.kind), "round_id": place.round_id}
    seal_round(place.ledger, TrustStore(folder, production=False), actor="seal", clock=now, **common)
    with place.unit("deliver") as unit:
        sent = deliveries.claim_to_send(
            unit, place.round_id, place.agreement.secondary_schools[0].id, after=None, limit=100
        )
        said = [deliveries.AttemptResult(one.message_id, "accepted", None, b"a receipt") for one in sent]
        deliveries.settle(unit, said)


def closed(at_home: Home, days: int) -> None:
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.round set closed_at = clock_timestamp() - make_interval(days => %s)", [days])


def everything(at_home: Home) -> dict[str, str]:
    """Return the whole database as text, by table."""
    with psycopg.connect(at_home.owner_dsn) as owner:
        tables = [
            row[0] for row in owner.execute("select tablename from pg_tables where schemaname = 'overstap'").fetchall()
        ]
        found = {}
        for table in tables:
            query = psycopg.sql.SQL("select t::text from overstap.{} t").format(psycopg.sql.Identifier(table))
            found[table] = "\n".join(str(row[0]) for row in owner.execute(query).fetchall())
        return found


def states(place: ReviewRound) -> Counter[str]:
    with place.unit() as unit:
        return Counter(row[0] for row in unit.rows("select state from overstap.dossier"))


def fault_of_chain(place: ReviewRound) -> object:
    with place.unit() as unit:
        return verify(unit.rows("select payload, hash from overstap.audit_line order by seq"), region="alfa")


def handles(place: ReviewRound, family: Family) -> list[str]:
    """Return whatever leads to a family in the ledger."""
    with place.unit() as unit:
        keys = unit.keys
    las = keys.lookup("las_key", f"{place.school}\0{family.las_key}").hex()
    return [keys.lookup("pupil", family.pupil_number).hex(), las, *family.persons]


@pytest.mark.fault("F74")
def test_after_its_time_nobody_can_be_read_or_found_and_all_is_still_proved(over: tuple[Home, ReviewRound]) -> None:
    at_home, place = over
    families, before, lines = place.families(), states(place), everything(at_home)
    traces = {family.dossier: handles(place, family) for family in _all(place)}
    assert before["confirmed"] > 5
    assert any(one in "".join(lines.values()) for known in traces.values() for one in known), "else nothing is tried"
    assert not families, "all are confirmed"
    year = place.agreement.school_year
    with place.unit("registrations") as unit:
        registrations.note_refused(unit, year, [RefusedRegistration("file", 3, "INTAKE-039", {})])
        refused_lists.note(
            unit, year, RegionList.TESTS, [RefusedRows(RegionList.TESTS, "", 1, "INTAKE-120", 1, (2,), {})]
        )
    closed(at_home, 89)
    assert retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT).total() == 0, "not yet"
    closed(at_home, 91)
    done = retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT)
    assert (done["content"], done["traces"]) == (before.total(), 0)
    with psycopg.connect(at_home.owner_dsn) as owner:
        columns = owner.execute(
            "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t "
            "using (table_schema, table_name) where c.table_schema = 'overstap' and c.data_type = 'bytea' "
            "and t.table_type = 'BASE TABLE'"
        ).fetchall()
        # Digests, hashes, receipts of the receiver, and marks of the region's own: nothing that hides a text.
        long = psycopg.sql.SQL("select count(*) from overstap.{} where octet_length({}) > 32")
        left = {
            f"{table}.{column}"
            for table, column in columns
            if owner.execute(long.format(*map(psycopg.sql.Identifier, (table, column)))).fetchone() != (0,)
        }
    assert left <= {"receipt.content"}, left
    with place.unit() as unit:
        assert check(unit) == []
        assert (registrations.refused(unit, year), refused_lists.refused(unit, year)) == ([], [])
        assert pupils(unit, place.round_id, place.school) == []
        assert parent_requests.of_school(unit, place.round_id, place.school) == []
        with pytest.raises(OverstapError, match="LEDGER-014"):
            list(dossiers.contents(unit, place.round_id, ["confirmed"]))
    closed(at_home, 731)
    done = retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT)
    assert (done["content"], done["traces"]) == (0, before.total())
    after = everything(at_home)
    chain = after.pop("audit_line")
    for known in traces.values():
        assert not [one for one in known if one in "".join(after.values())], "somebody can be found"
        assert not [one for one in known[:2] if one in chain], "the chain holds the hash of a pupil"
    assert states(place) == before
    assert fault_of_chain(place) is None
    with place.unit() as unit:
        assert check(unit) == []
    assert retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT).total() == 0


def _all(place: ReviewRound) -> list[Family]:
    """Return every dossier of the round as a family, as the school supplied them."""
    with place.unit() as unit:
        found = {row[1]: row[0] for row in unit.rows("select dossier, pupil from overstap.dossier")}
        keys = unit.keys
        persons: dict[object, list[str]] = {}
        for dossier, person in unit.rows("select dossier, person from overstap.review_access"):
            persons.setdefault(dossier, []).append(person)
    return [
        Family(
            *(number, str(made.pupil.text("leerlingid")), made.birth_date),
            *(found[keys.lookup("pupil", number)], persons[found[keys.lookup("pupil", number)]]),
        )
        for number, made in place.made.items()
        if made.pupil is not None and made.birth_date is not None
    ]


def test_what_is_held_stays_until_it_is_lifted(over: tuple[Home, ReviewRound]) -> None:
    at_home, place = over
    closed(at_home, 100)
    with place.unit("jurist") as unit:
        dossier = unit.rows("select dossier from overstap.dossier where state = 'confirmed' limit 1")[0][0]
        held = retention.hold(unit, place.round_id, reason="klacht 12", dossier=dossier)
    count = states(place).total()
    assert retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT)["content"] == count - 1
    with place.unit() as unit:
        [due] = retention.due(unit, **KEPT)
        assert (due.content, due.held) == (0, 1)
        assert unit.one(
            "select octet_length(content) > 0 from overstap.dossier_version where dossier = %(d)s", d=dossier
        )[0]
        with pytest.raises(OverstapError, match="LEDGER-015"):
            retention.erase(at_home.ledger, "alfa", dossier, actor="fg", reason="verzoek")
    with place.unit("jurist") as unit:
        retention.lift(unit, held)
        with pytest.raises(OverstapError, match="LEDGER-016"):
            retention.lift(unit, held)
    assert retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT)["content"] == 1


def test_the_database_keeps_a_floor_and_other_regions_out(over: tuple[Home, ReviewRound]) -> None:
    at_home, place = over
    closed(at_home, 29)
    with place.unit() as unit:
        wanted = [row[0] for row in unit.rows("select dossier from overstap.dossier")]
        assert unit.one("select overstap.erase_content(%(w)s, 30)", w=wanted)[0] == 0
    for statement in (
        "select overstap.erase_content(%(w)s, 29)",
        "select overstap.erase_content(%(w)s, null)",
    ):
        with pytest.raises(psycopg.errors.CheckViolation), place.unit() as unit:
            unit.one(statement, w=wanted)
    for statement in ("update overstap.dossier_version set content = ''", "update overstap.delivery set envelope = ''"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), place.unit() as unit:
            unit.run(statement)
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        owner.execute("update overstap.round set closed_at = closed_at - interval '1000 days'")
        owner.execute("call overstap.add_region('beta')")
        owner.execute("set role overstap_region_beta")
        assert owner.execute("select overstap.erase_content(%s::uuid[], 30)", [wanted]).fetchone() == (0,)
        assert owner.execute("select overstap.erase_of_round(%s, 30, true)", [place.round_id]).fetchone() == (0,)


@pytest.mark.fault("F74")
def test_who_asks_is_erased_at_once_and_the_others_are_not(over: tuple[Home, ReviewRound]) -> None:
    at_home, place = over
    with place.unit() as unit:
        dossier = unit.rows("select dossier from overstap.dossier where state = 'confirmed' limit 1")[0][0]
    retention.erase(at_home.ledger, "alfa", dossier, actor="fg", reason="AVG art. 17")
    with place.unit() as unit:
        gone = unit.rows(
            "select dossier from overstap.dossier where erased_at is not null and forgotten_at is not null"
        )
        assert gone == [(dossier,)]
        assert check(unit) == []
    assert fault_of_chain(place) is None


ERASING = """
import sys
from pathlib import Path
from overstap.ledger import Ledger, retention
retention.GROUP = 1
retention.retain(Ledger(sys.argv[1], Path(sys.argv[2])), "alfa", actor="retain", content_days=90, traces_days=730)
"""


@pytest.mark.fault("F07")
def test_killed_in_the_middle_it_goes_on_and_erases_nothing_twice(over: tuple[Home, ReviewRound]) -> None:
    at_home, place = over
    closed(at_home, 1_000)
    with psycopg.connect(at_home.owner_dsn, autocommit=True) as owner:
        owner.execute(  # slower, so that there is a middle
            "create function slow() returns trigger language plpgsql as "
            "'begin perform pg_sleep(0.05); return new; end'; "
            "create trigger slow before update of erased_at on overstap.dossier for each row execute function slow()"
        )
        dsn = psycopg.conninfo.make_conninfo(at_home.ledger._dsn)
        process = subprocess.Popen([sys.executable, "-c", ERASING, dsn, str(at_home.keys)])
        while process.poll() is None:
            if owner.execute("select count(*) from overstap.dossier where erased_at is not null").fetchone() >= (3,):
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.02)
        assert process.wait() == -signal.SIGKILL, "it was killed before its end"
        part = owner.execute("select count(*) from overstap.dossier where erased_at is not null").fetchone()
    assert part is not None
    total = states(place).total()
    assert 3 <= part[0] < total
    with place.unit() as unit:
        assert check(unit) == [], "whole groups, each with its evidence"
    done = retention.retain(at_home.ledger, "alfa", actor="retain", **KEPT)
    assert done["traces"] == total
    with place.unit() as unit:
        assert check(unit) == []
        said = Counter(
            unit.rows(
                "select payload::jsonb ->> 'action', payload::jsonb ->> 'subject' from overstap.audit_line "
                "where payload::jsonb ->> 'action' in ('retention.content', 'retention.traces')"
            )
        )
    assert set(said.values()) == {1}
    assert len(said) == 2 * total


def test_by_command_first_told_then_erased_and_an_idle_key_destroyed(
    over: tuple[Home, ReviewRound], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from overstap.cli import app

    at_home, place = over
    closed(at_home, 1_000)
    create_keys(at_home.keys, "alfa", "2")
    (tmp_path / "regions").mkdir()
    monkeypatch.setenv("OVERSTAP_LEDGER", at_home.ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(at_home.keys))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path / "regions"))
    run = CliRunner().invoke
    unsaid = run(app, ["ledger", "retain", "alfa"])
    assert unsaid.exit_code != 0
    days = ["--content-days", "90", "--traces-days", "730"]
    told = run(app, ["ledger", "retain", "alfa", *days])
    assert "Nothing was erased" in told.output
    assert states(place).total() == _unerased(place)
    done = run(app, ["ledger", "retain", "alfa", *days, "--erase", "--destroy-keys"], catch_exceptions=False)
    assert "key 1 is destroyed" in done.output
    assert _unerased(place) == 0
    assert not (at_home.keys / "alfa" / "1.key").exists()
    assert (at_home.keys / "alfa" / "2.key").exists()


def _unerased(place: ReviewRound) -> int:
    with place.unit() as unit:
        return int(unit.one("select count(*) from overstap.dossier where erased_at is null")[0])
