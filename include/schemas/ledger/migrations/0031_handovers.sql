-- Warm handover: what a sending and a receiving school agree about talking over a pupil (code/29_handovers.sql).

-- Each thing that a school said of it: rows are added, never changed but by retention. The newest of a dossier and school counts.
create table overstap.handover (
    handover uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    secondary_school text not null,
    state text not null check (state in ('proposed', 'agreed', 'done', 'not_done')),
    moments timestamptz[] not null default '{}' check (cardinality(moments) <= 3),  -- proposed, or the one that was agreed
    key_id text,
    note bytea,                                 -- encrypted; none, or erased
    said_by_school text not null,
    account text not null,
    said_at timestamptz not null default overstap.clock(),
    place bigint generated always as identity,  -- the order in which it was said
    primary key (handover, region),
    check (case state when 'proposed' then cardinality(moments) > 0 when 'agreed' then cardinality(moments) = 1 else moments = '{}' end)
);
create index handover_of_dossier on overstap.handover (dossier, secondary_school, place);

-- That a dossier asks for contact is kept beside the flags of advice, for the board, which has no key.
alter table overstap.advice_flag drop constraint advice_flag_flag_check;
alter table overstap.advice_flag add constraint advice_flag_flag_check
    check (flag in ('no_provisional', 'no_definitive', 'no_test', 'reconsider', 'older_advice', 'contact'));

-- Of which pupils the flags were made, and of what: only what changed is opened again (quality.advice_standing).
create table overstap.advice_seen (
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    digest bytea not null check (length(digest) = 32),
    primary key (region, school_year, pupil, primary_school)
);

alter table overstap.roster_owner drop constraint roster_owner_list_check;
alter table overstap.roster_owner add constraint roster_owner_list_check check (list in
    ('dossier_only', 'application_only', 'neither', 'unlisted', 'placed_twice', 'admitted_nowhere', 'withdrawn_everywhere',
     'several_first', 'sent_in_vain', 'temporary_place', 'no_advice', 'no_test', 'reconsider', 'older_advice', 'not_talked'));
