-- An answer that a person gave with a code is replaced by that person only. What a school records for somebody stands beside
-- it: it speaks for who has not answered, and a view that it holds travels along, but it takes nobody's answer or view away.

alter table overstap.review_decision add column access uuid;    -- the code it was given with; none: the school recorded it
update overstap.review_decision r set access = a.access from overstap.review_answer a where a.review_decision = r.review_decision;
update overstap.review_decision r set access = own.access
  from overstap.review_decision c
  join lateral (select o.access from overstap.review_decision o
                 where o.dossier = c.dossier and o.person = c.person and o.number < c.number and o.access is not null
                 order by o.number desc, o.recorded_at desc limit 1) own on true
 where c.ground = 'carried' and c.access is null and r.review_decision = c.review_decision;
create index review_decision_by_access on overstap.review_decision (access) where access is not null;

-- What of the decisions on a version counts. `decides`: the newest that each person gave; where a person gave none, the newest
-- that was recorded for that person; and the newest for the family, as long as there is somebody who gave none. `travels`: the
-- view of the newest answer under each code, for a code that came later may be in other hands; and the newest view that was
-- recorded for a person or the family, which a later record without a view does not take away.
create view overstap.counted_decision with (security_invoker = true) as
select a.region, a.dossier, a.number, a.review_decision, a.person, a.access, a.seen_on, a.agreed, a.consent, a.key_id, a.view,
       a.recorded_at,
       a.place = 1 and case
           when a.access is not null then true
           when a.person is not null then not a.has_own
           else not exists (select from overstap.entitled e where e.dossier = a.dossier and e.number = a.number)
                or exists (select from overstap.entitled e where e.dossier = a.dossier and e.number = a.number
                              and not exists (select from overstap.review_decision x
                                               where x.dossier = e.dossier and x.number = e.number and x.person = e.person
                                                 and x.access is not null))
       end as decides,
       a.view is not null and case when a.access is not null then a.place_of_code = 1 else a.place_of_view = 1 end as travels
  from (select r.*,
               bool_or(r.access is not null) over (partition by r.dossier, r.number, r.person) as has_own,
               row_number() over (partition by r.dossier, r.number, r.person, r.access is not null
                                  order by r.recorded_at desc, r.review_decision desc) as place,
               row_number() over (partition by r.dossier, r.number, r.person, r.access
                                  order by r.recorded_at desc, r.review_decision desc) as place_of_code,
               row_number() over (partition by r.dossier, r.number, r.person, r.access is not null, r.view is not null
                                  order by r.recorded_at desc, r.review_decision desc) as place_of_view
          from overstap.review_decision r) a;
grant select on overstap.counted_decision to overstap_region;

-- As in 0080, over what counts.
create or replace view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.consent, r.view_key_ids, r.views
  from overstap.dossier d
 cross join lateral (
       select o.inspects, o.consent from overstap.round o
        where o.round_id = d.round_id and o.delivers_at <= overstap.clock() offset 0) o
  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
  join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
  join lateral (
       select max(seen_on) filter (where decides) as seen_on,
              case when bool_or(agreed = 'Nee') filter (where decides) then 'Nee'
                   when bool_or(agreed = 'Ja') filter (where decides) then 'Ja' else 'Onbekend' end as agreed,
              case when bool_or(consent = 'Nee') filter (where decides) then 'Nee'
                   when bool_or(consent = 'Ja') filter (where decides) then 'Ja'
                   when bool_or(consent is not null) filter (where decides) then 'Onbekend' end as consent,
              coalesce(array_agg(key_id order by recorded_at, review_decision) filter (where travels), '{}') as view_key_ids,
              coalesce(array_agg(view order by recorded_at, review_decision) filter (where travels), '{}') as views,
              count(*) filter (where decides) as decisions, bool_or(person is null) filter (where decides) as for_the_family
         from overstap.counted_decision x
        where x.dossier = d.dossier and x.number = d.version) r on r.decisions > 0 or not o.inspects
 where not o.inspects
    or (d.review_closes_at <= overstap.clock() or r.for_the_family
        or not exists (select from overstap.entitled e
                        where e.dossier = d.dossier and e.number = d.version
                          and not exists (select from overstap.review_decision x
                                           where x.dossier = e.dossier and x.number = e.number and x.person = e.person)))
   and (o.consent <> 'required' or r.consent = 'Ja');

-- As in 0065, over what counts.
create or replace view overstap.without_consent with (security_invoker = true) as
select d.region, d.round_id, d.primary_school, d.dossier
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.consent = 'required'
 where d.state = 'inspected' and d.review_closes_at <= overstap.clock()
   and (select coalesce(bool_or(x.consent = 'Nee'), false) or not coalesce(bool_or(x.consent = 'Ja'), false)
          from overstap.counted_decision x
         where x.dossier = d.dossier and x.number = d.version and x.decides);

-- As in 0060; and what a school records for somebody who answered already is taken only as far as it adds a view.
create or replace function overstap.keep_window() returns trigger language plpgsql security definer
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

-- Keeps a decision on an earlier version for the current one: whose it is, and with which code it was given, go along.
create function overstap.carry_decision(source uuid, to_number integer, with_view bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_region text := substring(current_setting('role') from '^overstap_region_(.+)$'); made uuid;
begin
    insert into review_decision (region, dossier, number, seen_on, agreed, consent, key_id, view, recorded_by, ground, person, access)
    select r.region, r.dossier, to_number, r.seen_on, r.agreed, r.consent, case when with_view is not null then r.key_id end,
           with_view, coalesce(current_setting('overstap.actor', true), ''), 'carried', r.person, r.access
      from review_decision r
     where r.review_decision = source and r.region = of_region and r.number < to_number
    returning review_decision into made;
    return made is not null;
end $$;

-- As in 0050; the answer holds the code that it was given with.
create or replace function overstap.review_decide(session_token bytea, pressed uuid, answer text, given text, with_key text,
                                       with_view bytea, out status text, out decided_at timestamptz)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record; made uuid;
begin
    select * into stay from review_stay(session_token);
    if stay.access is null then
        status := 'ended';
        return;
    end if;
    perform from dossier where dossier.dossier = stay.dossier for update;
    select * into stay from review_stay(session_token);  -- as it is now that nobody else can change it
    select r.recorded_at into decided_at from review_answer a join review_decision r using (review_decision)
     where a.access = stay.access and a.once = pressed;
    if decided_at is not null then
        status := 'recorded';
        return;
    end if;
    if stay.phase <> 'open' or octet_length(with_view) > 100000
       or (select count(*) from review_answer a where a.access = stay.access) >= 100 then
        status := case when stay.phase <> 'open' then stay.phase else 'enough' end;
        return;
    end if;
    perform set_config('overstap.actor', 'parents'' pages', true);
    insert into review_decision (region, dossier, number, seen_on, agreed, consent, key_id, view, recorded_by, ground, person, access)
    values (stay.region, stay.dossier, stay.number, (overstap.clock() at time zone 'Europe/Amsterdam')::date, answer,
            given, with_key, with_view, stay.person, 'parent_page', stay.person, stay.access)
    returning review_decision, recorded_at into made, decided_at;
    if made is null then  -- the window closed between the look above and the row (trigger keep_window)
        status := 'closed';
        return;
    end if;
    call review_audit(stay.region, 'review.record', stay.dossier || '/' || stay.number,
                      json_build_object('agreed', answer, 'ground', 'parent_page', 'person', stay.person));
    insert into review_answer (region, access, once, review_decision) values (stay.region, stay.access, pressed, made);
    status := 'recorded';
end $$;

-- As in 0050; answers are what the person gave, with this code or an earlier one, and what the school recorded for the person or
-- the family, with the ground. Words that were recorded for the family may be another person's: they are not shown.
create or replace function overstap.review_look(session_token bytea) returns table (
        access uuid, region text, dossier uuid, number integer, phase text, held bytea, showing bytea, closes_at timestamptz,
        delivers_at timestamptz, school_name text, school_contact text, receivers text[], consent text, answers json,
        requests json)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
begin
    update review_session s set used_at = clock_timestamp()
     where s.finds = sha256(session_token) and s.used_at < clock_timestamp() - interval '1 minute'
       and s.used_at > clock_timestamp() - interval '1 hour';
    return query
    select t.access, t.region, t.dossier, t.number, t.phase, t.held, case when t.phase = 'open' then t.showing end, t.closes_at,
           r.delivers_at, p.name, p.contact,
           array(select c.name from may_receive x join school c on c.region = t.region and c.school = x.secondary_school
                  where x.dossier = t.dossier
                    and array_position(array['applied', 'registered', 'placed'], x.stage)
                        >= array_position(array['applied', 'registered', 'placed'],
                                          r.agreement #>> array['rounds', r.kind, 'receivers'])
                  order by c.name),
           r.consent,
           (select json_agg(json_build_object(
                       'at', q.recorded_at, 'agreed', q.agreed, 'consent', q.consent, 'ground', q.ground,
                       'by', case when q.access is not null then 'person' when q.person is null then 'family' else 'school' end,
                       'is_this_code', coalesce(q.access = t.access, false), 'counts', c.decides, 'travels', c.travels,
                       'has_view', q.view is not null, 'key_id', q.key_id,
                       'view', case when q.person is not null then encode(q.view, 'base64') end)
                   order by q.recorded_at desc, q.review_decision desc)
              from counted_decision c join review_decision q using (review_decision)
             where c.dossier = t.dossier and c.number = t.number and (c.person = t.person or c.person is null)),
           (select json_agg(json_build_object('id', q.request, 'kind', q.kind, 'at', q.asked_at, 'due', q.due_at, 'state', q.state,
                                              'key_id', q.key_id, 'text', encode(q.text, 'base64'), 'settled', q.settled_at,
                                              'answer', encode(q.answer, 'base64')) order by q.asked_at)
              from review_request q where q.dossier = t.dossier and q.person = t.person)
      from review_stay(session_token) t
      join dossier d on d.dossier = t.dossier and d.region = t.region
      join round r on r.round_id = d.round_id
      join school p on p.region = d.region and p.school = d.primary_school;
end $$;

-- As in 0064; and which codes were made for the person, so that who has one sees that there was another.
create or replace function overstap.review_trail(session_token bytea) returns json
    language sql volatile security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
    select json_build_object(
        'opened', (select coalesce(json_agg(json_build_object('at', c.opened_at, 'where', c.purpose, 'number', c.number,
                                                              'is_earlier', c.person is not null and c.opened_at < own.issued_at)
                                            order by c.opened_at desc), '[]')
                     from (select * from content_access a where a.dossier = t.dossier
                              and (a.person is null or a.person = t.person) order by a.opened_at desc limit 500) c),
        'codes', (select json_agg(json_build_object('at', a.issued_at, 'ended', a.ended_at) order by a.issued_at desc)
                    from review_access a where a.dossier = t.dossier and a.region = t.region and a.person = t.person),
        'sent', (select coalesce(json_agg(json_build_object(
                            'to', s.name, 'sealed', l.sealed_at, 'number', l.number,
                            'received', (select min(r.received_at) from receipt r where r.message_id = l.message_id
                                            and r.region = l.region and r.outcome = 'accepted'),
                            'imported', (select min(x.stated_at) from result x where x.message_id = l.message_id
                                            and x.region = l.region and x.outcome = 'imported')) order by l.sealed_at), '[]')
                   from delivery l join school s on s.region = l.region and s.school = l.secondary_school
                  where l.dossier = t.dossier and l.region = t.region),
        'proof', (select json_build_object('asked', p.asked_at, 'is_open', p.is_open, 'made', p.made_at)
                    from review_proof p where p.access = t.access and p.region = t.region))
      from review_stay(session_token) t
      join review_access own on own.access = t.access and own.region = t.region
$$;

revoke all on function overstap.answered_already, overstap.carry_decision from public;
grant execute on function overstap.answered_already, overstap.carry_decision to overstap_region;
