-- What coordinators decide about a round, and what stands in the way until they have.

create table overstap.gate_decision (
    gate_decision uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    gate text not null check (gate in ('release_for_review', 'not_inspected', 'release_for_delivery', 'accept_undeliverable')),
    approved boolean not null,
    decided_by text not null,
    reason text not null,
    answer_key text not null,                   -- the same answer recorded twice is one decision
    dossiers integer not null,                  -- how many it covered
    decided_at timestamptz not null default overstap.clock(),
    primary key (gate_decision, region),
    unique (round_id, gate, answer_key)
);

-- Raised by explicit rules, settled by a decision. Each time rules are looked at, what is new forms a batch, and each batch is
-- one question with a text of its own.
create table overstap.gate_hold (
    gate_hold uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    gate text not null check (gate in ('not_inspected', 'release_for_delivery', 'accept_undeliverable')),
    batch integer not null check (batch > 0),
    reason text not null,                       -- key of its sentence
    subject text not null,                      -- a school or a certificate; empty: the whole round
    count integer not null check (count > 0),   -- of how many dossiers, schools or certificates
    facts jsonb not null,                       -- what fills its sentence: counts and names of schools
    raised_at timestamptz not null default clock_timestamp(),
    settled_by uuid,
    withdrawn_at timestamptz,                   -- it is so no longer, or became worse and was raised anew
    primary key (gate_hold, region),
    foreign key (settled_by, region) references overstap.gate_decision
);
create unique index gate_hold_open on overstap.gate_hold (round_id, gate, reason, subject)
    where settled_by is null and withdrawn_at is null;

-- What the coordinator decided about those who had not looked when the window closed, per school: hold them, give their
-- families longer, or let the school attest. Who decided it, when and why is in gate_decision.
create table overstap.window_decision (
    gate_decision uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    choice text not null check (choice in ('hold', 'extend', 'attest')),
    closes_at timestamptz check ((closes_at is not null) = (choice = 'extend')),
    dossiers integer not null,                  -- of how many dossiers it was
    primary key (gate_decision, school),
    foreign key (gate_decision, region) references overstap.gate_decision,
    foreign key (region, school) references overstap.school (region, school)
);
create index window_decision_by_school on overstap.window_decision (round_id, school);
