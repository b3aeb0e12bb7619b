-- A region's schools, its rounds, and which agreement holds for each round.

create table overstap.school (
    region text not null references overstap.region,
    school text not null,                       -- BRIN and branch
    name text not null,
    kind text not null check (kind in ('PO', 'VO', 'SWV')),     -- SWV: partnership for support in education; it receives
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
    opened_at timestamptz not null default overstap.clock(),
    closed_at timestamptz,
    -- What sealing and sending ask of every dossier, kept here from the newest row of round_agreement.
    agreement_number integer not null default 0,
    delivers_at timestamptz,                    -- nothing leaves before it
    receiving text[] not null default '{}',     -- the schools that may receive in this round
    -- What the agreement says about the review, read once: the agreement is too large to open for each dossier.
    not_inspected text generated always as
        (coalesce(agreement -> 'rounds' -> kind ->> 'not_inspected', 'withhold')) stored,
    consent text generated always as (coalesce(agreement -> 'rounds' -> kind ->> 'consent', 'not_asked')) stored,
    -- Towards a partnership (samenwerkingsverband) a dossier goes without inspection by parents and without the pupil's number.
    inspects boolean generated always as (kind <> 'support') stored,
    -- The id says the region, so that whatever names a round in it is of that region too (see the checks on round_id).
    check (round_id = concat_ws('.', region, school_year, kind))
);

-- Which agreement holds for a round, and since when. A round starts with one (number 1); each later row is what a changed
-- file or a coordinator's form left of it, with what was asked, what was refused and why. Rows are added, never changed.
create table overstap.round_agreement (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    number integer not null check (number > 0),
    origin text not null check (origin in ('opened', 'file', 'form')),
    agreement jsonb not null,                   -- what holds from here on
    agreement_digest text not null,
    offered_digest text not null,               -- of what was offered: the file as it was, before anything was refused
    changes jsonb not null default '[]',        -- each key that differs, its verdict, and the reason of a refusal
    delivers_at timestamptz not null,
    receiving text[] not null,
    taken_by text not null,                     -- account or task
    reason text not null default '' check (length(reason) <= 500),
    taken_at timestamptz not null default overstap.clock(),
    primary key (round_id, number)
);

-- What a coordinator asked of one run of a round by its form: only these schools. The tasks read it here, not in Airflow,
-- where whoever may edit a run could change it unseen. Moments that a form moved are in overstap.round_agreement.
create table overstap.run_change (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    run_id text not null check (length(run_id) <= 250),
    schools text[] not null,                    -- empty: all
    asked_by text not null,
    reason text not null default '' check (length(reason) <= 500),
    asked_at timestamptz not null default overstap.clock(),
    primary key (round_id, run_id)
);

-- Which agreed moments of a round have come, each once, and in counts what was still missing then: for the coordinator's
-- notices and the report. A moment that moved is another moment.
create table overstap.milestone_passed (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    milestone text not null,
    moment timestamptz not null,                -- as it held for the round
    behind jsonb not null,                      -- per school how many dossiers are still waited for; empty: nothing
    noted_at timestamptz not null default overstap.clock(),
    primary key (round_id, milestone, moment)
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
-- By region first where a page counts: row-level security adds the region to every statement.
create index application_of_region on overstap.application (region, school_year, primary_school, pupil)
    include (secondary_school) where withdrawn_at is null;
