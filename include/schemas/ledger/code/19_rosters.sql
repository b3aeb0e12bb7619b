-- Rosters: which pupils leave a school this year. A roster adds pupils and takes off those whom it does not state; where many are
-- missing at once, a person is asked instead. What a person decided, a roster does not undo. Each function keeps to the region
-- whose role was taken on, and writes its audit line in the same statement.

-- Whether a kind of round is one of the leavers of primary schools, so that their rosters say who should have a dossier.
create function overstap.is_of_leavers(of_kind text) returns boolean language sql immutable parallel safe
    return of_kind in ('pre_registration', 'advice', 'placement');

-- Digest of a school's entries as they stand: with it in the chain, what changes beside it is found.
create function overstap.roster_digest(of_year text, of_school text) returns text
    language sql stable security definer set search_path = overstap, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', p.roster_pupil, encode(p.pupil, 'hex'), p.kind, p.off_at, p.off_why, p.off_by), E'\n'
               order by p.roster_pupil), ''), 'UTF8')), 'hex')
      from roster_pupil p where p.region = acting_region() and p.school_year = of_year and p.school = of_school $$;

-- One line about a school's roster. Granted to nobody.
create function overstap.append_roster(what text, of_year text, of_school text, detail jsonb) returns void
    language sql set search_path = overstap, pg_temp as $$
    select append_decision('roster.' || what, of_year || '/' || of_school,
                           (detail || jsonb_build_object('digest', roster_digest(of_year, of_school)))::json) $$;

-- Keeps others from changing a school's roster until the transaction ends.
create function overstap.hold_roster(of_year text, of_school text) returns void
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.roster.' || acting_region() || '/' || of_year || '/' || of_school, 0)) $$;

-- Takes a roster in. `ids` are those of the entries that it states, known or new. Not whole: something in it could not be read, and
-- then nobody is missing. An older roster changes nothing, unless a person says that it is the one that counts. Gives what became of it:
-- the outcome (taken, same or older), and counts; of numbers that lacked their leading zeros too.
create function overstap.take_roster(of_year text, of_school text, how text, in_form text, content_hash bytea, moment timestamptz,
                                     ids uuid[], pupils bytea[], las_keys bytea[], names bytea[], kinds text[], key_ids text[],
                                     contents bytea[], is_whole boolean, counts_now boolean, restored integer default 0) returns jsonb
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare newest roster; made uuid := uuidv7(); was_on integer; missing integer; asks boolean; counted jsonb;
begin
    if acting_region() is null or not exists (select from round r where r.region = acting_region() and r.school_year = of_year)
       or not exists (select from school s where s.region = acting_region() and s.school = of_school and s.kind = 'PO') then
        raise exception 'a roster is of a primary school, in a school year with a round' using errcode = 'check_violation';
    end if;
    perform hold_roster(of_year, of_school);
    select * into newest from roster r where r.region = acting_region() and r.school_year = of_year and r.school = of_school
     order by r.stated_at desc, r.taken_at desc, r.roster desc limit 1;
    if newest.content = content_hash then
        return jsonb_build_object('outcome', 'same');
    end if;
    if not counts_now and (moment < newest.stated_at or exists (
            select from roster r where r.region = acting_region() and r.school_year = of_year and r.school = of_school
               and r.content = content_hash)) then
        return jsonb_build_object('outcome', 'older');
    end if;
    if exists (select from unnest(ids) i join roster_pupil p on p.roster_pupil = i
                where (p.region, p.school_year, p.school) is distinct from (acting_region(), of_year, of_school)) then
        raise exception 'an entry of another roster' using errcode = 'check_violation';
    end if;
    select count(*), count(*) filter (where not p.roster_pupil = any(ids)) into was_on, missing from roster_pupil p
     where p.region = acting_region() and p.school_year = of_year and p.school = of_school and p.off_at is null;
    asks := is_whole and (missing >= 5 and missing * 10 > was_on or missing * 2 >= was_on and was_on > 1);
    insert into roster (roster, region, school_year, school, source, form, content, stated_at, counts, asks, taken_by)
    values (made, acting_region(), of_year, of_school, how, in_form, content_hash, greatest(moment, newest.stated_at), '{}',
            case when asks then missing else 0 end, acting());
    -- Who is stated: told first, as it was before
    insert into roster_event (region, roster_pupil, event, roster, by_whom)
    select acting_region(), p.roster_pupil, case when p.off_why = 'not_stated' then 'back' else 'asked' end, made, acting()
      from roster_pupil p
     where p.region = acting_region() and p.roster_pupil = any(ids) and p.off_at is not null
       and (p.off_why = 'not_stated' or p.asked_at is null and (p.kept_off_at is null or p.roster <> newest.roster));
    with stated as (
        insert into roster_pupil as p (roster_pupil, region, school_year, school, pupil, las_key, named, kind, key_id, content, roster)
        select i, acting_region(), of_year, of_school, n, l, d, k, y, c, made
          from unnest(ids, pupils, las_keys, names, kinds, key_ids, contents) as t (i, n, l, d, k, y, c)
        on conflict (roster_pupil, region) do update
           set pupil = excluded.pupil, las_key = excluded.las_key, named = excluded.named, kind = excluded.kind,
               key_id = excluded.key_id, content = excluded.content, roster = excluded.roster, missing_at = null,
               off_at = case when p.off_why <> 'not_stated' then p.off_at end,
               off_by = case when p.off_why <> 'not_stated' then p.off_by end,
               off_why = nullif(p.off_why, 'not_stated'),
               -- Whoever was taken off by a person is asked about, once for as long as rosters go on stating this pupil
               asked_at = case when p.off_why <> 'not_stated'
                               then coalesce(p.asked_at, case when p.kept_off_at is null or p.roster <> newest.roster
                                                              then overstap.clock() end) end,
               kept_off_at = case when p.off_why <> 'not_stated' and p.roster = newest.roster then p.kept_off_at end
        returning p.roster_pupil, xmax = 0 as is_new
    )
    insert into roster_event (region, roster_pupil, event, roster, by_whom)
    select acting_region(), s.roster_pupil, 'on', made, acting() from stated s where s.is_new;
    -- Who is missing: taken off, or asked about
    if is_whole then
        with absent as (
            update roster_pupil p
               set missing_at = case when asks then coalesce(p.missing_at, overstap.clock()) end,
                   off_at = case when not asks then overstap.clock() end, off_why = case when not asks then 'not_stated' end,
                   off_by = case when not asks then acting() end
             where p.region = acting_region() and p.school_year = of_year and p.school = of_school and p.off_at is null
               and p.roster <> made
            returning p.roster_pupil
        )
        insert into roster_event (region, roster_pupil, event, why, roster, by_whom)
        select acting_region(), a.roster_pupil, case when asks then 'missing' else 'off' end, 'not_stated', made, acting() from absent a;
    end if;
    select jsonb_build_object('leavers', cardinality(ids), 'added', count(*) filter (where e.event = 'on'),
                              'returned', count(*) filter (where e.event = 'back'), 'asked_back', count(*) filter (where e.event = 'asked'),
                              'gone', count(*) filter (where e.event = 'off'), 'missing', count(*) filter (where e.event = 'missing'),
                              'kept', case when is_whole then 0 else missing end)
      into counted from roster_event e where e.region = acting_region() and e.roster = made;
    counted := counted || case when restored > 0 then jsonb_build_object('restored', restored) else '{}' end;
    update roster set counts = counted where roster = made and region = acting_region();
    delete from refused_roster f where f.region = acting_region() and f.school_year = of_year and f.school = of_school;
    perform append_roster('take', of_year, of_school, counted || jsonb_build_object('roster', made, 'source', how, 'form', in_form));
    return counted || jsonb_build_object('outcome', 'taken');
end $$;

-- Says whether the pupils that the newest roster does not state have left: they are taken off, or stay on. Gives how many.
create function overstap.settle_missing(of_year text, of_school text, have_left boolean) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare settled integer;
begin
    perform hold_roster(of_year, of_school);
    with absent as (
        update roster_pupil p
           set missing_at = null, off_at = case when have_left then overstap.clock() end,
               off_why = case when have_left then 'not_stated' end, off_by = case when have_left then acting() end
         where p.region = acting_region() and p.school_year = of_year and p.school = of_school and p.missing_at is not null
        returning p.roster_pupil
    )
    insert into roster_event (region, roster_pupil, event, why, by_whom)
    select acting_region(), a.roster_pupil, case when have_left then 'off' else 'kept_on' end, 'not_stated', acting() from absent a;
    get diagnostics settled = row_count;
    if settled > 0 then
        perform append_roster('settle', of_year, of_school, jsonb_build_object('pupils', settled, 'left', have_left));
    end if;
    return settled;
end $$;

-- Takes a pupil of a school off its roster, with a reason; false when the school has no such pupil on it (any more).
create function overstap.take_off_roster(of_school text, entry uuid, why text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_year text;
begin
    if why is null or why = 'not_stated' then
        raise exception 'a person gives a reason' using errcode = 'check_violation';
    end if;
    select p.school_year into of_year from roster_pupil p
     where p.roster_pupil = entry and p.region = acting_region() and p.school = of_school;
    perform hold_roster(of_year, of_school);
    update roster_pupil p set off_at = overstap.clock(), off_why = why, off_by = acting(), missing_at = null
     where p.roster_pupil = entry and p.region = acting_region() and p.school = of_school and p.off_at is null;
    if not found then
        return false;
    end if;
    insert into roster_event (region, roster_pupil, event, why, by_whom) values (acting_region(), entry, 'off', why, acting());
    perform append_roster('off', of_year, of_school, jsonb_build_object('pupil', entry, 'why', why));
    return true;
end $$;

-- Puts a pupil back on, or (a roster states again whom a person took off) keeps this pupil off; false when there is nothing to say.
create function overstap.put_back_on_roster(of_school text, entry uuid, is_on boolean) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_year text;
begin
    select p.school_year into of_year from roster_pupil p
     where p.roster_pupil = entry and p.region = acting_region() and p.school = of_school;
    perform hold_roster(of_year, of_school);
    update roster_pupil p
       set off_at = case when not is_on then p.off_at end, off_why = case when not is_on then p.off_why end,
           off_by = case when not is_on then p.off_by end, asked_at = null, kept_off_at = case when not is_on then overstap.clock() end
     where p.roster_pupil = entry and p.region = acting_region() and p.school = of_school and p.off_at is not null
       and (is_on or p.asked_at is not null);
    if not found then
        return false;
    end if;
    insert into roster_event (region, roster_pupil, event, by_whom)
    values (acting_region(), entry, case when is_on then 'back' else 'kept_off' end, acting());
    perform append_roster(case when is_on then 'on' else 'keep_off' end, of_year, of_school, jsonb_build_object('pupil', entry));
    return true;
end $$;

-- Notes who looks after a list of pupils of whom something is missing: the acting account. False when it was theirs already.
create function overstap.take_up_list(of_round text, of_school text, of_list text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not is_coordinator(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    perform from school s where s.region = acting_region() and s.school = of_school for update;
    if exists (select from roster_owner o where o.round_id = of_round and o.region = acting_region() and o.school = of_school
                  and o.list = of_list and o.owner = acting()) then
        return false;
    end if;
    perform append_decision('roster.own', of_round, json_build_object('school', of_school, 'list', of_list, 'owner', acting()));
    insert into roster_owner (region, round_id, school, list, owner) values (acting_region(), of_round, of_school, of_list, acting())
        on conflict (round_id, school, list) do update set owner = excluded.owner, taken_at = overstap.clock();
    return true;
end $$;

-- Removes entries, with a line per school that says how its roster stands since. Granted to nobody.
create function overstap.forget_roster(entries uuid[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare of record; gone integer := 0; more integer;
begin
    for of in select p.school_year, p.school, array_agg(p.roster_pupil) as ids from roster_pupil p
               where p.region = acting_region() and p.roster_pupil = any(entries) group by 1, 2 order by 1, 2 loop
        delete from roster_pupil p where p.region = acting_region() and p.roster_pupil = any(of.ids);
        get diagnostics more = row_count;
        gone := gone + more;
        perform append_roster('forget', of.school_year, of.school, jsonb_build_object('forgotten', more));
    end loop;
    return gone;
end $$;
