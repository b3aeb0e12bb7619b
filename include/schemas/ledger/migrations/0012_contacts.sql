-- Whom a coordinator calls, what was said, and what was mailed to schools by hand (code/20_contacts.sql). A party is a school (BRIN and
-- branch) or a school board ('board:<name>'). What can name a person is encrypted with a key for this purpose alone, which the board has.

create table overstap.contact_person (
    region text not null references overstap.region,
    party text not null check (length(party) between 1 and 250),
    key_id text not null,
    content bytea not null check (octet_length(content) between 1 and 20000),   -- encrypted
    changed_by text not null check (changed_by <> ''),
    changed_at timestamptz not null default overstap.clock(),
    primary key (region, party)
);

create table overstap.contact_call (
    call uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    party text not null check (length(party) between 1 and 250),
    called_at timestamptz not null,             -- as whoever called says
    called_by text not null check (called_by <> ''),
    key_id text,
    content bytea check (octet_length(content) between 1 and 20000),            -- encrypted: with whom, and what was said
    noted_at timestamptz not null default overstap.clock(),
    primary key (call, region),
    check ((key_id is null) = (content is null))                                -- none: erased
);
create index contact_call_of_round on overstap.contact_call (region, round_id, party);

create table overstap.contact_message (
    message uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    sent_by text not null check (sent_by <> ''),
    sent_at timestamptz not null default overstap.clock(),
    key_id text,
    content bytea check (octet_length(content) between 1 and 40000),            -- encrypted: subject and text
    queued_at timestamptz,                      -- its mails are in the outbox
    primary key (message, region),
    check ((key_id is null) = (content is null))
);
create index contact_message_waiting on overstap.contact_message (region, sent_at) where queued_at is null;
create index contact_message_of_round on overstap.contact_message (region, round_id);

create table overstap.contact_message_to (
    message uuid not null,
    region text not null,
    party text not null check (length(party) between 1 and 250),
    is_unreachable boolean not null default false,      -- it had no address when the mails were made
    primary key (message, party),
    foreign key (message, region) references overstap.contact_message
);
