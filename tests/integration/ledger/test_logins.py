"""Tests of the login per service: it can do the service's own work in a region, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from families import REGION, open_review_round
from psycopg.conninfo import conninfo_to_dict
from test_walk import PO, ROUND, VO, accept_all, incoming, inspect, register, release, seal, supply

from overstap.delivery.desk.desk import RegionDesk
from overstap.envelope.pull_messages import DossierRequest, NoDossier
from overstap.ledger import Ledger
from overstap.ledger.audit import AuditLine
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.invariants import check
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.review import access_log, decisions, parent_requests
from overstap.ledger.rounds.counts import primary_schools
from overstap.pki import TrustStore
from overstap.review.codes import issue
from overstap_tools.local.postgres import EmbeddedPostgres


@contextmanager
def of(login: str, postgres: EmbeddedPostgres, owner_dsn: str, keys: Path | None) -> Iterator[Ledger]:
    ledger = Ledger(postgres.dsn(login, str(conninfo_to_dict(owner_dsn)["dbname"])), keys)
    yield ledger
    ledger.close()


def test_the_schools_pages_do_their_work(
    postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str, keys_folder: Path
) -> None:
    review_round = open_review_round(ledger, 3)
    family = review_round.take()
    with of("overstap_school", postgres, owner_dsn, keys_folder) as pages:
        with pages.unit(REGION, "school:juf") as unit:
            [code] = issue(unit, review_round.round_id, [(family.dossier, family.persons[0])])
            assert code is not None
            ref = VersionRef(family.dossier, 1)
            request = parent_requests.ask(unit, ref, kind="question", text="Klopt dit?")
            parent_requests.settle(unit, request, "answered", primary_school=review_round.school, answer="Ja.")
            access_log.note_opened(unit, [ref], by="juf", purpose="school_page")
            answer = decisions.ReviewDecision(family.las_key, date(2027, 1, 12), "Ja", "Onze zienswijze")
            done = decisions.record(unit, review_round.round_id, review_round.school, [answer], ground="meeting")
            assert done.recorded == (0,)
            unit.audit("review.proof", AuditLine("juf"))
        with pages.unit("beta", "school:juf") as unit:
            assert unit.rows("select * from overstap.dossier") == []
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


def test_the_desk_answers_and_hands_out_what_was_sealed(
    postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str, keys_folder: Path, tmp_path: Path
) -> None:
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    with of("overstap_desk", postgres, owner_dsn, keys_folder) as desk:
        with desk.unit(REGION, "desk") as unit:
            assert len(deliveries.claim_to_send(unit, ROUND, VO, limit=10)) == 1
        window = RegionDesk(desk, REGION, trust=TrustStore(tmp_path / "trust", production=False))
        for number in ("999990019", "123456782"):
            asked = DossierRequest(uuid4(), number, "Dijkstra", date(2014, 3, 30), PO, ("2019.1",))
            assert isinstance(window.ask(asked, school=VO).answer, NoDossier)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), desk.unit(REGION, "desk") as unit:
            unit.rows("select text from overstap.review_request")
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []


@pytest.mark.parametrize("login", ["overstap_watch", "overstap_board"])
def test_who_looks_counts_and_writes_nothing(
    postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str, login: str
) -> None:
    supply(ledger, incoming())
    read_only_ledger = ReadOnlyLedger(postgres.dsn(login, str(conninfo_to_dict(owner_dsn)["dbname"])))
    with read_only_ledger.region(REGION) as unit:
        assert [one.school for one in primary_schools(unit, ROUND)] == [PO]
    with read_only_ledger.region("beta") as unit:
        assert unit.rows("select * from overstap.dossier") == []
    with read_only_ledger.without_region() as connection:
        assert connection.execute("select count(*) from overstap.backup").fetchone() == (0,)
    read_only_ledger.close()


WRITES = (
    "insert into overstap.finding (region, dossier, number, rule, severity, path) "
    "select region, dossier, 1, 'x', 'error', 'x' from overstap.dossier",
    "insert into overstap.dossier (region, round_id, primary_school, pupil) select region, round_id, '99AB00', "
    "sha256('x') from overstap.round",
    "delete from overstap.finding",
    "update overstap.school set name = 'x'",
    "select overstap.release('alfa.2026-2027.advice', true, 'x', '', 'x', now(), null)",
    "select overstap.decide_gate('alfa.2026-2027.advice', 'release_for_delivery', 1, true, 'x', '', 'x', 1)",
    "select overstap.decide_window('alfa.2026-2027.advice', 'hold', '{}', 'x', '', 'x', null)",
    "select overstap.record_registrations('2026-2027', '{}', '{}', '{}', '{}', '{}')",
    "select overstap.add_agreement('alfa.2026-2027.advice', 'form', '{}', '', '[]', now(), '{}', now(), 'x', '')",
    "select overstap.close_round('alfa.2026-2027.advice')",
    "select overstap.reopen_round('alfa.2026-2027.advice', 'x', '', 'x')",
    "select overstap.withdraw('alfa.2026-2027.advice', '{}', 'other', 'x')",
    "select overstap.erase_asked(gen_random_uuid(), 'x')",
    "select overstap.erase_notes_asked(sha256('x'), 'x')",
    "select overstap.hold_back('alfa.2026-2027.advice', null, 'x')",
    "insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, envelope, "
    "envelope_digest, manifest_digest) select uuidv7(), region, round_id, dossier, 1, '98XA00', '', sha256('x'), "
    "sha256('x') from overstap.dossier",
    "insert into overstap.audit_checkpoint (region, up_to, payload, signature, certificate) "
    "values ('alfa', 1, '', '', '')",
)
_CONTACTS = (
    "select overstap.keep_contact('alfa.2026-2027.advice', '99AB00', 'x', 'x')",
    "select overstap.note_call(uuidv7(), 'alfa.2026-2027.advice', '99AB00', now(), 'x', 'x')",
    "select overstap.erase_call(uuidv7())",
    "select overstap.keep_message(uuidv7(), 'alfa.2026-2027.advice', '{99AB00}', 'x', 'x')",
    "select overstap.find_pupil(sha256('x'))",
    "select overstap.keep_note(uuidv7(), '2026-2027', '99AB00', null, 'x', 'x')",
    "select overstap.erase_note(uuidv7())",
)
_SECRETS = (
    "select password from overstap.school_account",
    "select secret from overstap.school_factor",
    "select finds from overstap.school_recovery_code",
    "select finds from overstap.school_stay",
)
ONLY = {
    "school": (
        "update overstap.delivery set state = 'confirmed'",
        "update overstap.dossier set state = 'accepted'",
        *_SECRETS,
        *_CONTACTS,
    ),
    "desk": (
        *_SECRETS,
        *_CONTACTS,
        "select overstap.record_decisions('meeting', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "insert into overstap.letter_print (region, dossier, number, person, printed_by) "
        "select region, dossier, 1, 'x', 'x' from overstap.dossier",
        "select held from overstap.review_access",
    ),
    "board": (
        *_SECRETS,
        "select overstap.check_contact('alfa.2026-2027.advice', '{99AB00}')",
        "update overstap.contact_message set queued_at = null",
        "delete from overstap.contact_call",
        "delete from overstap.pupil_search",
        "select overstap.pupil_of(uuidv7())",
        "insert into overstap.board_note (note, region, school_year, party, noted_by) "
        "values (uuidv7(), 'alfa', '2026-2027', '99AB00', 'x')",
        "select overstap.begin_answer('alfa.2026-2027.advice', 'x', 'x')",
        "select overstap.keep_decision('alfa.2026-2027.advice', 'reopen', true, 'x', '', 'x', 1, null)",
        "select overstap.settle_holds('alfa.2026-2027.advice', 'release_for_delivery', 1, 'x')",
        "select overstap.withdraw_registrations('2026-2027')",
        "update overstap.dossier set state = 'accepted'",
        "update overstap.delivery set attempts = 9",
        "select overstap.audit('mail.send', '{x}', '{\"{}\"}')",
        "select overstap.record_decisions('meeting', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select showing from overstap.review_access",
        "select salt from overstap.review_salt",
    ),
}


ONLY["watch"] = (
    *ONLY["board"],
    "select overstap.answer_gate('alfa.2026-2027.advice', 'release_for_review', 1, 'approve', '', 'x', '{}', null)",
    "select overstap.take_back('alfa.2026-2027.advice', uuidv7(), 'x', 'x')",
    "select overstap.recover_account('juf', 'x')",
    *_CONTACTS,
)


@pytest.mark.parametrize("service", ["school", "desk", "watch", "board"])
def test_no_service_does_what_is_not_its_own(
    postgres: EmbeddedPostgres, ledger: Ledger, owner_dsn: str, service: str
) -> None:
    supply(ledger, incoming())
    login = f"overstap_{service}"
    others = [f"overstap_{one}_{REGION}" for one in ("region", "school", "desk", "watch", "board") if one != service]
    refused = psycopg.errors.InsufficientPrivilege
    with psycopg.connect(postgres.dsn(login, str(conninfo_to_dict(owner_dsn)["dbname"]))) as connection:
        for statement in (*WRITES, *ONLY[service]):
            connection.execute(f"set local role {login}_{REGION}")
            with pytest.raises(refused):
                connection.execute(statement)
            connection.rollback()
        for other in (*others, "overstap_region", "overstap_app", "overstap_review"):
            with pytest.raises(refused):
                connection.execute(f"set role {other}")
            connection.rollback()
        with pytest.raises(refused):  # outside a region it reads no table of one
            connection.execute("select * from overstap.dossier")
        connection.rollback()
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
