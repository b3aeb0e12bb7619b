-- Dossiers that a school types in on its own pages: each step of the form encrypted, no version of a step ever changed, and the
-- dossier as it was handed in, which the round's collection takes as any other file.

create table overstap.typed_dossier (
    typed uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    state text not null default 'open' check (state in ('open', 'handed_in', 'dropped')),
    version integer not null default 0,         -- counts every change of any step, so that what was read is what is handed in
    made_by text not null check (length(made_by) between 1 and 250),
    made_at timestamptz not null default overstap.clock(),
    handed_in_by text,                          -- who handed in what is in content
    handed_in_at timestamptz,
    key_id text,
    content bytea,                              -- the OSO XML as it was handed in last, encrypted; empty once it is erased
    pupil bytea check (length(pupil) = 32),     -- keyed hash, as of the dossier that it became
    primary key (typed, region),
    foreign key (region, primary_school) references overstap.school (region, school),
    check ((handed_in_by is null) = (content is null) and (key_id is null) = (content is null)),
    check (state <> 'handed_in' or content is not null)
);
create index typed_dossier_of_school on overstap.typed_dossier (round_id, primary_school, made_at);
create unique index typed_dossier_of_pupil on overstap.typed_dossier (round_id, primary_school, pupil) where pupil is not null;
create index typed_dossier_by_pupil on overstap.typed_dossier (pupil);

-- What was saved of a step of the form. Rows are added, never changed: nothing that somebody typed is lost.
create table overstap.typed_step (
    typed uuid not null,
    region text not null references overstap.region,
    step text not null check (step ~ '^[a-z_]{1,40}$'),
    number integer not null check (number > 0),
    key_id text not null,
    content bytea not null check (octet_length(content) <= 2000000),
    changed_by text not null check (length(changed_by) between 1 and 250),
    changed_at timestamptz not null default overstap.clock(),
    primary key (typed, step, number),
    foreign key (typed, region) references overstap.typed_dossier
);

-- Attachments of drafts: name and bytes together, encrypted.
create table overstap.typed_file (
    file uuid not null,
    region text not null references overstap.region,
    typed uuid not null,
    key_id text not null,
    content bytea not null check (octet_length(content) <= 12000000),
    added_by text not null check (length(added_by) between 1 and 250),
    added_at timestamptz not null default overstap.clock(),
    primary key (file, region),
    foreign key (typed, region) references overstap.typed_dossier
);
create index typed_file_of_dossier on overstap.typed_file (typed);
