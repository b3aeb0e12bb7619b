"""Tests of forgery with the login of each service: decisions, codes and audit lines beyond its purpose.

Each attempt is a statement, or a few, on a real PostgreSQL as the login itself. docs/security-tests.md lists them all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from families import REGION, Family, ReviewRound, open_review_round
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict

from overstap.clock import dutch_time, now
from overstap.closing.checkpoint import make_checkpoint
from overstap.closing.export import export, verify_export
from overstap.ledger import Ledger, accounts
from overstap.ledger.delivery import deliveries
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.invariants import check
from overstap.ledger.review import decisions
from overstap.ledger.review.decisions import ReviewDecision
from overstap.pki import TrustStore
from overstap.pki.authority import DevelopmentAuthority
from overstap.review.code_keys import PageSession, code_keys, new_code, read_code
from overstap.review.inviting import invite
from overstap.review.renewal import renew_after_release
from overstap_tools.local.postgres import EmbeddedPostgres

REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
IMMATERIAL = frozenset({"communicatie/nummer"})


@dataclass
class Attacker:
    """Who has the logins of the services, and stands outside the programs."""

    ledger: Ledger
    review_round: ReviewRound
    dsn: Callable[[str], str]
    family: Family = field(init=False)

    def __post_init__(self) -> None:
        self.family = self.review_round.take()

    def run(self, service: str, statement: str, *values: Any) -> list[Any]:
        """Run a statement with a service's login: "region" for tasks, "review" for the parents' pages."""
        login = "overstap_app" if service == "region" else f"overstap_{service}"
        with psycopg.connect(self.dsn(login)) as connection:
            if service != "review":
                connection.execute(f"set local role overstap_{service}_{REGION}")
                connection.execute("select set_config('overstap.actor', 'attacker', true)")
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else [done.rowcount]

    def enters(self, code: str) -> tuple[str, PageSession]:
        keys, stay = code_keys(read_code(code) or "", self.family.born), PageSession.new()
        values = (keys.lookup_token, keys.proof_token, stay.token, stay.seal_key(keys.copy_key))
        [(status,)] = self.run(
            "review", "select status from overstap.review_sign_in(%s, %s, 'a', 'b', %s, %s)", *values
        )
        return status, stay

    def answers(self, stay: PageSession, agreed: str, view: bytes | None = None) -> str:
        values = (stay.token, uuid4(), agreed, "1" if view else None, view)
        return str(
            self.run("review", "select status from overstap.review_decide(%s, %s, %s, null, %s, %s)", *values)[0][0]
        )

    def everybody_answers(self, agreed: str, view: bytes | None = None) -> None:
        for person in self.family.persons:
            status, stay = self.enters(self.family.codes[person])
            assert (status, self.answers(stay, agreed, view)) == ("open", "recorded")

    def leaves(self) -> tuple[str, int]:
        """Return the answer that would leave now, and how many views go with it."""
        by_owner(self.ledger, "update overstap.round set delivers_at = overstap.clock()")
        with self.ledger.unit(REGION, "test") as unit:
            return unit.one(
                "select agreed, cardinality(views) from overstap.may_leave where dossier = %(id)s",
                id=self.family.dossier,
            )

    def supplies_again(self, what: str) -> None:
        """Let the school supply the dossier with something changed, the coordinator release it, and the tasks run."""

        def change(pupil: dict[str, Any]) -> None:
            if what == "telephone":
                pupil["verzorger"][0]["communicatielijst"][0]["communicatie"][0]["nummer"] = ["0612345678"]
            else:
                pupil["roepnaam"] = ["Anders"]

        self.review_round.supply(self.review_round.changed(self.family, change))
        self.review_round.release()
        renew_after_release(self.ledger, REGION, self.review_round.round_id, "release")
        invite(
            self.ledger, region=REGION, round_id=self.review_round.round_id, actor="invite", address="https://x.example"
        )

    def breaches(self) -> list[Any]:
        with self.ledger.unit(REGION, "test") as unit:
            return check(unit)


def has_telephone(dossier: Any) -> bool:
    carer = dossier.pupil.blocks("verzorger")[0]
    return carer.blocks("communicatielijst")[0].blocks("communicatie")[0].text("geheim") != "true"


@pytest.fixture
def attacker(ledger: Ledger, postgres: EmbeddedPostgres, owner_dsn: str) -> Attacker:
    review_round = open_review_round(ledger, 3, immaterial=IMMATERIAL)
    invite(ledger, region=REGION, round_id=review_round.round_id, actor="invite", address="https://x.example")
    name = str(conninfo_to_dict(owner_dsn)["dbname"])
    return Attacker(ledger, review_round, lambda login: postgres.dsn(login, name))


@pytest.mark.parametrize("service", ["region", "school", "desk", "board"])
def test_nobody_holds_a_code_that_no_line_tells(attacker: Attacker, service: str) -> None:
    """With a code of their own the attacker answered as the person, and the check found nothing."""
    family, code = attacker.family, new_code()
    keys = code_keys(read_code(code) or "", family.born)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacker.run(
            service,
            "insert into overstap.review_access (access, region, dossier, person, finds, proves, held_key_id, held, "
            "frozen, showing, opens_at, issued_by) "
            "select gen_random_uuid(), region, dossier, 'x', sha256(%s), sha256(%s), held_key_id, held, frozen, "
            "showing, now(), 'x' from overstap.review_access where dossier = %s",
            *(keys.lookup_token, keys.proof_token, family.dossier),
        )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacker.run(service, "update overstap.review_access set ended_at = null where dossier = %s", family.dossier)
    assert attacker.enters(code)[0] == "wrong"


def test_a_code_beside_the_chain_is_found(attacker: Attacker) -> None:
    assert attacker.breaches() == []
    by_owner(
        attacker.ledger,
        "insert into overstap.review_access (access, region, dossier, person, finds, proves, held_key_id, held, "
        "frozen, showing, opens_at, issued_by) "
        "select gen_random_uuid(), region, dossier, 'x', sha256('a'), sha256('b'), held_key_id, held, frozen, "
        "showing, now(), 'x' from overstap.review_access limit 1",
    )
    assert [one.invariant for one in attacker.breaches()] == ["I5"]


def test_a_code_is_for_a_person_of_its_own_dossier(attacker: Attacker) -> None:
    family = attacker.family
    other = attacker.review_round.take()
    given = (
        "select overstap.give_codes(array[gen_random_uuid()], array(select frozen from overstap.review_frozen "
        "where dossier = %s), array[%s], array[sha256('a')], array[sha256('b')], '{1}', array['x'::bytea], "
        "array['x'::bytea], array[now()])"
    )
    for person in ("nobody", other.persons[0], None):
        with pytest.raises(psycopg.errors.CheckViolation):
            attacker.run("school", given, family.dossier, person)
    with pytest.raises(psycopg.errors.CheckViolation):
        attacker.run(
            "school",
            "update overstap.review_access set frozen = (select frozen from overstap.review_frozen where dossier = %s) "
            "where dossier = %s",
            *(other.dossier, family.dossier),
        )
    assert attacker.breaches() == []


def test_nobody_outvotes_the_parents(attacker: Attacker) -> None:
    """A school's "Nee" in the name of somebody who does not exist outweighed what both parents answered."""
    attacker.everybody_answers("Ja")
    stated = (
        "select * from overstap.record_decisions('meeting', array[%s::uuid], '{1}', '{2027-01-12}', '{Nee}', '{null}', "
        "array[null]::bytea[], array[%s]::text[], '{null}', '{null}', array[null]::bytea[])"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        attacker.run("school", stated, attacker.family.dossier, "nobody")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacker.run(
            "school",
            "insert into overstap.entitled (region, dossier, number, person, kind) "
            "values ('alfa', %s, 1, 'x', 'carer')",
            attacker.family.dossier,
        )
    for person in (None, *attacker.family.persons):
        assert attacker.run("school", stated, attacker.family.dossier, person) == []
    assert attacker.leaves() == ("Ja", 0)
    assert attacker.breaches() == []


def test_an_answer_that_was_replaced_is_not_put_over_the_newer_one(attacker: Attacker) -> None:
    attacker.family = attacker.review_round.take(fits=has_telephone)
    attacker.everybody_answers("Ja")
    attacker.supplies_again("telephone")
    attacker.everybody_answers("Nee")
    assert attacker.leaves()[0] == "Nee"
    with attacker.ledger.unit(REGION, "test") as unit:
        ids = [
            row[0]
            for row in unit.rows(
                "select review_decision from overstap.review_decision where dossier = %(id)s and number = 1 "
                "order by recorded_at",
                id=attacker.family.dossier,
            )
        ]
    carried = "select overstap.carry_decisions(%s, 1, 2, %s::uuid[], %s::bytea[])"
    for sources in (ids, ids[:1], ids[::-1]):
        with pytest.raises(psycopg.errors.CheckViolation):
            attacker.run("region", carried, attacker.family.dossier, sources, [None] * len(sources))
    assert attacker.leaves()[0] == "Nee"
    assert attacker.breaches() == []


def test_supplying_again_takes_no_objection_and_no_view_away(attacker: Attacker) -> None:
    """The school changed the dossier, and its list said "Ja": the parents' "Nee" and what they wrote were gone."""
    family, review_round = attacker.family, attacker.review_round
    view = "Wij vinden het advies te laag."
    with attacker.ledger.unit(REGION, "test") as unit:
        keys = unit.keys
    sealed = keys.encrypt(view.encode(), f"view/{family.dossier}/1")
    attacker.everybody_answers("Nee")
    _, stay = attacker.enters(family.code)
    values = (stay.token, uuid4(), sealed.key_id, sealed.data)
    attacker.run("review", "select status from overstap.review_decide(%s, %s, 'Nee', null, %s, %s)", *values)
    attacker.supplies_again("name")
    stated = ReviewDecision(family.pupil_number, dutch_time(now()).date(), "Ja", None)
    for ground in ("school_list", "meeting"):
        with review_round.unit("school:j.jansen") as unit:
            decisions.record(unit, review_round.round_id, review_round.school, [stated], ground=ground)
    assert attacker.leaves() == ("Nee", 1)
    with review_round.unit() as unit:
        wanted = unit.one(
            "select view_key_ids, views, view_numbers from overstap.may_leave where dossier = %(id)s", id=family.dossier
        )
        assert wanted[2] == [1]
        assert keys.decrypt(type(sealed)(wanted[0][0], wanted[1][0]), f"view/{family.dossier}/1").decode() == view
    # The person replaces both, and nobody else
    status, stay = attacker.enters(family.code)
    assert status == "open"
    [(shown,)] = attacker.run("review", "select answers from overstap.review_look(%s)", stay.token)
    assert [(one["agreed"], one["is_earlier"], one["travels"]) for one in shown if one["by"] == "person"] == [
        ("Nee", True, True)
    ]
    attacker.everybody_answers("Ja")
    assert attacker.leaves() == ("Ja", 0)
    assert attacker.breaches() == []


def test_nobody_but_the_parents_says_that_they_looked(attacker: Attacker) -> None:
    family = attacker.family
    looked = (
        "insert into overstap.content_access (region, dossier, number, purpose, opened_by, person) "
        "values ('alfa', %s, 1, %s, %s, %s)"
    )
    for service in ("region", "school"):
        for purpose, by in (("parent_page", "parent"), ("parent_page", "x"), ("command", "parent")):
            with pytest.raises(psycopg.errors.CheckViolation):
                attacker.run(service, looked, family.dossier, purpose, by, family.persons[0])
        for detail in ('{"by": "parent"}', '{"purpose": "parent_page"}'):
            with pytest.raises(psycopg.errors.CheckViolation):
                attacker.run(service, "select overstap.audit('content.open', '{x}', array[%s])", detail)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacker.run(
            "school",
            "select set_config('overstap.actor', 'parents'' pages', true), "
            "overstap.audit('review.ask', '{x}', '{\"{}\"}')",
        )


def test_no_line_tells_what_was_not_done(attacker: Attacker) -> None:
    for action in ("review.code", "review.code_ended", "review.wish", "delivery.adopt", "school.account"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attacker.run("region", "select overstap.audit(%s, '{x}', '{\"{}\"}')", action)


UNREADABLE = {
    "a NUL": '{"a": "\\u0000"}',
    "half a surrogate": '{"a": "\\ud800"}',
    "a number without bounds": '{"a": 1e999999}',
    "a number of 5,000 digits": '{"a": ' + "1" * 5_000 + "}",
    "4,000 lists in one another": '{"a": ' + "[" * 4_000 + "]" * 4_000 + "}",
    "990 objects in one another": '{"a":' * 990 + "1" + "}" * 990,
    "a list": "[]",
    "a text": '"x"',
    "null": "null",
    "a hundred thousand signs": '{"a": "' + "x" * 100_000 + '"}',
}


def test_no_line_keeps_the_chain_from_being_read(attacker: Attacker) -> None:
    """One such line, by the desk's login, and no check, no export and no proof of the region ended any more."""
    for detail in UNREADABLE.values():
        with pytest.raises((psycopg.errors.DataError, psycopg.errors.CheckViolation)):
            attacker.run("desk", "select overstap.audit('mail.send', '{x}', array[%s])", detail)
    assert attacker.breaches() == []


NO_LINES = (
    "select overstap.audit(null, '{x}', '{\"{}\"}')",
    "select overstap.audit('', '{x}', '{\"{}\"}')",
    "select overstap.audit(E'mail.send\\ngate.release_for_review', '{x}', '{\"{}\"}')",
    "select overstap.audit('Gate.release_for_review', '{x}', '{\"{}\"}')",
    "select overstap.audit('mail.send', array[null], '{\"{}\"}')",
    "select overstap.audit('mail.send', array[repeat('x', 501)], '{\"{}\"}')",
    "select overstap.audit('mail.send', '{x,y}', '{\"{}\"}')",
    "select set_config('overstap.actor', repeat('x', 501), true), overstap.audit('mail.send', '{x}', '{\"{}\"}')",
)


def test_a_line_has_an_action_a_subject_and_an_actor(attacker: Attacker) -> None:
    for statement in NO_LINES:
        with pytest.raises(psycopg.errors.IntegrityError):
            attacker.run("desk", statement)
    assert attacker.breaches() == []


def test_no_checkpoint_keeps_later_ones_from_being_made(attacker: Attacker, tmp_path: Path) -> None:
    """With one row, of lines that are not there yet, no checkpoint of a region could be signed any more."""
    authority = DevelopmentAuthority(tmp_path / "trust", at=now())
    authority.conductor(REGION)
    trust = TrustStore(tmp_path / "trust", production=False)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacker.run(
            "region",
            "insert into overstap.audit_checkpoint (region, up_to, payload, signature, certificate) "
            "values ('alfa', 9223372036854775807, '{}', '', '')",
        )
    for said in (
        "{}",
        '{"region": "alfa", "from": 1, "up_to": 9223372036854775807, "head": ""}',
        '{"region": "beta", "from": 1, "up_to": 1, "head": ""}',
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            attacker.run("region", "select overstap.keep_checkpoint(%s, '', '')", said)
    for _ in range(2):
        make_checkpoint(attacker.ledger, trust, region=REGION, actor="test", at=now())
    with attacker.ledger.unit(REGION, "test") as unit:
        proof = verify_export(
            export(unit), conductors=trust.conductor_signers(REGION), since=now() - timedelta(hours=1), until=now()
        )
    assert (proof.fault, proof.checkpoints) == (None, 2)


def test_what_the_desk_may_not_decide(attacker: Attacker) -> None:
    family, review_round = attacker.family, attacker.review_round
    renewed = "update overstap.dossier set state = 'supplied', version = version + 1 where dossier = %s"
    for service in ("desk", "school"):
        with pytest.raises(REFUSED):
            attacker.run(service, renewed, family.dossier)
    with pytest.raises(psycopg.errors.CheckViolation):  # no such version lies there
        attacker.run("region", renewed + " and version = 1", family.dossier)
    review_round.supply(review_round.changed(family, lambda pupil: pupil.update(roepnaam=["Anders"])), accept=False)
    for service, change in (
        ("desk", "state = 'accepted'"),
        ("desk", "state = 'rejected'"),
        ("school", "version = version + 1"),
        ("region", "version = version + 1"),
    ):
        statement = f"update overstap.dossier set {change} where dossier = %s"  # noqa: S608
        with pytest.raises(psycopg.errors.CheckViolation):
            attacker.run(service, statement, family.dossier)
    assert attacker.breaches() == []


def test_an_envelope_is_never_replaced_without_a_line(attacker: Attacker) -> None:
    family = attacker.family
    ref = VersionRef(family.dossier, 1)
    message = uuid4()
    attacker.everybody_answers("Ja")
    with attacker.ledger.unit(REGION, "test") as unit:
        sealed = deliveries.Envelope(
            message, ref, attacker.review_round.region.secondary[0].id, b"a", b"a" * 32, b"b" * 32
        )
        deliveries.keep_sealed(unit, attacker.review_round.round_id, [sealed])
    attacker.run("desk", "select overstap.adopt_envelope(%s, 'other', sha256('x'))", message)
    attacker.run("desk", "select overstap.adopt_envelope(%s, 'other', sha256('x'))", uuid4())
    with attacker.ledger.unit(REGION, "test") as unit:
        assert unit.rows(
            "select payload::jsonb ->> 'subject', payload::jsonb ->> 'actor' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'delivery.adopt'"
        ) == [(str(message), "attacker")]


@pytest.mark.parametrize("service", ["region", "school", "desk", "board"])
def test_no_login_gives_a_school_another_password(attacker: Attacker, service: str) -> None:
    with attacker.review_round.unit("beheer") as unit:
        assert accounts.put_account(unit, "juf@x.example", attacker.review_round.school, "Juf", "scrypt$x")
        assert not accounts.put_account(unit, "juf@x.example", attacker.review_round.school, "Juf", "scrypt$y")
    for change in ("password = 'mine'", "ended_at = now()", "name = 'x'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attacker.run(service, f"update overstap.school_account set {change}")  # noqa: S608
    if service != "region":
        for call in (
            "put_account('juf@x.example', '', '99AB00', 'x', 'x')",
            "end_account('juf@x.example', '')",
            "school_reset('juf@x.example', '')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                attacker.run(service, f"select overstap.{call}")
    with attacker.review_round.unit("test") as unit:
        assert unit.one(
            "select count(*) from overstap.audit_line where payload::jsonb ->> 'action' = 'school.account' "
            "and payload::jsonb ->> 'actor' = 'beheer'"
        ) == (2,)


@pytest.mark.parametrize("style", ["SQL, DMY", "German", "Postgres, MDY"])
def test_the_digest_of_registrations_is_the_same_in_every_session(attacker: Attacker, style: str) -> None:
    pupil = uuid4().bytes * 2
    school, other = attacker.review_round.school, attacker.review_round.region.secondary[0].id
    attacker.run(
        "region",
        "select set_config('datestyle', %s, true), set_config('timezone', 'Asia/Tokyo', true), "
        "overstap.record_registrations('2026-2027', array[%s::bytea], array[%s], array[%s], '{placed}', array[now()])",
        *(style, pupil, school, other),
    )
    assert attacker.breaches() == []


MAY: dict[str, set[str]] = {
    "app": {"due_work"},
    "school": {
        *(
            "school_enter",
            "school_enter_federated",
            "school_stay_end",
            "school_stay_half",
            "school_stay_look",
            "school_try",
        ),
        *("guest_look", "guest_accept"),
        *("school_challenge", "school_factor_begin", "school_factor_confirm", "school_factor_facts"),
        *("school_factor_remove", "school_factor_try", "school_factors", "school_pass", "school_pass_recovery"),
        *("school_prove", "school_prove_try", "school_recovery_renew", "school_take_challenge"),
    },
    "desk": set(),
    "watch": {"due_work"},
    "board": {"due_work"},
    "school_alfa": {
        *("answered_already", "audit", "give_codes", "note_download", "record_decisions"),
        *("hold_roster", "is_of_leavers", "put_back_on_roster", "settle_missing", "take_off_roster", "take_roster"),
        *("begin_typed", "save_typed", "add_typed_file", "hand_in_typed", "hand_in_file", "reopen_typed", "drop_typed"),
        *("save_mapping", "use_mapping"),
        *("page_collect", "page_confirm", "page_is_open", "page_removed", "page_say"),
        *("ask_guest", "unask_guest", "page_school"),
        *("state_applications", "state_offer", "note_draw", "say_handover", "decide_support", "state_progress"),
    },
    "desk_alfa": {"adopt_envelope", "audit", "take_test_result", "tell_settled"},
    "watch_alfa": {"is_of_leavers", "release_waits"},
    "board_alfa": {
        *(
            "answer_gate",
            "take_back",
            "take_up",
            "take_up_list",
            "answer_placement",
            "take_back_sent",
            "is_of_leavers",
            "recover_account",
            "school_accounts",
        ),
        *("confirm_second", "second_requests", "withdraw_second"),
        *("keep_contact", "note_call", "erase_call", "keep_message"),
        *("find_pupil", "most_searches", "keep_note", "erase_note", "note_download"),
        *("invite_guest", "invite_collector", "renew_guest", "end_guest"),
        *("acting_region", "kept_answer", "release_waits", "releases", "undoable", "unstated"),  # these only read
    },
}
"""What each login, and the role that it takes on in a region, may execute beside `clock` and `my_region`."""
WRITES = {
    "app": {"backup", "certificate"},
    "school": set(),
    "desk": set(),
    "watch": set(),
    "board": set(),
    "review": set(),
    "school_alfa": {
        *("content_access", "dossier", "invitation", "letter_print", "mail", "notice", "review_access"),
        *("refused_roster", "review_attachment", "review_frozen", "review_proof", "review_request"),
    },
    "desk_alfa": {
        *("delivery", "dossier", "dossier_request", "notice", "receipt", "result", "revocation", "school_line"),
        "test_message",
    },
    "watch_alfa": set(),
    "board_alfa": set(),
}


def test_no_login_may_do_more_than_is_said_here(attacker: Attacker, owner_dsn: str) -> None:
    """All functions, tables, columns and sequences there are, for every login: what is added later is seen here."""
    with psycopg.connect(owner_dsn) as owner:
        for login, may in MAY.items():
            found = owner.execute(
                "select p.proname from pg_proc p where p.pronamespace = 'overstap'::regnamespace "
                "and has_function_privilege(%s, p.oid, 'execute')",
                [f"overstap_{login}"],
            )
            assert {row[0] for row in found} - {"clock", "my_region"} == may, login
        for login, may in WRITES.items():
            found = owner.execute(
                "select c.relname from pg_class c where c.relnamespace = 'overstap'::regnamespace "
                "and c.relkind in ('r', 'v') and (has_any_column_privilege(%s, c.oid, 'insert, update') "
                "or has_table_privilege(%s, c.oid, 'delete, truncate'))",
                [f"overstap_{login}"] * 2,
            )
            assert {row[0] for row in found} == may, login
        everybody = [f"overstap_{one}" for one in (*MAY, "review", "region_alfa", "region", "rights_school")]
        for login in everybody:
            assert owner.execute(
                "select count(*) from pg_class c where c.relnamespace = 'overstap'::regnamespace and (c.relkind = 'S' "
                "and has_sequence_privilege(%s, c.oid, 'usage, select, update') "
                "or c.relkind = 'r' and has_table_privilege(%s, c.oid, 'trigger, references, truncate'))",
                [login] * 2,
            ).fetchone() == (0,)
            assert owner.execute(
                "select has_schema_privilege(%s, 'overstap', 'create') or has_schema_privilege(%s, 'public', 'create') "
                "or has_database_privilege(%s, current_database(), 'create')",
                [login] * 3,
            ).fetchone() == (False,)
        assert not owner.execute(  # else a table of one's own stands in the place of ours
            "select proname from pg_proc where pronamespace = 'overstap'::regnamespace and prosecdef "
            "and not coalesce(proconfig @> array['search_path=overstap, pg_temp'], false)"
        ).fetchall()


WAYS_UP = (
    "set session_replication_role = replica",
    "set role postgres",
    "set session authorization postgres",
    "set row_security = off; select * from overstap.dossier",
    "create function overstap.clock() returns timestamptz language sql as 'select null::timestamptz'",
    "create trigger x before insert on overstap.finding for each row execute function overstap.keep_window()",
    "alter table overstap.review_decision disable trigger all",
    "alter function overstap.clock() owner to current_user",
    "truncate overstap.audit_line",
    "lock table overstap.audit_line in access exclusive mode",
    "copy overstap.audit_line to program 'true'",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "create extension dblink",
    "grant overstap_region_alfa to current_user",
    "create role x",
)


@pytest.mark.parametrize("service", ["region", "school", "desk", "board", "review"])
def test_the_usual_ways_up_are_closed(attacker: Attacker, service: str) -> None:
    for statement in WAYS_UP:
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)):
            attacker.run(service, statement)


def test_a_table_of_ones_own_stands_in_nobodys_place(attacker: Attacker) -> None:
    """`answered_already`, `is_of_dossier` and the trigger on answers look into our tables, whatever lies in pg_temp."""
    attacker.everybody_answers("Ja")
    with psycopg.connect(attacker.dsn("overstap_school")) as connection:
        connection.execute(f"set local role overstap_school_{REGION}")
        for table in ("review_decision", "entitled", "dossier"):
            connection.execute(f"create temporary table {table} (like overstap.{table})")
        connection.execute("set local search_path = pg_temp, overstap")
        for person in (None, attacker.family.persons[0]):
            found = connection.execute(
                "select * from overstap.record_decisions('meeting', array[%s::uuid], '{1}', '{2027-01-12}', '{Nee}', "
                "'{null}', array[null]::bytea[], array[%s]::text[], '{null}', '{null}', array[null]::bytea[])",
                [attacker.family.dossier, person],
            )
            assert found.fetchall() == []
    assert attacker.leaves() == ("Ja", 0)


def test_an_old_look_at_the_database_takes_no_answer_away(attacker: Attacker) -> None:
    """A school's transaction that began before the parents answered sees none of it; theirs counts all the same."""
    family = attacker.family
    with psycopg.connect(attacker.dsn("overstap_school")) as connection:
        connection.execute("set session characteristics as transaction isolation level repeatable read")
        connection.commit()
        connection.execute(f"set local role overstap_school_{REGION}")
        connection.execute("select count(*) from overstap.review_decision")
        attacker.everybody_answers("Nee")
        with pytest.raises(psycopg.errors.SerializationFailure):
            connection.execute(
                "select * from overstap.record_decisions('meeting', array[%s::uuid], '{1}', '{2027-01-12}', '{Ja}', "
                "'{null}', array[null]::bytea[], array[%s]::text[], '{null}', '{null}', array[null]::bytea[])",
                [family.dossier, family.persons[0]],
            )
    assert attacker.leaves() == ("Nee", 0)
