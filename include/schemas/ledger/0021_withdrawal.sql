-- A dossier that is taken back, before or after it was delivered, and one that is replaced by a newer version after delivery.

insert into overstap.state values ('withdrawn', true, 'ingetrokken');
insert into overstap.transition values
    ('withdraw', 'supplied',      'withdrawn'),
    ('withdraw', 'accepted',      'withdrawn'),
    ('withdraw', 'rejected',      'withdrawn'),
    ('withdraw', 'in_review',     'withdrawn'),
    ('withdraw', 'inspected',     'withdrawn'),
    ('withdraw', 'not_inspected', 'withdrawn'),
    ('withdraw', 'no_receiver',   'withdrawn'),
    ('withdraw', 'sealed',        'withdrawn'),
    ('withdraw', 'undelivered',   'withdrawn'),
    ('withdraw', 'refused',       'withdrawn'),
    ('withdraw', 'confirmed',     'withdrawn'),
    ('replace',  'confirmed',     'supplied'),   -- a newer version, with a release and a review of its own
    ('replace',  'refused',       'supplied'),
    ('replace',  'undelivered',   'supplied'),
    ('reseal',   'refused',       'inspected');  -- somebody asked for it to be sent again: a new envelope, a new message

create table overstap.withdrawal (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    number integer not null,                    -- the version that was current
    reason text not null check (reason in ('wrong_receiver', 'pupil_not_coming', 'wrong_content', 'objection', 'other')),
    decided_by text not null,
    decided_at timestamptz not null default overstap.clock(),
    primary key (dossier),
    foreign key (dossier, number, region) references overstap.dossier_version
);

-- The signed statement that takes one delivered envelope back, per receiver, until the receiver's signed word is here.
create table overstap.revocation (
    message_id uuid not null,                   -- of the envelope that is taken back
    region text not null references overstap.region,
    statement bytea not null,                   -- CMS SignedData of the sending school; kept so that a repetition is the same
    statement_digest bytea not null check (length(statement_digest) = 32),
    state text not null default 'open' check (state in ('open', 'confirmed', 'refused')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default '-infinity',
    problem text,
    answer bytea,                               -- CMS SignedData of the receiving school
    had boolean,                                -- whether it had the dossier, by its answer
    made_at timestamptz not null default overstap.clock(),
    settled_at timestamptz,
    primary key (message_id, region),
    foreign key (message_id, region) references overstap.delivery,
    check ((state = 'open') = (settled_at is null)),
    check (state <> 'confirmed' or answer is not null)
);
create index revocation_open on overstap.revocation (next_attempt_at) where state = 'open';

call overstap.keep_apart('withdrawal');
call overstap.keep_apart('revocation');
grant select, insert (region, round_id, dossier, number, reason, decided_by) on overstap.withdrawal to overstap_region;
grant select, insert (message_id, region, statement, statement_digest),
    update (state, attempts, next_attempt_at, problem, answer, had, settled_at) on overstap.revocation to overstap_region;
