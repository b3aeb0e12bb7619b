-- A dossier in a round: its state, its versions, what was found about it. A reference takes the region along, since
-- PostgreSQL looks for what is referred to without row-level security: else a region could hang rows on another's.

create table overstap.dossier (
    dossier uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    pupil bytea not null check (length(pupil) = 32),
    las_key bytea check (length(las_key) = 32), -- keyed hash of school and leerlingid, for decisions that a school records
    state text not null default 'supplied' references overstap.state,
    version integer not null default 1,         -- number of the current version
    review_opens_at timestamptz,                -- no decision counts before; none: at its release
    review_closes_at timestamptz,               -- own deadline: parents of a late school get their time too
    erased_at timestamptz,                      -- its content is gone
    forgotten_at timestamptz,                   -- and nothing leads to the pupil any more
    primary key (dossier, region),
    unique (round_id, primary_school, pupil),
    foreign key (region, primary_school) references overstap.school (region, school),
    check (forgotten_at is null or erased_at is not null)
);
-- Work is taken in order, a group at a time, and planned also when nobody has analysed the tables yet (a round just taken in,
-- a restored backup). Each index here ends a quadratic plan that was measured with a thousand dossiers.
create index dossier_by_state on overstap.dossier (round_id, state, dossier);
create index dossier_by_las_key on overstap.dossier (round_id, las_key);
-- Without the region in front, else this index was chosen for "all of the region" in the place of the primary key.
create index dossier_by_pupil on overstap.dossier (pupil);
-- What the board counts again for every page: without it, it read the whole country to count one region.
create index dossier_of_region on overstap.dossier (region, round_id, primary_school, state);

create table overstap.dossier_version (
    dossier uuid not null,
    number integer not null,
    region text not null references overstap.region,
    key_id text not null,
    content bytea not null,                     -- AES-256-GCM over the compressed, minimised OSO XML; empty once it is erased
    content_digest bytea not null check (length(content_digest) = 32),  -- of all but the inspection block
    oso_version text not null,
    source text not null,                       -- kind of source it came from
    released_by uuid,
    created_at timestamptz not null default overstap.clock(),
    primary key (dossier, number, region),
    foreign key (dossier, region) references overstap.dossier,
    foreign key (released_by, region) references overstap.gate_decision
);

create table overstap.dossier_event (
    region text not null,
    dossier uuid not null,
    transition text not null,
    from_state text not null,
    to_state text not null,
    actor text not null,
    at timestamptz not null default overstap.clock()
);
create index dossier_event_by_dossier on overstap.dossier_event (dossier);
-- "Since yesterday" reads the events of today alone, whatever came before them.
create index dossier_event_by_moment on overstap.dossier_event (region, at);

create table overstap.finding (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    rule text not null,
    severity text not null check (severity in ('error', 'warning', 'note')),
    path text not null,                         -- where in the dossier, never what stands there
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index finding_by_version on overstap.finding (dossier, number);

-- What a school supplied that could not become a dossier. The file's name may hold a pupil's name: encrypted.
create table overstap.refused_input (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    label text not null,                        -- keyed handle of the file, no name
    code text not null,                         -- error code
    facts jsonb not null,
    key_id text not null,
    file_name bytea not null,
    seen_at timestamptz not null default overstap.clock(),
    primary key (round_id, primary_school, label)
);

-- How each school stood whenever its region was judged, in counts, for the trend on the quality page. No pupil anywhere, so
-- nothing is encrypted. A run that changes nothing for a school has no row: its last row still says how it stands.
create table overstap.quality_run (
    region text not null references overstap.region,
    round_id text not null references overstap.round,
    school text not null,
    made_at timestamptz not null,
    supplied integer not null check (supplied >= 0),
    accepted integer not null check (accepted between 0 and supplied),
    rejected integer not null check (rejected between 0 and supplied - accepted),
    refused integer not null check (refused >= 0),  -- files that could not become a dossier
    found jsonb not null,                           -- rule or error code: in how many dossiers or files
    primary key (round_id, school, made_at),
    foreign key (region, school) references overstap.school (region, school)
);

-- Reports for schools name pupils by their LAS key, so they stay here, encrypted; round reports hold counts only.
create table overstap.school_report (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    key_id text not null,
    html bytea not null,
    csv bytea not null,
    made_at timestamptz not null default overstap.clock(),
    primary key (round_id, school)
);

-- Who looks after a dossier that nobody may receive. Without a row nobody does yet, and the list says so.
create table overstap.without_receiver (
    region text not null references overstap.region,
    dossier uuid not null,
    owner text not null,                        -- account or name of whoever took it
    taken_at timestamptz not null default overstap.clock(),
    primary key (dossier, region),
    foreign key (dossier, region) references overstap.dossier
);
