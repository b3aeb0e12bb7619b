-- Regions are kept apart by PostgreSQL itself: whoever is not in a region's role sees, writes and changes no row of any table
-- that has a region.

do $$ declare kept_apart regclass; begin
    for kept_apart in
        select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'region' and not a.attisdropped
         where c.relnamespace = 'overstap'::regnamespace and c.relkind in ('r', 'p') order by c.relname
    loop
        execute format('alter table %s enable row level security', kept_apart);
        execute format('create policy region_alone on %s using (region = (select overstap.my_region())) '
                       'with check (region = (select overstap.my_region()))', kept_apart);
    end loop;
end $$;

-- Nobody may execute a function that is not granted below, but for the two that tell nothing.
revoke all on all routines in schema overstap from public;
grant execute on function overstap.my_region, overstap.clock to public;
