-- What a coordinator keeps about contact with schools: whom to call, calls, messages. Contents come encrypted; the database sees who, when
-- and about which school. Each function keeps to the region whose role was taken on, and writes its audit line in the same statement.

-- Whether a school or a school board takes part in a round by its agreement.
create function overstap.is_member(of_round text, of_party text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number,
                               jsonb_array_elements(a.agreement -> 'schools') s
                    where r.round_id = of_round and r.region = acting_region()
                      and of_party in (s ->> 'id', 'board:' || (s ->> 'board'))) $$;

-- Whether there can be contact with it in a round: it takes part by the agreement, or was invited (23_guest_schools.sql).
create function overstap.is_party(of_round text, of_party text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select is_member(of_round, of_party)
        or exists (select from guest_school g where g.round_id = of_round and g.region = acting_region() and g.school = of_party) $$;

-- Refuses whoever is no coordinator of the round, and what does not take part in it. Granted to nobody.
create function overstap.check_contact(of_round text, parties text[]) returns void
    language plpgsql stable set search_path = overstap, pg_temp as $$
begin
    if not is_coordinator(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    if coalesce(cardinality(parties), 0) = 0 or exists (select from unnest(parties) p where not coalesce(is_party(of_round, p), false)) then
        raise exception 'no school or school board of this round' using errcode = 'check_violation';
    end if;
end $$;

-- Keeps whom to call at a school or school board in the region; no content: nobody any more.
create function overstap.keep_contact(of_round text, of_party text, of_key text, sealed bytea) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform check_contact(of_round, array[of_party]);
    if sealed is null then
        delete from contact_person where region = acting_region() and party = of_party;
    else
        insert into contact_person (region, party, key_id, content, changed_by)
        values (acting_region(), of_party, of_key, sealed, acting())
            on conflict (region, party) do update set key_id = excluded.key_id, content = excluded.content,
               changed_by = excluded.changed_by, changed_at = overstap.clock();
    end if;
    perform append_decision('contact.person', of_party, json_build_object('removed', sealed is null));
end $$;

-- Notes a call; false when it was noted before (a form that was sent twice). Two hundred with one school or school board are kept in a
-- round: each stays, and its page reads and decrypts all.
create function overstap.note_call(of_call uuid, of_round text, of_party text, at timestamptz, of_key text, sealed bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform check_contact(of_round, array[of_party]);
    if of_key is null or sealed is null or not coalesce(at between overstap.clock() - interval '1 year'
                                                                and overstap.clock() + interval '5 minutes', false) then
        raise exception 'not a call' using errcode = 'check_violation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.call.' || of_round || '/' || of_party, 0));
    if not exists (select from contact_call c where c.call = of_call and c.region = acting_region())
       and (select count(*) from contact_call c where c.region = acting_region() and c.round_id = of_round and c.party = of_party) >= 200 then
        raise exception 'two hundred calls with one party' using errcode = 'program_limit_exceeded';
    end if;
    insert into contact_call (call, region, round_id, party, called_at, called_by, key_id, content)
    values (of_call, acting_region(), of_round, of_party, at, acting(), of_key, sealed) on conflict do nothing;
    if not found then
        return false;
    end if;
    perform append_decision('contact.call', of_party, json_build_object('call', of_call, 'round', of_round));
    return true;
end $$;

-- Erases what was noted of a call, such as a name that should not have been there; that there was one stays.
create function overstap.erase_call(of_call uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known record;
begin
    select c.round_id, c.party into known from contact_call c
     where c.call = of_call and c.region = acting_region() and c.content is not null for update;
    if not found then
        return false;
    end if;
    if not is_coordinator(known.round_id, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    update contact_call set content = null, key_id = null where call = of_call and region = acting_region();
    perform append_decision('contact.erase', known.party, json_build_object('call', of_call));
    return true;
end $$;

-- Keeps a message to schools and school boards, which a task mails; false when it was kept before. A round has two thousand.
create function overstap.keep_message(of_message uuid, of_round text, parties text[], of_key text, sealed bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform check_contact(of_round, parties);
    if of_key is null or sealed is null then
        raise exception 'not a message' using errcode = 'check_violation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.message.' || of_round, 0));
    if not exists (select from contact_message m where m.message = of_message and m.region = acting_region())
       and (select count(*) from contact_message m where m.region = acting_region() and m.round_id = of_round) >= 2000 then
        raise exception 'two thousand messages in one round' using errcode = 'program_limit_exceeded';
    end if;
    insert into contact_message (message, region, round_id, sent_by, key_id, content)
    values (of_message, acting_region(), of_round, acting(), of_key, sealed) on conflict do nothing;
    if not found then
        return false;
    end if;
    insert into contact_message_to (message, region, party) select distinct of_message, acting_region(), p from unnest(parties) p;
    perform append_decision('contact.message', of_message::text, json_build_object(
        'round', of_round, 'to', (select json_agg(t.party order by t.party) from contact_message_to t where t.message = of_message)));
    return true;
end $$;
