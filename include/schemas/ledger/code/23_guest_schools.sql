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
    if is_party(of_round, of_school) then
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
    update guest_school set pupils = how_many, key_id = of_key, content = sealed, asked = asked + 1, asked_at = overstap.clock(),
                            finds = null, mailed_at = null, expires_at = null, ended_by = null, ended_at = null
     where guest = of_guest and region = known.region;
    perform append_decision('guest.renew', of_guest::text, json_build_object(
        'round', known.round_id, 'school', known.school, 'pupils', how_many, 'by', acting()));
    return true;
end $$;

-- Ends a school's part in a round: whoever is signed in for it is out, and an invitation serves no longer. What it supplied stays.
create function overstap.end_guest(of_guest uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known guest_school := hold_guest(of_guest);
begin
    if known.guest is null or known.ended_at is not null then
        return false;
    end if;
    update guest_school set finds = null, mailed_at = coalesce(mailed_at, overstap.clock()), ended_by = acting(), ended_at = overstap.clock()
     where guest = of_guest and region = known.region;
    delete from school_stay s using school_account a
     where s.account = a.account and a.region = known.region and a.school = known.school and a.round_id = known.round_id;
    perform append_decision('guest.end', of_guest::text, json_build_object(
        'round', known.round_id, 'school', known.school, 'by', acting()));
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
    update guest_school g set finds = new_finds, mailed_at = overstap.clock(), expires_at = overstap.clock() + interval '3 days'
     where g.guest = of_guest and g.region = acting_region() and g.mailed_at is null and g.ended_at is null and g.content is not null
       and exists (select from round r where r.round_id = g.round_id and r.closed_at is null)
    returning * into known;
    if known.guest is null then
        return false;
    end if;
    perform append_decision('guest.mail', of_guest::text, json_build_object('round', known.round_id, 'asked', known.asked));
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
    update guest_school g set finds = null, expires_at = null where g.guest = known.guest and g.region = known.region;
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
