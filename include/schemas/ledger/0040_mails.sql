-- What is to be mailed. One mail per meaning ("the round opened, told to school 99AB00"), so that asking twice sends once.
-- Address, subject and text are encrypted, and erased when the mail is settled: what remains is that it was sent, and when.

create table overstap.mail (
    mail uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text references overstap.round check (starts_with(round_id, region || '.')),
    meaning text not null,                      -- ids and words, never an address or a name
    kind text not null,
    is_urgent boolean not null,                 -- goes before what is not
    key_id text not null,
    content bytea,                              -- encrypted; null once it is settled
    due_at timestamptz not null default clock_timestamp(),
    state text not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'refused')),
    attempts integer not null default 0,
    code text,                                  -- error code of the last attempt
    reply integer,                              -- status of the mail server (RFC 5321 clause 4.2), none when it gave none
    next_attempt_at timestamptz,
    queued_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    primary key (mail, region),
    unique (region, meaning),
    check ((content is null) = (state in ('sent', 'refused')))
);
create index mail_open on overstap.mail (region, due_at) where state in ('waiting', 'sending');
create index mail_by_round on overstap.mail (round_id, kind);

call overstap.keep_apart('mail');
grant select,
    insert (mail, region, round_id, meaning, kind, is_urgent, key_id, content, due_at),
    update (state, attempts, code, reply, next_attempt_at, settled_at, content)
    on overstap.mail to overstap_region;
