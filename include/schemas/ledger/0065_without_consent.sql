-- Where a region requires consent (VO-VO), what has none when its window is over does not go, and nothing in the state says so: the
-- dossier was inspected. This tells which those are; they end as a count in the round's report and on the board.

create view overstap.without_consent with (security_invoker = true) as
select d.region, d.round_id, d.primary_school, d.dossier
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.consent = 'required'
 where d.state = 'inspected' and d.review_closes_at <= overstap.clock()
   and (select coalesce(bool_or(newest.consent = 'Nee'), false) or not coalesce(bool_or(newest.consent = 'Ja'), false)
          from (select distinct on (person) x.person, x.consent from overstap.review_decision x
                 where x.dossier = d.dossier and x.number = d.version
                 order by person, recorded_at desc, review_decision desc) newest);
grant select on overstap.without_consent to overstap_region;
