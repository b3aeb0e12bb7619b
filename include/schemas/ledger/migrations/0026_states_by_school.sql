-- States of applications come from the secondary school's page too, and a dossier is taken back at one school alone (code/26_states_by_school.sql).

alter table overstap.application_event drop constraint application_event_source_check;
alter table overstap.application_event add constraint application_event_source_check
    check (source in ('file', 'database', 'unstated', 'before', 'page'));

-- An envelope that is taken back at its school, while the dossier stays where it is otherwise.
create table overstap.envelope_withdrawal (
    message_id uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    number integer not null,                    -- the version in it: a newer one may be sent
    secondary_school text not null,
    reason text not null check (reason in ('wrong_receiver', 'pupil_not_coming', 'wrong_content', 'objection', 'other')),
    decided_by text not null,                   -- account
    decided_at timestamptz not null default overstap.clock(),
    primary key (message_id, region),
    foreign key (message_id, region) references overstap.delivery
);
create index envelope_withdrawal_of_dossier on overstap.envelope_withdrawal (dossier, number, secondary_school);
