-- From the 39 files that made a ledger before version 1 (from_39_files.sha256 names them, with their digests) to the tables of
-- version 1. Columns that were added later stand behind the others here, which no statement depends on; else the catalogue is the
-- same, as tests/integration/ledger/test_carry_over.py compares. Runs before the code is made again, in the same transaction.

alter table overstap.round rename constraint round_agreement_number_not_null1 to round_agreement_number_not_null;
alter table overstap.round_agreement rename constraint round_agreement_number_not_null to round_agreement_number_not_null1;

-- An answer that a person gave with a code names the code, also where it was carried to a later version.
alter table overstap.review_decision add column access uuid;    -- the code it was given with; none: the school recorded it
update overstap.review_decision r set access = a.access from overstap.review_answer a where a.review_decision = r.review_decision;
update overstap.review_decision r set access = own.access
  from overstap.review_decision c
  join lateral (select o.access from overstap.review_decision o
                 where o.dossier = c.dossier and o.person = c.person and o.number < c.number and o.access is not null
                 order by o.number desc, o.recorded_at desc limit 1) own on true
 where c.ground = 'carried' and c.access is null and r.review_decision = c.review_decision;
create index review_decision_by_access on overstap.review_decision (access) where access is not null;

-- What comes of a decision is made by functions of the database alone.
alter table overstap.transition add column is_decided boolean not null generated always as
    (transition in ('release', 'clear', 'inspect', 'attest', 'lapse', 'extend', 'withdraw')) stored;

-- Closing has a line in the chain from now on: rounds that are closed get theirs, with the moment at which they were.
do $$
declare closed record; head record; said text;
begin
    for closed in select r.region, r.round_id, r.closed_at from overstap.round r where r.closed_at is not null
                   order by r.region, r.closed_at loop
        select l.seq, encode(l.hash, 'hex') as hash into head from overstap.audit_line l
         where l.region = closed.region order by l.seq desc limit 1;
        said := json_build_object('action', 'round.close', 'actor', 'ledger migrate', 'at', overstap.clock(),
                                  'detail', json_build_object('closed_at', closed.closed_at),
                                  'previous', coalesce(head.hash, repeat('0', 64)), 'region', closed.region,
                                  'seq', coalesce(head.seq, 0) + 1, 'subject', closed.round_id);
        insert into overstap.audit_line (region, seq, payload, hash)
        values (closed.region, coalesce(head.seq, 0) + 1, said, sha256(convert_to(said, 'UTF8')));
    end loop;
end $$;
