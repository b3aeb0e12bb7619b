-- A login per service, and what its units of work may do in a region: the role overstap_<service>_<region> is in the group of its
-- service, as overstap_region_<region> (tasks and the command, login overstap_app) is in overstap_region. The parents' pages
-- (overstap_review) have no region's role. A login that has no password yet cannot sign in (`overstap ledger password --login`).

do $$ declare service text; begin
    -- Roles belong to the whole server, so another ledger on it may have made them already.
    foreach service in array array['school', 'desk', 'watch', 'board', 'drafts'] loop
        if not exists (select from pg_roles where rolname = 'overstap_rights_' || service) then
            execute format('create role %I nologin', 'overstap_rights_' || service);
        end if;
        if not exists (select from pg_roles where rolname = 'overstap_' || service) then
            execute format('create role %I login noinherit', 'overstap_' || service);
        end if;
        execute format('grant connect on database %I to %I', current_database(), 'overstap_' || service);
        execute format('grant usage on schema overstap to %I, %I', 'overstap_' || service, 'overstap_rights_' || service);
    end loop;
end $$;
