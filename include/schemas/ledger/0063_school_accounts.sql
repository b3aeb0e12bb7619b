-- Accounts of schools for their own pages, and who is signed in. Before somebody has signed in no region is known, so looking an
-- account up is a function of its own: it gives what is needed to prove a password, for one name, and nothing else.

create table overstap.school_account (
    account text primary key check (account ~ '^[a-z0-9][a-z0-9._@-]{2,63}$'),
    region text not null references overstap.region,
    school text not null,
    name text not null,                         -- who it is, as evidence names them
    password text not null,                     -- scrypt with its parameters and salt
    made_by text not null,
    made_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    foreign key (region, school) references overstap.school (region, school)
);
call overstap.keep_apart('school_account');
grant select, insert (account, region, school, name, password, made_by), update (name, password, made_by, ended_at)
    on overstap.school_account to overstap_region;

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

create function overstap.school_account_named(named text, out region text, out password text)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select a.region, a.password from school_account a where a.account = named and a.ended_at is null $$;

create function overstap.school_may_try(subjects bytea[]) returns boolean
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select coalesce(max(n), 0) < 10 from (select sum(failed) as n from school_attempt where subject = any(subjects)
     and quarter >= date_bin('15 minutes', clock_timestamp(), 'epoch') - interval '15 minutes' group by subject) t $$;

create function overstap.school_failed(subjects bytea[]) returns void
    language sql security definer set search_path = overstap, pg_temp as $$
    insert into school_attempt as a (subject, quarter, failed)
    select s, date_bin('15 minutes', clock_timestamp(), 'epoch'), 1 from unnest(subjects) s
    on conflict (subject, quarter) do update set failed = a.failed + 1;
    delete from school_attempt where quarter < clock_timestamp() - interval '1 day' $$;

create function overstap.school_stay_begin(finds bytea, named text) returns void
    language sql security definer set search_path = overstap, pg_temp as $$
    delete from school_stay where used_at < clock_timestamp() - interval '8 hours';
    insert into school_stay (finds, account) values (finds, named) $$;

-- Half an hour without a sign of life, or a working day, and the stay is over.
create function overstap.school_stay_look(wanted bytea, out account text, out region text, out school text, out name text)
    language sql security definer set search_path = overstap, pg_temp as $$
    update school_stay s set used_at = clock_timestamp() from school_account a
     where s.finds = wanted and a.account = s.account and a.ended_at is null
       and s.used_at > clock_timestamp() - interval '30 minutes' and s.began_at > clock_timestamp() - interval '8 hours'
    returning a.account, a.region, a.school, a.name $$;

create function overstap.school_stay_end(wanted bytea) returns void
    language sql security definer set search_path = overstap, pg_temp as $$ delete from school_stay where finds = wanted $$;

revoke all on function overstap.school_account_named, overstap.school_may_try, overstap.school_failed,
    overstap.school_stay_begin, overstap.school_stay_look, overstap.school_stay_end from public;
grant execute on function overstap.school_account_named, overstap.school_may_try, overstap.school_failed,
    overstap.school_stay_begin, overstap.school_stay_look, overstap.school_stay_end to overstap_app;
