-- What a school that asks may be given beside a dossier: a test message, which is kept for that (there is no pupil in it), and
-- the statement that takes a dossier back.

alter table overstap.test_message add column envelope bytea;
grant insert (envelope) on overstap.test_message to overstap_region;

alter table overstap.dossier_request drop constraint dossier_request_answer_check;
alter table overstap.dossier_request add check (answer in
    ('dossier', 'not_ready', 'not_receiver', 'not_newer', 'wrong_version', 'withdrawn', 'unknown'));

-- Where a school collects by itself, the statement lies there from this moment on.
alter table overstap.revocation add column offered_at timestamptz;
grant update (offered_at) on overstap.revocation to overstap_region;
