-- Towards a partnership (samenwerkingsverband) a dossier goes without inspection by parents and without the pupil's number. A
-- released dossier of such a round is ready at once: state 'inspected', which here says that no inspection is waited for.

alter table overstap.round add column inspects boolean generated always as (kind <> 'support') stored;

insert into overstap.transition values ('clear', 'accepted', 'inspected');

-- The table above cannot tell rounds apart: nobody skips the inspection in a round that has one.
create function overstap.keep_inspection() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    if exists (select from old_rows o join new_rows n using (dossier) join round r on r.round_id = n.round_id
                where o.state = 'accepted' and n.state = 'inspected' and r.inspects) then
        raise exception 'transition not allowed: accepted -> inspected' using errcode = 'check_violation';
    end if;
    return null;
end $$;
revoke all on function overstap.keep_inspection from public;
create trigger keep_inspection after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement execute function overstap.keep_inspection();

-- As in 0060; and in a round without inspection what the coordinator released may leave.
create or replace view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.consent, r.view_key_ids, r.views
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.delivers_at <= overstap.clock()
  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
  join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
  join lateral (
       select max(seen_on) as seen_on,
              case when bool_or(agreed = 'Nee') then 'Nee' when bool_or(agreed = 'Ja') then 'Ja' else 'Onbekend' end as agreed,
              case when bool_or(consent = 'Nee') then 'Nee' when bool_or(consent = 'Ja') then 'Ja'
                   when bool_or(consent is not null) then 'Onbekend' end as consent,
              coalesce(array_agg(key_id order by recorded_at, review_decision) filter (where view is not null), '{}')
                  as view_key_ids,
              coalesce(array_agg(view order by recorded_at, review_decision) filter (where view is not null), '{}')
                  as views,
              count(*) as decisions, bool_or(person is null) as for_the_family
         from (select distinct on (person) x.* from overstap.review_decision x
                where x.dossier = d.dossier and x.number = d.version
                order by person, recorded_at desc, review_decision desc) newest) r on r.decisions > 0 or not o.inspects
 where not o.inspects
    or (d.review_closes_at <= overstap.clock() or r.for_the_family
        or not exists (select from overstap.entitled e
                        where e.dossier = d.dossier and e.number = d.version
                          and not exists (select from overstap.review_decision x
                                           where x.dossier = e.dossier and x.number = e.number and x.person = e.person)))
   and (o.consent <> 'required' or r.consent = 'Ja');

-- As in 0011; and a partnership receives of all its schools: no source states it pupil by pupil.
create or replace view overstap.may_receive with (security_invoker = true) as
select d.dossier, case when o.kind = 'feedback' then a.primary_school else a.secondary_school end as secondary_school, a.stage
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
  join overstap.application a on a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil
 where a.withdrawn_at is null
   and case when o.kind = 'feedback' then a.secondary_school else a.primary_school end = d.primary_school
   and case when o.kind = 'feedback' then a.primary_school else a.secondary_school end = any(o.receiving)
 union all
select d.dossier, r.school, 'placed'
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and not o.inspects
 cross join unnest(o.receiving) as r (school);
