-- The review window as the database keeps it. A decision counts by the clock at the moment of its row, taken while the
-- dossier is held: it is in time and recorded, or it is not recorded at all. Whoever writes one (a school's list, a page for
-- parents) finds in what comes back which rows were taken. What a school records for somebody who answered already is taken only as far
-- as it adds a view.

-- Whether a handle is that of somebody who may inspect a version, as far as that was noted. An answer of anybody else would stand beside
-- those of the parents, and one "Nee" of nobody outweighs theirs.
create function overstap.is_of_dossier(of_dossier uuid, of_number integer, whom text) returns boolean
    language sql stable set search_path = overstap, pg_temp
    return whom is null
        or exists (select from overstap.entitled e where e.dossier = of_dossier and e.number = of_number and e.person = whom)
        or not exists (select from overstap.entitled e where e.dossier = of_dossier and e.number = of_number);

create function overstap.keep_window() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
declare held record;
begin
    if (new.ground = 'parent_page' and new.access is null)
       or (new.access is not null and (new.person is null or new.ground not in ('parent_page', 'carried'))) then
        raise exception 'an answer of a person has a code' using errcode = 'check_violation';
    end if;
    if new.person is not null and new.access is null and new.ground <> 'carried'
       and not is_of_dossier(new.dossier, new.number, new.person) then
        raise exception 'nobody of this dossier' using errcode = 'check_violation';
    end if;
    select d.state, d.version, d.review_opens_at, d.review_closes_at,
           r.not_inspected = 'attest' and coalesce(
               (select w.choice <> 'hold' from window_decision w join gate_decision g using (gate_decision)
                 where w.round_id = d.round_id and w.school = d.primary_school
                 order by g.decided_at desc limit 1), true) as may_attest into held
      from dossier d join round r on r.round_id = d.round_id
     where d.dossier = new.dossier and d.region = new.region for update of d;
    if not found then
        raise exception 'no such dossier in %', new.region using errcode = 'foreign_key_violation';
    end if;
    new.recorded_at := overstap.clock();
    if held.version is distinct from new.number then
        return null;
    end if;
    -- As answered_already: a function with settings of its own costs as much as all the rest of a row
    if new.access is null and new.ground <> 'carried' and new.view is null and (case
           when new.person is not null then exists (
               select from review_decision r where r.dossier = new.dossier and r.number = new.number
                  and r.person = new.person and r.access is not null)
           else exists (select from entitled e where e.dossier = new.dossier and e.number = new.number)
                and not exists (select from entitled e where e.dossier = new.dossier and e.number = new.number
                                   and not exists (select from review_decision r
                                                    where r.dossier = e.dossier and r.number = e.number
                                                      and r.person = e.person and r.access is not null)) end) then
        return null;
    end if;
    if new.ground = 'attested' then
        return case when held.may_attest and held.state in ('in_review', 'not_inspected')
                     and held.review_closes_at <= new.recorded_at then new end;
    end if;
    return case when held.state in ('in_review', 'inspected', 'no_receiver')
                 and (new.ground = 'carried' or coalesce(held.review_opens_at <= new.recorded_at, true))
                 and held.review_closes_at > new.recorded_at then new end;
end $$;
create trigger keep_window before insert on overstap.review_decision
    for each row execute function overstap.keep_window();

create function overstap.mark_inspected() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    update dossier d set state = 'inspected' from new_rows n
     where d.dossier = n.dossier and d.region = n.region and d.state in ('in_review', 'not_inspected');
    return null;
end $$;
create trigger mark_inspected after insert on overstap.review_decision
    referencing new table as new_rows for each statement execute function overstap.mark_inspected();

-- Whether a person answered with a code of their own; for the family (no person): whether everybody did who may inspect it.
create function overstap.answered_already(of_dossier uuid, of_number integer, of_person text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select case when of_person is not null then exists (
                    select from review_decision r where r.dossier = of_dossier and r.number = of_number
                       and r.person = of_person and r.access is not null)
                else exists (select from entitled e where e.dossier = of_dossier and e.number = of_number)
                     and not exists (select from entitled e where e.dossier = of_dossier and e.number = of_number
                                        and not exists (select from review_decision r
                                                         where r.dossier = e.dossier and r.number = e.number
                                                           and r.person = e.person and r.access is not null)) end
$$;

-- Records decisions that a school states, of a version each; gives those that were in time (trigger keep_window).
create function overstap.record_decisions(on_ground text, ids uuid[], numbers integer[], days date[], answers text[],
                                          view_keys text[], views bytea[], persons text[], consents text[], note_keys text[],
                                          notes bytea[]) returns table (dossier uuid, number integer)
    language plpgsql security definer set search_path = overstap, pg_temp set plan_cache_mode = force_generic_plan as $$
declare subjects text[]; details text[];
begin
    if on_ground in ('parent_page', 'carried') then
        raise exception 'ground % is kept by a function of its own', on_ground using errcode = 'check_violation';
    end if;
    with taken as (
        insert into review_decision as r (region, recorded_by, ground, dossier, number, seen_on, agreed, key_id, view, person,
                                          consent, note_key_id, note)
        select acting_region(), acting(), on_ground, t.* from unnest(ids, numbers, days, answers, view_keys, views, persons, consents,
                                                                     note_keys, notes) as t
        returning r.dossier, r.number, r.agreed, r.person, r.review_decision
    )
    select array_agg(t.dossier || '/' || t.number order by t.review_decision),
           array_agg(json_strip_nulls(json_build_object('agreed', t.agreed, 'ground', on_ground, 'person', t.person,
                                                        'decision', t.review_decision))::text order by t.review_decision)
      into subjects, details from taken t;
    perform append_audit(acting_region(), acting(), 'review.record', subjects, details);
    perform tell_decided(array(select split_part(s, '/', 1)::uuid from unnest(subjects) as s));
    return query select split_part(s, '/', 1)::uuid, split_part(s, '/', 2)::integer from unnest(subjects) as s;
end $$;

-- Keeps what counts of the decisions on an earlier version for the current one, all of it and in its order, once, and only where nobody
-- decided on the current one: whose they are, and with which code they were given, go along. One at a time, an answer that a person had
-- replaced could be put over the newer one. Gives how many.
create function overstap.carry_decisions(of_dossier uuid, from_number integer, to_number integer, sources uuid[], with_views bytea[])
    returns integer language plpgsql security definer set search_path = overstap, pg_temp as $$
declare counted uuid[]; source record; made uuid; kept integer := 0;
begin
    perform from dossier d where d.dossier = of_dossier and d.region = acting_region() for update;
    select array_agg(c.review_decision order by c.recorded_at, c.review_decision) into counted
      from counted_decision c
     where c.dossier = of_dossier and c.region = acting_region() and c.number = from_number and (c.decides or c.travels);
    if counted is distinct from sources or cardinality(sources) is distinct from cardinality(with_views)
       or from_number is distinct from (select max(r.number) from review_decision r where r.dossier = of_dossier and r.number < to_number)
       or exists (select from review_decision r where r.dossier = of_dossier and r.number >= to_number) then
        raise exception 'not what counts of the decisions before' using errcode = 'check_violation';
    end if;
    for source in select r.*, t.with_view from unnest(sources, with_views) with ordinality as t (id, with_view, place)
                    join review_decision r on r.review_decision = t.id order by t.place loop
        if (source.view is null) <> (source.with_view is null) then
            raise exception 'a view goes along, or there is none' using errcode = 'check_violation';
        end if;
        made := null;
        insert into review_decision (region, dossier, number, seen_on, agreed, consent, key_id, view, recorded_by, ground, person, access)
        values (source.region, of_dossier, to_number, source.seen_on, source.agreed, source.consent, source.key_id, source.with_view,
                acting(), 'carried', source.person, source.access)
        returning review_decision into made;
        if made is not null then  -- else the window is not open (trigger keep_window)
            kept := kept + 1;
            perform append_decision('review.carry', of_dossier || '/' || to_number, json_build_object(
                'from', from_number, 'source', source.review_decision, 'decision', made));
        end if;
    end loop;
    if kept > 0 then
        perform tell_decided(array[of_dossier]);
    end if;
    return kept;
end $$;

-- Puts new codes into use, with a line of each; those that the same persons had before end. Without the line nobody could tell later
-- that somebody else held a code with which an answer was given. Only for persons of the dossier, and only its own frozen version.
create function overstap.give_codes(accesses uuid[], frozens uuid[], persons text[], find_by bytea[], prove_by bytea[], key_ids text[],
                                    keys bytea[], copies bytea[], opening timestamptz[]) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare subjects text[]; details text[];
begin
    select array_agg(f.dossier || '/' || f.number order by t.place),
           array_agg(json_build_object('person', t.person, 'access', t.access)::text order by t.place)
      into subjects, details
      from unnest(accesses, frozens, persons) with ordinality as t (access, frozen, person, place)
      join review_frozen f on f.frozen = t.frozen and f.region = acting_region()
     where is_of_dossier(f.dossier, f.number, t.person) and t.person is not null;
    if cardinality(accesses) > coalesce(cardinality(subjects), 0) then
        raise exception 'a code is for a person of the dossier' using errcode = 'check_violation';
    end if;
    perform append_audit(acting_region(), acting(), 'review.code', subjects, details);
    update review_access a set ended_at = clock_timestamp()
      from unnest(frozens, persons) as t (frozen, person) join review_frozen f on f.frozen = t.frozen and f.region = acting_region()
     where a.dossier = f.dossier and a.region = acting_region() and a.person = t.person and a.ended_at is null;
    insert into review_access (access, region, dossier, person, finds, proves, held_key_id, held, frozen, showing, opens_at, issued_by)
    select t.access, acting_region(), f.dossier, t.person, t.found, t.proven, t.key_id, t.key, t.frozen, t.copy, t.opens, acting()
      from unnest(accesses, frozens, persons, find_by, prove_by, key_ids, keys, copies, opening)
           as t (access, frozen, person, found, proven, key_id, key, copy, opens)
      join review_frozen f on f.frozen = t.frozen and f.region = acting_region();
end $$;

-- A code shows its own dossier, an ever newer version of it.
create function overstap.keep_shown() returns trigger language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not exists (select from review_frozen was join review_frozen now on now.dossier = was.dossier and now.number >= was.number
                    where was.frozen = old.frozen and was.region = old.region and now.frozen = new.frozen and now.region = old.region) then
        raise exception 'a code shows its own dossier' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger keep_shown before update of frozen on overstap.review_access
    for each row execute function overstap.keep_shown();

-- That a parent looked is noted by the function with which they sign in, and by nobody else.
create function overstap.keep_who_looked() returns trigger language plpgsql as $$
begin
    if overstap.my_region() is not null and (new.purpose = 'parent_page' or new.opened_by = 'parent') then
        raise exception 'that a parent looked is noted where they sign in' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger keep_who_looked before insert on overstap.content_access
    for each row execute function overstap.keep_who_looked();

-- Ends the review of those whose window has closed without a decision; gives how many.
create function overstap.lapse_review(of_round text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare subjects text[];
begin
    with lapsed as (
        update dossier d set state = 'not_inspected'
         where d.round_id = of_round and d.region = acting_region() and d.state = 'in_review'
           and d.review_closes_at <= overstap.clock()
        returning d.dossier, d.version
    )
    select array_agg(l.dossier || '/' || l.version order by l.dossier) into subjects from lapsed l;
    perform append_audit(acting_region(), acting(), 'review.lapse', subjects,
                         array_fill('{}'::text, array[coalesce(cardinality(subjects), 0)]));
    return coalesce(cardinality(subjects), 0);
end $$;

-- A request that is settled stays as it was asked; its words may go when they are erased.
create function overstap.keep_request() returns trigger language plpgsql as $$
begin
    if old.state <> 'open' and (new.state <> old.state or octet_length(new.text) > 0 or octet_length(new.answer) > 0) then
        raise exception 'request % is settled', old.request using errcode = 'check_violation';
    end if;
    if old.state = 'open' and new.state <> 'open' then
        new.settled_at := overstap.clock();
    end if;
    return new;
end $$;
create trigger keep_request before update on overstap.review_request
    for each row execute function overstap.keep_request();
