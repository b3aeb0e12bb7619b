-- The two statements that everything which leaves is joined with: what may leave, and who may receive it. Sealing and sending both
-- join them, since anyone who may edit a task in Airflow can mark one a success.

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
  from (select r.region, r.dossier, r.number, r.review_decision, r.person, r.access, r.seen_on, r.agreed, r.consent, r.key_id,
               r.view, r.recorded_at,
               bool_or(r.access is not null) over (partition by r.dossier, r.number, r.person) as has_own,
               row_number() over (partition by r.dossier, r.number, r.person, r.access is not null
                                  order by r.recorded_at desc, r.review_decision desc) as place,
               row_number() over (partition by r.dossier, r.number, r.person, r.access
                                  order by r.recorded_at desc, r.review_decision desc) as place_of_code,
               row_number() over (partition by r.dossier, r.number, r.person, r.access is not null, r.view is not null
                                  order by r.recorded_at desc, r.review_decision desc) as place_of_view
          from overstap.review_decision r) a;

-- What a person said of an earlier version themselves, and did not replace since: their school supplied another version, and no list
-- of the school takes away an objection or a view. `objects`: the person gave no answer of their own to a later version. `travels`: the
-- view of each code that gave no answer to a later one.
create view overstap.earlier_decision with (security_invoker = true) as
select d.dossier, d.version, c.number, c.review_decision, c.person, c.agreed, c.key_id, c.view, c.recorded_at,
       c.decides and not exists (select from overstap.review_decision x where x.dossier = d.dossier and x.number > c.number
                                    and x.number <= d.version and x.person = c.person and x.access is not null) as objects,
       c.travels and not exists (select from overstap.review_decision x where x.dossier = d.dossier and x.number > c.number
                                    and x.number <= d.version and x.access = c.access) as travels
  from overstap.dossier d
  join overstap.counted_decision c on c.dossier = d.dossier and c.number < d.version and c.access is not null
 where exists (select from overstap.entitled e where e.dossier = d.dossier and e.number = d.version and e.person = c.person)
    or not exists (select from overstap.entitled e where e.dossier = d.dossier and e.number = d.version);

-- What may leave: a version that a coordinator released, after the agreed moment of delivery, whose inspection is recorded. Of two
-- parents the newest word of each counts (counted_decision), what one objects the other cannot take back, and nobody who may still
-- answer is passed over. A region that asks for consent between secondary schools, and requires it, sends nothing without. In a round without
-- inspection (towards a partnership) what was released may leave.
-- The round is looked up per dossier (offset 0 sees to that), so that dossiers come in the order of their index and a group of a
-- hundred is taken without looking at all that wait.
create view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, case when e.objects then 'Nee' else r.agreed end as agreed, r.consent,
       e.view_key_ids || r.view_key_ids as view_key_ids, e.views || r.views as views,
       e.view_numbers || array_fill(d.version, array[cardinality(r.views)]) as view_numbers
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
 cross join lateral (
       select coalesce(bool_or(x.objects and x.agreed = 'Nee'), false) as objects,
              coalesce(array_agg(x.key_id order by x.number, x.recorded_at) filter (where x.travels), '{}') as view_key_ids,
              coalesce(array_agg(x.view order by x.number, x.recorded_at) filter (where x.travels), '{}') as views,
              coalesce(array_agg(x.number order by x.number, x.recorded_at) filter (where x.travels), '{}') as view_numbers
         from overstap.earlier_decision x
        where d.version > 1 and x.dossier = d.dossier) e
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
-- all its schools, since no source states it pupil by pupil. In a placement round a pupil who is placed at several schools is received
-- by none until a coordinator has said which placements hold (22_placements.sql), and then by those.
-- A version that was taken back at a school is not sent there again.
-- A secondary school from outside the region receives what a coordinator named for it, in that round alone.
-- The ways stand within one dossier: a union of all dossiers was made anew for each one that was asked about.
create view overstap.may_receive with (security_invoker = true) as
select d.dossier, r.school as secondary_school, r.stage
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
  left join lateral (
       select array_agg(x.secondary_school order by x.secondary_school) as schools from overstap.application x
        where x.region = o.region and x.school_year = o.school_year and x.pupil = d.pupil and x.withdrawn_at is null
          and x.stage = 'placed'
       having count(*) > 1) p on o.kind = 'placement'
  left join lateral (
       select s.holds from overstap.placement_answer s
        where s.round_id = o.round_id and s.pupil = d.pupil and s.schools = p.schools
        order by s.decided_at desc, s.placement_answer desc limit 1) s on p.schools is not null
 cross join lateral (
       select a.secondary_school as school, a.stage
         from overstap.application a
        where o.kind <> 'feedback' and a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil
          and a.primary_school = d.primary_school and a.withdrawn_at is null and a.secondary_school = any(o.receiving)
          and (p.schools is null or s.holds is not null and (a.stage <> 'placed' or a.secondary_school = any(s.holds)))
        union all
       select a.primary_school, a.stage
         from overstap.application a
        where o.kind = 'feedback' and a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil
          and a.secondary_school = d.primary_school and a.withdrawn_at is null and a.primary_school = any(o.receiving)
        union all
       select s.school, 'placed' from unnest(o.receiving) as s (school) where not o.inspects
        union all
       select g.school, 'placed' from overstap.guest_dossier g where g.dossier = d.dossier and g.ended_at is null) r
 where not exists (select from overstap.envelope_withdrawal w
                    where w.dossier = d.dossier and w.number = d.version and w.secondary_school = r.school);

-- Where a region requires consent (VO-VO), what has none when its window is over does not go, and nothing in the state says so: the
-- dossier was inspected. This tells which those are; they end as a count in the round's report and on the board.
create view overstap.without_consent with (security_invoker = true) as
select d.region, d.round_id, d.primary_school, d.dossier
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.consent = 'required'
 where d.state = 'inspected' and d.review_closes_at <= overstap.clock()
   and (select coalesce(bool_or(x.consent = 'Nee'), false) or not coalesce(bool_or(x.consent = 'Ja'), false)
          from overstap.counted_decision x
         where x.dossier = d.dossier and x.number = d.version and x.decides);
