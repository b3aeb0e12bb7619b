-- What background work is due, for all regions at once: ids and moments, nothing else. Asked every few seconds by a process that has
-- the application's login and no key, so every part reads an index and little else.
--
-- A moment that was past when the work last looked was dealt with by that look, whatever came of it, and does not count again.
-- Anything that happened since shows as an audit line, since every effect is announced by one.
create function overstap.due_work() returns table (region text, work text, due_at timestamptz, looked_at timestamptz)
    language sql stable security definer set search_path = overstap, pg_temp as $$
select r.region, k.work, case when w.looked_at is null then o.opened_at else least(w.next_at, d.due_at) end, w.looked_at
  from region r
 cross join (values ('deliveries'), ('answers'), ('notices')) k (work)
 cross join lateral (select min(x.opened_at) as opened_at from round x where x.region = r.region) o
 cross join lateral (select coalesce(max(a.seq), 0) as line from audit_line a where a.region = r.region) h
  left join due_work w on w.region = r.region and w.work = k.work
 cross join lateral (
       -- deliveries: an attempt whose time came, something asked for again, a dossier taken back, an agreement that changed
       select min(greatest(x.next_attempt_at, s.rests_until)) as due_at from delivery x
         left join school_line s on s.region = x.region and s.school = x.secondary_school
        where k.work = 'deliveries' and x.region = r.region and x.state = 'sealed' and x.attempts > 0
          and x.offered_at is null and greatest(x.next_attempt_at, s.rests_until) > w.looked_at
          and x.next_attempt_at < 'infinity'
       union all
       select w.looked_at where k.work = 'deliveries' and h.line > w.line
          and exists (select from delivery x join dossier d on d.dossier = x.dossier and d.version = x.number
                       where x.region = r.region and x.state = 'sealed' and x.attempts > 0 and x.offered_at is null
                         and x.next_attempt_at = '-infinity' and d.state in ('sealed', 'undelivered'))
       union all
       select min(x.next_attempt_at) from revocation x
        where k.work = 'deliveries' and x.region = r.region and x.state = 'open' and x.offered_at is null
          and x.next_attempt_at > w.looked_at
       union all
       select min(x.decided_at) from withdrawal x
        where k.work = 'deliveries' and h.line > w.line and x.region = r.region and x.decided_at > w.looked_at
       union all
       select min(x.decided_at) from envelope_withdrawal x
        where k.work = 'deliveries' and h.line > w.line and x.region = r.region and x.decided_at > w.looked_at
       union all
       select min(x.taken_at) from round_agreement x
        where k.work = 'deliveries' and h.line > w.line and x.region = r.region and x.taken_at > w.looked_at
       union all
       -- answers: a school that collects gets a quarter of an hour for what is put ready
       select min(x.offered_at) + interval '15 minutes' from delivery x
        where k.work = 'answers' and h.line > w.line and x.region = r.region and x.state = 'sealed'
          and x.offered_at > w.looked_at
       union all
       -- notices: what is urgent, a task that became red, a mail whose time came; what else happened, at most every five minutes
       select min(x.noted_at) from notice x
        where k.work = 'notices' and x.region = r.region and x.mail is null and x.dropped_at is null and x.is_urgent
          and x.noted_at > w.looked_at
       union all
       select min(x.sent_at) from contact_message x
        where k.work = 'notices' and x.region = r.region and x.queued_at is null and x.sent_at > w.looked_at
       union all
       select min(x.asked_at) from guest_school x join round o on o.round_id = x.round_id and o.closed_at is null
        where k.work = 'notices' and x.region = r.region and x.mailed_at is null and x.ended_at is null and x.asked_at > w.looked_at
       union all
       select min(x.raised_at) from alarm x
        where k.work = 'notices' and x.told_at is null and coalesce(x.region = r.region, true) and x.raised_at > w.looked_at
       union all
       select min(x.at) from task_failure x
        where k.work = 'notices' and x.region = r.region and x.ended_at is null and not x.will_retry and x.at > w.looked_at
       union all
       select min(coalesce(x.next_attempt_at, x.due_at)) from mail x
        where k.work = 'notices' and x.region = r.region and x.state in ('waiting', 'sending')
          and coalesce(x.next_attempt_at, x.due_at) > w.looked_at
       union all
       select w.looked_at + interval '5 minutes' where k.work = 'notices' and h.line > w.line
       order by 1 limit 1) d
 where o.opened_at is not null
-- agreements: a draft that was approved becomes the file, also before any round was opened
union all
select x.region, 'agreements', min(x.approved_at), null::timestamptz from agreement_draft x where x.state = 'approved' group by x.region
$$;
