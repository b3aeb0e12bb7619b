-- The state machine of dossiers, as triggers. Once per statement, so that a group of a thousand costs one check. Definer's rights:
-- nobody else may write events, nor hang these functions on a table of their own.
--
-- PostgreSQL plans a statement in a function once per session, for as many rows as it meets first. Where that was none, the
-- old and the new rows of all later groups were compared one by one: a release of 4,000 dossiers took a minute and a half.
-- Without nested loops they are matched by a hash, which is as quick for one row and for all of a region.

-- Refuses what the table of transitions does not allow, and keeps the event. A version follows the one before it, is there, and begins
-- as supplied. What comes of a decision (`is_decided`), and when a review opens and closes, is changed by the functions that keep the
-- decision: a statement of a region's role itself can only take the moments away, with a new version. The desk settles what was sealed
-- and nothing else; the schools' pages change no dossier.
create function overstap.keep_transition() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp set enable_nestloop = off set plan_cache_mode = force_generic_plan as $$
declare wrong text; is_direct boolean := tg_argv[0] = 'direct';
    service text := case when is_direct then split_part(current_setting('role'), '_', 2) end;
begin
    with matched as materialized (
        select n.region, n.dossier, t.transition, o.state as from_state, n.state as to_state,
               o.version as from_version, n.version as to_version,
               is_direct and coalesce(t.is_decided, false)
                   or service = 'desk' and coalesce(t.transition not in ('confirm', 'confirm_late', 'refuse', 'refuse_late'),
                                                    o.version <> n.version)
                   or service = 'school' as is_unfounded,
               is_direct and (n.review_opens_at is not null and n.review_opens_at is distinct from o.review_opens_at
                              or n.review_closes_at is not null and n.review_closes_at is distinct from o.review_closes_at)
                   as is_moved
          from old_rows o join new_rows n using (dossier)
          left join transition t on t.from_state = o.state and t.to_state = n.state
         where o.state <> n.state or o.version <> n.version or o.review_opens_at is distinct from n.review_opens_at
            or o.review_closes_at is distinct from n.review_closes_at
    ), kept as (
        insert into dossier_event (region, dossier, transition, from_state, to_state, actor)
        select region, dossier, transition, from_state, to_state, coalesce(current_setting('overstap.actor', true), '')
          from matched where transition is not null
    )
    select format('%s -> %s', from_state, to_state) || case when from_version <> to_version
           then format(' (version %s -> %s)', from_version, to_version) else '' end
           || case when is_unfounded or is_moved then ', which a decision does' else '' end into wrong
      from matched
     where (from_state <> to_state and transition is null) or is_unfounded or is_moved
        or (from_version <> to_version and (to_version <> from_version + 1 or to_state <> 'supplied'
            or (select count(*) from dossier_version v where v.dossier = matched.dossier and v.number = to_version) = 0)) limit 1;
    if wrong is not null then
        raise exception 'transition not allowed: %', wrong using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger keep_transition after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement when (overstap.my_region() is null) execute function overstap.keep_transition('decided');
create trigger keep_transition_direct after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement when (overstap.my_region() is not null) execute function overstap.keep_transition('direct');

-- The table of transitions cannot tell rounds apart: nobody skips the inspection in a round that has one.
create function overstap.keep_inspection() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp set enable_nestloop = off as $$
begin
    if exists (select from old_rows o join new_rows n using (dossier) join round r on r.round_id = n.round_id
                where o.state = 'accepted' and n.state = 'inspected' and r.inspects) then
        raise exception 'transition not allowed: accepted -> inspected' using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger keep_inspection after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement execute function overstap.keep_inspection();
