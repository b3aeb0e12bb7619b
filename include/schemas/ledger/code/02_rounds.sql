-- Rounds, what holds for them, and registrations. Each function keeps to the region whose role was taken on, and writes its audit
-- line in the same statement.

-- What holds for a round changes by adding a row to round_agreement, and in no other way.
create function overstap.keep_agreement() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    update round set agreement_number = new.number, delivers_at = new.delivers_at, receiving = new.receiving
     where round_id = new.round_id and agreement_number = new.number - 1;
    if not found then
        raise exception 'agreement % of round % does not follow the one before it', new.number, new.round_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger keep_agreement after insert on overstap.round_agreement
    for each row execute function overstap.keep_agreement();

-- Keeps others from changing what holds for a round until the transaction ends; gives the number of the agreement that holds. Rows that
-- only refer to the round are not kept waiting: whoever writes them may hold dossiers that the holder of the round needs.
create function overstap.hold_round(of_round text) returns integer
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    select r.agreement_number from round r where r.round_id = of_round and r.region = acting_region() for no key update $$;

-- Opens a round with the agreement that holds at first; false when it was there.
create function overstap.open_round(of_round text, of_year text, of_kind text, agreed jsonb, digest text, delivers timestamptz,
                                    receivers text[]) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    insert into round (round_id, region, school_year, kind, agreement, agreement_digest)
    values (of_round, acting_region(), of_year, of_kind, agreed, digest) on conflict do nothing;
    if not found then
        return false;
    end if;
    perform append_decision('round.open', of_round, json_build_object('agreement', digest));
    insert into round_agreement (region, round_id, number, origin, agreement, agreement_digest, offered_digest, delivers_at,
                                 receiving, taken_by)
    values (acting_region(), of_round, 1, 'opened', agreed, digest, digest, delivers, receivers, acting());
    return true;
end $$;

-- Adds what holds for a round from now on; gives its number. Where the round's agreement asks for a second person, a change is asked for
-- instead, and nothing is given; what two persons approved as a draft is added at once, if it is that whole draft and no more.
create function overstap.add_agreement(of_round text, how text, agreed text, offered text, what_changed jsonb, delivers timestamptz,
                                       receivers text[], closes timestamptz, by_whom text, why text)
    returns integer language plpgsql security definer set search_path = overstap, pg_temp as $$
declare
    holds integer := hold_round(of_round);
    agreed_digest text := encode(sha256(convert_to(agreed, 'UTF8')), 'hex');
    arguments jsonb := jsonb_build_object('number', holds, 'how', how, 'agreement', agreed, 'offered', offered, 'changes', what_changed,
                                          'delivers', delivers, 'receivers', receivers, 'closes', closes, 'reason', why);
begin
    if needs_second(of_round, 'agreement_change')
       and agreed::jsonb is distinct from (select a.agreement from round_agreement a where a.round_id = of_round and a.number = holds)
       and not exists (select from agreement_draft d where d.region = acting_region() and d.state in ('approved', 'applied')
                          and d.agreed_digest = encode(sha256(convert_to(agreed, 'UTF8')), 'hex')) then
        perform ask_agreement_change(of_round, agreed_digest, arguments, by_whom);
        return null;
    end if;
    return do_add_agreement(of_round, arguments, by_whom, '{}');
end $$;

-- Asks for the second person once for the same change; another one that comes the same way takes its place. A file's change that a
-- coordinator withdrew is not asked again, though every task sees the file. Granted to nobody.
create function overstap.ask_agreement_change(of_round text, agreed_digest text, asked jsonb, by_whom text) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
declare this text := of_round || '/' || (asked ->> 'number') || '/' || agreed_digest; old uuid;
begin
    if asked ->> 'how' = 'file' and exists (
        select from second_person s where s.region = acting_region() and s.act = 'agreement_change' and s.about = this
                                      and s.withdrawn_by <> 'overstap') then
        return;
    end if;
    for old in update second_person s set withdrawn_by = 'overstap', withdrawn_at = overstap.clock()
                where s.region = acting_region() and s.round_id = of_round and s.act = 'agreement_change' and s.about <> this
                  and s.arguments ->> 'how' = asked ->> 'how' and s.confirmed_at is null and s.withdrawn_at is null returning s.request
    loop
        perform append_decision('second.withdraw', old::text, json_build_object('act', 'agreement_change', 'by', by_whom));
    end loop;
    perform ask_second(of_round, 'agreement_change', this, asked, by_whom);
end $$;

-- Granted to nobody.
create function overstap.do_add_agreement(of_round text, a jsonb, by_whom text, more jsonb) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare
    new_number integer := hold_round(of_round) + 1;
    agreed_digest text := encode(sha256(convert_to(a ->> 'agreement', 'UTF8')), 'hex');
begin
    perform append_decision('agreement.' || (a ->> 'how'), of_round, (jsonb_build_object(
        'number', new_number, 'agreement', agreed_digest, 'offered', a ->> 'offered', 'by', by_whom,
        'changed', (select coalesce(jsonb_agg(c ->> 'path'), '[]') from jsonb_array_elements(a -> 'changes') c
                     where (c ->> 'allowed')::boolean),
        'refused', (select coalesce(jsonb_agg(c ->> 'path'), '[]') from jsonb_array_elements(a -> 'changes') c
                     where not (c ->> 'allowed')::boolean)) || more)::json);
    insert into round_agreement (region, round_id, number, origin, agreement, agreement_digest, offered_digest, changes,
                                 delivers_at, receiving, taken_by, reason)
    values (acting_region(), of_round, new_number, a ->> 'how', (a ->> 'agreement')::jsonb, agreed_digest, a ->> 'offered',
            a -> 'changes', (a ->> 'delivers')::timestamptz, array(select jsonb_array_elements_text(a -> 'receivers')), by_whom,
            a ->> 'reason');
    update dossier set review_closes_at = (a ->> 'closes')::timestamptz
     where round_id = of_round and region = acting_region() and state = 'in_review'
       and review_closes_at < (a ->> 'closes')::timestamptz and review_closes_at > overstap.clock();
    perform tell_round(of_round);
    return new_number;
end $$;

-- Narrows one run of a round to some schools; false when it was narrowed before.
create function overstap.narrow_run(of_round text, of_run text, to_schools text[], by_whom text, why text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    insert into run_change (region, round_id, run_id, schools, asked_by, reason)
    values (acting_region(), of_round, of_run, to_schools, by_whom, why) on conflict do nothing;
    if not found then
        return false;
    end if;
    perform append_decision('run.narrow', of_round, json_build_object('run', of_run, 'schools', to_schools, 'by', by_whom));
    return true;
end $$;

-- What is undecided in a round, by state: dossiers that have not ended, and that no coordinator accepted as left behind
-- (gate accept_undeliverable), since the round was last opened again. Those that lack a required consent stay behind by what was agreed.
create function overstap.undecided(of_round text) returns table (state text, count bigint)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select left_open.state, left_open.count
      from (select d.state, count(*) from dossier d join state s on s.state = d.state
             where d.round_id = of_round and d.region = acting_region() and not s.is_final
               and not exists (select from without_consent w where w.dossier = d.dossier)
             group by d.state) left_open
      join (values ('supplied', 'not_checked'), ('accepted', 'not_released'), ('in_review', 'in_review'),
                   ('inspected', 'not_sealed'), ('sealed', 'unconfirmed')) as n (state, reason) on n.state = left_open.state
     where left_open.count > coalesce((select max(h.count) from gate_hold h join gate_decision g on g.gate_decision = h.settled_by
                                        where h.round_id = of_round and h.gate = 'accept_undeliverable' and g.approved
                                          and h.reason = n.reason
                                          and g.decided_at > coalesce((select max(r.decided_at) from gate_decision r
                                                                        where r.round_id = of_round and r.gate = 'reopen'),
                                                                      '-infinity')), 0)
     order by left_open.state $$;

-- Closes a round, unless something in it is undecided, which it gives. Closing again moves the moment: a rerun ends later.
create function overstap.close_round(of_round text) returns json
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare
    left_open json := (select json_object_agg(u.state, u.count) from undecided(of_round) u);
    was_open boolean := exists (
        select from round where round_id = of_round and region = acting_region() and closed_at is null);
begin
    if left_open is not null then
        return left_open;
    end if;
    update round set closed_at = overstap.clock() where round_id = of_round and region = acting_region();
    -- A rerun ends later; that the round was closed is in the chain already.
    if found and was_open then
        perform append_decision('round.close', of_round, (
            select coalesce(json_object_agg(t.state, t.count), '{}')
              from (select d.state, count(*) from dossier d where d.round_id = of_round group by d.state order by d.state) t));
    end if;
    return null;
end $$;

-- Opens again what was closed, by a coordinator's decision; false when it is not closed.
create function overstap.reopen_round(of_round text, by_whom text, why text, key text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    update round set closed_at = null where round_id = of_round and region = acting_region() and closed_at is not null;
    if not found then
        return false;
    end if;
    perform keep_decision(of_round, 'reopen', true, by_whom, why, key, 0, null);
    return true;
end $$;

-- Digest of all registrations of a school year as they stand: with it in the chain, what changes beside it is found.
create function overstap.registrations_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', encode(a.pupil, 'hex'), a.primary_school, a.secondary_school, a.stage, a.recorded_at, a.withdrawn_at,
                         'n' || a.preference, 's' || a.status, 'r' || a.status_reason),
               E'\n' order by a.pupil, a.secondary_school), ''), 'UTF8')), 'hex')
      from application a where a.region = acting_region() and a.school_year = of_year $$;

-- Records where pupils may be received, with order of preference and state where a source states them; a surer or newer statement
-- replaces the older one, and each is kept as history. What was refused, not drawn or withdrawn counts no longer. Gives how many were new
-- or changed. A list has ten thousand rows, of which the planner knows nothing (arrays, a table that was just filled): a nested loop over
-- them takes the square of their number.
create function overstap.record_registrations(of_year text, pupils bytea[], from_schools text[], to_schools text[], stages text[],
                                              moments timestamptz[], preferences integer[] default null, statuses text[] default null,
                                              reasons text[] default null, sources text[] default null) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp set enable_nestloop = off as $$
declare changed integer; gone bytea[]; gone_at text[];
begin
    perform hold_registrations(acting_region(), of_year);
    with stated as (
        -- What a source does not state stays as it was at that moment: not every source has these columns
        select y.p, y.s, y.o, y.g, y.a, y.f, coalesce(y.n, k.preference) as n, coalesce(y.t, k.status) as t,
               case when y.t is null then k.status_reason else y.r end as r,
               coalesce(coalesce(y.t, k.status) in ('refused', 'not_drawn', 'withdrawn'), false) as ends
          from (select distinct on (p, s) p, s, o, g, a, n, t, r, coalesce(f, 'file') as f
                  from unnest(pupils, from_schools, to_schools, stages, moments, preferences, statuses, reasons, sources)
                    as x (p, o, s, g, a, n, t, r, f)
                 order by p, s, a desc, t nulls last) y
          left join application k on k.region = acting_region() and k.school_year = of_year and k.pupil = y.p
           and k.secondary_school = y.s and k.recorded_at = y.a
    ), written as (
        insert into application as kept (region, school_year, pupil, primary_school, secondary_school, stage, recorded_at, preference,
                                         status, status_reason, withdrawn_at)
        select acting_region(), of_year, p, o, s, g, a, n, t, r, case when ends then overstap.clock() end from stated
        on conflict (region, school_year, pupil, secondary_school) do update
           set stage = excluded.stage, recorded_at = excluded.recorded_at, primary_school = excluded.primary_school,
               preference = excluded.preference, status = excluded.status, status_reason = excluded.status_reason,
               withdrawn_at = case when excluded.withdrawn_at is not null then coalesce(kept.withdrawn_at, excluded.withdrawn_at) end,
               unstated_at = null
         where (kept.stage, kept.recorded_at, kept.primary_school, kept.preference, kept.status, kept.status_reason) is distinct from
               (excluded.stage, excluded.recorded_at, excluded.primary_school, excluded.preference, excluded.status, excluded.status_reason)
           and excluded.recorded_at >= kept.recorded_at
            or kept.withdrawn_at is not null and excluded.withdrawn_at is null
           and (kept.status is null or kept.status not in ('refused', 'not_drawn', 'withdrawn'))
        returning kept.pupil, kept.secondary_school, kept.stage, kept.recorded_at, kept.preference, kept.status, kept.status_reason,
                  kept.withdrawn_at
    ), noted as (
        insert into application_event (region, school_year, pupil, secondary_school, stage, status, status_reason, preference, is_withdrawn,
                                       stated_at, source, noted_by)
        select acting_region(), of_year, w.pupil, w.secondary_school, w.stage, w.status, w.status_reason, w.preference,
               w.withdrawn_at is not null, w.recorded_at, x.f, acting()
          from written w join stated x on x.p = w.pupil and x.s = w.secondary_school
    )
    select count(*), array_agg(w.pupil) filter (where w.withdrawn_at is not null),
           array_agg(w.secondary_school) filter (where w.withdrawn_at is not null)
      into changed, gone, gone_at from written w;
    if gone is not null then
        update delivery l set problem = 'DELIVERY-104'
          from unnest(gone, gone_at) as w (pupil, secondary_school) join dossier d on d.pupil = w.pupil join round o on o.round_id = d.round_id
         where l.dossier = d.dossier and l.region = d.region
           and l.secondary_school = w.secondary_school and l.state = 'sealed' and d.region = acting_region() and o.school_year = of_year;
    end if;
    if changed > 0 then
        perform append_decision('registrations.record', of_year,
                                json_build_object('changed', changed, 'digest', registrations_digest(of_year)));
    end if;
    return changed;
end $$;

-- Registrations of a school year that no source states any more and that nobody decided about: how many there are in force, how many of
-- those it is, and a digest of the set.
create function overstap.unstated(of_year text) returns table (in_force bigint, missing bigint, digest text)
    language sql stable set search_path = overstap, pg_temp as $$
    -- The few that are marked are sorted alone: every page of a round asks, of twenty thousand in force
    select (select count(*) from application a
             where a.region = (select acting_region()) and a.school_year = of_year and a.withdrawn_at is null),
           count(*), left(encode(sha256(coalesce(string_agg(a.pupil || convert_to(a.secondary_school, 'UTF8'), ''::bytea
                                                            order by a.pupil, a.secondary_school), '')), 'hex'), 16)
      from application a
     where a.region = (select acting_region()) and a.school_year = of_year and a.withdrawn_at is null and a.unstated_at is not null $$;

-- Withdraws what is marked as stated by no source any more; gives how many. The row stays, as evidence of what held when something was sealed.
-- Why envelopes for them will not be sent any more stands on the envelope, for whoever sees them stand still.
create function overstap.withdraw_registrations(of_year text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform hold_registrations(acting_region(), of_year);
    with withdrawn as (
        update application a set withdrawn_at = overstap.clock(), unstated_at = null
         where a.region = acting_region() and a.school_year = of_year and a.withdrawn_at is null
           and a.unstated_at is not null
        returning a.pupil, a.secondary_school, a.stage, a.status, a.status_reason, a.preference, a.withdrawn_at
    ), noted as (
        insert into application_event (region, school_year, pupil, secondary_school, stage, status, status_reason, preference, is_withdrawn,
                                       stated_at, source, noted_by)
        select acting_region(), of_year, w.pupil, w.secondary_school, w.stage, w.status, w.status_reason, w.preference, true,
               w.withdrawn_at, 'unstated', acting()
          from withdrawn w
    ), told as (
        update delivery l set problem = 'DELIVERY-104'
          from withdrawn w join dossier d on d.pupil = w.pupil join round o on o.round_id = d.round_id
         where l.dossier = d.dossier and l.region = d.region and l.secondary_school = w.secondary_school and l.state = 'sealed'
           and d.region = acting_region() and o.school_year = of_year
    )
    select count(*) into gone from withdrawn;
    if gone > 0 then
        perform append_decision('registrations.withdraw', of_year,
                                json_build_object('withdrawn', gone, 'digest', registrations_digest(of_year)));
    end if;
    return gone;
end $$;
