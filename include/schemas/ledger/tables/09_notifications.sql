-- What is told to whom, once per meaning and kept until it is sent; and what is red, in a form that can be told.

-- One mail per meaning ("the round opened, told to school 99AB00"), so that asking twice sends once. Address, subject and text
-- are encrypted, and erased when the mail is settled: what remains is that it was sent, and when.
create table overstap.mail (
    mail uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text references overstap.round check (starts_with(round_id, region || '.')),
    meaning text not null,                      -- ids and words, never an address or a name
    kind text not null,
    is_urgent boolean not null,                 -- goes before what is not
    key_id text not null,
    content bytea,                              -- encrypted; null once it is settled
    due_at timestamptz not null default clock_timestamp(),
    state text not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'refused')),
    attempts integer not null default 0,
    code text,                                  -- error code of the last attempt
    reply integer,                              -- status of the mail server (RFC 5321 clause 4.2), none when it gave none
    next_attempt_at timestamptz,
    queued_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    primary key (mail, region),
    unique (region, meaning),
    check ((content is null) = (state in ('sent', 'refused')))
);
create index mail_open on overstap.mail (region, due_at) where state in ('waiting', 'sending');
create index mail_by_round on overstap.mail (round_id, kind);

-- What coordinators and schools are told, one row per meaning and recipient. A mail gathers what waits for its recipient; which
-- mail it went in, is kept. Facts are counts, moments, codes and names of schools: no pupil.
create table overstap.notice (
    notice uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text check (starts_with(round_id, region || '.')),
    meaning text not null,                      -- kind, round, what it is about
    kind text not null,
    recipient text not null check (recipient ~ '^(coordinator|school):'),   -- account or BRIN, never an address
    facts jsonb not null,
    is_urgent boolean not null,
    noted_at timestamptz not null default clock_timestamp(),
    mail text,                                  -- meaning of the mail that told it
    dropped_at timestamptz,                     -- it was so no longer before anybody was told
    primary key (notice, region),
    unique (region, meaning, recipient)
);
create index notice_waiting on overstap.notice (region, recipient) where mail is null and dropped_at is null;

-- Which task failed, for whom, why, and who must act. Airflow's own states say only that something failed. Facts fill the code's
-- sentence: ids, counts and names of schools, never a pupil's data.
create table overstap.task_failure (
    task_failure uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text check (starts_with(round_id, region || '.')),  -- no reference: a round that could not open has no row
    dag_id text not null,
    run_id text not null,
    task text not null,
    map_index integer not null,                 -- -1: not mapped
    school text,                                -- BRIN and branch, where the task is about one school
    code text not null,
    facts jsonb not null,
    who text not null check (who in ('school', 'supplier', 'region', 'administrator')),
    will_retry boolean not null,                -- Airflow tries again by itself
    at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,                       -- the task succeeded since, or failed anew
    primary key (task_failure, region)
);
create index task_failure_open on overstap.task_failure (region, round_id) where ended_at is null;
create index task_failure_by_task on overstap.task_failure (dag_id, task) where ended_at is null;
