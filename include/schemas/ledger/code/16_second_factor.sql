-- The second factor of schools' accounts. Every function takes a stay and acts on that stay's account alone, so that nothing here
-- is reached without the password; the tables are read by nobody else. Whether a code or signature is right, the schools' pages
-- tell; that none counts twice, how often one may guess, and what is in force, is decided here.

-- Whether a region's agreements ask for a second factor: those of its newest school year, as they are now.
create function overstap.requires_factor(of_region text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number
                    where r.region = of_region and a.agreement ->> 'second_factor' = 'required'
                      and r.school_year = (select max(x.school_year) from round x where x.region = of_region)) $$;

create function overstap.has_factor(named text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from school_factor f where f.account = named and f.confirmed_at is not null) $$;

create function overstap.factor_subject(named text) returns bytea
    language sql immutable set search_path = overstap, pg_temp as $$ select sha256(convert_to('factor/' || named, 'UTF8')) $$;

-- The stay, held; nothing when it is over, or does not await this. Granted to nobody.
create function overstap.held_stay(wanted bytea, waits text) returns overstap.school_stay
    language sql set search_path = overstap, pg_temp as $$
    select s from school_stay s join school_account a using (account)
     where s.finds = wanted and account_serves(a) and s.awaits is not distinct from waits
       and case when waits = 'factor' then s.began_at > clock_timestamp() - interval '10 minutes'
                when waits = 'enrolment' then s.began_at > clock_timestamp() - interval '30 minutes'
                else s.used_at > clock_timestamp() - interval '30 minutes' and s.began_at > clock_timestamp() - interval '8 hours' end
       for update of s $$;

-- A stay in which the account's factors may be changed: one whose password was proven a moment ago. Granted to nobody.
create function overstap.changing_stay(wanted bytea) returns overstap.school_stay
    language plpgsql set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := held_stay(wanted, 'enrolment');
    if s.finds is null then
        s := held_stay(wanted, null);
        if s.proved_at <= clock_timestamp() - interval '10 minutes' then
            s := null;
        end if;
    end if;
    return s;
end $$;

-- One line about an account's own act, in its region, before any region's role was taken on. Granted to nobody.
create function overstap.account_line(named text, what text, detail json) returns void
    language sql set search_path = overstap, pg_temp as $$
    select append_audit(a.region, 'school:' || named, what, array[named], array[detail::text]) from school_account a
     where a.account = named $$;

-- Tells the school, by mail to its address in the agreement, what happened to one of its accounts. Granted to nobody.
create function overstap.tell_school(named text, what text) returns void
    language sql set search_path = overstap, pg_temp as $$
    insert into notice (region, meaning, kind, recipient, facts, is_urgent)
    select a.region, what || '/' || named || '/' || to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDD"T"HH24MISSUS'),
           what, 'school:' || a.school, json_build_object('about', named, 'account', named), true
      from school_account a where a.account = named
        on conflict do nothing $$;

-- Whose stay it is that is not complete yet, and what it waits for.
create function overstap.school_stay_half(wanted bytea, out account text, out region text, out school text, out name text,
                                          out awaits text, out challenge bytea)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select a.account, a.region, a.school, a.name, s.awaits, s.challenge from school_stay s join school_account a using (account)
     where s.finds = wanted and account_serves(a)
       and s.began_at > clock_timestamp() - case s.awaits when 'factor' then interval '10 minutes' when 'enrolment' then interval '30 minutes' end $$;

-- The factors of a stay's account, also of one that is not complete.
create function overstap.school_factors(stay bytea)
    returns table (factor uuid, kind text, name text, key_id text, secret bytea, last_step bigint, public_key bytea, counter bigint,
                   made_at timestamptz, confirmed_at timestamptz, used_at timestamptz)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select f.factor, f.kind, f.name, f.key_id, f.secret, f.last_step, f.public_key, f.counter, f.made_at, f.confirmed_at, f.used_at
      from school_stay s join school_account a using (account) join school_factor f using (account)
     where s.finds = stay and a.ended_at is null order by f.made_at, f.factor $$;

-- How many recovery codes are left, whether the password was proven a moment ago, and whether a factor is asked for by the agreement.
create function overstap.school_factor_facts(stay bytea, out codes integer, out may_change boolean, out is_required boolean)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select (select count(*) from school_recovery_code c where c.account = s.account)::integer,
           s.awaits = 'enrolment' or s.awaits is null and s.proved_at > clock_timestamp() - interval '10 minutes',
           requires_factor(a.region)
      from school_stay s join school_account a using (account) where s.finds = stay and a.ended_at is null $$;

-- Begins an attempt with the second factor, and counts it as failed before it is known to be good. Five in a stay; on an account
-- twenty in a day from browsers that are not known for it. Only who has the password gets here, so that nobody else keeps the
-- owner out; and the owner's own browsers have a count of their own. Gives the passkey's challenge, for this attempt alone.
create function overstap.school_factor_try(stay bytea, out verdict text, out failed integer, out challenge bytea)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay; this_quarter timestamptz := date_bin('15 minutes', clock_timestamp(), 'epoch'); about bytea; is_known boolean;
begin
    s := held_stay(stay, 'factor');
    failed := 0;
    if s.finds is null then
        verdict := 'ended';
        return;
    end if;
    about := factor_subject(s.account);
    perform pg_advisory_xact_lock(hashtextextended('overstap.school.' || encode(about, 'hex'), 0));
    update school_device d set failed = d.failed + 1 where d.finds = s.device and d.account = s.account returning true into is_known;
    delete from school_device d where d.finds = s.device and d.failed > 10;
    is_known := coalesce(is_known, false) and exists (select from school_device d where d.finds = s.device);
    select coalesce(sum(t.failed), 0) into failed
      from school_attempt t where t.subject = about and t.quarter >= this_quarter - interval '1 day';
    if s.wrong >= 5 then
        delete from school_stay where finds = stay;
        verdict := 'ended';
        return;
    end if;
    if not is_known and failed >= 20 then
        insert into alarm (kind, region, subject, failed)
        select 'factor_guessed', a.region, 'factor_guessed/' || encode(about, 'hex') || '/' || this_quarter::date, school_factor_try.failed
          from school_account a where a.account = s.account
            on conflict (subject) do nothing;
        if found then
            perform tell_school(s.account, 'factor_guessed');
        end if;
        delete from school_stay where finds = stay;
        verdict := 'wait';
        return;
    end if;
    if not is_known then
        insert into school_attempt as t (subject, quarter, failed) values (about, this_quarter, 1)
            on conflict on constraint school_attempt_pkey do update set failed = t.failed + 1;
    end if;
    update school_stay set wrong = wrong + 1, challenge = null where finds = stay;
    verdict := 'may';
    challenge := s.challenge;
end $$;

-- A new challenge for a stay, for one passkey.
create function overstap.school_challenge(stay bytea, new_challenge bytea) returns void
    language sql security definer set search_path = overstap, pg_temp as $$
    update school_stay set challenge = new_challenge where finds = stay $$;

-- Gives a stay's challenge for the registration of a passkey, and takes it away: it serves once.
create function overstap.school_take_challenge(stay bytea) returns bytea
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := changing_stay(stay);
    update school_stay set challenge = null where finds = s.finds;
    return s.challenge;
end $$;

-- Completes a stay under a new token. Granted to nobody.
create function overstap.complete_stay(s overstap.school_stay, new_stay bytea) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
begin
    update school_stay set finds = new_stay, awaits = null, has_shown = true, wrong = 0, challenge = null, new_device = null,
           began_at = clock_timestamp(), used_at = clock_timestamp(), proved_at = clock_timestamp()
     where finds = s.finds;
    if s.device is not null then
        update school_device d set failed = 0 where d.finds = s.device and d.account = s.account;
    end if;
    if s.new_device is not null then
        insert into school_device (finds, account) values (s.new_device, s.account) on conflict do nothing;
    end if;
    if s.new_device is not null and s.awaits = 'factor' then
        update school_attempt t set failed = greatest(t.failed - 1, 0)
         where t.subject = factor_subject(s.account)
           and t.quarter = (select max(x.quarter) from school_attempt x where x.subject = t.subject);
    end if;
end $$;

-- The second factor was shown: the stay is complete, under a new token. False for a code whose time step was accepted before, and for
-- a passkey whose count does not go up: it was copied.
create function overstap.school_pass(stay bytea, new_stay bytea, of_factor uuid, step bigint, signed bigint) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := held_stay(stay, 'factor');
    update school_factor f set last_step = coalesce(step, f.last_step), counter = coalesce(signed, f.counter), used_at = clock_timestamp()
     where f.factor = of_factor and f.account = s.account and f.confirmed_at is not null and s.wrong > 0
       and case f.kind when 'totp' then step > f.last_step else signed > f.counter or signed = 0 and f.counter = 0 end;
    if not found then
        return false;
    end if;
    perform complete_stay(s, new_stay);
    return true;
end $$;

-- A recovery code was shown, and is gone. Gives how many are left; null when it is none.
create function overstap.school_pass_recovery(stay bytea, new_stay bytea, code bytea) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay; codes_left integer;
begin
    s := held_stay(stay, 'factor');
    delete from school_recovery_code c where c.finds = code and c.account = s.account and s.wrong > 0;
    if not found then
        return null;
    end if;
    select count(*) into codes_left from school_recovery_code c where c.account = s.account;
    perform account_line(s.account, 'school.recovery_code', json_build_object('left', codes_left));
    perform tell_school(s.account, 'recovery_code_used');
    perform complete_stay(s, new_stay);
    return codes_left;
end $$;

-- Takes a code app's secret in, which counts once its owner has shown a code of it.
create function overstap.school_factor_begin(stay bytea, of_factor uuid, of_name text, by_key text, of_secret bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := changing_stay(stay);
    delete from school_factor f where f.account = s.account and f.confirmed_at is null;
    insert into school_factor (factor, region, account, kind, name, key_id, secret)
    select of_factor, a.region, a.account, 'totp', of_name, by_key, of_secret from school_account a
     where a.account = s.account and (select count(*) from school_factor f where f.account = a.account) < 10;
    return found;
end $$;

-- A factor that works counts from now on, and whoever is signed in to the account elsewhere is out. With the first one come recovery
-- codes. Gives whether those were kept; null when nothing was.
create function overstap.school_factor_confirm(stay bytea, new_stay bytea, of_factor uuid, step bigint, of_name text, of_credential bytea,
                                               of_key bytea, signed bigint, codes bytea[]) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay; is_first boolean; of_region text;
begin
    s := changing_stay(stay);
    select a.region into of_region from school_account a where a.account = s.account for update;
    if not found then
        return null;
    end if;
    is_first := not has_factor(s.account);
    if of_credential is null then
        update school_factor f set confirmed_at = clock_timestamp(), last_step = step
         where f.factor = of_factor and f.account = s.account and f.kind = 'totp' and f.confirmed_at is null;
    else
        insert into school_factor (factor, region, account, kind, name, credential, public_key, counter, confirmed_at)
        select of_factor, of_region, s.account, 'passkey', of_name, of_credential, of_key, signed, clock_timestamp()
         where (select count(*) from school_factor f where f.account = s.account) < 10
            on conflict do nothing;
    end if;
    if not found then
        return null;
    end if;
    perform account_line(s.account, 'school.factor_add',
                         json_build_object('kind', case when of_credential is null then 'totp' else 'passkey' end, 'factor', of_factor));
    if is_first then
        delete from school_recovery_code c where c.account = s.account;
        insert into school_recovery_code (finds, region, account) select c, of_region, s.account from unnest(codes) as c;
    else
        perform tell_school(s.account, 'factor_added');
    end if;
    delete from school_stay x where x.account = s.account and x.finds <> s.finds;
    perform complete_stay(s, new_stay);
    return is_first;
end $$;

-- Takes a factor away, not the last one where one must be; whoever is signed in elsewhere is out.
create function overstap.school_factor_remove(stay bytea, of_factor uuid, must boolean) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay; of_region text;
begin
    s := changing_stay(stay);
    select a.region into of_region from school_account a where a.account = s.account for update;
    if not found or s.awaits is not null then
        return 'stale';
    end if;
    if (must or requires_factor(of_region))
       and not exists (select from school_factor f where f.account = s.account and f.confirmed_at is not null and f.factor <> of_factor) then
        return 'last';
    end if;
    delete from school_factor f where f.factor = of_factor and f.account = s.account;
    if not found then
        return 'none';
    end if;
    perform account_line(s.account, 'school.factor_remove', json_build_object('factor', of_factor));
    perform tell_school(s.account, 'factor_removed');
    if not has_factor(s.account) then
        delete from school_recovery_code c where c.account = s.account;
    end if;
    delete from school_stay x where x.account = s.account and x.finds <> s.finds;
    return 'done';
end $$;

-- New recovery codes in the place of those that are left.
create function overstap.school_recovery_renew(stay bytea, codes bytea[]) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := changing_stay(stay);
    if s.finds is null or s.awaits is not null or not has_factor(s.account) then
        return false;
    end if;
    delete from school_recovery_code c where c.account = s.account;
    insert into school_recovery_code (finds, region, account)
    select c, a.region, a.account from unnest(codes) as c, school_account a where a.account = s.account;
    perform account_line(s.account, 'school.recovery_codes', json_build_object('count', cardinality(codes)));
    return true;
end $$;

-- Asks for the password once more within a stay, for a change of factors. Five wrong ones and the stay is over.
create function overstap.school_prove_try(stay bytea) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := held_stay(stay, null);
    if s.wrong >= 5 then
        delete from school_stay where finds = stay;
        return null;
    end if;
    update school_stay set wrong = wrong + 1 where finds = s.finds;
    return (select a.password from school_account a where a.account = s.account);
end $$;

create function overstap.school_prove(stay bytea, proven text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s school_stay;
begin
    s := held_stay(stay, null);
    update school_stay x set wrong = 0, proved_at = clock_timestamp() from school_account a
     where x.finds = s.finds and a.account = x.account and a.password = proven and s.wrong > 0;
    return found;
end $$;

-- Takes all factors and recovery codes of an account away, for somebody who lost them: by a coordinator, with its line. Whoever is
-- signed in is out, and the school is told. False when there is no such account.
create function overstap.recover_account(named text, of_account bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_school text; taken integer;
begin
    select a.school into of_school from school_account a
     where a.account = named and a.region = acting_region() and a.ended_at is null for update;
    if not found then
        return false;
    end if;
    if acting() = '' then
        raise exception 'who recovers an account is recorded' using errcode = 'check_violation';
    end if;
    delete from school_factor f where f.account = named and f.region = acting_region();
    get diagnostics taken = row_count;
    delete from school_recovery_code c where c.account = named and c.region = acting_region();
    perform append_decision('school.recover', named, json_build_object('school', of_school, 'factors', taken));
    perform school_reset(named, of_account);
    perform tell_school(named, 'account_recovered');
    return true;
end $$;

-- The region's accounts, and what each signs in with beside a password.
create function overstap.school_accounts()
    returns table (account text, school text, name text, ended_at timestamptz, factors integer, codes integer)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select a.account, a.school, a.name, a.ended_at,
           (select count(*) from school_factor f where f.account = a.account and f.confirmed_at is not null)::integer,
           (select count(*) from school_recovery_code c where c.account = a.account)::integer
      from school_account a where a.region = acting_region() order by a.school, a.account $$;

-- The content keys that secrets of code apps are encrypted with: they are in use.
create function overstap.factor_keys() returns setof text
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select distinct f.key_id from school_factor f where f.region = acting_region() and f.key_id is not null $$;
