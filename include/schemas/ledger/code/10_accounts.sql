-- Signing in to the schools' pages. Before somebody has signed in no region is known, so looking an account up is a function of
-- its own: it gives what is needed to prove a password, for one name, and nothing else.

create function overstap.school_account_named(named text, out region text, out password text)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select a.region, a.password from school_account a where a.account = named and a.ended_at is null $$;

-- Whether one more attempt may be made: ten may fail on an account, sixty from an address (a school has one for all of its staff),
-- in this and the last quarter of an hour. It counts before it is known to be good, so that many at once do not slip under the
-- limit; what is refused does not count, so that nobody is kept out for longer by somebody who goes on.
create function overstap.school_try(of_account bytea, of_address bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare this_quarter timestamptz := date_bin('15 minutes', clock_timestamp(), 'epoch'); tried record; subject bytea;
begin
    foreach subject in array array[least(of_account, of_address), greatest(of_account, of_address)] loop
        perform pg_advisory_xact_lock(hashtextextended('overstap.school.' || encode(subject, 'hex'), 0));
    end loop;
    select coalesce(sum(a.failed) filter (where a.subject = of_account), 0) as account,
           coalesce(sum(a.failed) filter (where a.subject = of_address), 0) as address
      into tried from school_attempt a
     where a.subject in (of_account, of_address) and a.quarter >= this_quarter - interval '15 minutes';
    if tried.account >= 10 or tried.address >= 60 then
        return false;
    end if;
    insert into school_attempt as t (subject, quarter, failed)
    select s, this_quarter, 1 from unnest(array[of_account, of_address]) s
        on conflict on constraint school_attempt_pkey do update set failed = t.failed + 1;
    delete from school_attempt a where a.quarter < clock_timestamp() - interval '1 day';
    return true;
end $$;

create function overstap.school_tried_well(of_account bytea, of_address bytea) returns void
    language sql security definer set search_path = overstap, pg_temp as $$
    update school_attempt set failed = greatest(failed - 1, 0)
     where subject in (of_account, of_address)
       and quarter = (select max(quarter) from school_attempt x where x.subject = school_attempt.subject) $$;

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

