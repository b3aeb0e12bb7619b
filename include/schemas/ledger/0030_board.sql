-- What the board asks for: what moved today in a region, and when a backup was last made.

-- "Since yesterday" reads the events of today alone, whatever came before them.
create index dossier_event_by_moment on overstap.dossier_event (region, at);

-- Told by whoever makes the backup (`overstap ledger backed-up`), since the ledger cannot see what is done around it. Of no
-- region: a backup is of the whole. The application's login tells and reads it as itself.
create table overstap.backup (
    backup uuid primary key default uuidv7(),
    what text not null check (what in ('ledger', 'airflow', 'keys')),
    made_by text not null,
    made_at timestamptz not null default clock_timestamp()
);
create index backup_by_kind on overstap.backup (what, made_at);
grant select, insert (what, made_by) on overstap.backup to overstap_app;
