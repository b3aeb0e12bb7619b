-- Signing in, without anybody being kept out by somebody else's mistakes (code/07_parents_pages.sql, code/10_accounts.sql).

alter table overstap.review_access
    add column wrong_dates integer not null default 0,
    add column ended_why text check (ended_why in ('guessed'));       -- none: in use, or another code took its place

alter table overstap.review_attempt drop constraint review_attempt_kind_check;
delete from overstap.review_attempt;
alter table overstap.review_attempt add constraint review_attempt_kind_check check (kind in ('code', 'network', 'wide', 'all'));

-- What the administrator is told at once. A subject tells an alarm from its repetition; nothing here leads to a person.
create table overstap.alarm (
    alarm uuid primary key default uuidv7(),
    kind text not null check (kind in ('guessing_network', 'guessing', 'code_ended', 'account_guessed')),
    region text references overstap.region,     -- none: it is of no region
    subject text not null unique,
    failed integer not null,
    raised_at timestamptz not null default clock_timestamp(),
    told_at timestamptz
);
create index alarm_to_tell on overstap.alarm (raised_at) where told_at is null;

-- A browser at which somebody of a school signed in before: strangers who try that person's account are not in its way.
create table overstap.school_device (
    finds bytea primary key check (length(finds) = 32),     -- SHA-256 of a token made of the cookie
    account text not null references overstap.school_account on delete cascade,
    failed integer not null default 0,
    made_at timestamptz not null default clock_timestamp(),
    used_at timestamptz not null default clock_timestamp()
);
create index school_device_by_account on overstap.school_device (account);
