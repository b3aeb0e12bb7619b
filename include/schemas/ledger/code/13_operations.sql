-- Alarms for the administrator.

-- The alarms that a region's worker may tell now; those of no region are told by whichever comes first.
create function overstap.alarms_to_tell() returns table (alarm uuid, kind text, region text, failed integer, raised_at timestamptz)
    language sql security definer set search_path = overstap, pg_temp as $$
    update alarm a set told_at = clock_timestamp()
     where a.alarm in (select x.alarm from alarm x where x.told_at is null
                          and coalesce(x.region = acting_region(), true)
                        order by x.raised_at limit 100 for update skip locked)
    returning a.alarm, a.kind, a.region, a.failed, a.raised_at $$;
