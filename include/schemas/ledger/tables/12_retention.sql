-- Who says that something must be kept: a complaint, a court. Never a name: the reason says what for.

create table overstap.retention_hold (
    retention_hold uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid,                               -- none: the whole round
    reason text not null check (length(reason) between 1 and 500),
    held_by text not null,
    held_at timestamptz not null default overstap.clock(),
    lifted_by text,
    lifted_at timestamptz,
    primary key (retention_hold, region),
    foreign key (dossier, region) references overstap.dossier,
    check ((lifted_by is null) = (lifted_at is null))
);
create index retention_hold_open on overstap.retention_hold (round_id) where lifted_at is null;
