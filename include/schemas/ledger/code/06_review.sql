-- The review window as the database keeps it. A decision counts by the clock at the moment of its row, taken while the
-- dossier is held: it is in time and recorded, or it is not recorded at all. Whoever writes one (a school's list, a page for
-- parents) finds in what comes back which rows were taken. What a school records for somebody who answered already is taken only as far
-- as it adds a view.

create function overstap.keep_window() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
declare held record;
begin
    if (new.ground = 'parent_page' and new.access is null)
       or (new.access is not null and (new.person is null or new.ground not in ('parent_page', 'carried'))) then
        raise exception 'an answer of a person has a code' using errcode = 'check_violation';
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
    if new.access is null and new.ground <> 'carried' and new.view is null
       and answered_already(new.dossier, new.number, new.person) then
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
    language plpgsql security definer set search_path = overstap, pg_temp as $$
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
    return query select split_part(s, '/', 1)::uuid, split_part(s, '/', 2)::integer from unnest(subjects) as s;
end $$;

-- Keeps a decision on an earlier version for the current one: whose it is, and with which code it was given, go along.
create function overstap.carry_decision(source uuid, to_number integer, with_view bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare kept record;
begin
    insert into review_decision as n (region, dossier, number, seen_on, agreed, consent, key_id, view, recorded_by, ground, person, access)
    select r.region, r.dossier, to_number, r.seen_on, r.agreed, r.consent, case when with_view is not null then r.key_id end,
           with_view, acting(), 'carried', r.person, r.access
      from review_decision r
     where r.review_decision = source and r.region = acting_region() and r.number < to_number
       and (r.view is null) = (with_view is null)
    returning n.dossier, n.review_decision into kept;
    if kept.dossier is null then
        return false;
    end if;
    perform append_decision('review.carry', kept.dossier || '/' || to_number, json_build_object(
        'from', (select r.number from review_decision r where r.review_decision = source), 'source', source,
        'decision', kept.review_decision));
    return true;
end $$;

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
