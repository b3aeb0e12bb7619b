-- Primary schools outside the region that take part in one round, because somebody there invited them (code/23_guest_schools.sql).
-- E-mail address and the pupils that are asked for are encrypted with the key for contact with schools, which the board has.

alter table overstap.school add column is_guest boolean not null default false;    -- in no agreement: it takes part where it is invited

create table overstap.guest_school (
    guest uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null check (school ~ '^[0-9]{2}[A-Z]{2}[0-9]{2}$'),
    name text not null check (length(name) between 1 and 120),
    pupils integer not null check (pupils between 1 and 50),                -- how many pupils it is asked for
    key_id text,
    content bytea check (octet_length(content) between 1 and 20000),        -- encrypted: address and pupils; none: erased
    invited_by text not null check (invited_by <> ''),
    invited_at timestamptz not null default overstap.clock(),
    asked integer not null default 1,           -- how many invitations were asked for; each has a mail and an address of its own
    asked_at timestamptz not null default overstap.clock(),
    finds bytea unique check (length(finds) = 32),                          -- SHA-256 of the newest address; none: not mailed yet, or used
    mailed_at timestamptz,
    expires_at timestamptz,
    ended_by text,
    ended_at timestamptz,
    primary key (guest, region),
    unique (round_id, school),
    foreign key (region, school) references overstap.school (region, school),
    check ((key_id is null) = (content is null))
);
create index guest_school_waiting on overstap.guest_school (region, asked_at) where mailed_at is null;

-- An account of a guest school is for one round, and opens nothing once that round is closed.
alter table overstap.school_account add column round_id text references overstap.round;

alter table overstap.alarm drop constraint alarm_kind_check;
alter table overstap.alarm add constraint alarm_kind_check
    check (kind in ('guessing_network', 'guessing', 'code_ended', 'account_guessed', 'factor_guessed', 'invitation_guessed'));
