-- Retention. What is over is erased (AVG art. 5, 1e): first the content (dossiers, attachments, copies, words of parents,
-- envelopes, file names, reports), later the traces (hashes by which a pupil or person could be found again, and who opened
-- what). States, counts, digests and receipts stay, and so does the audit chain. When, the region agrees; the database keeps to its
-- own clock and to a floor. Erasing is a function: the region's role may call it, and can neither change nor remove those columns
-- by itself.

-- Whether a dossier may be erased at all, and from when its days count.
create view overstap.retention with (security_invoker = true) as
select d.region, d.round_id, d.dossier, d.erased_at, d.forgotten_at, o.closed_at,
       exists (select from overstap.retention_hold h where h.round_id = d.round_id and h.lifted_at is null
                  and coalesce(h.dossier = d.dossier, true)) as is_held,
       exists (select from overstap.delivery l where l.dossier = d.dossier and l.region = d.region and l.state = 'sealed'
                  and d.state = 'sealed')
       or exists (select from overstap.delivery l join overstap.revocation r using (message_id, region)
                   where l.dossier = d.dossier and l.region = d.region and r.state = 'open') as is_under_way,
       s.is_final
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
  join overstap.state s on s.state = d.state;

-- Which of some dossiers may go now. Days of at least a month after the close of the round; or asked for one dossier (AVG art. 17),
-- which then needs no days, but an end. Never what is held, or still under way.
create function overstap.may_erase(wanted uuid[], days integer, is_asked boolean) returns uuid[]
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_region text := acting_region(); found uuid[];
begin
    if of_region is null or not (is_asked or coalesce(days, 0) >= 30) then
        raise exception 'retention needs a region, and thirty days at least' using errcode = 'check_violation';
    end if;
    perform from dossier d where d.dossier = any(wanted) and d.region = of_region order by d.dossier for update;
    select coalesce(array_agg(t.dossier order by t.dossier), '{}') into found from retention t
     where t.dossier = any(wanted) and t.region = of_region and not t.is_held and not t.is_under_way
       and case when is_asked then t.is_final else t.closed_at <= overstap.clock() - make_interval(days => days) end;
    return found;
end $$;

-- The roster entries of the pupils of some dossiers, unless another dossier of the pupil is there. Granted to nobody.
create function overstap.roster_of(ids uuid[]) returns uuid[]
    language sql stable set search_path = overstap, pg_temp as $$
    select coalesce(array_agg(distinct p.roster_pupil), '{}')
      from dossier d join round o on o.round_id = d.round_id
      join roster_pupil p on p.region = d.region and p.school_year = o.school_year and (p.pupil = d.pupil or p.las_key = d.las_key)
     where d.dossier = any(ids) and d.region = acting_region()
       and not exists (select from dossier x where x.pupil = d.pupil and x.region = d.region and not x.dossier = any(ids)
                          and x.forgotten_at is null) $$;

-- What is about to be erased, a line each. Granted to nobody.
create function overstap.append_erasing(what text, ids uuid[], days integer, is_asked boolean, why text) returns void
    language sql set search_path = overstap, pg_temp as $$
    select append_audit(acting_region(), acting(), what, ids::text[], array_fill((
               case when is_asked then json_build_object('asked', true, 'reason', why) else json_build_object('days', days) end)::text,
               array[cardinality(ids)])) $$;

-- Deletes registrations of some pupils in a school year, with a line that says how the year's registrations stand since, and no longer
-- tells whose answers about placements were. Granted to nobody.
create function overstap.forget_registrations(of_year text, pupils bytea[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform hold_registrations(acting_region(), of_year);
    perform forget_progress(of_year, pupils);
    perform forget_comparisons(of_year, pupils);
    delete from application a where a.region = acting_region() and a.school_year = of_year and a.pupil = any(pupils);
    get diagnostics gone = row_count;
    update placement_answer s set pupil = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
      from round o where o.round_id = s.round_id and o.school_year = of_year and s.region = acting_region() and s.pupil = any(pupils);
    if gone > 0 then
        perform append_decision('registrations.forget', of_year,
                                json_build_object('forgotten', gone, 'digest', registrations_digest(of_year)));
    end if;
    return gone;
end $$;

-- After the agreed days; what somebody asked for goes through erase_asked.
create function overstap.erase_content(wanted uuid[], days integer) returns integer
    language sql security definer set search_path = overstap, pg_temp as $$ select erase_content_now(wanted, days, false, null) $$;

-- Granted to nobody.
create function overstap.erase_content_now(wanted uuid[], days integer, is_asked boolean, why text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare ids uuid[] := may_erase(wanted, days, is_asked); accesses uuid[]; erased integer;
begin
    perform append_erasing('retention.content', ids, days, is_asked, why);
    update dossier_version set content = '' where dossier = any(ids);
    delete from dossier_record where dossier = any(ids);
    delete from supplied_file where dossier = any(ids);
    perform erase_typed(array(select t.typed from typed_dossier t join dossier d on d.region = t.region and d.round_id = t.round_id
                                 and d.primary_school = t.primary_school and d.pupil = t.pupil where d.dossier = any(ids)));
    update review_decision set key_id = null, view = null, note_key_id = null, note = case when ground = 'attested' then ''::bytea end
     where dossier = any(ids);
    update review_request set text = '', answer = case when answer is not null then ''::bytea end where dossier = any(ids);
    select array_agg(access) into accesses from review_access where dossier = any(ids);
    delete from review_session where access = any(accesses);
    delete from review_proof where access = any(accesses);
    delete from review_answer where access = any(accesses);
    delete from review_access where access = any(accesses);
    delete from review_attachment a using review_frozen f where f.frozen = a.frozen and f.dossier = any(ids);
    delete from finding where dossier = any(ids);
    perform forget_tests_of(ids);
    perform forget_notes_of(ids);
    update support_decision set key_id = null, content = null, las_key = null where dossier = any(ids) and content is not null;
    update handover set key_id = null, note = null where dossier = any(ids) and note is not null;
    update delivery set envelope = '' where dossier = any(ids);
    update mail m set state = 'refused', content = null, settled_at = overstap.clock()
      from invitation i where i.dossier = any(ids) and m.region = i.region and m.content is not null
       and m.meaning = concat_ws('/', 'invitation', i.dossier, i.number, i.person, i.days_before);
    if is_asked then
        perform forget_roster(roster_of(ids));
    end if;
    update dossier set las_key = null, erased_at = overstap.clock() where dossier = any(ids) and erased_at is null;
    get diagnostics erased = row_count;
    return erased;
end $$;

-- After the agreed days; what somebody asked for goes through erase_asked.
create function overstap.forget_traces(wanted uuid[], days integer) returns integer
    language sql security definer set search_path = overstap, pg_temp as $$ select forget_traces_now(wanted, days, false, null) $$;

-- Granted to nobody.
create function overstap.forget_traces_now(wanted uuid[], days integer, is_asked boolean, why text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare ids uuid[] := may_erase(wanted, days, is_asked); forgotten integer;
begin
    perform append_erasing('retention.traces', ids, days, is_asked, why);
    delete from entitled where dossier = any(ids);
    delete from mail m using invitation i where i.dossier = any(ids) and m.region = i.region
       and m.meaning = concat_ws('/', 'invitation', i.dossier, i.number, i.person, i.days_before);
    delete from invitation where dossier = any(ids);
    delete from letter_print where dossier = any(ids);
    perform forget_notes_of(ids);
    delete from content_access where dossier = any(ids);
    delete from page_collection c using delivery l where l.dossier = any(ids) and c.message_id = l.message_id and c.region = l.region;
    -- Whose answer it was is no longer said; that there were two stays.
    update review_decision r set person = n.place, recorded_by = case when r.ground = 'parent_page' then n.place else r.recorded_by end
      from (select review_decision, dense_rank() over (partition by dossier order by person)::text as place
              from review_decision where dossier = any(ids) and person is not null) n
     where n.review_decision = r.review_decision;
    update review_request set person = null where dossier = any(ids);
    update dossier_request q set pupil = null from dossier d where d.dossier = any(ids) and q.region = d.region and q.pupil = d.pupil
       and not exists (select from dossier o where o.pupil = d.pupil and o.region = d.region and not o.dossier = any(ids)
                          and o.forgotten_at is null);
    perform forget_registrations(y.school_year, y.pupils)
       from (select a.school_year, array_agg(distinct a.pupil) as pupils
               from application a join dossier d on d.region = a.region and d.pupil = a.pupil
              where d.dossier = any(ids)
                and not exists (select from dossier o where o.pupil = d.pupil and o.region = d.region and not o.dossier = any(ids)
                                   and o.forgotten_at is null)
              group by a.school_year) y;
    perform forget_roster(roster_of(ids));
    update dossier set forgotten_at = overstap.clock(), pupil = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
     where dossier = any(ids) and erased_at is not null and forgotten_at is null;
    get diagnostics forgotten = row_count;
    return forgotten;
end $$;

-- What belongs to a round and to no dossier: names of refused files, reports that name pupils by their key at school, mail that
-- never went, what was said in calls and messages; and, with the traces, registrations of pupils whose dossier never came.
create function overstap.erase_of_round(of_round text, days integer, with_traces boolean) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_region text := acting_region(); gone integer; more integer;
begin
    if coalesce(days, 0) < 30 or not exists (select from round o where o.round_id = of_round and o.region = of_region
            and o.closed_at <= overstap.clock() - make_interval(days => days))
       or exists (select from retention_hold h where h.round_id = of_round and h.lifted_at is null) then
        return 0;
    end if;
    delete from supplied_file where round_id = of_round;
    delete from refused_input where round_id = of_round;
    get diagnostics gone = row_count;
    delete from school_report where round_id = of_round;
    get diagnostics more = row_count;
    gone := gone + more;
    -- Drafts that became no dossier; what became one goes, or is held, with that dossier.
    gone := gone + erase_typed(array(select t.typed from typed_dossier t where t.round_id = of_round and t.region = of_region
                                        and not exists (select from dossier d where d.region = t.region and d.round_id = t.round_id
                                                           and d.primary_school = t.primary_school and d.pupil = t.pupil
                                                           and d.erased_at is null)));
    update mail set state = 'refused', content = null, settled_at = overstap.clock() where round_id = of_round and content is not null;
    get diagnostics more = row_count;
    gone := gone + more;
    -- The rosters of a school year, and what was stated of schools outside, once none of its rounds needs them
    if not exists (select from round r join round o on o.school_year = r.school_year and o.round_id = of_round
                    where r.region = of_region
                      and (coalesce(r.closed_at > overstap.clock() - make_interval(days => days), true)
                           or exists (select from retention_hold h where h.round_id = r.round_id and h.lifted_at is null))) then
        delete from outside_registration x using round o
         where o.round_id = of_round and x.region = of_region and x.school_year = o.school_year;
        get diagnostics more = row_count;
        gone := gone + more;
        select forget_roster(array(select p.roster_pupil from roster_pupil p join round o on o.school_year = p.school_year
                                    where o.round_id = of_round and p.region = of_region)) into more;
        gone := gone + more;
        -- Why lines of the year's lists were refused: nothing of a pupil, and of no use any more
        delete from refused_registration x using round o
         where o.round_id = of_round and x.region = of_region and x.school_year = o.school_year;
        get diagnostics more = row_count;
        gone := gone + more;
        delete from refused_list_row x using round o
         where o.round_id = of_round and x.region = of_region and x.school_year = o.school_year;
        get diagnostics more = row_count;
        gone := gone + more;
        delete from board_note n using round o where o.round_id = of_round and n.region = of_region and n.school_year = o.school_year;
        get diagnostics more = row_count;
        gone := gone + more;
        -- Who made a draw may be a person; what came of it stays
        update draw w set made_by = '' from round o
         where o.round_id = of_round and w.region = of_region and w.school_year = o.school_year and w.made_by <> '';
        get diagnostics more = row_count;
        gone := gone + more;
        select coalesce(forget_tests(y.school_year, y.pupils), 0) into more
          from (select o.school_year, array_agg(distinct t.pupil) as pupils from round o
                  join (select region, school_year, pupil from pupil_test union select region, school_year, pupil from advice_flag
                        union select region, school_year, pupil from test_registration) t
                    on t.region = o.region and t.school_year = o.school_year
                 where o.round_id = of_round and o.region = of_region group by o.school_year) y;
        gone := gone + coalesce(more, 0);
    end if;
    gone := gone + erase_guests(of_round);
    gone := gone + erase_mappings(of_round);
    update contact_call set key_id = null, content = null where round_id = of_round and content is not null;
    get diagnostics more = row_count;
    gone := gone + more;
    update contact_message set key_id = null, content = null, queued_at = coalesce(queued_at, overstap.clock())
     where round_id = of_round and content is not null;
    get diagnostics more = row_count;
    gone := gone + more;
    -- Whom to call is of the region: it goes with the region's last round.
    delete from contact_person p where p.region = of_region and p.changed_at <= overstap.clock() - make_interval(days => days)
       and not exists (select from round r where r.region = of_region
                          and coalesce(r.closed_at > overstap.clock() - make_interval(days => days), true));
    get diagnostics more = row_count;
    gone := gone + more;
    if with_traces then
        select coalesce(forget_registrations(y.school_year, y.pupils), 0) into more
          from (select a.school_year, array_agg(distinct a.pupil) as pupils
                  from application a join round o on o.school_year = a.school_year
                 where o.round_id = of_round and a.region = of_region
                   and not exists (select from dossier d where d.pupil = a.pupil and d.region = of_region)
                   and not exists (select from round r where r.region = of_region and r.school_year = o.school_year
                                      and coalesce(r.closed_at > overstap.clock() - make_interval(days => days), true))
                 group by a.school_year) y;
        gone := gone + coalesce(more, 0);
    end if;
    if gone > 0 then
        perform append_decision('retention.round', of_round, json_build_object('rows', gone));
    end if;
    return gone;
end $$;


-- Keeps a round, or one of its dossiers, from being erased; gives the hold.
create function overstap.hold_back(of_round text, of_dossier uuid, why text) returns uuid
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare made uuid;
begin
    insert into retention_hold (region, round_id, dossier, reason, held_by)
    values (acting_region(), of_round, of_dossier, why, acting()) returning retention_hold into made;
    perform append_decision('retention.hold', coalesce(of_dossier::text, of_round),
                            json_build_object('reason', why, 'hold', made));
    return made;
end $$;

-- Ends a hold; false when there is none, or it was lifted before.
create function overstap.lift_hold(wanted uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    update retention_hold set lifted_by = acting(), lifted_at = overstap.clock()
     where retention_hold = wanted and region = acting_region() and lifted_at is null;
    if not found then
        return false;
    end if;
    perform append_decision('retention.lift', wanted::text, '{}');
    return true;
end $$;
