-- What was sealed for whom, when it is tried again, what the receiver signed, and what was asked and taken back.

create table overstap.delivery (
    message_id uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    number integer not null,
    secondary_school text not null,
    serial smallint not null default 0,         -- how often it was sealed anew
    state text not null default 'sealed' check (state in ('sealed', 'confirmed', 'refused', 'resealed')),
                                                -- resealed: refused, and sealed anew since
    envelope bytea not null,                    -- already sealed for its receiver; kept so that a resend is the same bytes
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    manifest_digest bytea not null check (length(manifest_digest) = 32),
    files_digest bytea check (length(files_digest) = 32),   -- of names, sizes and digests
    stated_at timestamptz,                      -- moment of sealing as the manifest states it
    sealed_at timestamptz not null default overstap.clock(),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default '-infinity',   -- infinity: when somebody asks for it
    problem text,                               -- error code of the last attempt
    offered_at timestamptz,                     -- stands ready for a school that collects; it is not tried again
    settled_at timestamptz,
    primary key (message_id, region),
    unique (dossier, number, secondary_school, serial),
    foreign key (dossier, number, region) references overstap.dossier_version,
    foreign key (region, secondary_school) references overstap.school (region, school)
);
create index delivery_open on overstap.delivery (round_id, secondary_school, message_id) where state = 'sealed';
create index delivery_by_round on overstap.delivery (round_id, secondary_school, state);
create index delivery_failing on overstap.delivery (region, round_id, sealed_at)
    where state = 'sealed' and problem is not null;

create table overstap.receipt (
    region text not null references overstap.region,
    message_id uuid not null,
    digest bytea not null check (length(digest) = 32),
    content bytea not null,                     -- CMS SignedData of the receiving school
    outcome text not null check (outcome in ('accepted', 'refused', 'unverified')),
    code text,                                  -- why refused, or why it does not count
    received_at timestamptz not null default overstap.clock(),
    primary key (message_id, digest),
    foreign key (message_id, region) references overstap.delivery
);

-- What became of a dossier after its receipt, signed by the receiving school: imported or rejected, and for a placement round
-- whether the pupil was placed. Each statement is kept; per delivery and kind the one stated last counts (current_result).
create table overstap.result (
    region text not null references overstap.region,
    message_id uuid not null,
    kind text not null check (kind in ('import', 'placement')),
    outcome text not null check (outcome in ('imported', 'rejected', 'placed', 'not_placed', 'not_shown_up')),
    reason text check ((outcome = 'rejected') = (reason is not null)),
    stated_at timestamptz not null,             -- by the school's clock
    digest bytea not null check (length(digest) = 32),
    content bytea not null,                     -- CMS SignedData of the receiving school
    received_at timestamptz not null default clock_timestamp(),
    primary key (message_id, digest),
    foreign key (message_id, region) references overstap.delivery (message_id, region)
);
create index result_by_digest on overstap.result (digest);

-- The connection to a school, over all rounds: a circuit breaker. Kept here and not in a task, so that whoever sends next (the
-- round's task, its rerun, the region's watch) goes on where the last one left.
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

-- What schools asked at the desk, and what they were told. Each request is kept: to tell the school when a dossier that was
-- not ready becomes so, and to show who asked for what. No pupil unless one was found.
create table overstap.dossier_request (
    request_id uuid not null,                   -- the asking school's own
    region text not null references overstap.region,
    secondary_school text not null,
    primary_school text not null,               -- as it was asked
    pupil bytea check (length(pupil) = 32),     -- null when no pupil was found under what was asked
    answer text not null check (answer in
        ('dossier', 'not_ready', 'not_receiver', 'not_newer', 'wrong_version', 'withdrawn', 'unknown')),
    reason text not null,                       -- the precise one, which the school is not told
    message_id uuid,                            -- what was handed out
    asked_at timestamptz not null default clock_timestamp(),
    foreign key (region, secondary_school) references overstap.school (region, school),
    foreign key (message_id, region) references overstap.delivery (message_id, region)
);
create index dossier_request_of_pupil on overstap.dossier_request (pupil, secondary_school, asked_at)
    where answer = 'not_ready';
create index dossier_request_unknown on overstap.dossier_request (secondary_school, asked_at) where answer = 'unknown';

-- A dossier that is taken back, before or after it was delivered.
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
    offered_at timestamptz,                     -- lies ready from then on for a school that collects
    settled_at timestamptz,
    primary key (message_id, region),
    foreign key (message_id, region) references overstap.delivery,
    check ((state = 'open') = (settled_at is null)),
    check (state <> 'confirmed' or answer is not null)
);
create index revocation_open on overstap.revocation (next_attempt_at) where state = 'open';

-- Test messages (proefberichten): one per receiving school before a round, from a school that will send. The last one counts;
-- earlier ones stay, since a school that passed may fail later.
create table overstap.test_message (
    message_id uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    secondary_school text not null,
    envelope bytea,                             -- kept for a school that collects: there is no pupil in it
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    manifest_digest bytea not null check (length(manifest_digest) = 32),
    outcome text check (outcome in ('accepted', 'refused', 'unverified', 'failed')),     -- none: on its way
    code text,
    receipt bytea,
    sent_by text not null,
    sent_at timestamptz not null default overstap.clock(),
    settled_at timestamptz,
    primary key (message_id, region),
    foreign key (region, primary_school) references overstap.school (region, school),
    foreign key (region, secondary_school) references overstap.school (region, school),
    check ((outcome is null) = (settled_at is null)),
    check (outcome is distinct from 'accepted' or receipt is not null)
);
create index test_message_by_school on overstap.test_message (round_id, secondary_school, sent_at);

-- Schools that could not even be tried: a certificate that is missing, by the code of what is wrong.
create table overstap.test_obstacle (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    code text not null,
    found_at timestamptz not null default overstap.clock(),
    primary key (round_id, school),
    foreign key (region, school) references overstap.school (region, school)
);
