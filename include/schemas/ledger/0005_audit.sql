-- The evidence: one chain of lines per region, written before each effect, never changed. The hash is computed by the
-- writer and by the verifier from `payload` alone, so that an exported file can be proved without this database.

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
    made_at timestamptz not null default clock_timestamp(),
    primary key (region, up_to)
);

-- Reports for schools name pupils by their LAS key, so they stay here, encrypted; round reports hold counts only.
create table overstap.school_report (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    key_id text not null,
    html bytea not null,
    csv bytea not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (round_id, school)
);

call overstap.keep_apart('audit_line');
call overstap.keep_apart('audit_checkpoint');
call overstap.keep_apart('school_report');
grant select, insert on overstap.audit_line to overstap_region;
grant select, insert (region, up_to, payload, signature, certificate) on overstap.audit_checkpoint to overstap_region;
grant select, insert (region, round_id, school, key_id, html, csv), update (key_id, html, csv, made_at)
    on overstap.school_report to overstap_region;
