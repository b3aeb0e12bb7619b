-- How a unit of work says which region it is about, and how a region is made.

-- The region whose role the caller took on; null outside a unit of work.
create function overstap.my_region() returns text language sql stable parallel safe
    return substring(current_user::text from '^overstap_region_(.+)$');

-- The same inside a function with definer's rights, where current_user is the owner.
create function overstap.acting_region() returns text language sql stable parallel safe
    return substring(current_setting('role') from '^overstap_region_(.+)$');

-- Makes the region's role. Safe to repeat. Called by the owner only, from the agreements.
create procedure overstap.add_region(region_id text) language plpgsql as $$
begin
    if region_id !~ '^[a-z][a-z0-9_]{1,30}$' then
        raise exception 'not a region id: %', region_id;
    end if;
    if not exists (select from pg_roles where rolname = 'overstap_region_' || region_id) then
        execute format('create role %I nologin in role overstap_region', 'overstap_region_' || region_id);
    end if;
    execute format('grant %I to overstap_app with inherit false, set true', 'overstap_region_' || region_id);
    insert into overstap.region (region) values (region_id) on conflict do nothing;
end $$;
