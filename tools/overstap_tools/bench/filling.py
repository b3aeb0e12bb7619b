"""Bulk generation of a ledger with running rounds: rows of every table that the board reads, in seconds.

The database's owner writes them without the state machine, which would take long for 175,000 dossiers. None of them
is a dossier that can be decrypted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.ledger.rounds.oldest_problem import STUCK
from overstap.ledger.rounds.rounds import open_round
from overstap.ledger.session import Ledger

UNDER_WAY: Mapping[str, int] = {
    "rejected": 5,
    "supplied": 1,
    "accepted": 4,
    "in_review": 30,
    "inspected": 20,
    "not_inspected": 2,
    "no_receiver": 2,
    "sealed": 10,
    "confirmed": 24,
    "refused": 1,
    "undelivered": 1,
}
"""Of a hundred dossiers, how many are in which state."""
CLOSED: Mapping[str, int] = {"rejected": 1, "no_receiver": 2, "refused": 1, "confirmed": 96}
"""The same of a round that was closed."""
_PATHS = {
    "supplied": (),
    "rejected": ("rejected",),
    "accepted": ("accepted",),
    "in_review": ("accepted", "in_review"),
    "inspected": ("accepted", "in_review", "inspected"),
    "not_inspected": ("accepted", "in_review", "not_inspected"),
    "no_receiver": ("accepted", "in_review", "inspected", "no_receiver"),
    "sealed": ("accepted", "in_review", "inspected", "sealed"),
    "confirmed": ("accepted", "in_review", "inspected", "sealed", "confirmed"),
    "refused": ("accepted", "in_review", "inspected", "sealed", "refused"),
    "undelivered": ("accepted", "in_review", "inspected", "sealed", "undelivered"),
}
_RULES = ("OV-ID-01", "OVa.LL05", "OV-ID-02")


@dataclass(frozen=True, slots=True)
class Filling:
    """How a round is filled.

    Args:
        pupils: how many are expected.
        states: of a hundred dossiers, how many are in which state.
        missing_per_cent: pupils without a dossier.
        troubled_every: every so many schools has dossiers that stand still; 1 for all.
        silent_every: every so many schools has supplied nothing; 0 for none.
        content_bytes: size of a dossier, of bytes that cannot be compressed; 0 for one byte.
        envelope_bytes: size of an envelope, likewise.
    """

    pupils: int
    states: Mapping[str, int]
    missing_per_cent: int = 3
    silent_every: int = 25
    troubled_every: int = 4
    content_bytes: int = 0
    envelope_bytes: int = 0


def milestones_around(now: datetime) -> Milestones:
    """Return the moments of a round that is in the midst of its reviews."""
    days = {"opens": -14, "data_due": -4, "review_opens": -3, "review_closes": 3, "delivers": 4, "receipts_due": 11}
    return Milestones(**{name: now + timedelta(days=number) for name, number in days.items()})


def fill(ledger: Ledger, owner_dsn: str, agreement: Agreement, kind: RoundKind, filling: Filling) -> None:
    """Open a round and fill it.

    Args:
        ledger: the ledger.
        owner_dsn: connection string of a superuser of its database.
        agreement: the region's.
        kind: which round.
        filling: with what.
    """
    with ledger.unit(agreement.region, "bench") as unit:
        open_round(unit, agreement, kind)
    values = {
        "region": agreement.region,
        "year": agreement.school_year,
        "round": agreement.round_id(kind),
        "pupils": filling.pupils,
        "missing": filling.missing_per_cent,
        "silent": filling.silent_every,
        "states": [state for state, number in filling.states.items() for _ in range(number)],
        "primary": [school.id for school in agreement.primary_schools],
        "secondary": [school.id for school in agreement.secondary_schools],
        "stuck": list(STUCK),
        "troubled": filling.troubled_every,
        "content": filling.content_bytes,
        "envelope": filling.envelope_bytes,
        "rules": list(_RULES),
        "from_states": [before for path in _PATHS.values() for before in ("supplied", *path[:-1]) if path],
        "of": [state for state, path in _PATHS.items() for _ in path],
        "to_states": [after for path in _PATHS.values() for after in path],
        "place": [place for path in _PATHS.values() for place in range(len(path))],
    }
    with psycopg.connect(owner_dsn) as connection:
        # Foreign keys and triggers are off: the rows are consistent by construction.
        connection.execute("set session_replication_role = replica")
        for statement in _STATEMENTS:
            connection.execute(statement, values)
        connection.commit()
        connection.execute("set session_replication_role = origin")
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("analyze")


_STATEMENTS = (
    # Different for each dossier, and quick: a digest of the number repeated would be compressed away
    """
    create function pg_temp.noise(size integer, seed bytea) returns bytea language sql stable return
        case when size = 0 then '\\x00'::bytea
             else (select substr(string_agg(sha512(seed || int4send(part)), ''::bytea), 1, size)
                     from generate_series(0, size / 64) as part) end
    """,
    """
    create temp table pupil on commit drop as
    select n, sha256(convert_to(%(region)s || n::text, 'UTF8')) as hash,
           (%(primary)s::text[])[1 + n %% cardinality(%(primary)s::text[])] as school,
           n %% cardinality(%(primary)s::text[]) as school_no,
           (%(secondary)s::text[])[1 + (n / 7) %% cardinality(%(secondary)s::text[])] as goes_to,
           (%(states)s::text[])[1 + (n * 37 + n / 100) %% cardinality(%(states)s::text[])] as drawn,
           uuidv7(make_interval(hours => -(24 * (3 + (n * 13) %% 9)) - (n %% 11))) as dossier
      from generate_series(0, %(pupils)s - 1) as n
    """,
    # Trouble is never spread evenly: most schools have none.
    """
    alter table pupil add column state text;
    """,
    """
    update pupil set state = case when drawn = any(%(stuck)s) and school_no %% %(troubled)s <> 0
                                  then 'confirmed' else drawn end
    """,
    """
    insert into overstap.application (region, school_year, pupil, primary_school, secondary_school, stage, recorded_at)
    select %(region)s, %(year)s, hash, school, goes_to, 'placed', now() - interval '20 days' from pupil
    on conflict do nothing
    """,
    """
    delete from pupil where (n %% 100 < %(missing)s and school_no %% %(troubled)s = 0)
        or (%(silent)s > 0 and school_no %% greatest(%(silent)s, 1) = greatest(%(silent)s, 1) - 1)
    """,
    "update overstap.round set opened_at = now() - interval '14 days' where round_id = %(round)s",
    """
    insert into overstap.dossier (dossier, region, round_id, primary_school, pupil, state, review_closes_at)
    select dossier, %(region)s, %(round)s, school, hash, state,
           case when state = 'in_review' then now() + interval '3 days' end from pupil
    """,
    """
    insert into overstap.dossier_version (dossier, number, region, key_id, content, content_digest, oso_version, source)
    select dossier, 1, %(region)s, '1', pg_temp.noise(%(content)s, hash), hash, '2019.1', 'drop_folder' from pupil
    """,
    """
    insert into overstap.dossier_event (region, dossier, transition, from_state, to_state, actor, at)
    select %(region)s, p.dossier, t.transition, s.before, s.after, 'bench',
           least(now() - interval '1 minute',
                 uuid_extract_timestamp(p.dossier) + make_interval(hours => 12 + 40 * s.place + (p.n %% 17)))
      from pupil p
      join unnest(%(of)s::text[], %(from_states)s::text[], %(to_states)s::text[], %(place)s::int[])
           as s (state, before, after, place) on s.state = p.state
      join overstap.transition t on t.from_state = s.before and t.to_state = s.after
    """,
    """
    insert into overstap.finding (region, dossier, number, rule, severity, path)
    select %(region)s, dossier, 1, (%(rules)s::text[])[1 + n %% cardinality(%(rules)s::text[])],
           case when state = 'rejected' then 'error' else 'warning' end, '/dossier/leerling'
      from pupil where state = 'rejected' or n %% 6 = 0
    """,
    """
    insert into overstap.refused_input (region, round_id, primary_school, label, code, facts, key_id, file_name)
    select %(region)s, %(round)s, school, 'bench' || n, 'INTAKE-053', jsonb_build_object('others', 'bench' || n + 1),
           '1', '\\x00' from pupil
     where n %% 61 = 0 and school_no %% %(troubled)s = 0
    """,
    """
    insert into overstap.delivery (message_id, region, round_id, dossier, number, secondary_school, state, envelope,
                                   envelope_digest, manifest_digest, attempts, problem, sealed_at)
    select gen_random_uuid(), %(region)s, %(round)s, dossier, 1, goes_to,
           case state when 'confirmed' then 'confirmed' when 'refused' then 'refused' else 'sealed' end,
           pg_temp.noise(%(envelope)s, sha256(hash)), hash, hash, 1,
           case when state = 'sealed' and n %% 5 = 0 and school_no %% %(troubled)s = 0 then 'DELIVERY-001' end,
           now() - make_interval(hours => 1 + n %% 40)
      from pupil where state in ('sealed', 'confirmed', 'refused', 'undelivered')
    """,
    """
    insert into overstap.gate_decision (region, round_id, gate, approved, decided_by, reason, answer_key, dossiers,
                                        decided_at)
    select %(region)s, %(round)s, 'release_for_review', true, 'c.jansen', 'Afgesproken in het overleg', 'bench',
           count(*), now() - interval '3 days' from pupil
    """,
    """
    insert into overstap.school_report (region, round_id, school, key_id, html, csv, made_at)
    select distinct %(region)s, %(round)s, school, '1', '\\x00'::bytea, '\\x00'::bytea, now() - interval '5 hours'
      from pupil
    """,
    """
    insert into overstap.audit_line (region, seq, payload, hash)
    select %(region)s, coalesce((select max(seq) from overstap.audit_line where region = %(region)s), 0) + n + 1, '{}',
           sha256('\\x00') from generate_series(1, 500) as n
    """,
)
