-- Signing in to the schools' pages. Before somebody has signed in no region is known, so looking an account up is a function of
-- its own: it gives what is needed to prove a password, for one name, and nothing else.

-- Begins an attempt to sign in, and counts it as failed before it is known to be good, so that many at once do not slip by. From
-- browsers that nobody signed in at before, a hundred may fail on an account in a day (NIST SP 800-63B, 5.2.2); a browser that is
-- known for the account has ten of its own.
create function overstap.school_try(named text, of_account bytea, networks bytea[], device bytea, out may boolean, out is_known boolean,
                                    out password text, out failed_account integer, out failed_network integer)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare this_quarter timestamptz := date_bin('15 minutes', clock_timestamp(), 'epoch'); of_region text;
begin
    update school_device d set failed = d.failed + 1, used_at = clock_timestamp() from school_account a
     where d.finds = device and d.account = named and a.account = d.account and a.ended_at is null
    returning true into is_known;
    delete from school_device d where d.finds = device and d.failed > 10;
    is_known := coalesce(is_known, false) and exists (select from school_device d where d.finds = device);
    perform pg_advisory_xact_lock(hashtextextended('overstap.school.' || encode(of_account, 'hex'), 0));
    select coalesce(sum(t.failed) filter (where t.subject = of_account), 0),
           greatest(coalesce(sum(t.failed) filter (where t.subject = networks[1] and t.quarter >= this_quarter - interval '15 minutes'), 0),
                    coalesce(sum(t.failed) filter (where t.subject = networks[2] and t.quarter >= this_quarter - interval '15 minutes'), 0) / 5)
      into failed_account, failed_network
      from school_attempt t
     where t.subject = any(array_append(networks, of_account)) and t.quarter >= this_quarter - interval '1 day';
    select a.password, a.region into password, of_region from school_account a where a.account = named and account_serves(a);
    may := is_known or failed_account < 100;
    if not may then
        password := null;
        insert into alarm (kind, region, subject, failed)
        values ('account_guessed', of_region, 'account_guessed/' || encode(of_account, 'hex') || '/' || this_quarter::date, failed_account)
            on conflict (subject) do nothing;
        return;
    end if;
    if not is_known then
        insert into school_attempt as t (subject, quarter, failed)
        select s, this_quarter, 1 from unnest(array_append(networks, of_account)) s order by s
            on conflict on constraint school_attempt_pkey do update set failed = t.failed + 1;
    end if;
    delete from school_attempt a where a.quarter < clock_timestamp() - interval '2 days';
end $$;

-- Half an hour without a sign of life, or a working day, and the stay is over.
create function overstap.school_stay_look(wanted bytea, out account text, out region text, out school text, out name text, out only_round text)
    language sql security definer set search_path = overstap, pg_temp as $$
    update school_stay s set used_at = clock_timestamp() from school_account a
     where s.finds = wanted and a.account = s.account and account_serves(a) and s.awaits is null
       and s.used_at > clock_timestamp() - interval '30 minutes' and s.began_at > clock_timestamp() - interval '8 hours'
    returning a.account, a.region, a.school, a.name, a.round_id $$;

create function overstap.school_stay_end(wanted bytea) returns void
    language sql security definer set search_path = overstap, pg_temp as $$ delete from school_stay where finds = wanted $$;

-- The password was good: the attempt counts no longer, and a stay begins. Gives what it waits for: the second factor, where the
-- account has one; the first enrolment of one, where one must be (by the deployment's setting, or by the region's agreement);
-- 'nothing' otherwise, and the browser is known from now on. Null when the account has another password by now, or has ended.
create function overstap.school_enter(named text, proven text, of_account bytea, networks bytea[], device bytea, new_device bytea,
                                      stay bytea, must boolean, new_challenge bytea)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
declare is_known boolean; waits text; of_region text;
begin
    select a.region into of_region from school_account a
     where a.account = named and a.password = proven and account_serves(a) for share;
    if not found then
        return null;
    end if;
    waits := case when has_factor(named) then 'factor' when must or requires_factor(of_region) then 'enrolment' end;
    is_known := exists (select from school_device d where d.finds = device and d.account = named);
    if is_known and waits is null then
        update school_device d set failed = 0 where d.finds = device;
    end if;
    if not is_known then
        update school_attempt t set failed = greatest(t.failed - 1, 0)
         where t.subject = any(array_append(networks, of_account))
           and t.quarter = (select max(x.quarter) from school_attempt x where x.subject = t.subject);
        if waits is null then
            insert into school_device (finds, account) values (new_device, named);
        end if;
    end if;
    delete from school_device d where d.used_at < clock_timestamp() - interval '400 days';
    delete from school_stay s where s.used_at < clock_timestamp() - interval '8 hours';
    insert into school_stay (finds, account, awaits, challenge, device, new_device)
    values (stay, named, waits, case when waits = 'factor' then new_challenge end, case when is_known then school_enter.device end,
            case when not is_known and waits is not null then school_enter.new_device end);
    return coalesce(waits, 'nothing');
end $$;

-- Whom an identity provider knows, as staff of a school by its BRIN: a stay begins for the account of that name, if it is of that
-- school. It waits for a second factor of ours unless the provider has seen one. Null when there is no such account.
create function overstap.school_enter_federated(named text, of_brin text, stay bytea, must boolean, has_shown boolean, new_challenge bytea)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
declare waits text; of_region text;
begin
    select a.region into of_region from school_account a
     where a.account = named and left(a.school, 4) = of_brin and account_serves(a) for share;
    if not found then
        return null;
    end if;
    waits := case when has_shown then null when has_factor(named) then 'factor' when must or requires_factor(of_region) then 'enrolment' end;
    delete from school_stay s where s.used_at < clock_timestamp() - interval '8 hours';
    insert into school_stay (finds, account, awaits, challenge, has_shown)
    values (stay, named, waits, case when waits = 'factor' then new_challenge end, has_shown);
    perform account_line(named, 'school.federated', json_build_object('second_factor', coalesce(waits, 'not asked')));
    return coalesce(waits, 'nothing');
end $$;

-- A new password, or the end of an account: who is signed in with it is out, no browser is known for it, and what failed is over.
create function overstap.school_reset(named text, of_account bytea) returns void
    language sql security definer set search_path = overstap, pg_temp as $$
    delete from school_stay s using school_account a
     where s.account = named and a.account = s.account and a.region = acting_region();
    delete from school_device d using school_account a
     where d.account = named and a.account = d.account and a.region = acting_region();
    delete from school_attempt t using school_account a
     where t.subject in (of_account, factor_subject(named)) and a.account = named
       and a.region = acting_region() $$;

-- Makes an account of a school, or gives it a new password, with its line: whoever set a password is in the chain. Gives whether it was
-- made now; null when the account is another school's or another region's.
create function overstap.put_account(named text, of_account bytea, of_school text, of_whom text, with_password text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare is_new boolean;
begin
    if exists (select from school_account a where a.account = named and (a.region, a.school) <> (acting_region(), of_school)) then
        return null;
    end if;
    perform append_decision('school.account', named, json_build_object('school', of_school));
    -- Whoever holds a stay of before has it no longer, and a browser that was known is not
    perform school_reset(named, of_account);
    insert into school_account as a (account, region, school, name, password, made_by)
    values (named, acting_region(), of_school, of_whom, with_password, acting())
        on conflict (account) do update set name = excluded.name, password = excluded.password, made_by = excluded.made_by, ended_at = null
     where a.region = excluded.region and a.school = excluded.school
    returning xmax = 0 into is_new;
    return is_new;
end $$;

-- Ends an account, with its line; whoever is signed in with it is out. False when there is none.
create function overstap.end_account(named text, of_account bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    update school_account set ended_at = clock_timestamp() where account = named and region = acting_region() and ended_at is null;
    if not found then
        return false;
    end if;
    perform append_decision('school.account_end', named, '{}');
    perform school_reset(named, of_account);
    delete from school_factor f where f.account = named;
    delete from school_recovery_code c where c.account = named;
    return true;
end $$;
