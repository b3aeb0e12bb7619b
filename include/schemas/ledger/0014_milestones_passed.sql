-- Which agreed moments of a round have come, each once, and in counts what was still missing then: for the coordinator's
-- notices and the report. A moment that moved is another moment.

create table overstap.milestone_passed (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    milestone text not null,
    moment timestamptz not null,                -- as it held for the round
    behind jsonb not null,                      -- per school how many dossiers are still waited for; empty: nothing
    noted_at timestamptz not null default overstap.clock(),
    primary key (round_id, milestone, moment)
);

call overstap.keep_apart('milestone_passed');
grant select, insert (region, round_id, milestone, moment, behind) on overstap.milestone_passed to overstap_region;
