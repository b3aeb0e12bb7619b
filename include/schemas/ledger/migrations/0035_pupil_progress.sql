-- How pupils who left a primary school fare at their secondary school: a small record of its own, no dossier (code/31_pupil_progress.sql).

create table overstap.pupil_progress (
    progress uuid not null,
    region text not null references overstap.region,
    school_year text not null,                  -- in which the pupil left: of the application
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    secondary_school text not null,
    about_year text not null,                   -- the school year that it is about
    key_id text not null,
    content bytea not null,                     -- encrypted: the fields of include/schemas/progress.yaml
    digest bytea not null check (length(digest) = 32),      -- keyed hash of the content, to tell what is new
    source text not null check (source in ('page', 'file')),
    account text not null,
    said_at timestamptz not null default overstap.clock(),
    primary key (progress, region),
    unique (region, school_year, pupil, secondary_school, about_year),
    foreign key (region, primary_school) references overstap.school (region, school)
);
create index pupil_progress_of_primary on overstap.pupil_progress (region, primary_school, about_year);

-- What is said of a dossier is numbered by the function that keeps it: the ledger has no sequences.
alter table overstap.handover alter column place drop identity;
