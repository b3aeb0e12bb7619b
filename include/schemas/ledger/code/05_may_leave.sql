-- The two statements that everything which leaves is joined with: what may leave, and who may receive it. Sealing and sending both
-- join them, since anyone who may edit a task in Airflow can mark one a success.

-- What may leave: a version that a coordinator released, after the agreed moment of delivery, whose inspection is recorded. Of two
-- parents the newest word of each counts, what one objects the other cannot take back, and nobody who may still answer is passed
-- over. A region that asks for consent between secondary schools, and requires it, sends nothing without. In a round without
-- inspection (towards a partnership) what was released may leave.
-- The round is looked up per dossier (offset 0 sees to that), so that dossiers come in the order of their index and a group of a
-- hundred is taken without looking at all that wait.
create view overstap.may_leave with (security_invoker = true) as
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
         from (select distinct on (x.person) x.person, x.review_decision, x.seen_on, x.agreed, x.consent, x.key_id, x.view,
                      x.recorded_at
                 from overstap.review_decision x
                where x.dossier = d.dossier and x.number = d.version
                order by x.person, x.recorded_at desc, x.review_decision desc) newest) r on r.decisions > 0 or not o.inspects
 where not o.inspects
    or (d.review_closes_at <= overstap.clock() or r.for_the_family
        or not exists (select from overstap.entitled e
                        where e.dossier = d.dossier and e.number = d.version
                          and not exists (select from overstap.review_decision x
                                           where x.dossier = e.dossier and x.number = e.number and x.person = e.person)))
   and (o.consent <> 'required' or r.consent = 'Ja');

-- Which school may receive which dossier, and how sure that is: the receiver takes part in this round, and the registration is
-- about this school's pupil. A pupil who changed schools has two dossiers and one registration: the school that it names is the
-- one that hands over. What a secondary school tells back (feedback) goes to where the pupil came from. A partnership receives of
-- all its schools, since no source states it pupil by pupil.
-- The two ways stand within one dossier: a union of all dossiers was made anew for each one that was asked about.
create view overstap.may_receive with (security_invoker = true) as
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

-- Where a region requires consent (VO-VO), what has none when its window is over does not go, and nothing in the state says so: the
-- dossier was inspected. This tells which those are; they end as a count in the round's report and on the board.
create view overstap.without_consent with (security_invoker = true) as
select d.region, d.round_id, d.primary_school, d.dossier
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.consent = 'required'
 where d.state = 'inspected' and d.review_closes_at <= overstap.clock()
   and (select coalesce(bool_or(newest.consent = 'Nee'), false) or not coalesce(bool_or(newest.consent = 'Ja'), false)
          from (select distinct on (x.person) x.person, x.consent from overstap.review_decision x
                 where x.dossier = d.dossier and x.number = d.version
                 order by x.person, x.recorded_at desc, x.review_decision desc) newest);
