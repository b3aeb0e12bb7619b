-- A pupil placed at several schools is sealed for none of them until a coordinator has said which placements hold. may_receive
-- (05_may_leave.sql) looks the same up for one dossier.

-- Pupils of a placement round who are placed at several schools, taking part or not; `holds` is null until somebody answered about
-- exactly these schools.
create view overstap.placed_twice with (security_invoker = true) as
select o.region, o.round_id, p.pupil, p.schools, s.placement_answer, s.holds, s.reason, s.decided_by, s.decided_at
  from overstap.round o
  join (select a.region, a.school_year, a.pupil, array_agg(a.secondary_school order by a.secondary_school) as schools
          from overstap.application a
         where a.withdrawn_at is null and a.stage = 'placed'
         group by 1, 2, 3 having count(*) > 1) p on p.region = o.region and p.school_year = o.school_year
  left join lateral (
       select s.placement_answer, s.holds, s.reason, s.decided_by, s.decided_at from overstap.placement_answer s
        where s.round_id = o.round_id and s.pupil = p.pupil and s.schools = p.schools
        order by s.decided_at desc, s.placement_answer desc limit 1) s on true
 where o.kind = 'placement';

-- Keeps what a coordinator says of a pupil who is placed at several schools, with its audit line. Gives what became of it:
-- * kept: it holds from now on;
-- * same: it was said before;
-- * gone: the placements are not (or no longer) these;
-- * late: something else was said before, and envelopes were sealed by it.
create function overstap.answer_placement(of_round text, of_pupil bytea, seen text[], kept text[], why text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known record; made uuid; ids uuid[];
begin
    perform begin_answer(of_round, why, 'placement');
    seen := array(select distinct s from unnest(seen) s order by s);
    kept := array(select distinct s from unnest(kept) s order by s);
    if btrim(why) = '' or cardinality(kept) = 0 or not kept <@ seen or array_position(seen, null) is not null then
        raise exception 'no such answer' using errcode = 'check_violation';
    end if;
    -- Whoever seals at this moment is waited for, and finds this answer after it
    select coalesce(array_agg(d.dossier), '{}') into ids from (
        select x.dossier from dossier x where x.round_id = of_round and x.region = acting_region() and x.pupil = of_pupil
         order by x.dossier for update) d;
    select t.holds into known from placed_twice t
     where t.round_id = of_round and t.region = acting_region() and t.pupil = of_pupil and t.schools = seen;
    if not found then
        return 'gone';
    end if;
    if known.holds = kept then
        return 'same';
    end if;
    if known.holds is not null and exists (select from delivery l where l.dossier = any(ids) and l.region = acting_region()) then
        return 'late';
    end if;
    insert into placement_answer (region, round_id, pupil, schools, holds, reason, decided_by)
    values (acting_region(), of_round, of_pupil, seen, kept, why, acting()) returning placement_answer into made;
    perform append_decision('placement.answer', of_round, json_build_object(
        'decision', made, 'by', acting(), 'schools', seen, 'holds', kept, 'dossiers', ids));
    return 'kept';
end $$;
