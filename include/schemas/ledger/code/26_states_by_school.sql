-- What a secondary school says on its page of the applications at that school. The function takes the stay: an account of that very school,
-- which showed a second factor, and nobody else says it.

-- One change of a year's registrations at a time: the line of each tells how all of them stand since. Granted to nobody.
create function overstap.hold_registrations(of_region text, of_year text) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.registrations.' || of_region || '.' || of_year, 0)) $$;

-- Takes what a school was sent of some pupils back at that school alone; what was not sent is not sent, by may_receive. What was tried may
-- have arrived, and what stood on a page without being collected is gone from it. Gives the envelopes. Granted to nobody.
create function overstap.take_back_at(ids uuid[], at_school text, why text, by_whom text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare mine uuid[];
begin
    with kept as (
        insert into envelope_withdrawal (message_id, region, round_id, dossier, number, secondary_school, reason, decided_by)
        select l.message_id, l.region, l.round_id, l.dossier, l.number, l.secondary_school, why, by_whom
          from delivery l
         where l.dossier = any(ids) and l.region = acting_region() and l.secondary_school = at_school
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and (l.key_id is null or exists (select from page_collection c where c.message_id = l.message_id and c.region = l.region))
           and not exists (select from revocation r where r.message_id = l.message_id and r.region = l.region)
        on conflict do nothing returning message_id
    )
    select array_agg(k.message_id order by k.message_id) into mine from kept k;
    perform append_audit(acting_region(), by_whom, 'delivery.take_back', mine::text[],
                         array_fill(json_build_object('to', at_school, 'reason', why, 'by', by_whom)::text,
                                    array[coalesce(cardinality(mine), 0)]));
    return coalesce(cardinality(mine), 0);
end $$;

-- Takes back, at each school, what was sent there of pupils whose parents withdrew by a list or view; refused and not drawn are left, since
-- parents may object. Where it would be more than a few, and more than a part of all that was sent in the year, the list is more likely
-- wrong than the parents: none is taken back, and the board asks. Gives how many envelopes it concerns and how many were taken back.
create function overstap.take_back_withdrawn(of_year text, few integer, part numeric, out concerned integer, out taken integer)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare ids uuid[]; sent integer; at_school text;
begin
    perform hold_registrations(acting_region(), of_year);
    select count(*) filter (where x.is_withdrawn), count(*), array_agg(distinct x.dossier) filter (where x.is_withdrawn)
      into concerned, sent, ids from (
        select l.dossier, exists (select from application a where a.region = d.region and a.school_year = of_year and a.pupil = d.pupil
                                     and a.secondary_school = l.secondary_school and a.status = 'withdrawn'
                                     and a.withdrawn_at is not null)
               and not exists (select from envelope_withdrawal w where w.message_id = l.message_id)
               and not exists (select from revocation r where r.message_id = l.message_id) as is_withdrawn
          from round o join dossier d on d.round_id = o.round_id and d.state <> 'withdrawn' join delivery l on l.dossier = d.dossier
         where o.region = acting_region() and o.school_year = of_year and o.kind <> 'feedback'
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and (l.key_id is null or exists (select from page_collection c where c.message_id = l.message_id))) x;
    taken := 0;
    if concerned = 0 or concerned > few and concerned > sent * part then
        return;
    end if;
    perform from dossier d where d.dossier = any(ids) and d.region = acting_region() order by d.dossier for update;
    for at_school in
        select distinct a.secondary_school from application a join dossier d on d.pupil = a.pupil and d.region = a.region
         where d.dossier = any(ids) and a.school_year = of_year and a.status = 'withdrawn' and a.withdrawn_at is not null order by 1
    loop
        taken := taken + take_back_at(
            array(select d.dossier from dossier d join application a on a.pupil = d.pupil and a.region = d.region
                   where d.dossier = any(ids) and d.region = acting_region() and a.school_year = of_year
                     and a.secondary_school = at_school and a.status = 'withdrawn' and a.withdrawn_at is not null),
            at_school, 'pupil_not_coming', acting());
    end loop;
end $$;

-- Takes dossiers of a round back at one school, by a person; elsewhere they stay. Gives how many envelopes; nothing when it waits for a
-- second person.
create function overstap.withdraw_at(of_round text, ids uuid[], at_school text, why text, by_whom text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare mine uuid[];
begin
    if needs_second(of_round, 'take_back') then
        select array_agg(distinct l.dossier order by l.dossier) into mine from delivery l join dossier d using (dossier)
         where d.round_id = of_round and d.region = acting_region() and d.dossier = any(ids) and d.state <> 'withdrawn'
           and l.secondary_school = at_school and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and (l.key_id is null or exists (select from page_collection c where c.message_id = l.message_id))
           and not exists (select from envelope_withdrawal w where w.message_id = l.message_id);
        if mine is null then
            return 0;
        end if;
        perform ask_second(of_round, 'take_back', at_school || ':' || array_to_string(mine, ','),
                           jsonb_build_object('dossiers', mine, 'at', at_school, 'reason', why), by_whom);
        return null;
    end if;
    return do_withdraw_at(of_round, ids, at_school, why, by_whom);
end $$;

-- Granted to nobody.
create function overstap.do_withdraw_at(of_round text, ids uuid[], at_school text, why text, by_whom text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare mine uuid[];
begin
    select coalesce(array_agg(x.dossier), '{}') into mine from (
        select d.dossier from dossier d
         where d.round_id = of_round and d.region = acting_region() and d.dossier = any(ids) and d.state <> 'withdrawn'
         order by d.dossier for update) x;
    return take_back_at(mine, at_school, why, by_whom);
end $$;

-- The same by a coordinator on the board, in the own name.
create function overstap.take_back_sent(of_round text, ids uuid[], at_school text, why text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not is_coordinator(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    return withdraw_at(of_round, ids, at_school, why, acting());
end $$;

-- Keeps the state of some applications at the school of a stay, with history and line. Gives how many changed, and how many envelopes are
-- taken back at this school because parents withdrew; nulls without a second factor. Who was placed and is so no longer, is registered.
create function overstap.state_applications(stay bytea, of_year text, pupils bytea[], new_status text, why text,
                                            out changed integer, out taken_back integer)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); ids uuid[]; ends boolean := new_status in ('refused', 'not_drawn', 'withdrawn'); said text;
begin
    if who.account is null or who.round_id is not null then     -- a guest school has none here
        return;
    end if;
    said := 'school:' || who.account;
    perform hold_registrations(who.region, of_year);
    select coalesce(array_agg(x.dossier), '{}') into ids from (
        select d.dossier from dossier d join round o on o.round_id = d.round_id
         where d.region = who.region and o.school_year = of_year and o.kind <> 'feedback' and d.pupil = any(pupils)
           and d.state <> 'withdrawn'
         order by d.dossier for update of d) x;
    with written as (
        update application a
           set status = new_status, status_reason = case when ends then why end,
               stage = case when new_status = 'placed' then 'placed' when a.stage = 'placed' and not ends then 'registered' else a.stage end,
               recorded_at = overstap.clock(), unstated_at = null,
               withdrawn_at = case when ends then coalesce(a.withdrawn_at, overstap.clock()) end
         where a.region = who.region and a.school_year = of_year and a.secondary_school = who.school and a.pupil = any(pupils)
           and (a.status, a.status_reason, a.withdrawn_at is not null)
               is distinct from (new_status, case when ends then why end, ends)
           and (select count(*) from application_event e where e.region = a.region and e.school_year = a.school_year and e.pupil = a.pupil
                   and e.secondary_school = a.secondary_school and e.source = 'page') < 100    -- nobody fills the disk
        returning a.*
    ), noted as (
        insert into application_event (region, school_year, pupil, secondary_school, stage, status, status_reason, preference, is_withdrawn,
                                       stated_at, source, noted_by)
        select who.region, of_year, w.pupil, w.secondary_school, w.stage, w.status, w.status_reason, w.preference,
               w.withdrawn_at is not null, w.recorded_at, 'page', said
          from written w
    ), told as (
        update delivery l set problem = 'DELIVERY-104'
          from written w join dossier d on d.pupil = w.pupil and d.region = w.region
         where w.withdrawn_at is not null and l.dossier = d.dossier and d.dossier = any(ids) and l.region = d.region
           and l.secondary_school = w.secondary_school and l.state = 'sealed'
    )
    select count(*) into changed from written;
    taken_back := 0;
    if changed > 0 then
        perform append_audit(who.region, said, 'registrations.by_school', array[of_year], array[json_build_object(
            'school', who.school, 'status', new_status, 'reason', case when ends then why end, 'changed', changed,
            'digest', registrations_digest(of_year))::text]);
    end if;
    if new_status = 'withdrawn' then
        taken_back := take_back_at(ids, who.school, 'pupil_not_coming', said);
    end if;
end $$;
