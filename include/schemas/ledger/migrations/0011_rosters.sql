-- Rosters (code/19_rosters.sql): which pupils leave a primary school this school year, and so should have a dossier.

-- Each roster that was taken in. Of two the one of the later moment counts.
create table overstap.roster (
    roster uuid not null default uuidv7(),
    region text not null references overstap.region,
    school_year text not null,
    school text not null,
    source text not null check (source in ('folder', 'page', 'database', 'command')),
    form text not null check (length(form) between 1 and 40),
    content bytea not null check (length(content) = 32),        -- keyed hash of what was supplied
    stated_at timestamptz not null,             -- of which moment it is
    counts jsonb not null,                      -- leavers, new ones, missing ones: numbers alone
    asks integer not null default 0 check (asks >= 0),  -- so many are missing that a person says whether they left
    taken_by text not null,
    taken_at timestamptz not null default overstap.clock(),
    primary key (roster, region),
    foreign key (region, school) references overstap.school (region, school)
);
create index roster_of_school on overstap.roster (region, school_year, school, stated_at);

-- A roster that could not be used, until one is: what is told about it on the pages.
create table overstap.refused_roster (
    region text not null references overstap.region,
    school_year text not null,
    school text not null,
    source text not null check (source in ('folder', 'page', 'database', 'command')),
    code text not null,                         -- error code
    facts jsonb not null,                       -- names of columns and counts: nothing of what stands in the roster
    seen_at timestamptz not null default overstap.clock(),
    primary key (region, school_year, school),
    foreign key (region, school) references overstap.school (region, school)
);

-- A pupil who leaves. Three keyed hashes by which the next roster finds the same pupil, since each of them may be missing or mended.
create table overstap.roster_pupil (
    roster_pupil uuid not null,
    region text not null references overstap.region,
    school_year text not null,
    school text not null,
    pupil bytea check (length(pupil) = 32),     -- of the BSN or onderwijsnummer
    las_key bytea check (length(las_key) = 32), -- of school and leerlingid
    named bytea not null check (length(named) = 32),    -- of name and birth date
    kind text not null check (kind in ('group_8', 'announced', 'special_secondary')),
    key_id text not null,
    content bytea not null,                     -- AES-256-GCM over JSON: number, names, birth date, group
    roster uuid not null,                       -- the last one that states this pupil
    missing_at timestamptz,                     -- a roster does not state this pupil, and nobody has decided yet
    off_at timestamptz,                         -- taken off
    off_why text check (off_why in ('not_stated', 'moved', 'other_primary', 'stays', 'abroad', 'deceased', 'mistake')),
    off_by text,
    asked_at timestamptz,                       -- taken off by a person, and stated again: back on?
    kept_off_at timestamptz,                    -- asked, and the answer was no
    primary key (roster_pupil, region),
    foreign key (region, school) references overstap.school (region, school),
    foreign key (roster, region) references overstap.roster,
    check ((off_at is null) = (off_why is null) and (off_at is null) = (off_by is null)),
    check (off_at is null or missing_at is null),
    check (off_at is not null or asked_at is null and kept_off_at is null)
);
create index roster_pupil_of_school on overstap.roster_pupil (region, school_year, school) include (pupil) where off_at is null;
create index roster_pupil_by_pupil on overstap.roster_pupil (pupil) where pupil is not null;

-- What happened to each, and by whom. Rows are added, never changed.
create table overstap.roster_event (
    region text not null references overstap.region,
    roster_pupil uuid not null,
    event text not null check (event in ('on', 'back', 'off', 'missing', 'asked', 'kept_on', 'kept_off')),
    why text,
    roster uuid,                                -- the one that it came of; none: a person
    by_whom text not null,
    at timestamptz not null default overstap.clock(),
    foreign key (roster_pupil, region) references overstap.roster_pupil on delete cascade
);
create index roster_event_by_pupil on overstap.roster_event (roster_pupil);

-- Who looks after a list of pupils of a school of whom something is missing in a round. Without a row nobody does yet.
create table overstap.roster_owner (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    list text not null check (list in ('dossier_only', 'application_only', 'neither', 'unlisted')),
    owner text not null,
    taken_at timestamptz not null default overstap.clock(),
    primary key (round_id, school, list),
    foreign key (region, school) references overstap.school (region, school)
);
