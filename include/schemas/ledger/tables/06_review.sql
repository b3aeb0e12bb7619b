-- The review by parents: who may see a dossier, who was invited, what each decided and asked.

-- Whose right it is to see a dossier, by an opaque handle: who was invited is waited for until the window closes.
create table overstap.entitled (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    person text not null,                       -- handle of a person within the dossier
    kind text not null check (kind in ('carer', 'pupil')),
    added_at timestamptz not null default overstap.clock(),
    primary key (dossier, number, person),
    foreign key (dossier, number, region) references overstap.dossier_version
);

-- How families were invited to see a dossier: who got a letter or an e-mail, and whom none could reach. No name and no address
-- stands here; a code neither, for a letter shows it once.
create table overstap.invitation (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,                    -- the version that lay open then
    person text not null,                       -- handle, as in overstap.entitled
    channel text not null check (channel in ('letter', 'email')),
    days_before integer not null default 0,     -- 0: the invitation; else the reminder of so many days before the end
    state text not null check (state in ('made', 'unreachable', 'bounced')),
    reason text,                                -- why not: secret, missing, no_code, or the status that the mail came back with
    made_by text not null,
    made_at timestamptz not null default overstap.clock(),
    primary key (dossier, number, person, channel, days_before),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check ((state = 'made') = (reason is null))
);

-- A letter that is printed again has a new code; each printing is kept.
create table overstap.letter_print (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    person text not null,
    printed_by text not null,
    printed_at timestamptz not null default overstap.clock(),
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index letter_print_by_dossier on overstap.letter_print (dossier);

create table overstap.review_ground (
    ground text primary key,                    -- on what ground an inspection is recorded
    dutch text not null
);
insert into overstap.review_ground (ground, dutch) values
    ('school_list',   'lijst van de school'),
    ('school_single', 'door de school vastgelegd'),
    ('paper_list',    'papieren lijst met handtekeningen'),
    ('meeting',       'gesprek op school'),
    ('paper_view',    'zienswijze op papier'),
    ('attested',      'verklaring van de school na afloop van de termijn'),
    ('parent_page',   'oudersite'),
    ('carried',       'eerdere inzage; sindsdien veranderde niets van belang');

-- What parents decided. A decision counts by the clock at the moment of its row (trigger keep_window).
create table overstap.review_decision (
    review_decision uuid primary key default uuidv7(),
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    person text,                                -- handle of whose decision it is; none: the school recorded it for the family
    access uuid,                                -- the code it was given with; none: the school recorded it
    seen_on date not null,
    agreed text not null check (agreed in ('Ja', 'Nee', 'Onbekend')),           -- code list 37
    consent text check (consent in ('Ja', 'Nee', 'Onbekend')),                  -- code list 37, VO-VO only
    key_id text,
    view bytea,                                 -- the parents' view (zienswijze), encrypted
    note_key_id text,
    note bytea,                                 -- why the school attests it, or a remark that does not travel; encrypted
    recorded_by text not null,
    ground text not null references overstap.review_ground,
    recorded_at timestamptz not null default overstap.clock(),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check (ground <> 'attested' or note is not null)
);
create index review_decision_by_version on overstap.review_decision (dossier, number);
create index review_decision_by_access on overstap.review_decision (access) where access is not null;

-- What parents ask their school while a dossier lies open for them: a question, or a correction. It is a task for the school
-- with a due date, and the parents see what became of it. Words are encrypted, also the answer.
create table overstap.review_request (
    request uuid not null,
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,                    -- the version that it is about
    person text,                                -- who asks; none: the school wrote it down for the family
    kind text not null check (kind in ('question', 'correction')),
    key_id text not null,
    text bytea not null,                        -- bound to request/<request>
    asked_at timestamptz not null default overstap.clock(),
    due_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'answered', 'mended', 'refused')),
    answer_key_id text,
    answer bytea,                               -- bound to answer/<request>
    settled_by text,
    settled_at timestamptz,
    primary key (request, region),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check ((state = 'open') = (settled_at is null)),
    check (state not in ('answered', 'refused') or answer is not null)
);
create index review_request_by_dossier on overstap.review_request (dossier);
create index review_request_open on overstap.review_request (due_at) where state = 'open';

-- Who opened a dossier for a person to read: parents may know. No names of pupils or parents here.
create table overstap.content_access (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    purpose text not null check (purpose in ('parent_page', 'school_page', 'print', 'letter', 'proof_pack', 'command')),
    opened_by text not null,                    -- an account of a school or the region, or "parent" with `person`
    person text,                                -- handle of the parent or pupil
    opened_at timestamptz not null default overstap.clock(),
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index content_access_by_dossier on overstap.content_access (dossier, opened_at);
