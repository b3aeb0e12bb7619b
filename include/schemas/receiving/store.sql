-- A receiving school's store in PostgreSQL, in a schema of its own: the school's database and the school's to protect.
-- Run by `overstap receive setup`; safe to repeat.

create schema if not exists overstap_received;

create table if not exists overstap_received.message (
    message_id uuid primary key,
    kind text not null check (kind in ('dossier', 'test')),
    sender text not null,                       -- BRIN and branch of the primary school
    round text not null,
    oso_version text not null,
    envelope bytea not null,                    -- as it came: the proof of who sent it
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    manifest bytea not null,                    -- manifest.json as it came
    receipt bytea not null,                     -- what was answered
    result bytea,                               -- what was stated of it last
    stored_at timestamptz not null default clock_timestamp(),
    imported_at timestamptz                     -- for the school's own system to fill in
);

create table if not exists overstap_received.file (
    message_id uuid not null references overstap_received.message on delete cascade,
    name text not null,
    content bytea not null,
    primary key (message_id, name)
);

create table if not exists overstap_received.refusal (
    envelope_digest bytea primary key,
    receipt bytea not null,
    refused_at timestamptz not null default clock_timestamp()
);

create table if not exists overstap_received.alarm (
    message_id uuid not null,
    stored bytea not null,
    came bytea not null,
    at timestamptz not null,
    primary key (message_id, came)
);

create table if not exists overstap_received.notification (
    message_id uuid primary key,
    content bytea not null,
    came_at timestamptz not null default clock_timestamp()
);

create table if not exists overstap_received.asked (
    handle bytea primary key,                   -- salted digest of pupil and sender
    newest timestamptz not null
);

create table if not exists overstap_received.salt (
    only_one boolean primary key default true check (only_one),
    salt bytea not null
);

-- What was taken back: the statement, our answer, and of the envelope its receipt, manifest and digest; its content is gone.
create table if not exists overstap_received.withdrawn (
    message_id uuid primary key,
    revocation bytea not null,
    answer bytea not null,
    envelope_digest bytea,                      -- none, like the next two: it had not come
    manifest bytea,
    receipt bytea,
    withdrawn_at timestamptz not null default clock_timestamp()
);
