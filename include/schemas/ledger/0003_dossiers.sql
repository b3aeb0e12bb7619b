-- A dossier in a round: its state, its versions, what was found about it. A reference takes the region along, since
-- PostgreSQL looks for what is referred to without row-level security: else a region could hang rows on another's.

create table overstap.state (
    state text primary key,
    is_final boolean not null,                  -- the round ends here for this dossier, unless somebody acts
    dutch text not null
);
insert into overstap.state values
    ('supplied',      false, 'aangeleverd'),
    ('accepted',      false, 'goedgekeurd'),
    ('rejected',      true,  'afgekeurd'),
    ('in_review',     false, 'ter inzage'),
    ('inspected',     false, 'ingezien'),
    ('not_inspected', true,  'niet ingezien'),
    ('no_receiver',   true,  'geen ontvanger'),
    ('sealed',        false, 'verzegeld'),
    ('confirmed',     true,  'bevestigd'),
    ('refused',       true,  'geweigerd door ontvanger'),
    ('undelivered',   true,  'niet bevestigd');

-- The state machine: what is not in this table cannot happen (see the trigger below).
create table overstap.transition (
    transition text not null,
    from_state text not null references overstap.state,
    to_state text not null references overstap.state,
    primary key (from_state, to_state)
);
insert into overstap.transition values
    ('accept',        'supplied',      'accepted'),
    ('reject',        'supplied',      'rejected'),
    ('mend',          'rejected',      'supplied'),
    ('renew',         'accepted',      'supplied'),
    ('renew',         'in_review',     'supplied'),
    ('renew',         'inspected',     'supplied'),
    ('renew',         'not_inspected', 'supplied'),
    ('renew',         'no_receiver',   'supplied'),
    ('release',       'accepted',      'in_review'),
    ('inspect',       'in_review',     'inspected'),
    ('lapse',         'in_review',     'not_inspected'),
    ('miss_receiver', 'inspected',     'no_receiver'),
    ('find_receiver', 'no_receiver',   'inspected'),
    ('seal',          'inspected',     'sealed'),
    ('confirm',       'sealed',        'confirmed'),
    ('refuse',        'sealed',        'refused'),
    ('give_up',       'sealed',        'undelivered'),
    ('confirm_late',  'undelivered',   'confirmed'),
    ('refuse_late',   'undelivered',   'refused');

create table overstap.dossier (
    dossier uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    pupil bytea not null check (length(pupil) = 32),
    las_key bytea check (length(las_key) = 32), -- keyed hash of school and leerlingid, for decisions that a school records
    state text not null default 'supplied' references overstap.state,
    version integer not null default 1,         -- number of the current version
    review_closes_at timestamptz,               -- own deadline: parents of a late school get their time too
    primary key (dossier, region),
    unique (round_id, primary_school, pupil),
    foreign key (region, primary_school) references overstap.school (region, school)
);
create index dossier_by_state on overstap.dossier (round_id, state);
create index dossier_by_pupil on overstap.dossier (region, pupil);
create index dossier_by_las_key on overstap.dossier (round_id, las_key);

create table overstap.gate_decision (
    gate_decision uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    gate text not null check (gate in ('release_for_review')),
    approved boolean not null,
    decided_by text not null,
    reason text not null,
    answer_key text not null,                   -- the same answer recorded twice is one decision
    dossiers integer not null,                  -- how many it covered
    decided_at timestamptz not null default clock_timestamp(),
    primary key (gate_decision, region),
    unique (round_id, gate, answer_key)
);

create table overstap.dossier_version (
    dossier uuid not null,
    number integer not null,
    region text not null references overstap.region,
    key_id text not null,
    content bytea not null,                     -- AES-256-GCM over the compressed, cut OSO XML
    content_digest bytea not null check (length(content_digest) = 32),  -- of all but the inspection block
    oso_version text not null,
    source text not null,                       -- kind of source it came from
    released_by uuid,
    created_at timestamptz not null default clock_timestamp(),
    primary key (dossier, number, region),
    foreign key (dossier, region) references overstap.dossier,
    foreign key (released_by, region) references overstap.gate_decision
);

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
    seen_at timestamptz not null default clock_timestamp(),
    primary key (round_id, primary_school, label)
);

create table overstap.dossier_event (
    region text not null,
    dossier uuid not null,
    transition text not null,
    from_state text not null,
    to_state text not null,
    actor text not null,
    at timestamptz not null default clock_timestamp()
);
create index dossier_event_by_dossier on overstap.dossier_event (dossier);

-- Once per statement, so that a group of a thousand costs one check: refuses what the table does not allow, and keeps the
-- event. A version follows the one before it, and begins as supplied. Definer's rights: nobody else may write events, nor
-- hang this function on a table of their own.
create function overstap.keep_transition() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
declare wrong text;
begin
    select format('%s -> %s', o.state, n.state) || case when o.version <> n.version
           then format(' (version %s -> %s)', o.version, n.version) else '' end into wrong
      from old_rows o join new_rows n using (dossier)
      left join transition t on t.from_state = o.state and t.to_state = n.state
     where (o.state <> n.state and t.transition is null)
        or (o.version <> n.version and (n.version <> o.version + 1 or n.state <> 'supplied')) limit 1;
    if wrong is not null then
        raise exception 'transition not allowed: %', wrong using errcode = 'check_violation';
    end if;
    insert into dossier_event (region, dossier, transition, from_state, to_state, actor)
    select n.region, n.dossier, t.transition, o.state, n.state, coalesce(current_setting('overstap.actor', true), '')
      from old_rows o join new_rows n using (dossier)
      join transition t on t.from_state = o.state and t.to_state = n.state;
    return null;
end $$;
revoke all on function overstap.keep_transition from public;
create trigger keep_transition after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement execute function overstap.keep_transition();

grant select on overstap.state, overstap.transition to overstap_region;
call overstap.keep_apart('dossier');
call overstap.keep_apart('gate_decision');
call overstap.keep_apart('dossier_version');
call overstap.keep_apart('finding');
call overstap.keep_apart('refused_input');
call overstap.keep_apart('dossier_event');
grant select, insert (region, round_id, gate, approved, decided_by, reason, answer_key, dossiers)
    on overstap.gate_decision to overstap_region;
grant select, insert (dossier, number, region, key_id, content, content_digest, oso_version, source), update (released_by)
    on overstap.dossier_version to overstap_region;
grant select, insert (region, round_id, primary_school, pupil, las_key), update (state, version, review_closes_at, las_key)
    on overstap.dossier to overstap_region;
grant select, insert, delete on overstap.finding to overstap_region;
grant select, insert, delete, update (code, facts, key_id, file_name) on overstap.refused_input to overstap_region;
grant select on overstap.dossier_event to overstap_region;
