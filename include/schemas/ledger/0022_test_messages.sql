-- Test messages (proefberichten): one per receiving school before a round, from a school that will send. The last one counts;
-- earlier ones stay, since a school that passed may fail later.

create table overstap.test_message (
    message_id uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    secondary_school text not null,
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    manifest_digest bytea not null check (length(manifest_digest) = 32),
    outcome text check (outcome in ('accepted', 'refused', 'unverified', 'failed')),     -- none: on its way
    code text,
    receipt bytea,
    sent_by text not null,
    sent_at timestamptz not null default overstap.clock(),
    settled_at timestamptz,
    primary key (message_id, region),
    check ((outcome is null) = (settled_at is null)),
    check (outcome is distinct from 'accepted' or receipt is not null),
    foreign key (region, primary_school) references overstap.school (region, school),
    foreign key (region, secondary_school) references overstap.school (region, school)
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
call overstap.keep_apart('test_message');
call overstap.keep_apart('test_obstacle');
grant select, insert (message_id, region, round_id, primary_school, secondary_school, envelope_digest, manifest_digest, sent_by),
    update (outcome, code, receipt, settled_at) on overstap.test_message to overstap_region;
grant select, insert (region, round_id, school, code), update (code, found_at), delete on overstap.test_obstacle to overstap_region;
