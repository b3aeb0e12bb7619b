-- What a coordinator asked of one run of a round by its form: only these schools. The tasks read it here, not in Airflow,
-- where whoever may edit a run could change it unseen. Moments that a form moved are in overstap.round_agreement.

create table overstap.run_change (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    run_id text not null check (length(run_id) <= 250),
    schools text[] not null,                    -- empty: all
    asked_by text not null,
    reason text not null default '' check (length(reason) <= 500),
    asked_at timestamptz not null default overstap.clock(),
    primary key (round_id, run_id)
);

call overstap.keep_apart('run_change');
grant select, insert (region, round_id, run_id, schools, asked_by, reason) on overstap.run_change to overstap_region;
