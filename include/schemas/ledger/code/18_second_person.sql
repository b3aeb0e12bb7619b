-- Four eyes: what the agreement leaves to two persons. The function that does such an act keeps a request instead, and another person,
-- a coordinator of the region, confirms it: the act is then done, in the same statement. Tasks and the command may ask and not
-- confirm; the board, which knows who is signed in, may confirm.

-- Whether the agreement asks for a second person: of a round, as it is now; or of the region's newest school year.
create function overstap.needs_second(of_round text, of_act text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number
                    where r.region = acting_region() and a.agreement -> 'four_eyes' ? of_act
                      and case when of_round is null
                               then r.school_year = (select max(x.school_year) from round x where x.region = acting_region())
                               else r.round_id = of_round end) $$;

-- Whether an account is a coordinator: of a round, or of the region's newest school year.
create function overstap.is_coordinator(of_round text, account text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number,
                               jsonb_array_elements(a.agreement -> 'coordinators') c
                    where r.region = acting_region() and c ->> 'account' = account
                      and case when of_round is null
                               then r.school_year = (select max(x.school_year) from round x where x.region = acting_region())
                               else r.round_id = of_round end) $$;

-- Keeps the request of the first person with its line, once while it is open, and tells the other coordinators. Granted to nobody.
create function overstap.ask_second(of_round text, of_act text, of_what text, with_arguments jsonb, by_whom text) returns uuid
    language plpgsql set search_path = overstap, pg_temp as $$
declare made uuid;
begin
    perform pg_advisory_xact_lock(hashtextextended('overstap.second.' || acting_region() || of_act || of_what, 0));
    select s.request into made from second_person s
     where s.region = acting_region() and s.act = of_act and s.about = of_what and s.confirmed_at is null and s.withdrawn_at is null
       and s.expires_at > overstap.clock();
    if made is not null then
        return made;
    end if;
    insert into second_person (region, round_id, act, about, arguments, asked_by)
    values (acting_region(), of_round, of_act, of_what, with_arguments, by_whom) returning request into made;
    perform append_decision('second.ask', made::text, json_build_object('act', of_act, 'about', of_what, 'by', by_whom));
    perform tell_second(of_round, of_act, made, by_whom, '');
    return made;
end $$;

-- Tells the other coordinators of a request. Granted to nobody.
create function overstap.tell_second(of_round text, of_act text, made uuid, by_whom text, again text) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
begin
    insert into notice (region, round_id, meaning, kind, recipient, facts, is_urgent)
    select acting_region(), of_round, concat_ws('/', 'second_' || of_act, of_round, made) || again, 'second_' || of_act,
           'coordinator:' || (c ->> 'account'), json_build_object('about', made, 'by', by_whom), true
      from (select a.agreement from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number
             where r.region = acting_region() and (of_round is null or r.round_id = of_round) order by r.opened_at desc limit 1) newest,
           jsonb_array_elements(newest.agreement -> 'coordinators') c
     where c ->> 'account' <> by_whom
        on conflict do nothing;
end $$;

-- What waits for a second person in the region. Of a change of the agreement also what changes.
create function overstap.second_requests()
    returns table (request uuid, round_id text, act text, about text, asked_by text, asked_at timestamptz, expires_at timestamptz,
                   is_named boolean, changes jsonb)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select s.request, s.round_id, s.act, s.about, s.asked_by, s.asked_at, s.expires_at,
           s.act <> 'agreement_change' or is_coordinator(s.round_id, s.asked_by), coalesce(s.arguments -> 'changes', '[]')
      from second_person s
     where s.region = acting_region() and s.confirmed_at is null and s.withdrawn_at is null and s.expires_at > overstap.clock()
     order by s.asked_at $$;

-- Whether a release of a round waits for a second person, and a question did not lead to one before.
create function overstap.release_waits(of_round text, question integer) returns boolean
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select releases(of_round) < question and exists (
        select from second_person s
         where s.region = acting_region() and s.round_id = of_round and s.act = 'release' and s.confirmed_at is null
           and s.withdrawn_at is null and s.expires_at > overstap.clock()) $$;

-- Confirms what another person asked for, and does it, both in the chain. Gives what became of it: done, ready (keys: whoever has them
-- may destroy them now), adopted, or nothing when there is no such request (any more). A changed file names nobody, so the first
-- coordinator who confirms it becomes the person who asked, and another one confirms.
create function overstap.confirm_second(of_request uuid) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s second_person; by_whom text := acting(); done integer;
begin
    select * into s from second_person x
     where x.request = of_request and x.region = acting_region() and x.confirmed_at is null and x.withdrawn_at is null
       and x.expires_at > overstap.clock() for update;
    if not found then
        return null;
    end if;
    if by_whom = s.asked_by then
        raise exception 'another person confirms' using errcode = 'check_violation';
    end if;
    if not is_coordinator(s.round_id, by_whom) then
        raise exception 'a coordinator of the region confirms' using errcode = 'insufficient_privilege';
    end if;
    if s.act = 'agreement_change' and not is_coordinator(s.round_id, s.asked_by) then
        update second_person set asked_by = by_whom where request = of_request;
        perform append_decision('second.adopt', of_request::text, json_build_object('act', s.act, 'about', s.about, 'by', by_whom));
        perform tell_second(s.round_id, s.act, of_request, by_whom, '/adopted');
        return 'adopted';
    end if;
    update second_person set confirmed_by = by_whom, confirmed_at = overstap.clock(),
           used_at = case when s.act <> 'key_destruction' then overstap.clock() end
     where request = of_request;
    perform append_decision('second.confirm', of_request::text,
                            json_build_object('act', s.act, 'about', s.about, 'asked_by', s.asked_by, 'by', by_whom));
    perform tell_round(s.round_id) where s.round_id is not null;
    case s.act
    when 'release' then
        perform do_release(s.round_id, true, s.asked_by, s.arguments ->> 'reason', s.arguments ->> 'key',
                           (s.arguments ->> 'closes')::timestamptz, (s.arguments ->> 'opens')::timestamptz,
                           jsonb_build_object('confirmed_by', by_whom));
    when 'take_back' then
        if s.arguments ? 'at' then
            perform do_withdraw_at(s.round_id, array(select jsonb_array_elements_text(s.arguments -> 'dossiers'))::uuid[],
                                   s.arguments ->> 'at', s.arguments ->> 'reason', s.asked_by);
        else
            perform do_withdraw(s.round_id, array(select jsonb_array_elements_text(s.arguments -> 'dossiers'))::uuid[],
                                s.arguments ->> 'reason', s.asked_by);
        end if;
    when 'erase' then
        done := do_erase((s.arguments ->> 'dossier')::uuid, s.arguments ->> 'reason');
        if done = 0 then
            raise exception 'it may not be erased any more' using errcode = 'check_violation';
        end if;
    when 'agreement_change' then
        if hold_round(s.round_id) <> (s.arguments ->> 'number')::integer then
            raise exception 'the agreement changed meanwhile' using errcode = 'check_violation';
        end if;
        perform do_add_agreement(s.round_id, s.arguments, s.asked_by, jsonb_build_object('confirmed_by', by_whom));
    else
        return 'ready';
    end case;
    return 'done';
end $$;

-- Takes a request away that nobody confirmed: by whoever asked, or another coordinator.
create function overstap.withdraw_second(of_request uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare s second_person;
begin
    select * into s from second_person x
     where x.request = of_request and x.region = acting_region() and x.confirmed_at is null and x.withdrawn_at is null for update;
    if not found then
        return false;
    end if;
    if acting() <> s.asked_by and not is_coordinator(s.round_id, acting()) then
        raise exception 'whoever asked, or a coordinator, withdraws' using errcode = 'insufficient_privilege';
    end if;
    update second_person set withdrawn_by = acting(), withdrawn_at = overstap.clock() where request = of_request;
    perform append_decision('second.withdraw', of_request::text, json_build_object('act', s.act, 'by', acting()));
    perform tell_round(s.round_id) where s.round_id is not null;
    return true;
end $$;

-- Erases one dossier on request (AVG art. 17), or asks for the second person. Gives 'done', 'asked', or nothing when it may not be.
create function overstap.erase_asked(of_dossier uuid, why text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_round text;
begin
    if may_erase(array[of_dossier], null, true) <> array[of_dossier] then
        return null;
    end if;
    select d.round_id into of_round from dossier d where d.dossier = of_dossier and d.region = acting_region();
    if needs_second(of_round, 'erase') then
        perform ask_second(of_round, 'erase', of_dossier::text, jsonb_build_object('dossier', of_dossier, 'reason', why), acting());
        return 'asked';
    end if;
    perform do_erase(of_dossier, why);
    return 'done';
end $$;

-- Granted to nobody.
create function overstap.do_erase(of_dossier uuid, why text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare ids uuid[] := may_erase(array[of_dossier], null, true);
begin
    perform erase_content_now(ids, null, true, why), forget_traces_now(ids, null, true, why);
    return cardinality(ids);
end $$;

-- Announces that content keys are destroyed, a line each; or asks for the second person. Gives whether they may be destroyed now.
create function overstap.announce_keys(keys text[]) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare ready uuid; of_what text := (select string_agg(k, ',' order by k) from unnest(keys) k);
begin
    if of_what is null then
        return false;
    end if;
    if needs_second(null, 'key_destruction') then
        update second_person s set used_at = overstap.clock()
         where s.region = acting_region() and s.act = 'key_destruction' and s.about = of_what and s.confirmed_at is not null
           and s.used_at is null and s.expires_at > overstap.clock() returning s.request into ready;
        if ready is null then
            perform ask_second(null, 'key_destruction', of_what, jsonb_build_object('keys', keys), acting());
            return false;
        end if;
    end if;
    perform append_audit(acting_region(), acting(), 'retention.key', keys,
                         array_fill((case when ready is null then '{}' else json_build_object('request', ready)::text end),
                                    array[cardinality(keys)]));
    return true;
end $$;

-- A round's agreement takes no second person away while the round is there: one person could, and then act alone.
create function overstap.keep_four_eyes() returns trigger language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if exists (select from round_agreement a, jsonb_array_elements_text(coalesce(a.agreement -> 'four_eyes', '[]')) act
                where a.round_id = new.round_id and a.number = new.number - 1
                  and not coalesce(new.agreement -> 'four_eyes', '[]') ? act) then
        raise exception 'a second person stays agreed while the round is there' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger keep_four_eyes before insert on overstap.round_agreement for each row execute function overstap.keep_four_eyes();
