-- PostgreSQL plans a statement in a function once per session, for as many rows as it meets first. Where that was none, the
-- old and the new rows of all later groups were compared one by one: a release of 4,000 dossiers took a minute and a half.
-- Without nested loops they are matched by a hash, which is as quick for one row and for all of a region.

-- As in 0003, and the two are matched once: whoever asks for a transition that is not allowed hears so as before.
create or replace function overstap.keep_transition() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp set enable_nestloop = off as $$
declare wrong text;
begin
    with matched as materialized (
        select n.region, n.dossier, t.transition, o.state as from_state, n.state as to_state,
               o.version as from_version, n.version as to_version
          from old_rows o join new_rows n using (dossier)
          left join transition t on t.from_state = o.state and t.to_state = n.state
         where o.state <> n.state or o.version <> n.version
    ), kept as (
        insert into dossier_event (region, dossier, transition, from_state, to_state, actor)
        select region, dossier, transition, from_state, to_state, coalesce(current_setting('overstap.actor', true), '')
          from matched where transition is not null
    )
    select format('%s -> %s', from_state, to_state) || case when from_version <> to_version
           then format(' (version %s -> %s)', from_version, to_version) else '' end into wrong
      from matched
     where (from_state <> to_state and transition is null)
        or (from_version <> to_version and (to_version <> from_version + 1 or to_state <> 'supplied')) limit 1;
    if wrong is not null then
        raise exception 'transition not allowed: %', wrong using errcode = 'check_violation';
    end if;
    return null;
end $$;

alter function overstap.keep_line_still() set enable_nestloop = off;
alter function overstap.keep_inspection() set enable_nestloop = off;

-- As in 0060; and in a round without inspection what the coordinator released may leave. The round is looked up per dossier (offset 0 sees to that), so that dossiers come in the order of their index
-- and a group of a hundred is taken without looking at all that wait.
create or replace view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.consent, r.view_key_ids, r.views
  from overstap.dossier d
 cross join lateral (
       select o.inspects, o.consent from overstap.round o
        where o.round_id = d.round_id and o.delivers_at <= overstap.clock() offset 0) o
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

-- As in 0011; and a partnership receives of all its schools, since no source states it pupil by pupil. The two ways stand
-- within one dossier: a union of all dossiers was made anew for each one that was asked about.
create or replace view overstap.may_receive with (security_invoker = true) as
select d.dossier, r.school as secondary_school, r.stage
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
 cross join lateral (
       select case when o.kind = 'feedback' then a.primary_school else a.secondary_school end as school, a.stage
         from overstap.application a
        where a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil and a.withdrawn_at is null
          and case when o.kind = 'feedback' then a.secondary_school else a.primary_school end = d.primary_school
          and case when o.kind = 'feedback' then a.primary_school else a.secondary_school end = any(o.receiving)
        union all
       select s.school, 'placed' from unnest(o.receiving) as s (school) where not o.inspects) r;
