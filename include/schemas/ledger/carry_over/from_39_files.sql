-- From the 39 files that made a ledger before version 1 (from_39_files.sha256 names them, with their digests) to the tables of
-- version 1. Columns that were added later stand behind the others here, which no statement depends on; else the catalogue is the
-- same, as tests/integration/ledger/test_carry_over.py compares. Runs before the code is made again, in the same transaction.

alter table overstap.round rename constraint round_agreement_number_not_null1 to round_agreement_number_not_null;
alter table overstap.round_agreement rename constraint round_agreement_number_not_null to round_agreement_number_not_null1;
