-- A second factor for accounts of schools (code/16_second_factor.sql).

-- A stay that waits for the second factor, or for the account's first one, opens no page but that.
alter table overstap.school_stay
    add column awaits text check (awaits in ('factor', 'enrolment')),
    add column proved_at timestamptz not null default clock_timestamp(),    -- when the password, or all, was proven last
    add column wrong integer not null default 0,        -- codes and passwords in this stay that were not right
    add column challenge bytea check (length(challenge) = 32),  -- of a passkey, for one answer
    add column device bytea,                            -- the browser, where it is known for the account
    add column new_device bytea;                        -- what it is known by once the second factor was shown

create table overstap.school_factor (
    factor uuid primary key,
    region text not null references overstap.region,
    account text not null references overstap.school_account on delete cascade,
    kind text not null check (kind in ('totp', 'passkey')),
    name text not null check (length(name) between 1 and 60),   -- what its owner calls it
    key_id text,
    secret bytea,                               -- of a code app, encrypted
    last_step bigint not null default 0,        -- the newest time step whose code was accepted: none is accepted twice
    credential bytea unique,                    -- of a passkey: its id
    public_key bytea,                           -- and its public key (attested credential data, WebAuthn 6.5.1)
    counter bigint not null default 0,          -- and how often it signed, where it tells
    made_at timestamptz not null default clock_timestamp(),
    confirmed_at timestamptz,                   -- none: its owner has not shown yet that it works
    used_at timestamptz,
    check ((kind = 'totp') = (secret is not null) and (kind = 'totp') = (key_id is not null)
           and (kind = 'passkey') = (credential is not null) and (kind = 'passkey') = (public_key is not null))
);
create index school_factor_by_account on overstap.school_factor (account);

-- For whoever lost the second factor; each is used once.
create table overstap.school_recovery_code (
    finds bytea primary key check (length(finds) = 32),     -- SHA-256 of account and code; a code has 80 random bits
    region text not null references overstap.region,
    account text not null references overstap.school_account on delete cascade
);
create index school_recovery_code_by_account on overstap.school_recovery_code (account);

alter table overstap.alarm drop constraint alarm_kind_check;
alter table overstap.alarm add constraint alarm_kind_check
    check (kind in ('guessing_network', 'guessing', 'code_ended', 'account_guessed', 'factor_guessed'));
