-- What coordinators and schools are told, one row per meaning and recipient. A mail gathers what waits for its recipient; which
-- mail it went in, is kept. Facts are counts, moments, codes and names of schools: no pupil.

create table overstap.notice (
    notice uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text check (starts_with(round_id, region || '.')),
    meaning text not null,                      -- kind, round, what it is about
    kind text not null,
    recipient text not null check (recipient ~ '^(coordinator|school):'),   -- account or BRIN, never an address
    facts jsonb not null,
    is_urgent boolean not null,
    noted_at timestamptz not null default clock_timestamp(),
    mail text,                                  -- meaning of the mail that told it
    dropped_at timestamptz,                     -- it was so no longer before anybody was told
    primary key (notice, region),
    unique (region, meaning, recipient)
);
create index notice_waiting on overstap.notice (region, recipient) where mail is null and dropped_at is null;

call overstap.keep_apart('notice');
grant select, insert (region, round_id, meaning, kind, recipient, facts, is_urgent), update (mail, dropped_at)
    on overstap.notice to overstap_region;
