-- A region's schools and rounds as its agreement stated them, and which pupil goes where.

create table overstap.school (
    region text not null references overstap.region,
    school text not null,                       -- BRIN and branch
    name text not null,
    kind text not null check (kind in ('PO', 'VO')),
    contact text not null,
    primary key (region, school)
);

create table overstap.round (
    round_id text primary key,                  -- <region>.<school year>.<kind>
    region text not null references overstap.region,
    school_year text not null,
    kind text not null,
    agreement jsonb not null,                   -- the round started with this version
    agreement_digest text not null,
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    -- The id says the region, so that whatever names a round in it is of that region too (see the checks on round_id).
    check (round_id = concat_ws('.', region, school_year, kind))
);

-- Which pupil may be received where. `pupil` is the keyed hash of the BSN or onderwijsnummer.
create table overstap.application (
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    secondary_school text not null,
    stage text not null check (stage in ('applied', 'registered', 'placed')),
    recorded_at timestamptz not null,
    withdrawn_at timestamptz,                   -- no source states it any more
    primary key (region, school_year, pupil, secondary_school),
    foreign key (region, secondary_school) references overstap.school
);

call overstap.keep_apart('school');
call overstap.keep_apart('round');
call overstap.keep_apart('application');
-- Columns, not tables: what a round started with stays, and a moment that counts as evidence is the database's own.
grant select, insert on overstap.school, overstap.application to overstap_region;
grant update (name, contact) on overstap.school to overstap_region;
grant update (primary_school, stage, recorded_at, withdrawn_at) on overstap.application to overstap_region;
grant select, insert (round_id, region, school_year, kind, agreement, agreement_digest), update (closed_at)
    on overstap.round to overstap_region;
