-- What schools asked at the desk, and what they were told. Each request is kept: to tell the school when a dossier that was
-- not ready becomes so, and to show who asked for what. No pupil unless one was found.

create table overstap.dossier_request (
    request_id uuid not null,                   -- the asking school's own
    region text not null references overstap.region,
    secondary_school text not null,
    primary_school text not null,               -- as it was asked
    pupil bytea check (length(pupil) = 32),     -- null when no pupil was found under what was asked
    answer text not null check (answer in
        ('dossier', 'not_ready', 'not_receiver', 'not_newer', 'wrong_version', 'unknown')),
    reason text not null,                       -- the precise one, which the school is not told
    message_id uuid,                            -- what was handed out
    asked_at timestamptz not null default clock_timestamp(),
    foreign key (region, secondary_school) references overstap.school (region, school),
    foreign key (message_id, region) references overstap.delivery (message_id, region)
);
create index dossier_request_of_pupil on overstap.dossier_request (pupil, secondary_school, asked_at)
    where answer = 'not_ready';
create index dossier_request_unknown on overstap.dossier_request (secondary_school, asked_at) where answer = 'unknown';

call overstap.keep_apart('dossier_request');
grant select, insert (request_id, region, secondary_school, primary_school, pupil, answer, reason, message_id)
    on overstap.dossier_request to overstap_region;
