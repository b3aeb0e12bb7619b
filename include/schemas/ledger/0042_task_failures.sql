-- What is red, in a form that a board and a mail can tell: which task, for whom, why, and who must act. Airflow's own states
-- say only that something failed. Facts fill the code's sentence: ids, counts and names of schools, never a pupil's data.

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

call overstap.keep_apart('task_failure');
grant select,
    insert (region, round_id, dag_id, run_id, task, map_index, school, code, facts, who, will_retry),
    update (ended_at)
    on overstap.task_failure to overstap_region;
