-- What is known of an application beyond its stage, and how it came there (code/02_rounds.sql).

alter table overstap.application
    add column preference smallint check (preference between 1 and 99),     -- 1: the school of first choice
    add column status text check (status in ('applied', 'complete', 'support_examined', 'admissible', 'drawn', 'not_drawn', 'placed',
                                             'refused', 'withdrawn')),
    add column status_reason text check (status_reason in ('full', 'advice', 'support', 'incomplete', 'elsewhere', 'other')),
    add check (status_reason is null or status in ('refused', 'not_drawn', 'withdrawn'));

-- Each state that an application was in, with who stated it: nothing of it changes.
create table overstap.application_event (
    application_event uuid not null default uuidv7(),
    region text not null,
    school_year text not null,
    pupil bytea not null,
    secondary_school text not null,
    stage text not null,
    status text,
    status_reason text,
    preference smallint,
    is_withdrawn boolean not null,              -- it counts no longer: withdrawn, refused, not drawn, or stated by no source
    stated_at timestamptz not null,             -- when it was recorded at the source
    source text not null check (source in ('file', 'database', 'unstated', 'before')),
    noted_by text not null,                     -- account or step
    noted_at timestamptz not null default overstap.clock(),
    primary key (application_event, region),
    foreign key (region, school_year, pupil, secondary_school) references overstap.application on delete cascade
);
create index application_event_of on overstap.application_event (region, school_year, pupil, secondary_school, application_event);

-- What was there before histories were kept.
insert into overstap.application_event (region, school_year, pupil, secondary_school, stage, is_withdrawn, stated_at, source, noted_by)
select region, school_year, pupil, secondary_school, stage, withdrawn_at is not null, coalesce(withdrawn_at, recorded_at), 'before', 'migration'
  from overstap.application;

alter table overstap.roster_owner drop constraint roster_owner_list_check;
alter table overstap.roster_owner add constraint roster_owner_list_check check (list in
    ('dossier_only', 'application_only', 'neither', 'unlisted', 'placed_twice', 'admitted_nowhere', 'withdrawn_everywhere',
     'several_first'));
