-- Primary schools from outside the region, invited for one round. A coordinator invites (on the board), a task mails an address that
-- serves once, and whoever has it makes an account that is for that round alone. Each decision has its audit line in the same statement.

-- Invites a school; 'invited', 'again' (it was invited before: see renew_guest), or 'member' (it takes part by the agreement).
create function overstap.invite_guest(of_guest uuid, of_round text, of_school text, of_name text, how_many integer, of_key text, sealed bytea)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not is_coordinator(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    if of_key is null or sealed is null or not exists (select from round r where r.round_id = of_round and r.region = acting_region()
                                                          and r.closed_at is null and is_of_leavers(r.kind)) then
        raise exception 'no round for guests' using errcode = 'check_violation';
    end if;
    if is_member(of_round, of_school) then
        return 'member';
    end if;
    insert into school (region, school, name, kind, contact, is_guest) values (acting_region(), of_school, of_name, 'PO', '', true)
        on conflict (region, school) do update set name = excluded.name where school.is_guest;
    insert into guest_school (guest, region, round_id, school, name, pupils, key_id, content, invited_by)
    values (of_guest, acting_region(), of_round, of_school, of_name, how_many, of_key, sealed, acting()) on conflict do nothing;
    if not found then
        return 'again';
    end if;
    perform append_decision('guest.invite', of_guest::text, json_build_object(
        'round', of_round, 'school', of_school, 'pupils', how_many, 'by', acting()));
    return 'invited';
end $$;

-- Lets a secondary school from outside the region collect some dossiers of a round; 'invited', 'added' (it takes part already), or why
-- not: 'member', 'other' (that school is known as a primary school), 'ended', 'unknown' (a dossier is not in the round, or was taken back).
create function overstap.invite_collector(of_guest uuid, of_round text, of_school text, of_name text, ids uuid[], of_key text, sealed bytea)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school; more integer;
begin
    if not is_coordinator(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    if of_key is null or sealed is null or coalesce(cardinality(ids), 0) not between 1 and 50
       or not exists (select from round r where r.round_id = of_round and r.region = acting_region()
                         and r.closed_at is null and is_of_leavers(r.kind)) then
        raise exception 'no round for guests' using errcode = 'check_violation';
    end if;
    if is_member(of_round, of_school) then
        return 'member';
    end if;
    if exists (select from school s where s.region = acting_region() and s.school = of_school and s.kind <> 'VO') then
        return 'other';
    end if;
    if exists (select from unnest(ids) i where not exists (
            select from dossier d where d.dossier = i and d.region = acting_region() and d.round_id = of_round
               and d.state <> 'withdrawn' and d.erased_at is null)) then
        return 'unknown';
    end if;
    select g.* into known from guest_school g
     where g.round_id = of_round and g.region = acting_region() and g.school = of_school for update;
    if known.ended_at is not null then
        return 'ended';
    end if;
    if known.guest is null then
        insert into school (region, school, name, kind, contact, is_guest) values (acting_region(), of_school, of_name, 'VO', '', true)
            on conflict (region, school) do update set name = excluded.name where school.is_guest;
        insert into guest_school (guest, region, round_id, school, name, kind, pupils, key_id, content, invited_by)
        values (of_guest, acting_region(), of_round, of_school, of_name, 'VO', cardinality(ids), of_key, sealed, acting());
        perform append_decision('guest.invite', of_guest::text, json_build_object(
            'round', of_round, 'school', of_school, 'pupils', cardinality(ids), 'by', acting()));
    end if;
    insert into guest_dossier (guest, region, dossier, school)
    select distinct coalesce(known.guest, of_guest), acting_region(), i, of_school from unnest(ids) i on conflict do nothing;
    get diagnostics more = row_count;
    update guest_school g set pupils = least(50, (select count(*) from guest_dossier x where x.guest = g.guest)),
                              changes = changes + (known.guest is not null and more > 0)::integer   -- a task mails it (tell_guest)
     where g.guest = coalesce(known.guest, of_guest) and g.region = acting_region();
    perform append_decision('guest.dossiers', coalesce(known.guest, of_guest)::text, json_build_object(
        'round', of_round, 'school', of_school, 'dossiers', ids, 'by', acting()));
    return case when known.guest is null then 'invited' else 'added' end;
end $$;

-- Keyed hashes of the pupils of a primary school who applied with a secondary school first, and whose applications count. Granted to nobody.
create function overstap.first_choices(of_region text, of_year text, of_school text, with_school text) returns setof bytea
    language sql stable set search_path = overstap, pg_temp as $$
    select o.pupil from outside_registration o
     where o.region = of_region and o.school_year = of_year and o.primary_school = of_school and o.secondary_school = with_school
       and coalesce(o.preference, 1) = 1
     union
    select a.pupil from application a
     where a.region = of_region and a.school_year = of_year and a.primary_school = of_school and a.secondary_school = with_school
       and coalesce(a.preference, 1) = 1 and a.withdrawn_at is null $$;

-- The school of a stay that may ask and collect; null for any other.
create function overstap.page_school(stay bytea) returns text
    language sql stable security definer set search_path = overstap, pg_temp as $$ select (page_account(stay)).school $$;

-- A secondary school asks a primary school outside the region for pupils who applied with it first: it is invited, or, when it was
-- invited before, these pupils come beside those that others ask for. Acts for the account of the stay, which showed a second factor, and
-- for no more pupils than the registrations state. 'asked', or why not: 'factor', 'round', 'member', 'unknown' (no such
-- applications), 'ended' (a coordinator ended its part), 'changed' (somebody else asked meanwhile).
create function overstap.ask_guest(stay bytea, of_guest uuid, on_changes integer, of_round text, of_school text, of_name text, mine integer,
                                   how_many integer, of_key text, sealed bytea) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); by_whom text := 'school:' || who.account; known guest_school; of_year text; again boolean;
begin
    if who.account is null then
        return 'factor';
    end if;
    select r.school_year into of_year from round r
     where r.round_id = of_round and r.region = who.region and r.closed_at is null and is_of_leavers(r.kind)
       and who.school = any(r.receiving) and who.round_id is null;
    if of_year is null or of_key is null or sealed is null then
        return 'round';
    end if;
    if is_member(of_round, of_school) then
        return 'member';
    end if;
    if mine not between 1 and (select count(*) from first_choices(who.region, of_year, of_school, who.school)) then
        return 'unknown';
    end if;
    select g.* into known from guest_school g
     where g.round_id = of_round and g.region = who.region and g.school = of_school for update;
    if known.guest is null then
        insert into school (region, school, name, kind, contact, is_guest) values (who.region, of_school, of_name, 'PO', '', true)
            on conflict (region, school) do update set name = excluded.name where school.is_guest;
        insert into guest_school (guest, region, round_id, school, name, pupils, key_id, content, invited_by)
        values (of_guest, who.region, of_round, of_school, of_name, how_many, of_key, sealed, by_whom) on conflict do nothing;
        if not found then
            return 'changed';
        end if;
        perform append_audit(who.region, by_whom, 'guest.invite', array[of_guest::text], array[json_build_object(
            'round', of_round, 'school', of_school, 'pupils', how_many, 'by', by_whom)::text]);
    elsif known.ended_at is not null and known.ended_by not like 'school:%' then
        return 'ended';
    elsif known.kind <> 'PO' then
        return 'unknown';
    elsif known.guest <> of_guest or known.changes <> on_changes or known.content is null then
        return 'changed';
    else
        -- mailed and never used, or withdrawn by whoever asked
        again := known.ended_at is not null or coalesce(known.expires_at <= overstap.clock(), false);
        update guest_school set pupils = how_many, key_id = of_key, content = sealed, changes = changes + 1,
               asked = asked + again::integer, asked_at = case when again then overstap.clock() else asked_at end,
               finds = case when again then null else finds end, mailed_at = case when again then null else mailed_at end,
               expires_at = case when again then null else expires_at end, ended_by = null, ended_at = null
         where guest = of_guest and region = who.region;
        if again then
            perform append_audit(who.region, by_whom, 'guest.renew', array[of_guest::text], array[json_build_object(
                'round', of_round, 'school', of_school, 'pupils', how_many, 'by', by_whom)::text]);
        end if;
    end if;
    insert into guest_ask (guest, region, secondary_school, pupils, asked_by) values (of_guest, who.region, who.school, mine, by_whom)
        on conflict (guest, region, secondary_school) do update set pupils = excluded.pupils, asked_by = excluded.asked_by,
           asked_at = overstap.clock();
    perform append_audit(who.region, by_whom, 'guest.ask', array[of_guest::text], array[json_build_object(
        'round', of_round, 'school', of_school, 'for', who.school, 'pupils', mine, 'by', by_whom)::text]);
    return 'asked';
end $$;

-- Withdraws what a secondary school asked of a guest. When nobody is asked for any more, the guest's part ends. Acts for the account of the
-- stay, as ask_guest. 'withdrawn' or 'ended', or why not: 'factor', 'round', 'unknown' (it asked nothing), 'changed' (somebody else asked
-- meanwhile, or the coordinator ended its part).
create function overstap.unask_guest(stay bytea, of_guest uuid, on_changes integer, how_many integer, of_key text, sealed bytea) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); by_whom text := 'school:' || who.account; known guest_school;
begin
    if who.account is null then
        return 'factor';
    end if;
    select g.* into known from guest_school g where g.guest = of_guest and g.region = who.region for update;
    if who.round_id is not null or of_key is null or sealed is null
       or not exists (select from round r where r.round_id = known.round_id and r.region = who.region and r.closed_at is null) then
        return 'round';
    end if;
    if not exists (select from guest_ask a where a.guest = of_guest and a.region = who.region and a.secondary_school = who.school) then
        return 'unknown';
    end if;
    if known.changes <> on_changes or known.content is null or known.ended_at is not null
       or (how_many = 0 and exists (select from guest_ask a where a.guest = of_guest and a.region = who.region
                                       and a.secondary_school <> who.school)) then
        return 'changed';
    end if;
    delete from guest_ask where guest = of_guest and region = who.region and secondary_school = who.school;
    update guest_school set pupils = greatest(1, how_many), key_id = of_key, content = sealed, changes = changes + 1
     where guest = of_guest and region = who.region;
    perform append_audit(who.region, by_whom, 'guest.unask', array[of_guest::text], array[json_build_object(
        'round', known.round_id, 'school', known.school, 'for', who.school, 'by', by_whom)::text]);
    if how_many > 0 then
        return 'withdrawn';
    end if;
    perform end_part(known, by_whom);
    return 'ended';
end $$;

-- Ends a guest's part: whoever is signed in for it is out, its accounts end, and an invitation serves no longer. Granted to nobody.
create function overstap.end_part(known overstap.guest_school, by_whom text) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
declare names text[];
begin
    update guest_school set finds = null, mailed_at = coalesce(mailed_at, overstap.clock()), ended_by = by_whom, ended_at = overstap.clock()
     where guest = known.guest and region = known.region;
    update guest_dossier set ended_at = overstap.clock() where guest = known.guest and region = known.region and ended_at is null;
    with ended as (
        update school_account a set ended_at = clock_timestamp()
         where a.region = known.region and a.school = known.school and a.round_id = known.round_id and a.ended_at is null
        returning a.account
    ) select coalesce(array_agg(e.account order by e.account), '{}') into names from ended e;
    delete from school_stay s where s.account = any(names);
    delete from school_device d where d.account = any(names);
    delete from school_factor f where f.account = any(names);
    delete from school_recovery_code c where c.account = any(names);
    perform append_audit(known.region, by_whom, 'guest.end', array[known.guest::text], array[json_build_object(
        'round', known.round_id, 'school', known.school, 'by', by_whom)::text]);
    perform append_audit(known.region, by_whom, 'school.account_end', array[n], array['{}']) from unnest(names) n;
end $$;

-- The guest of a coordinator, held; refuses anybody else. Granted to nobody.
create function overstap.hold_guest(of_guest uuid) returns overstap.guest_school
    language plpgsql set search_path = overstap, pg_temp as $$
declare known guest_school;
begin
    select g.* into known from guest_school g where g.guest = of_guest and g.region = acting_region() for update;
    if known.guest is not null and not is_coordinator(known.round_id, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    return known;
end $$;

-- Asks for a new invitation, to another address or for other pupils if need be; the address in an earlier mail serves no longer. False
-- when there is no such guest, the round is closed or its content was erased.
create function overstap.renew_guest(of_guest uuid, how_many integer, of_key text, sealed bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school := hold_guest(of_guest);
begin
    if known.guest is null or of_key is null or sealed is null
       or not exists (select from round r where r.round_id = known.round_id and r.closed_at is null) then
        return false;
    end if;
    update guest_dossier set ended_at = null where guest = of_guest and region = known.region and known.ended_at is not null;
    update guest_school set pupils = case when kind = 'PO' then how_many else pupils end, key_id = of_key, content = sealed,
                            changes = changes + 1, asked = asked + 1,
                            asked_at = overstap.clock(), finds = null, mailed_at = null, expires_at = null, ended_by = null, ended_at = null
     where guest = of_guest and region = known.region;
    perform append_decision('guest.renew', of_guest::text, json_build_object(
        'round', known.round_id, 'school', known.school, 'pupils', how_many, 'by', acting()));
    return true;
end $$;

-- Ends a school's part in a round (end_part). What it supplied stays. Whoever was let in by a mail that went wrong is not let in again when
-- the right school is invited.
create function overstap.end_guest(of_guest uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school := hold_guest(of_guest);
begin
    if known.guest is null or known.ended_at is not null then
        return false;
    end if;
    perform end_part(known, acting());
    return true;
end $$;

-- Whether somebody may be let in with an account: it has not ended; and if it is a guest's, the round is open and the guest has not ended.
create function overstap.account_serves(a overstap.school_account) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select a.ended_at is null and (a.round_id is null
        or exists (select from round r join guest_school g on g.round_id = r.round_id and g.region = r.region
                    where r.round_id = a.round_id and r.region = a.region and r.closed_at is null
                      and g.school = a.school and g.ended_at is null)) $$;

-- Puts the address of an invitation into use, for three days, as its mail goes into the outbox; false when none is waited for.
create function overstap.mail_guest(of_guest uuid, new_finds bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school;
begin
    update guest_school g set finds = new_finds, mailed_at = overstap.clock(), expires_at = overstap.clock() + interval '3 days', told_changes = g.changes
     where g.guest = of_guest and g.region = acting_region() and g.mailed_at is null and g.ended_at is null and g.content is not null
       and exists (select from round r where r.round_id = g.round_id and r.closed_at is null)
    returning * into known;
    if known.guest is null then
        return false;
    end if;
    perform append_decision('guest.mail', of_guest::text, json_build_object('round', known.round_id, 'asked', known.asked));
    return true;
end $$;

-- Notes that the mail about a change went into the outbox, for a guest that has an account; false when it changed again meanwhile.
create function overstap.tell_guest(of_guest uuid, of_changes integer) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school;
begin
    update guest_school g set told_changes = of_changes
     where g.guest = of_guest and g.region = acting_region() and g.changes = of_changes and g.told_changes < of_changes
       and g.mailed_at is not null and g.expires_at is null and g.ended_at is null
    returning * into known;
    if known.guest is null then
        return false;
    end if;
    perform append_decision('guest.tell', of_guest::text, json_build_object('round', known.round_id, 'change', of_changes));
    return true;
end $$;

-- The invitation that an address opens. Granted to nobody.
create function overstap.guest_of(wanted bytea) returns overstap.guest_school
    language sql stable set search_path = overstap, pg_temp as $$
    select g.* from guest_school g join round r on r.round_id = g.round_id
     where g.finds = wanted and g.expires_at > overstap.clock() and g.ended_at is null and r.closed_at is null $$;

-- Looks at an invitation, before any region is known. A wrong address counts as a failure of the network, as a wrong password does;
-- gives how many there were before it in half an hour. After a hundred the administrator is told.
create function overstap.guest_look(wanted bytea, networks bytea[], out region text, out round_id text, out school text, out name text,
                                    out expires_at timestamptz, out failed integer)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare this_quarter timestamptz := date_bin('15 minutes', clock_timestamp(), 'epoch'); known guest_school := guest_of(wanted);
begin
    select greatest(coalesce(sum(t.failed) filter (where t.subject = networks[1]), 0),
                    coalesce(sum(t.failed) filter (where t.subject = networks[2]), 0) / 5) into failed
      from school_attempt t where t.subject = any(networks) and t.quarter >= this_quarter - interval '15 minutes';
    if known.guest is not null then
        region := known.region; round_id := known.round_id; school := known.school; name := known.name; expires_at := known.expires_at;
        return;
    end if;
    insert into school_attempt as t (subject, quarter, failed)
    select s, this_quarter, 1 from unnest(networks) s order by s
        on conflict on constraint school_attempt_pkey do update set failed = t.failed + 1;
    if failed >= 100 then
        insert into alarm (kind, region, subject, failed)
        values ('invitation_guessed', null, 'invitation_guessed/' || encode(networks[1], 'hex') || '/' || this_quarter::date, failed)
            on conflict (subject) do nothing;
    end if;
end $$;

-- Uses an invitation: makes the account, for its school and round. 'taken' when the account's name is in use; null when the address
-- serves nothing (any more). The second of two at once finds it used.
create function overstap.guest_accept(wanted bytea, named text, of_whom text, with_password text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school;
begin
    select g.* into known from guest_school g join round r on r.round_id = g.round_id
     where g.finds = wanted and g.expires_at > overstap.clock() and g.ended_at is null and r.closed_at is null
       for update of g;
    if known.guest is null or known.finds is distinct from wanted then
        return null;
    end if;
    insert into school_account (account, region, school, name, password, made_by, round_id)
    values (named, known.region, known.school, of_whom, with_password, 'guest:' || known.guest, known.round_id) on conflict do nothing;
    if not found then
        return 'taken';
    end if;
    update guest_school g set finds = null, expires_at = null, told_changes = g.changes where g.guest = known.guest and g.region = known.region;
    perform append_audit(known.region, 'school:' || named, 'guest.accept', array[known.guest::text], array[json_build_object(
        'round', known.round_id, 'school', known.school, 'account', named)::text]);
    return 'made';
end $$;

-- Erases what names a person of a round's guests (12_retention.sql): address, pupils, who had an account. Granted to nobody.
create function overstap.erase_guests(of_round text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer; more integer;
begin
    update guest_school set key_id = null, content = null, finds = null where round_id = of_round and content is not null;
    get diagnostics gone = row_count;
    delete from school_factor f using school_account a where a.account = f.account and a.round_id = of_round;
    delete from school_recovery_code c using school_account a where a.account = c.account and a.round_id = of_round;
    update school_account a set name = a.account, ended_at = coalesce(a.ended_at, clock_timestamp())
     where a.round_id = of_round and a.name <> a.account;
    get diagnostics more = row_count;
    return gone + more;
end $$;
