-- Pupils who are placed at several schools (code/22_placements.sql).

-- What a coordinator said of one: which of the placements hold. An answer is about exactly these schools; once a source names others,
-- it is asked again. Of two answers about the same schools the newer counts. With the traces of the pupil, `pupil` becomes random.
create table overstap.placement_answer (
    placement_answer uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    pupil bytea not null check (length(pupil) = 32),    -- keyed hash of the BSN or onderwijsnummer
    schools text[] not null check (cardinality(schools) > 1),               -- where the pupil was placed, in order
    holds text[] not null check (cardinality(holds) > 0 and holds <@ schools),
    reason text not null check (length(reason) between 1 and 500),
    decided_by text not null,
    decided_at timestamptz not null default overstap.clock(),
    primary key (placement_answer, region)
);
create index placement_answer_of_pupil on overstap.placement_answer (round_id, pupil, decided_at);
create index application_placed on overstap.application (region, school_year, pupil) include (secondary_school)
    where withdrawn_at is null and stage = 'placed';
