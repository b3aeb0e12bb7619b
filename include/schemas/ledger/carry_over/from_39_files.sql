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
