-- Which pupils applied in two regions that agreed to compare (code/32_comparisons.sql).

-- Of each applicant, where the agreement names another region: a point of P-256 that the pupil's number hashes to, multiplied by the
-- region's own exponent (ledger.comparisons.blinding). Without that exponent, which is derived from the look-up key, it says nothing.
create table overstap.comparison_pseudonym (
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    point bytea not null check (length(point) = 32),
    primary key (region, school_year, pupil)
);

-- Each comparison of which this region took a part. Rows are added; what is left of a question ends once, when its answer is read, or
-- a later question to the same region takes its place.
create table overstap.comparison (
    comparison uuid not null,
    region text not null references overstap.region,
    school_year text not null,
    partner text not null check (partner <> region),        -- the other region
    part text not null check (part in ('asked', 'answered')),
    pupils integer not null check (pupils >= 0),            -- whom the question is about
    question bytea not null check (length(question) = 32),  -- SHA-256 of the question
    answer bytea check (length(answer) = 32),               -- SHA-256 of the answer
    found integer,                              -- asked and read: how many pupils are in both regions
    key_id text,
    secret bytea,                               -- asked: encrypted exponent and keyed hashes of this question, until it ends
    by_whom text not null,
    begun_at timestamptz not null default overstap.clock(),
    ended_at timestamptz,
    primary key (comparison, region),
    check ((part = 'answered') <= (answer is not null and secret is null)),
    check ((ended_at is not null) <= (secret is null))
);
create index comparison_of_partner on overstap.comparison (region, school_year, partner, begun_at);

-- What the last comparison with a region told: where pupils of this region applied there, and how that stands.
create table overstap.applied_elsewhere (
    region text not null references overstap.region,
    school_year text not null,
    partner text not null,
    pupil bytea not null check (length(pupil) = 32),
    secondary_school text not null check (secondary_school ~ '^[A-Z0-9]{6}$'),
    state text not null check (state in ('applied', 'registered', 'placed', 'complete', 'support_examined', 'admissible', 'drawn')),
    comparison uuid not null,
    primary key (region, school_year, partner, pupil, secondary_school),
    foreign key (comparison, region) references overstap.comparison
);

alter table overstap.roster_owner drop constraint roster_owner_list_check;
alter table overstap.roster_owner add constraint roster_owner_list_check check (list in
    ('dossier_only', 'application_only', 'neither', 'unlisted', 'placed_twice', 'admitted_nowhere', 'withdrawn_everywhere',
     'several_first', 'sent_in_vain', 'temporary_place', 'no_advice', 'no_test', 'reconsider', 'older_advice', 'not_talked',
     'two_regions'));
