-- Alarms for the administrator.

-- The alarms that a region's worker may tell now; those of no region are told by whichever comes first.
create function overstap.alarms_to_tell() returns table (alarm uuid, kind text, region text, failed integer, raised_at timestamptz)
    language sql security definer set search_path = overstap, pg_temp as $$
    update alarm a set told_at = clock_timestamp()
     where a.alarm in (select x.alarm from alarm x where x.told_at is null
                          and coalesce(x.region = acting_region(), true)
                        order by x.raised_at limit 100 for update skip locked)
    returning a.alarm, a.kind, a.region, a.failed, a.raised_at $$;

-- Keeps an alarm, once for its subject; gives whether it is new. Granted to nobody.
create function overstap.raise_alarm(of_kind text, of_region text, about text, counted bigint) returns boolean
    language sql set search_path = overstap, pg_temp as $$
    with made as (insert into alarm (kind, region, subject, failed)
                  values (of_kind, of_region, of_kind || '/' || about, least(counted, 2000000000)::integer)
                      on conflict (subject) do nothing returning 1)
    select exists (select from made) $$;

-- Somebody of a school signed in between midnight and five: once per account and night. A stay counts when it is complete.
create function overstap.notice_odd_hours() returns trigger language plpgsql security definer set search_path = overstap, pg_temp as $$
declare here timestamp := clock() at time zone 'Europe/Amsterdam';
begin
    if new.awaits is null and here::time < '05:00' then
        perform raise_alarm('odd_hours', a.region, encode(sha256(convert_to(a.account, 'UTF8')), 'hex') || '/' || here::date, 1)
           from school_account a where a.account = new.account;
    end if;
    return null;
end $$;
create trigger notice_odd_hours after insert or update of awaits on overstap.school_stay
    for each row execute function overstap.notice_odd_hours();

-- Looks for what is unusual in the acting region, and gives how many alarms are new. Each is raised once per account and hour.
--   mass_opening: an account opened more than a hundred dossiers within an hour.
--   mass_printing: it made more than five hundred letters within an hour, or more than fifty for people who had one.
--   clock_jump: the clock of whoever asks is over two minutes off, or the newest audit line is of a moment that has not come.
--   evidence_gap: lines that a signed checkpoint covers are not there. `fault`: the first line that whoever asks found invalid.
create function overstap.look_for_unusual(said_at timestamptz, fault bigint) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare here text := acting_region(); since timestamptz := clock() - interval '1 hour'; hour text := date_trunc('hour', clock() at time zone 'UTC')::text;
        last_line bigint; last_at timestamptz; off bigint; signed bigint; raised integer := 0;
begin
    if here is null or said_at is null then
        raise exception 'it is looked for in a region, at a moment' using errcode = 'insufficient_privilege';
    end if;
    select count(*) filter (where raise_alarm('mass_opening', here, here || '/' || encode(sha256(convert_to(x.opened_by, 'UTF8')), 'hex') || '/' || hour, x.many))
      into raised
      from (select c.opened_by, count(distinct c.dossier) as many from content_access c
             where c.region = here and c.opened_at > since and c.person is null group by 1 having count(distinct c.dossier) > 100) x;
    raised := raised + (
        select count(*) filter (where raise_alarm('mass_printing', here, here || '/' || encode(sha256(convert_to(x.printed_by, 'UTF8')), 'hex') || '/' || hour, x.many))
          from (select l.printed_by, count(*) as many,
                       count(*) filter (where exists (select from letter_print b where b.dossier = l.dossier and b.person = l.person
                                                         and b.printed_at < l.printed_at)) as again
                  from letter_print l where l.region = here and l.printed_at > since group by 1) x
         where x.many > 500 or x.again > 50);
    select l.seq, (l.payload::json ->> 'at')::timestamptz into last_line, last_at
      from audit_line l where l.region = here order by l.seq desc limit 1;
    off := abs(extract(epoch from said_at - clock()))::bigint;
    if last_at > clock() then
        off := greatest(off, extract(epoch from last_at - clock())::bigint);
    end if;
    if off > 120 and raise_alarm('clock_jump', null, here || '/' || hour, off) then
        raised := raised + 1;
    end if;
    select max(c.up_to) into signed from audit_checkpoint c where c.region = here;
    fault := least(fault, case when signed > coalesce(last_line, 0) then coalesce(last_line, 0) + 1 end);
    if fault is not null and raise_alarm('evidence_gap', here, here || '/' || fault || '/' || hour::date, fault) then
        raised := raised + 1;
    end if;
    return raised;
end $$;
