-- When a region's background work looked last, and when it has to look next: what starts the DAGs beside its rounds.

create table overstap.due_work (
    region text not null references overstap.region,
    work text not null check (work in ('deliveries', 'answers', 'notices')),
    began_at timestamptz not null,              -- when the newest look began, finished or not
    began_line bigint not null,                 -- number of the region's newest audit line then; 0: none
    looked_at timestamptz,                      -- when the last look that was finished began
    line bigint,                                -- number of the region's newest audit line then
    next_at timestamptz,                        -- the next moment at which something is due, as far as that look could tell
    primary key (region, work),
    check ((looked_at is null) = (next_at is null) and (looked_at is null) = (line is null))
);
-- When a school's files were last looked at to the end, whether any were there or not: nobody is told late before.
create table overstap.collected (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    at timestamptz not null,
    primary key (round_id, school)
);
-- What is unsettled is little; found without reading all that was ever delivered.
create index delivery_unsettled on overstap.delivery (region, next_attempt_at) where state = 'sealed';

-- A round that was closed although it should not have been is opened again by a decision.
alter table overstap.gate_decision drop constraint gate_decision_gate_check;
alter table overstap.gate_decision add constraint gate_decision_gate_check check (gate in
    ('release_for_review', 'not_inspected', 'release_for_delivery', 'accept_undeliverable', 'reopen'));
