-- Advice and test side by side (code/27_advice_and_test.sql). What is known of a pupil's test is encrypted; what it leads to is a list, by
-- keyed hash, as findings are.

create table overstap.pupil_test (
    pupil_test uuid not null,
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    key_id text not null,
    content bytea not null,                     -- encrypted: which test, its advice, or why there is none
    digest bytea not null check (length(digest) = 32),      -- keyed hash of the content, to tell what is new
    stated_at timestamptz not null,             -- by the source
    source text not null check (source in ('file', 'message')),
    noted_by text not null,
    noted_at timestamptz not null default overstap.clock(),
    primary key (pupil_test, region),
    unique (region, school_year, pupil),
    foreign key (region, primary_school) references overstap.school (region, school)
);

create table overstap.advice_flag (
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    flag text not null check (flag in ('no_provisional', 'no_definitive', 'no_test', 'reconsider', 'older_advice')),
    dossier uuid,                               -- of which it is; none: of the pupil
    since timestamptz not null default overstap.clock(),
    unique nulls not distinct (region, school_year, pupil, primary_school, flag, dossier),
    foreign key (region, primary_school) references overstap.school (region, school)
);

-- Lists with an owner for them (ledger/rosters/by_advice.py).
alter table overstap.roster_owner drop constraint roster_owner_list_check;
alter table overstap.roster_owner add constraint roster_owner_list_check check (list in
    ('dossier_only', 'application_only', 'neither', 'unlisted', 'placed_twice', 'admitted_nowhere', 'withdrawn_everywhere',
     'several_first', 'sent_in_vain', 'temporary_place', 'no_advice', 'no_test', 'reconsider', 'older_advice'));
