-- What parents decided, what was sealed for whom, what the receiver signed.

create table overstap.review_decision (
    review_decision uuid primary key default uuidv7(),
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    seen_on date not null,
    agreed text not null check (agreed in ('Ja', 'Nee', 'Onbekend')),   -- code list 37
    key_id text,
    view bytea,                                 -- the parents' view (zienswijze), encrypted
    recorded_by text not null,
    ground text not null check (ground in ('school_list', 'school_single')),
    recorded_at timestamptz not null default clock_timestamp(),
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index review_decision_by_version on overstap.review_decision (dossier, number);

create table overstap.delivery (
    message_id uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    dossier uuid not null,
    number integer not null,
    secondary_school text not null,
    state text not null default 'sealed' check (state in ('sealed', 'confirmed', 'refused')),
    envelope bytea not null,                    -- already sealed for its receiver; kept so that a resend is the same bytes
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    manifest_digest bytea not null check (length(manifest_digest) = 32),
    attempts integer not null default 0,
    problem text,                               -- error code of the last attempt
    sealed_at timestamptz not null default clock_timestamp(),
    settled_at timestamptz,
    primary key (message_id, region),
    unique (dossier, number, secondary_school),
    foreign key (dossier, number, region) references overstap.dossier_version,
    foreign key (region, secondary_school) references overstap.school (region, school)
);
create index delivery_open on overstap.delivery (round_id, secondary_school) where state = 'sealed';
create index delivery_by_round on overstap.delivery (round_id, secondary_school, state);

create table overstap.receipt (
    region text not null references overstap.region,
    message_id uuid not null,
    digest bytea not null check (length(digest) = 32),
    content bytea not null,                     -- CMS SignedData of the receiving school
    outcome text not null check (outcome in ('accepted', 'refused', 'unverified')),
    code text,                                  -- why refused, or why it does not count
    received_at timestamptz not null default clock_timestamp(),
    primary key (message_id, digest),
    foreign key (message_id, region) references overstap.delivery
);

call overstap.keep_apart('review_decision');
call overstap.keep_apart('delivery');
call overstap.keep_apart('receipt');
grant select, insert (region, dossier, number, seen_on, agreed, key_id, view, recorded_by, ground)
    on overstap.review_decision to overstap_region;
grant select, insert (region, message_id, digest, content, outcome, code), update (outcome, code)
    on overstap.receipt to overstap_region;
grant select,
    insert (message_id, region, round_id, dossier, number, secondary_school, envelope, envelope_digest, manifest_digest),
    update (state, attempts, problem, settled_at)
    on overstap.delivery to overstap_region;

-- The one statement of what may leave: a released version, by a decision that approved, whose parents' inspection is
-- recorded (the newest decision counts). Sealing and sending both join it, since anyone who may edit a task in Airflow can
-- mark one a success.
create view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.key_id as view_key_id, r.view
  from overstap.dossier d
  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
  join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
  join lateral (select seen_on, agreed, key_id, view from overstap.review_decision x
                 where x.dossier = d.dossier and x.number = d.version
                 order by recorded_at desc limit 1) r on true;

-- Which school may receive which dossier, and how sure that is.
create view overstap.may_receive with (security_invoker = true) as
select d.dossier, a.secondary_school, a.stage
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
  join overstap.application a on a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil
 where a.withdrawn_at is null;

grant select on overstap.may_leave, overstap.may_receive to overstap_region;
