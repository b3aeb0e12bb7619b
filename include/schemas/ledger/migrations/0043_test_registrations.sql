-- Pupils registered at a supplier of the test for schools without a system of their own (code/33_test_registrations.sql). Nothing of a
-- pupil stands here: who it is, is a keyed hash, and the supplier knows the pupil by the key, which means nothing.

create table overstap.test_registration (
    registration uuid not null,                 -- the pupil's key at the supplier (LAS-key)
    region text not null references overstap.region,
    school_year text not null,
    pupil bytea not null check (length(pupil) = 32),
    primary_school text not null,
    supplier text not null check (supplier ~ '^[0-9]{20}$'),                -- OIN
    routing_key text not null check (routing_key ~ '^[0-9A-Z]{20}$'),       -- where results go: a school's at the region
    digest bytea not null check (length(digest) = 32),                      -- keyed hash of what was announced last
    announced_at timestamptz not null default overstap.clock(),
    taken_digest bytea check (length(taken_digest) = 32),                   -- of what the supplier said it had
    taken_at timestamptz,
    advice_digest bytea check (length(advice_digest) = 32),                 -- the same of the provisional advice
    advice_taken bytea check (length(advice_taken) = 32),
    refused_code text,                          -- why the last result that came was refused; none: it was not
    refused_at timestamptz,
    primary key (registration, region),
    unique (region, school_year, pupil),
    check ((taken_digest is null) = (taken_at is null)),
    check ((refused_code is null) = (refused_at is null)),
    check (advice_taken is null or advice_digest is not null),
    foreign key (region, primary_school) references overstap.school (region, school)
);
create index test_registration_of_school on overstap.test_registration (region, school_year, primary_school);
