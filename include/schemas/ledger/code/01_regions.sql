-- How a unit of work says which region it is about, and how a region is made.

-- The region whose role the caller took on; null outside a unit of work. The policy of every table asks it, once per statement, and twelve
-- tables stand in what may leave: a regular expression took 6 microseconds each time, and a function that the planner writes out in its
-- place (language sql) is planned as often as there are tables.
create function overstap.my_region() returns text language plpgsql stable parallel safe as $$
begin
    return case when current_user::text ^@ 'overstap_'
                 and split_part(current_user::text, '_', 2) in ('region', 'school', 'desk', 'watch', 'board', 'drafts')
                then nullif(substr(current_user::text, 11 + length(split_part(current_user::text, '_', 2))), '') end;
end $$;

-- The same inside a function with definer's rights, where current_user is the owner.
create function overstap.acting_region() returns text language plpgsql stable parallel safe as $$
declare acting text := current_setting('role');
begin
    return case when acting ^@ 'overstap_' and split_part(acting, '_', 2) in ('region', 'school', 'desk', 'watch', 'board', 'drafts')
                then nullif(substr(acting, 11 + length(split_part(acting, '_', 2))), '') end;
end $$;

-- Makes the region's roles, one per service. Safe to repeat. Called by the owner only, from the agreements.
create procedure overstap.add_region(region_id text) language plpgsql as $$
declare service record;
begin
    if region_id !~ '^[a-z][a-z0-9_]{1,30}$' then
        raise exception 'not a region id: %', region_id;
    end if;
    for service in values ('overstap_region_', 'overstap_region', 'overstap_app'),
                          ('overstap_school_', 'overstap_rights_school', 'overstap_school'),
                          ('overstap_desk_', 'overstap_rights_desk', 'overstap_desk'),
                          ('overstap_watch_', 'overstap_rights_watch', 'overstap_watch'),
                          ('overstap_board_', 'overstap_rights_board', 'overstap_board'),
                          ('overstap_drafts_', 'overstap_rights_drafts', 'overstap_drafts') loop
        if not exists (select from pg_roles where rolname = service.column1 || region_id) then
            execute format('create role %I nologin in role %I', service.column1 || region_id, service.column2);
        end if;
        execute format('grant %I to %I with inherit false, set true', service.column1 || region_id, service.column3);
    end loop;
    insert into overstap.region (region) values (region_id) on conflict do nothing;
end $$;
