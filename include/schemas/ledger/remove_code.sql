-- Takes away every view, trigger, policy, routine and right of the schema, so that the folders code and rights define them anew,
-- each once. Tables, their data and the clock, on which defaults depend, stay. Runs in the transaction that makes them again.

do $$ declare command text; begin
    for command in
        select format('drop policy %I on %I.%I', p.policyname, p.schemaname, p.tablename)
          from pg_policies p where p.schemaname = 'overstap'
        union all
        select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace = 'overstap'::regnamespace and not t.tgisinternal
        union all
        select 'drop view ' || string_agg(format('%I.%I', v.schemaname, v.viewname), ', ')
          from pg_views v where v.schemaname = 'overstap' having count(*) > 0
        union all
        select 'drop routine ' || string_agg(p.oid::regprocedure::text, ', ')
          from pg_proc p where p.pronamespace = 'overstap'::regnamespace and p.proname <> 'clock' having count(*) > 0
        union all
        select format('revoke all on schema overstap from %1$I; revoke all on all tables in schema overstap from %1$I; '
                      'revoke all on all routines in schema overstap from %1$I', r.rolname)
          from pg_roles r
         where r.rolname ~ '^overstap_' and r.oid <> (select nspowner from pg_namespace where nspname = 'overstap')
    loop
        execute command;
    end loop;
end $$;
