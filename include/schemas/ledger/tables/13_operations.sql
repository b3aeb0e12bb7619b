-- What the administrator's page asks for, of no region.

-- Told by whoever makes the backup (`overstap ledger backed-up`), since the ledger cannot see what is done around it.
create table overstap.backup (
    backup uuid primary key default uuidv7(),
    what text not null check (what in ('ledger', 'airflow', 'keys')),
    made_by text not null,
    made_at timestamptz not null default clock_timestamp()
);
create index backup_by_kind on overstap.backup (what, made_at);

-- Until when certificates hold, as a task saw it that has the folder: the process that serves pages has not, on purpose.
-- Names of schools and authorities alone: one store serves all.
create table overstap.certificate (
    holder text primary key,                    -- such as "98XA00 signing-2"
    holds_until timestamptz not null,
    seen_at timestamptz not null default clock_timestamp()
);
