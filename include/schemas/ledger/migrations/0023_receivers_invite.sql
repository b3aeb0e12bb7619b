-- A secondary school asks a primary school outside the region for the pupils that applied with it first (code/23_guest_schools.sql).

-- What the sources of registrations state of pupils whose primary school takes no part: replaced at each reading. Not what lets a
-- dossier go: it only tells which schools could be invited, and by whom.
create table overstap.outside_registration (
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),                        -- keyed hash, as of a registration
    primary_school text not null check (primary_school ~ '^[0-9]{2}[A-Z]{2}[0-9]{2}$'),
    secondary_school text not null,
    preference smallint,
    primary key (region, school_year, pupil, secondary_school)
);

-- Which secondary school asked a guest for how many pupils; their names are in the guest's content.
create table overstap.guest_ask (
    guest uuid not null,
    region text not null references overstap.region,
    secondary_school text not null,
    pupils integer not null check (pupils between 1 and 50),
    asked_by text not null check (asked_by <> ''),
    asked_at timestamptz not null default overstap.clock(),
    primary key (guest, region, secondary_school),
    foreign key (guest, region) references overstap.guest_school
);

alter table overstap.guest_school add column changes integer not null default 0;   -- so that of two who add pupils at once none is lost
