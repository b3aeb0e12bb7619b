-- The functions of the parents' pages. Their login owns nothing and reads no table: each function asks for something that only the
-- person with the letter has.

-- One audit line of the parents' pages.
create procedure overstap.review_audit(of_region text, what text, subject text, detail json) language sql as $$
    select overstap.append_audit(of_region, 'parents'' pages', what, array[subject], array[detail::text]) $$;

-- How far a person's dossier is, for the pages: early, open, closed (too late), renewed (a newer version is being made).
create function overstap.review_phase(opens_at timestamptz, closes_at timestamptz, state text, number integer, version integer)
    returns text language sql volatile
    return case when version <> number or state in ('supplied', 'accepted', 'rejected') then 'renewed'
                when opens_at > overstap.clock() then 'early'
                when closes_at > overstap.clock() and state in ('in_review', 'inspected', 'no_receiver') then 'open'
                else 'closed' end;

-- Signs in. The same statements run for a wrong code and for a wrong birth date. `network` is what one household or firm has (an
-- address, or 56 bits of IPv6), `wide` what a provider hands out (24 bits of IPv4, 48 of IPv6).
create function overstap.review_sign_in(code_token bytea, proof_token bytea, network text, wide text, session_token bytea, held bytea,
                                        out status text, out answered_at timestamptz, out closes_at timestamptz,
                                        out failed_code integer, out failed_network integer, out failed_wide integer,
                                        out alarm text)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare
    code_hash bytea := sha256(code_token);
    network_hash bytea;
    wide_hash bytea;
    this_quarter timestamptz := date_bin('15 minutes', clock_timestamp(), 'epoch');
    everybody integer;
    dates integer;
    found record;
begin
    if length(code_token) <> 32 or length(proof_token) <> 32 or length(session_token) <> 32 or length(held) > 100
       or length(network) > 100 or length(wide) > 100 then
        raise exception 'no tokens of this ledger' using errcode = 'check_violation';
    end if;
    -- Attempts on one code at the same moment follow one another: none slips under the limit of wrong dates.
    perform pg_advisory_xact_lock(hashtextextended('overstap.review.' || encode(code_hash, 'hex'), 0));
    select a.access, a.region, a.dossier, a.person, f.number, d.state, d.review_closes_at,
           review_phase(greatest(a.opens_at, d.review_opens_at), d.review_closes_at, d.state, f.number, d.version) as phase,
           a.proves = sha256(proof_token) as is_proven
      into found
      from review_access a join review_frozen f using (frozen, region)
      join dossier d on d.dossier = a.dossier and d.region = a.region
     where a.finds = code_hash and a.ended_at is null;
    if not coalesce(found.is_proven, false) then
        select sha256(salt || convert_to(network, 'UTF8')), sha256(salt || convert_to('wide ' || wide, 'UTF8'))
          into network_hash, wide_hash from review_salt;
        insert into review_attempt as t (kind, subject, quarter, failed)
        values ('code', code_hash, this_quarter, 1), ('network', network_hash, this_quarter, 1),
               ('wide', wide_hash, this_quarter, 1), ('all', '', this_quarter, 1)
            on conflict (kind, subject, quarter) do update set failed = t.failed + 1;
        select coalesce(sum(failed) filter (where kind = 'code'), 0), coalesce(sum(failed) filter (where kind = 'network'), 0),
               coalesce(sum(failed) filter (where kind = 'wide'), 0), coalesce(sum(failed) filter (where kind = 'all'), 0)
          into failed_code, failed_network, failed_wide, everybody
          from review_attempt
         where (kind, subject) in (('code', code_hash), ('network', network_hash), ('wide', wide_hash), ('all', ''::bytea))
           and quarter >= this_quarter - interval '15 minutes';
        update review_access set wrong_dates = wrong_dates + 1,
               ended_at = case when wrong_dates + 1 >= 20 then clock_timestamp() end,
               ended_why = case when wrong_dates + 1 >= 20 then 'guessed' end
         where access = found.access and region = found.region and ended_at is null
        returning wrong_dates into dates;
        if dates >= 20 then
            call review_audit(found.region, 'review.code_ended', found.dossier || '/' || found.number,
                              json_build_object('person', found.person, 'why', 'guessed'));
            alarm := 'code_ended';
            insert into alarm (kind, region, subject, failed) values (alarm, found.region, 'code_ended/' || found.access, dates);
        elsif failed_network in (60, 600, 6000) or failed_wide in (300, 3000, 30000) then
            alarm := 'guessing_network';
            insert into alarm (kind, subject, failed)
            values (alarm, 'guessing_network/' || encode(wide_hash, 'hex') || '/' || this_quarter || '/' || failed_wide, failed_wide)
                on conflict (subject) do nothing;
        elsif everybody in (1000, 10000, 100000) then
            alarm := 'guessing';
            insert into alarm (kind, subject, failed) values (alarm, 'guessing/' || this_quarter || '/' || everybody, everybody)
                on conflict (subject) do nothing;
        end if;
        status := 'wrong';
        return;
    end if;
    status := found.phase;
    closes_at := found.review_closes_at;
    select max(r.recorded_at) into answered_at from review_decision r
     where r.dossier = found.dossier and r.number = found.number and r.person = found.person and r.access is not null;
    if status = 'open' then
        call review_audit(found.region, 'content.open', found.dossier || '/' || found.number,
                          json_build_object('by', 'parent', 'person', found.person, 'purpose', 'parent_page'));
        insert into content_access (region, dossier, number, purpose, opened_by, person)
        values (found.region, found.dossier, found.number, 'parent_page', 'parent', found.person);
    end if;
    if status in ('open', 'closed') then  -- after the window no content any more, but the log and what one did
        insert into review_session (finds, access, held) values (sha256(session_token), found.access, held)
            on conflict do nothing;  -- sent again after the connection broke
    end if;
end $$;

-- The stay that a cookie stands for: at most an hour without a sign of life, at most four in all.
create function overstap.review_stay(session_token bytea) returns table (
        access uuid, region text, dossier uuid, person text, frozen uuid, number integer, phase text, held bytea,
        showing bytea, closes_at timestamptz)
    language plpgsql volatile set search_path = overstap, pg_temp as $$
begin
    return query
    select a.access, a.region, a.dossier, a.person, a.frozen, f.number,
           review_phase(greatest(a.opens_at, d.review_opens_at), d.review_closes_at, d.state, f.number, d.version), s.held,
           a.showing, d.review_closes_at
      from review_session s
      join review_access a on a.access = s.access
      join review_frozen f using (frozen, region)
      join dossier d on d.dossier = a.dossier and d.region = a.region
     where s.finds = sha256(session_token) and a.ended_at is null
       and s.used_at > clock_timestamp() - interval '1 hour' and s.began_at > clock_timestamp() - interval '4 hours';
end $$;

-- An answer as the pages get it: whether it counts and travels, beside what the row says. Words that were recorded for the family may be
-- another person's: they are not shown.
create function overstap.told_answer(q overstap.review_decision, counts boolean, travels boolean, of_access uuid, of_number integer)
    returns json language sql stable
    return json_build_object(
        'at', q.recorded_at, 'agreed', q.agreed, 'consent', q.consent, 'ground', q.ground, 'number', q.number,
        'by', case when q.access is not null then 'person' when q.person is null then 'family' else 'school' end,
        'is_this_code', coalesce(q.access = of_access, false), 'is_earlier', q.number < of_number,
        'counts', counts, 'travels', travels, 'has_view', q.view is not null, 'key_id', q.key_id,
        'view', case when q.person is not null then encode(q.view, 'base64') end);

-- All that a page needs, in one look. Answers are what the person gave, with this code or an earlier one, and what the school
-- recorded for the person or the family, with the ground. What counts is asked only where somebody answered, and of earlier versions
-- only where there is one: a page is asked for more often before the answer, and each view has its price, also where it finds nothing.
create function overstap.review_look(session_token bytea) returns table (
        access uuid, region text, dossier uuid, number integer, phase text, held bytea, showing bytea, closes_at timestamptz,
        delivers_at timestamptz, school_name text, school_contact text, receivers text[], consent text, answers json,
        requests json, receives_from text)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record; stages text[] := array['applied', 'registered', 'placed'];
begin
    update review_session s set used_at = clock_timestamp()
     where s.finds = sha256(session_token) and s.used_at < clock_timestamp() - interval '1 minute'
       and s.used_at > clock_timestamp() - interval '1 hour';
    select t.*, r.delivers_at, p.name, p.contact, r.consent, r.agreement #>> array['rounds', r.kind, 'receivers'] as stage into stay
      from review_stay(session_token) t
      join dossier d on d.dossier = t.dossier and d.region = t.region
      join round r on r.round_id = d.round_id
      join school p on p.region = d.region and p.school = d.primary_school;
    if not found then
        return;
    end if;
    receivers := array(select c.name from may_receive x join school c on c.region = stay.region and c.school = x.secondary_school
                        where x.dossier = stay.dossier and x.stage = any(stages[array_position(stages, stay.stage):])
                        order by c.name);
    if stay.number > 1 then
        select json_agg(told_answer(q, c.decides, c.travels, stay.access, stay.number)
                        order by q.recorded_at desc, q.review_decision desc) into answers
          from (select d.review_decision, d.decides, d.travels from counted_decision d
                 where d.dossier = stay.dossier and d.number = stay.number and (d.person = stay.person or d.person is null)
                union all
                select e.review_decision, false, e.travels from earlier_decision e
                 where e.dossier = stay.dossier and e.version = stay.number and e.person = stay.person
                   and (e.travels or e.objects and e.agreed = 'Nee')) c
          join review_decision q using (review_decision);
    elsif exists (select from review_decision q where q.dossier = stay.dossier and q.number = stay.number) then
        select json_agg(told_answer(q, c.decides, c.travels, stay.access, stay.number)
                        order by q.recorded_at desc, q.review_decision desc) into answers
          from counted_decision c join review_decision q using (review_decision)
         where c.dossier = stay.dossier and c.number = stay.number and (c.person = stay.person or c.person is null);
    end if;
    select json_agg(json_build_object('id', q.request, 'kind', q.kind, 'at', q.asked_at, 'due', q.due_at, 'state', q.state,
                                      'key_id', q.key_id, 'text', encode(q.text, 'base64'), 'settled', q.settled_at,
                                      'answer', encode(q.answer, 'base64')) order by q.asked_at) into requests
      from review_request q where q.dossier = stay.dossier and q.person = stay.person;
    return query
    select stay.access, stay.region, stay.dossier, stay.number, stay.phase, stay.held, case when stay.phase = 'open' then stay.showing end,
           stay.closes_at, stay.delivers_at, stay.name, stay.contact, receivers, stay.consent, answers, requests,
           coalesce(stay.stage, 'placed');
end $$;

create function overstap.review_file(session_token bytea, wanted uuid) returns bytea
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    select a.content from review_stay(session_token) t
      join review_attachment a on a.frozen = t.frozen and a.region = t.region
     where a.attachment = wanted and t.phase = 'open'
$$;

-- Records what a person decided, while the window of the dossier is open by the database's clock at the moment that the
-- dossier is held: sealing holds it too, so a decision in the last second counts or does not, never both.
create function overstap.review_decide(session_token bytea, pressed uuid, answer text, given text, with_key text,
                                       with_view bytea, out status text, out decided_at timestamptz)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record; made uuid;
begin
    select * into stay from review_stay(session_token);
    if stay.access is null then
        status := 'ended';
        return;
    end if;
    perform from dossier where dossier.dossier = stay.dossier for update;
    select * into stay from review_stay(session_token);  -- as it is now that nobody else can change it
    select r.recorded_at into decided_at from review_answer a join review_decision r using (review_decision)
     where a.access = stay.access and a.once = pressed;
    if decided_at is not null then
        status := 'recorded';
        return;
    end if;
    if stay.phase <> 'open' or octet_length(with_view) > 100000
       or (select count(*) from review_answer a where a.access = stay.access) >= 100 then
        status := case when stay.phase <> 'open' then stay.phase else 'enough' end;
        return;
    end if;
    perform set_config('overstap.actor', 'parents'' pages', true);
    insert into review_decision (region, dossier, number, seen_on, agreed, consent, key_id, view, recorded_by, ground, person, access)
    values (stay.region, stay.dossier, stay.number, (overstap.clock() at time zone 'Europe/Amsterdam')::date, answer,
            given, with_key, with_view, stay.person, 'parent_page', stay.person, stay.access)
    returning review_decision, recorded_at into made, decided_at;
    if made is null then  -- the window closed between the look above and the row (trigger keep_window)
        status := 'closed';
        return;
    end if;
    call review_audit(stay.region, 'review.record', stay.dossier || '/' || stay.number,
                      json_build_object('agreed', answer, 'ground', 'parent_page', 'person', stay.person, 'decision', made));
    insert into review_answer (region, access, once, review_decision) values (stay.region, stay.access, pressed, made);
    perform tell_decided(array[stay.dossier]);
    status := 'recorded';
end $$;

-- Asks the school something, as ledger.requests.ask does. The words are sealed for the region with a key of this access.
create function overstap.review_ask(session_token bytea, asked uuid, what text, with_key text, words bytea,
                                    out status text, out due timestamptz)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record;
begin
    select * into stay from review_stay(session_token);
    if stay.access is null then
        status := 'ended';
        return;
    end if;
    perform from review_access a where a.access = stay.access for update;  -- one at a time per person
    select q.due_at into due from review_request q
     where q.request = asked and q.dossier = stay.dossier and q.person = stay.person;
    if due is not null then
        status := 'recorded';
        return;
    end if;
    if stay.phase <> 'open' or octet_length(words) > 40000
       or (select count(*) from review_request q where q.dossier = stay.dossier and q.person = stay.person) >= 20 then
        status := case when stay.phase <> 'open' then stay.phase else 'enough' end;
        return;
    end if;
    call review_audit(stay.region, 'review.ask', stay.dossier || '/' || stay.number,
                      json_build_object('kind', what, 'request', asked));
    due := least(overstap.clock() + interval '5 days', greatest(stay.closes_at, overstap.clock() + interval '1 day'));
    insert into review_request (request, region, dossier, number, person, kind, key_id, text, due_at)
    values (asked, stay.region, stay.dossier, stay.number, stay.person, what, with_key, words, due);
    status := 'recorded';
end $$;

create function overstap.review_sign_out(session_token bytea) returns void
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    delete from review_session where finds = sha256(session_token)
$$;

-- Takes away stays and attempts that are over.
create function overstap.review_sweep() returns void
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    delete from review_session where used_at < clock_timestamp() - interval '1 hour'
        or began_at < clock_timestamp() - interval '4 hours';
    delete from review_attempt where quarter < clock_timestamp() - interval '1 hour'
$$;

-- Never what another person did: that somebody looked, and when, is theirs to tell. It tells which codes were made for the person, so
-- that who has one sees that there was another.
create function overstap.review_trail(session_token bytea) returns json
    language sql volatile security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
    select json_build_object(
        'opened', (select coalesce(json_agg(json_build_object('at', c.opened_at, 'where', c.purpose, 'number', c.number,
                                                              'is_earlier', c.person is not null and c.opened_at < own.issued_at)
                                            order by c.opened_at desc), '[]')
                     from (select * from content_access a where a.dossier = t.dossier
                              and (a.person is null or a.person = t.person) order by a.opened_at desc limit 500) c),
        'codes', (select json_agg(json_build_object('at', a.issued_at, 'ended', a.ended_at) order by a.issued_at desc)
                    from review_access a where a.dossier = t.dossier and a.region = t.region and a.person = t.person),
        'sent', (select coalesce(json_agg(json_build_object(
                            'to', s.name, 'sealed', l.sealed_at, 'number', l.number,
                            'received', (select min(r.received_at) from receipt r where r.message_id = l.message_id
                                            and r.region = l.region and r.outcome = 'accepted'),
                            'imported', (select min(x.stated_at) from result x where x.message_id = l.message_id
                                            and x.region = l.region and x.outcome = 'imported')) order by l.sealed_at), '[]')
                   from delivery l join school s on s.region = l.region and s.school = l.secondary_school
                  where l.dossier = t.dossier and l.region = t.region),
        'proof', (select json_build_object('asked', p.asked_at, 'is_open', p.is_open, 'made', p.made_at)
                    from review_proof p where p.access = t.access and p.region = t.region))
      from review_stay(session_token) t
      join review_access own on own.access = t.access and own.region = t.region
$$;

-- Asks for the proof; pressed twice it is asked once.
create function overstap.review_wish(session_token bytea, out asked timestamptz)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record;
begin
    select * into stay from review_stay(session_token);
    if stay.access is null then
        return;
    end if;
    perform from review_access a where a.access = stay.access for update;
    select p.asked_at into asked from review_proof p where p.access = stay.access and p.is_open;
    if asked is not null then
        return;
    end if;
    call review_audit(stay.region, 'review.wish', stay.dossier || '/' || stay.number,
                      json_build_object('person', stay.person));
    insert into review_proof as p (region, access, dossier) values (stay.region, stay.access, stay.dossier)
        on conflict (access, region) do update set asked_at = overstap.clock(), is_open = true
    returning p.asked_at into asked;
end $$;

create function overstap.review_proof_of(session_token bytea) returns bytea
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    select p.content from review_stay(session_token) t join review_proof p on p.access = t.access and p.region = t.region
$$;

