-- Regions, and the logins of the services. Every row of a region carries its name; a unit of work takes on a role of that one
-- region (`set local role overstap_region_<region>`), and row-level security shows that region's rows alone (rights/1_regions.sql).
-- The logins own nothing.

create schema if not exists overstap;

do $$ declare name text; begin
    -- Roles belong to the whole server, so another ledger on it may have made them already.
    foreach name in array array['overstap_region'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
    end loop;
    foreach name in array array['overstap_app', 'overstap_review'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I login noinherit', name);
        end if;
    end loop;
end $$;

-- The ledger's one clock: whether a window is open and whether a moment has come is always asked of it. Only the owner can
-- replace it, and a rehearsal does (overstap.ledger.simulated_clock), to walk a school year in a ledger of its own.
create function overstap.clock() returns timestamptz language sql volatile parallel safe as 'select clock_timestamp()';

create table overstap.region (
    region text primary key
);
