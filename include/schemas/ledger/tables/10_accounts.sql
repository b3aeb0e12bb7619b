-- Accounts of schools for their own pages, and who is signed in.

create table overstap.school_account (
    account text primary key check (account ~ '^[a-z0-9][a-z0-9._@-]{2,63}$'),
    region text not null references overstap.region,
    school text not null,
    name text not null,                         -- who it is, as the audit chain names them
    password text not null,                     -- scrypt with its parameters and salt
    made_by text not null,
    made_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    foreign key (region, school) references overstap.school (region, school)
);

-- Not under a region: nobody but functions reads these two (code/10_accounts.sql).
create table overstap.school_stay (
    finds bytea primary key check (length(finds) = 32),     -- SHA-256 of a token made of the cookie
    account text not null references overstap.school_account on delete cascade,
    began_at timestamptz not null default clock_timestamp(),
    used_at timestamptz not null default clock_timestamp()
);

-- Attempts that failed, by quarter of an hour, per account and per address; the subject is a hash.
create table overstap.school_attempt (
    subject bytea not null,
    quarter timestamptz not null,
    failed integer not null,
    primary key (subject, quarter)
);
