-- What a partnership decided about a dossier of a support round (code/30_support_decisions.sql).

-- Rows are added, never changed but by retention. The newest of a dossier and measure counts; which measure is in the content.
create table overstap.support_decision (
    decision uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    partnership text not null,
    primary_school text not null,
    las_key bytea check (length(las_key) = 32), -- keyed hash of school and pupil key, as of dossiers; none once it is erased
    key_id text,
    content bytea,                              -- encrypted statement (JSON); none once it is erased
    signature bytea not null,                   -- detached, of the region's conductor, over the statement
    digest bytea not null check (length(digest) = 32),      -- SHA-256 of the statement
    account text not null,
    said_at timestamptz not null default overstap.clock(),
    place bigint not null,                      -- the order in which it was said
    primary key (decision, region)
);
create index support_decision_of_pupil on overstap.support_decision (region, primary_school, las_key, place);
create index support_decision_of_dossier on overstap.support_decision (dossier, place);
