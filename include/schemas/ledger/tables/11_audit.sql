-- The audit chain: one chain of lines per region, written before each effect, never changed. A line's hash is that of `payload`
-- alone, so that an exported file can be proved without this database.

create table overstap.audit_line (
    region text not null references overstap.region,
    seq bigint not null check (seq > 0),
    payload text not null,                      -- JSON: region, seq, at, actor, action, subject, detail, previous
    hash bytea not null check (length(hash) = 32),
    primary key (region, seq)
);

create table overstap.audit_checkpoint (
    region text not null references overstap.region,
    up_to bigint not null,
    payload text not null,                      -- JSON: region, from, up_to, root, head, at
    signature bytea not null,
    certificate bytea not null,
    made_at timestamptz not null default overstap.clock(),
    primary key (region, up_to)
);
