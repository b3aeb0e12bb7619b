"""The access export of one pupil: everything of that pupil, from each table, and nothing of anybody else."""

import json
import stat
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from families import REGION, Family, ReviewRound, open_review_round
from owned import by_owner
from test_walk import PO
from test_walk import agreement as of_walk
from typer.testing import CliRunner, Result

from overstap.agreements import Agreement, RoundKind
from overstap.cli import app
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers, pupil_tests
from overstap.ledger.dossiers.dossiers import IncomingDossier, VersionRef
from overstap.ledger.invariants import check
from overstap.ledger.notifications import outbox
from overstap.ledger.region_keys import CONTACTS, sha256
from overstap.ledger.review import decisions, parent_requests, proof
from overstap.ledger.rosters import taking
from overstap.ledger.rosters.entries import RosterPerson
from overstap.ledger.rounds import registrations, rounds
from overstap.ledger.subject_access import LEFT_OUT, OF_NO_PUPIL, TABLES
from overstap.privacy.access_export import INDEX
from overstap.texts import texts

VIEW = "Wij zien het heel anders dan de juf."
ASKED = "Klopt ons adres aan de Kastanjelaan?"
ELSEWHERE = b"<dossier>in een andere regio</dossier>"
OTHERS_VIEW = "Ons kind is een ander."
HANDLES = {
    "pupil",
    "dossier",
    "las_key",
    "message_id",
    "roster_pupil",
    "typed",
    "access",
    "person",
    "request",
    "frozen",
}
"""Columns that lead to a pupil."""


@pytest.fixture
def place(ledger: Ledger) -> ReviewRound:
    """Two families that answered, asked, stand on a roster, applied and took a test; the first went on to support."""
    made = open_review_round(ledger, 6)
    one, other = made.families()[:2]
    made.give_codes([one, other])
    receiver = made.agreement.secondary_schools[0].id
    year = made.agreement.school_year
    with made.unit("school") as unit:
        for family, view in ((one, VIEW), (other, OTHERS_VIEW)):
            decisions.record(
                *(unit, made.round_id, made.school),
                [decisions.ReviewDecision(family.las_key, date(2026, 11, 20), "Nee", view)],
                ground="school_single",
            )
            parent_requests.ask(unit, VersionRef(family.dossier, 1), person=None, kind="question", text=ASKED)
            pupil_tests.take(
                unit,
                year,
                [
                    pupil_tests.PupilTest(
                        *(unit.keys.lookup("pupil", family.pupil_number), made.school, "IEP"),
                        *("havo", "", datetime(2027, 3, 12, 9, tzinfo=UTC)),
                    )
                ],
            )
        registrations.record_registrations(
            unit,
            year,
            [
                registrations.Registration(family.pupil_number, made.school, receiver, "registered", now())
                for family in (one, other)
            ],
        )
        people = [
            RosterPerson(
                number=family.pupil_number if number else "",
                las_key=family.las_key,
                surname=family.surname,
                prefix="",
                first_name="Noor",
                birth_date=family.born,
                sex="girl",
                group="8A",
            )
            for number, family in enumerate((one, other))
        ]
        taking.take(
            *(unit, year, made.school),
            taking.SuppliedRoster(
                "page", "EDEXML 2.1", "roster", now(), [taking.Leaver(each, "group_8") for each in people], True
            ),
        )
    _support(made, one)
    elsewhere = of_walk("beta")
    with ledger.unit("beta", "test") as unit:
        rounds.open_round(unit, elsewhere, RoundKind.ADVICE)
        item = IncomingDossier(one.pupil_number, "1", ELSEWHERE, sha256(ELSEWHERE), "2019.1", "drop_folder")
        dossiers.store(unit, elsewhere.round_id("advice"), PO, [item])
    return made


def _support(made: ReviewRound, family: Family) -> None:
    """Open a round to a partnership, in which a dossier has no number, and supply one pupil's."""
    plain = made.agreement.model_dump(mode="json")
    push = next(one["receives"] for one in plain["schools"] if one["receives"] is not None)
    plain["schools"].append(
        {"id": "PO9901", "name": "SWV", "kind": "SWV", "contact": "swv@example.org", "receives": push}
    )
    plain["rounds"]["support"] = {"milestones": plain["rounds"]["advice"]["milestones"]}
    agreement = Agreement.model_validate(plain)
    with made.unit() as unit:
        rounds.open_round(unit, agreement, RoundKind.SUPPORT)
        content = b"<dossier>ondersteuning</dossier>"
        dossiers.store(
            *(unit, agreement.round_id("support"), made.school),
            [
                IncomingDossier(None, las_key, content, sha256(content), "2019.1", "drop_folder")
                for las_key in (family.las_key, "nobody")
            ],
        )


@pytest.fixture
def run(place: ReviewRound, app_dsn: str, keys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))

    def call(number: str, out: Path, *words: str, region: str = REGION, school: str = place.school) -> Result:
        return CliRunner().invoke(
            app,
            ["privacy", "access", region, "--school", school, "--by", "fg", "--out", str(out), *words],
            input=f"{number}\n",
        )

    return call


def lines(ledger: Ledger, action: str, region: str = REGION) -> list[dict[str, Any]]:
    with ledger.unit(region, "test") as unit:
        found = [json.loads(row[0]) for row in unit.rows("select payload from overstap.audit_line order by seq")]
    return [one for one in found if one["action"] == action]


def unpacked(out: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(out) as pack:
        return {name: pack.read(name) for name in pack.namelist()}


def test_every_table_that_leads_to_a_pupil_is_exported_or_named_with_a_reason(owner_dsn: str) -> None:
    with psycopg.connect(owner_dsn) as owner:
        found = {
            row[0]
            for row in owner.execute(
                "select c.table_name from information_schema.columns c join information_schema.tables t "
                "using (table_schema, table_name) where c.table_schema = 'overstap' and t.table_type = 'BASE TABLE' "
                "and c.column_name = any(%s)",
                [list(HANDLES)],
            ).fetchall()
        }
    assert not TABLES.keys() & LEFT_OUT.keys()
    assert found <= TABLES.keys() | LEFT_OUT.keys(), found - TABLES.keys() - LEFT_OUT.keys()
    assert LEFT_OUT.keys() <= found
    assert set(texts("privacy/access")["tables"]) == set(TABLES)


def test_every_table_of_the_schema_is_exported_or_said_to_be_of_no_pupil(owner_dsn: str) -> None:
    """Also one whose column is called as none before it."""
    with psycopg.connect(owner_dsn) as owner:
        found = {
            row[0]
            for row in owner.execute(
                "select relname from pg_class where relnamespace = 'overstap'::regnamespace and relkind in ('r', 'p')"
            ).fetchall()
        }
    said = TABLES.keys() | LEFT_OUT.keys() | OF_NO_PUPIL.keys()
    assert found == said, found ^ said
    assert not OF_NO_PUPIL.keys() & TABLES.keys()


def filled_rows(place: ReviewRound, family: Family, owner: psycopg.Connection[Any], mark: str) -> dict[str, set[str]]:
    """Add a row for a family to every exported table, filled by the types of its columns; return each one's columns.

    What a check or another table would say of it does not matter here: what is exported does not depend on it.
    """
    with place.unit() as unit:
        keys = unit.keys
        handles: dict[str, Any] = {
            "dossier": family.dossier,
            "pupil": keys.lookup("pupil", family.pupil_number),
            "message_id": uuid5(family.dossier, "message"),
            "typed": uuid5(family.dossier, "typed"),
            "roster_pupil": unit.one(
                "select roster_pupil from overstap.roster_pupil where las_key = %(key)s",
                key=keys.lookup("las_key", f"{place.school}\0{family.las_key}"),
            )[0],
        }
    values = handles | {
        "region": REGION,
        "round_id": place.round_id,
        "school_year": place.agreement.school_year,
        "primary_school": place.school,
        "school": place.school,
        "secondary_school": place.agreement.secondary_schools[0].id,
        "number": 1,
        "meaning": f"{mark}/{family.dossier}",
        "step": "leerling",
    }
    kinds = {
        "uuid": lambda name: uuid5(family.dossier, name),
        "bytea": lambda name: sha256(f"{mark} {name}".encode()),
        "text": lambda name: f"{mark} {name}",
        "timestamp with time zone": lambda name: now(),
        "date": lambda name: date(2026, 11, 20),
        "boolean": lambda name: False,
        "jsonb": lambda name: json.dumps({"of": mark}),
        "ARRAY": lambda name: [],
    }
    columns: dict[str, set[str]] = {}
    for table, about in TABLES.items():
        made = {}
        for name, kind, generated in owner.execute(
            "select column_name, data_type, is_generated from information_schema.columns "
            "where table_schema = 'overstap' and table_name = %s",
            [table],
        ).fetchall():
            if generated != "ALWAYS":
                made[name] = values.get(name, kinds.get(kind, lambda name: 1)(name))
        columns[table] = set(made) - {key for key, _ in about.sealed.values()} - about.without
        for sealed, (key, bound_to) in about.sealed.items():
            content = keys.encrypt(json.dumps({"of": f"{mark} {table}.{sealed}"}).encode(), bound_to.format(**made))
            made |= {key: content.key_id, sealed: content.data}
        if table == "guest_school":
            pupils = [f"Noor {family.surname} {mark}", "Jansen", f"Piet {family.surname}", family.surname.upper()]
            asked = json.dumps({"email": "x", "pupils": pupils, "asks": {"98ZZ00": [f"Broer_{family.surname}"]}})
            content = keys.encrypt(asked.encode(), f"guest/{made['guest']}", keys.of_purpose(CONTACTS))
            made |= {"key_id": content.key_id, "content": content.data}
            columns[table] |= {"content"}
        if table == "refused_input":
            content = keys.encrypt(f"{family.pupil_number} {mark}.xml".encode(), f"file/{made['label']}")
            made |= {"key_id": content.key_id, "file_name": content.data}
            columns[table] |= {"file_name"}
        owner.execute(
            psycopg.sql.SQL("insert into overstap.{} ({}) values ({}) on conflict do nothing").format(
                psycopg.sql.Identifier(table),
                psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, made)),
                psycopg.sql.SQL(", ").join([psycopg.sql.Placeholder()] * len(made)),
            ),
            list(made.values()),
        )
    return columns


def test_a_row_of_every_table_is_exported_with_all_its_columns(
    place: ReviewRound, run: Any, tmp_path: Path, owner_dsn: str
) -> None:
    one, other = place.families()[:2]
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        for table, name in owner.execute(
            "select conrelid::regclass::text, conname from pg_constraint "
            "where contype = 'c' and connamespace = 'overstap'::regnamespace"
        ).fetchall():
            owner.execute(f"alter table {table} drop constraint {name}")
        columns = filled_rows(place, one, owner, "mark-one")
        filled_rows(place, other, owner, "mark-other")
    out = tmp_path / "export.zip"
    said = run(one.pupil_number, out)
    assert said.exit_code == 0, (said.output, said.exception)
    files = unpacked(out)
    tables = {name[5:-5]: json.loads(data) for name, data in files.items() if name.startswith("json/")}
    assert TABLES.keys() <= tables.keys(), TABLES.keys() - tables.keys()
    for table, wanted in columns.items():
        assert all(row.keys() >= wanted for row in tables[table]), (table, wanted - tables[table][0].keys())
        for sealed in TABLES[table].sealed:
            assert any(row[sealed] is not None for row in tables[table]), (table, sealed)
    everything = b"\n".join(files.values()).decode(errors="replace")
    assert "mark-other" not in everything
    assert other.pupil_number not in everything
    assert "Jansen" not in everything, "another pupil of the same list"
    [listed] = [row["content"] for row in tables["guest_school"]]
    assert listed == [f"Noor {one.surname} mark-one", one.surname.upper()], "no brother, nor anybody of the same name"
    assert f"{one.pupil_number} mark-one.xml" in json.dumps(tables["refused_input"])
    readme = files[INDEX].decode()
    assert all(f"`json/{name}.json`" in readme for name in TABLES)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_draft_in_which_the_number_was_typed_is_found(
    place: ReviewRound, run: Any, tmp_path: Path, ledger: Ledger, is_known: bool
) -> None:
    """Also of a pupil of whom there is nothing else; a colleague's draft of another pupil is read, and not exported."""
    number = place.families()[0].pupil_number if is_known else "999990019"
    ids = []
    for typed_in in (number, place.families()[1].pupil_number):
        draft = uuid4()
        with place.unit() as unit:
            content = json.dumps({"bsn": f" {typed_in} ", "naam": "x"}).encode()
            sealed = unit.keys.encrypt(content, f"typed/{draft}/leerling/1")
        by_owner(
            ledger,
            "insert into overstap.typed_dossier (typed, region, round_id, primary_school, made_by) "
            "values (%(typed)s, %(region)s, %(round)s, %(school)s, 'juf')",
            typed=draft,
            region=REGION,
            round=place.round_id,
            school=place.school,
        )
        by_owner(
            ledger,
            "insert into overstap.typed_step (typed, region, step, number, key_id, content, changed_by) "
            "values (%(typed)s, %(region)s, 'leerling', 1, %(key)s, %(content)s, 'juf')",
            typed=draft,
            region=REGION,
            key=sealed.key_id,
            content=sealed.data,
        )
        ids.append(draft)
    out = tmp_path / "export.zip"
    said = run(number, out)
    assert said.exit_code == 0, (said.output, said.exception)
    tables = {name[5:-5]: json.loads(data) for name, data in unpacked(out).items() if name.startswith("json/")}
    assert [row["typed"] for row in tables["typed_dossier"]] == [str(ids[0])]
    assert [row["content"]["naam"] for row in tables["typed_step"]] == ["x"]
    assert ("dossier" in tables) == is_known
    opened = {one["subject"] for one in lines(ledger, "content.open") if one["detail"]["purpose"] == "subject_access"}
    assert {f"typed_dossier/{one}" for one in ids} <= opened, "both were read, and the evidence says so"
    nobody = run("999990020", tmp_path / "nobody.zip")
    assert (nobody.exit_code, (tmp_path / "nobody.zip").exists()) == (1, False)
    elsewhere = run(number, tmp_path / "elsewhere.zip", school="98ZZ00")
    assert elsewhere.exit_code == 1


def test_everything_of_one_pupil_and_nothing_of_another(
    place: ReviewRound, run: Any, tmp_path: Path, ledger: Ledger, owner_dsn: str
) -> None:
    one, other = place.families()[:2]
    out = tmp_path / "export.zip"
    said = run(one.pupil_number, out)
    assert said.exit_code == 0, (said.output, said.exception)
    assert one.pupil_number not in said.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    files = unpacked(out)
    tables = {name[5:-5]: json.loads(data) for name, data in files.items() if name.startswith("json/")}
    with ledger.unit(REGION, "test") as unit:
        mine = {
            row[0]
            for row in unit.rows(
                "select dossier from overstap.dossier where las_key = %(key)s",
                key=unit.keys.lookup("las_key", f"{place.school}\0{one.las_key}"),
            )
        }
        hashes = {unit.keys.lookup("pupil", other.pupil_number).hex(), other.pupil_number, str(other.dossier)}
    assert len(mine) == 2, "of the advice and of support, which has no number"
    assert {UUID(row["dossier"]) for row in tables["dossier"]} == mine
    assert {name for name in files if name.startswith("dossier_version/")} == {
        f"dossier_version/{dossier}-1.xml" for dossier in mine
    }
    assert one.pupil_number.encode() in files[f"dossier_version/{one.dossier}-1.xml"]
    assert [row["view"] for row in tables["review_decision"]] == [VIEW]
    assert [row["text"] for row in tables["review_request"]] == [ASKED]
    assert [row["content"]["surname"] for row in tables["roster_pupil"]] == [one.surname], "stated without a number"
    assert len(tables["application"]) == len(tables["pupil_test"]) == 1
    assert "havo" in json.dumps(tables["pupil_test"])
    assert {row["purpose"] for row in tables["content_access"]} == {"subject_access"}
    assert {one["purpose"] for found in tables["disclosures"].values() for one in found} >= {"subject_access"}
    everything = b"\n".join(files.values()).decode(errors="replace") + "\n".join(files)
    assert not [each for each in hashes if each in everything]
    assert OTHERS_VIEW not in everything
    assert ELSEWHERE.decode() not in everything
    # No secret of a code, and no key
    assert not {"finds", "proves", "held", "showing"} & set().union(*(row.keys() for row in tables["review_access"]))
    index = files[INDEX].decode()
    assert one.pupil_number not in index + "".join(files)
    assert "Alle gegevens van één leerling" in index
    assert all(f"`json/{name}.json`" in index for name in tables)
    # The evidence
    opened = [each for each in lines(ledger, "content.open") if each["detail"]["purpose"] == "subject_access"]
    assert {each["subject"] for each in opened} >= {f"{dossier}/1" for dossier in mine}
    assert {each["subject"].split("/")[0] for each in opened} >= {"roster_pupil", "pupil_test"}
    [line] = lines(ledger, "privacy.access")
    assert (line["detail"]["by"], line["detail"]["found"], line["detail"]["dossiers"]) == ("fg", True, 2)
    assert one.pupil_number not in json.dumps(line)
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
    # A parent is not told that the other one may have asked
    with ledger.unit(REGION, "test") as unit:
        facts = proof.inspection_facts(unit, one.dossier)
    assert "subject_access" in json.dumps(facts["opened"])
    of_person = proof.facts_for_person(facts, one.persons[0])
    assert "subject_access" not in json.dumps(of_person)
    assert [each["where"] for each in of_person["opened"]] == ["command"]
    # Never over a file, and then without a line
    before = out.read_bytes()
    again = run(one.pupil_number, out)
    assert isinstance(again.exception, OverstapError)
    assert (again.exception.code, out.read_bytes()) == ("PRIVACY-001", before)
    assert len(lines(ledger, "privacy.access")) == 1
    # What was erased is named
    by_owner(ledger, f"update overstap.dossier_version set content = '' where dossier = '{one.dossier}'")  # noqa: S608
    erased = run(one.pupil_number, tmp_path / "later.zip")
    assert erased.exit_code == 0, erased.output
    assert "1 gegeven" in erased.output
    assert "dossier_version.content: LEDGER-014" in unpacked(tmp_path / "later.zip")[INDEX].decode()


def sealed_rows(place: ReviewRound, family: Family) -> dict[str, dict[str, Any]]:
    """Return one row for each table whose content the fixture does not fill, encrypted as invariant I6 reads it."""
    typed, file, handover, decision, progress = (uuid4() for _ in range(5))
    with place.unit() as unit:
        keys, pupil = unit.keys, unit.keys.lookup("pupil", family.pupil_number)
    version = {"region": REGION, "dossier": family.dossier, "round_id": place.round_id}
    receiver, year = place.agreement.secondary_schools[0].id, place.agreement.school_year

    def content(words: str, bound_to: str, column: str = "content") -> dict[str, Any]:
        made = keys.encrypt(words.encode(), bound_to)
        return {"key_id": made.key_id, column: made.data}

    of_draft = {"region": REGION, "typed": typed}
    return {
        "typed_dossier": {
            **of_draft,
            "round_id": place.round_id,
            "primary_school": place.school,
            "state": "handed_in",
            "made_by": "juf",
            "handed_in_by": "juf",
            "handed_in_at": now(),
            "pupil": pupil,
            **content("<dossier>ingetypt</dossier>", f"typed/{typed}"),
        },
        "typed_step": {
            **of_draft,
            "step": "leerling",
            "number": 1,
            "changed_by": "juf",
            **content('{"a": "een stap"}', f"typed/{typed}/leerling/1"),
        },
        "typed_file": {
            **of_draft,
            "file": file,
            "added_by": "juf",
            **content('"een bijlage"\nabc', f"typed_file/{file}"),
        },
        "handover": {
            **version,
            "handover": handover,
            "secondary_school": receiver,
            "state": "done",
            "said_by_school": receiver,
            "account": "mentor",
            "place": 1,
            **content("een gesprek", f"handover/{handover}", "note"),
        },
        "support_decision": {
            **version,
            "decision": decision,
            "partnership": "PO9901",
            "primary_school": place.school,
            "account": "swv",
            "signature": b"s",
            "digest": sha256(b"s"),
            "place": 1,
            **content('{"measure": "een besluit"}', f"support/{decision}"),
        },
        "pupil_progress": {
            "progress": progress,
            "region": REGION,
            "school_year": year,
            "pupil": pupil,
            "account": "mentor",
            "primary_school": place.school,
            "secondary_school": receiver,
            "about_year": year,
            "source": "page",
            "digest": sha256(b"p"),
            **content('{"level": "een niveau"}', f"progress/{progress}"),
        },
    }


def test_content_of_every_kind_is_read_as_it_was_kept(
    place: ReviewRound, run: Any, tmp_path: Path, ledger: Ledger, owner_dsn: str
) -> None:
    one, other = place.families()[:2]
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")  # the functions that decide are not tried here
        for family in (one, other):
            for table, values in sealed_rows(place, family).items():
                owner.execute(
                    psycopg.sql.SQL("insert into overstap.{} ({}) values ({})").format(
                        psycopg.sql.Identifier(table),
                        psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, values)),
                        psycopg.sql.SQL(", ").join([psycopg.sql.Placeholder()] * len(values)),
                    ),
                    list(values.values()),
                )
    meaning = f"invitation/{one.dossier}/1/{one.persons[0]}/0"
    with place.unit() as unit:
        outbox.queue(
            unit,
            [outbox.Mail(meaning, "invitation", "ouder@example.org", "Inzage", "een brief")],
        )
        assert not [breach for breach in check(unit) if breach.invariant == "I6"], "kept as the ledger keeps it"
    out = tmp_path / "export.zip"
    said = run(one.pupil_number, out)
    assert said.exit_code == 0, (said.output, said.exception)
    files = unpacked(out)
    tables = {name[5:-5]: json.loads(data) for name, data in files.items() if name.startswith("json/")}
    assert {name: len(tables[name]) for name in sealed_rows(place, one)} == dict.fromkeys(sealed_rows(place, one), 1)
    assert files[tables["typed_dossier"][0]["content"]] == b"<dossier>ingetypt</dossier>"
    assert tables["typed_step"][0]["content"] == {"a": "een stap"}
    assert "een bijlage" in tables["typed_file"][0]["content"]
    assert tables["handover"][0]["note"] == "een gesprek"
    assert tables["support_decision"][0]["content"] == {"measure": "een besluit"}
    assert tables["pupil_progress"][0]["content"] == {"level": "een niveau"}
    assert "een brief" in json.dumps(tables["mail"][0]["content"])


@pytest.mark.parametrize("nowhere", ["nobody", "school", "year", "region"])
def test_nothing_found_is_a_sentence_an_exit_code_and_a_line(
    place: ReviewRound, run: Any, tmp_path: Path, ledger: Ledger, nowhere: str
) -> None:
    known, out = place.families()[0].pupil_number, tmp_path / "export.zip"
    match nowhere:
        case "nobody":
            said = run("999990019", out)
        case "school":
            said = run(known, out, school="98ZZ00")
        case "year":
            said = run(known, out, "--year", "2019-2020")
        case _:
            said = run(place.families()[1].pupil_number, out, region="beta", school=PO)
    assert said.exit_code == 1, said.output
    assert "niets gevonden" in said.output
    assert known not in said.output
    assert not out.exists()
    region = "beta" if nowhere == "region" else REGION
    assert [each["detail"]["found"] for each in lines(ledger, "privacy.access", region)] == [False]
    assert not lines(ledger, "content.open", region)


def test_a_number_is_found_as_papers_have_it_and_a_wrong_one_is_no_answer(
    place: ReviewRound, run: Any, tmp_path: Path
) -> None:
    number, out = place.families()[0].pupil_number, tmp_path / "export.zip"
    for wrong in ("12", "999990018", "geen nummer"):
        said = run(wrong, out)
        assert isinstance(said.exception, OverstapError), said.output
        assert (said.exception.code, wrong in f"{said.output}{said.exception}") == ("PRIVACY-004", False)
    said = run(f"{number[:4]}.{number[4:6]}.{number[6:]}", out)
    assert said.exit_code == 0, (said.output, said.exception)


def test_the_number_comes_from_a_file_of_its_owner_alone(place: ReviewRound, run: Any, tmp_path: Path) -> None:
    number = place.families()[0].pupil_number
    path = tmp_path / "nummer"
    path.write_text(f"{number}\n")
    path.chmod(0o640)
    for content, mode in ((number, 0o640), ("", 0o600), (f"{number} {number}", 0o600)):
        path.write_text(content)
        path.chmod(mode)
        said = run("", tmp_path / "a.zip", "--number-file", str(path))
        assert isinstance(said.exception, OverstapError)
        assert said.exception.code == "PRIVACY-002"
        assert number not in said.output + str(said.exception)
    path.write_text(f"{number}\n")
    year = place.agreement.school_year
    of_year = run("", tmp_path / "a.zip", "--number-file", str(path), "--year", year)
    assert of_year.exit_code == 0, of_year.output
    told = run("", tmp_path / "b.zip", "--number-file", str(path), "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.output)["counts"]["dossiers"] == 2
