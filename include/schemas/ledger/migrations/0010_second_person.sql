-- What the agreement leaves to two persons (code/18_second_person.sql): one asks, another confirms.

create table overstap.second_person (
    request uuid primary key default uuidv7(),
    region text not null references overstap.region,
    round_id text references overstap.round check (starts_with(round_id, region || '.')),    -- none: of the whole region
    act text not null check (act in ('release', 'take_back', 'erase', 'key_destruction')),
    about text not null,                        -- what one request is open for at a time: ids, no name
    arguments jsonb not null,                   -- what is done once it is confirmed
    asked_by text not null check (asked_by <> ''),
    asked_at timestamptz not null default overstap.clock(),
    expires_at timestamptz not null default overstap.clock() + interval '3 days',
    confirmed_by text,
    confirmed_at timestamptz,
    withdrawn_by text,
    withdrawn_at timestamptz,
    used_at timestamptz,                        -- it was done
    check ((confirmed_by is null) = (confirmed_at is null) and (withdrawn_by is null) = (withdrawn_at is null)),
    check (confirmed_by <> asked_by),
    check (confirmed_at is null or withdrawn_at is null)
);
create index second_person_open on overstap.second_person (region, act, about) where confirmed_at is null and withdrawn_at is null;
