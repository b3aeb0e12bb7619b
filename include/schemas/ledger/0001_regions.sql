-- Regions are kept apart by PostgreSQL itself. Every row carries its region; a unit of work takes on the role of one region
-- (`set local role overstap_region_<region>`), and row-level security shows that region's rows alone. The application's login
-- owns nothing and reads nothing by itself.

create schema overstap;

do $$ begin
    -- Roles belong to the whole server, so another ledger on it may have made them already.
    if not exists (select from pg_roles where rolname = 'overstap_region') then
        create role overstap_region nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'overstap_app') then
        create role overstap_app login noinherit;
    end if;
end $$;

grant usage on schema overstap to overstap_region, overstap_app;

create function overstap.my_region() returns text language sql stable parallel safe
    return substring(current_user::text from '^overstap_region_(.+)$');

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
    execute format('grant connect on database %I to overstap_app', current_database());
    insert into overstap.region (region) values (region_id) on conflict do nothing;
end $$;
revoke all on procedure overstap.add_region from public;

create table overstap.region (
    region text primary key
);

-- Puts a table under the region rule: its rows are seen, written and changed in the own region only.
create procedure overstap.keep_apart(table_name text) language plpgsql as $$
begin
    execute format('alter table overstap.%I enable row level security', table_name);
    execute format('create policy region_alone on overstap.%I to overstap_region '
                   'using (region = (select overstap.my_region())) '
                   'with check (region = (select overstap.my_region()))', table_name);
end $$;
revoke all on procedure overstap.keep_apart from public;

call overstap.keep_apart('region');
grant select on overstap.region to overstap_region;
