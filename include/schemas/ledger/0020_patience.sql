-- When an envelope that brought no receipt is tried again, and when a school that does not answer is left alone. Kept here and
-- not in a task, so that whoever sends next (the round's task, its rerun, the region's watch) goes on where the last one left.

alter table overstap.delivery
    add column next_attempt_at timestamptz not null default '-infinity',    -- infinity: when somebody asks for it
    drop constraint delivery_state_check,
    add check (state in ('sealed', 'confirmed', 'refused', 'resealed')),    -- resealed: refused, and sealed anew since
    add column serial smallint not null default 0,                          -- how often it was sealed anew
    drop constraint delivery_dossier_number_secondary_school_key,
    add unique (dossier, number, secondary_school, serial);
grant update (next_attempt_at), insert (serial) on overstap.delivery to overstap_region;

-- The line to a school, over all rounds: a circuit breaker.
create table overstap.school_line (
    region text not null references overstap.region,
    school text not null,
    silent integer not null default 0 check (silent >= 0),  -- answerless attempts in a row
    rests integer not null default 0 check (rests >= 0),    -- rests in a row: each is longer than the one before
    rests_until timestamptz,                    -- nothing is sent until then, and then one envelope to try
    problem text,                               -- error code of the last answerless attempt
    answered_at timestamptz,                    -- its last answer
    primary key (region, school),
    foreign key (region, school) references overstap.school (region, school)
);
call overstap.keep_apart('school_line');
grant select, insert, update on overstap.school_line to overstap_region;

-- What was told undelivered when receipts were due: to whom it was told is in the outbox, under the meaning kept here.
create table overstap.non_delivery (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    message_id uuid not null,
    primary_school text not null,
    secondary_school text not null,
    problem text,                               -- error code of the last attempt at that moment
    attempts integer not null,
    told_at timestamptz not null default overstap.clock(),
    primary key (message_id),
    foreign key (message_id, region) references overstap.delivery
);
create index non_delivery_by_round on overstap.non_delivery (round_id, secondary_school);
call overstap.keep_apart('non_delivery');
grant select, insert (region, round_id, message_id, primary_school, secondary_school, problem, attempts)
    on overstap.non_delivery to overstap_region;
