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
    closed_at timestamptz
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
    primary key (region, school_year, pupil, secondary_school),
    foreign key (region, secondary_school) references overstap.school
);

call overstap.keep_apart('school');
call overstap.keep_apart('round');
call overstap.keep_apart('application');
grant select, insert, update on overstap.school, overstap.round, overstap.application to overstap_region;
