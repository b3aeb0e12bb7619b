-- What a coordinator decides on the board, whose login can write nothing else: an answer to a gate, a decision taken back, and who
-- looks for a receiver. The account is whoever acts in the unit of work; the agreement in force has to name it. Moments, counts and
-- dossiers are the database's own: the board hands over only what a person chose.

-- Whether an account may answer the gates of a round: it is named for them, or a coordinator where nobody is.
create function overstap.may_answer(of_round text, account text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (
        select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number
         where r.round_id = of_round and r.region = acting_region()
           and case when jsonb_array_length(coalesce(a.agreement -> 'rounds' -> r.kind -> 'gate_answered_by', '[]')) > 0
                    then a.agreement -> 'rounds' -> r.kind -> 'gate_answered_by' ? account
                    else exists (select from jsonb_array_elements(a.agreement -> 'coordinators') c
                                  where c ->> 'account' = account) end) $$;

-- Holds the round, and refuses whoever may not answer in it. Granted to nobody.
create function overstap.begin_answer(of_round text, why text, key text) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
begin
    if hold_round(of_round) is null then
        raise exception 'no such round' using errcode = 'no_data_found';
    end if;
    if not may_answer(of_round, acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    if why is null or length(why) > 500 or key is null or length(key) not between 1 and 200 then
        raise exception 'reason or key too long' using errcode = 'check_violation';
    end if;
end $$;

-- The answer that was kept under a key: who gave it, which, and about how many dossiers.
create function overstap.kept_answer(of_round text, of_gate text, key text)
    returns table (account text, choice text, covered integer)
    language sql stable set search_path = overstap, pg_temp as $$
    select g.decided_by, case when g.gate <> 'not_inspected' then case when g.approved then 'approve' else 'reject' end
                              else coalesce((select min(w.choice) from window_decision w
                                              where w.gate_decision = g.gate_decision), 'hold') end, g.dossiers
      from gate_decision g
     where g.round_id = of_round and g.region = acting_region() and g.gate = of_gate and g.answer_key = key $$;

-- Keeps a coordinator's answer to a question, and brings it about. Gives the answer that counts: this one, or that of whoever was first.
-- Gives nothing when there is nothing (left) to answer.
create function overstap.answer_gate(of_round text, of_gate text, question integer, chosen text, why text, key text,
                                     for_schools text[], until timestamptz)
    returns table (account text, choice text, covered integer, is_new boolean)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare agreed jsonb; by_whom text := acting(); asked text[]; year text; about integer;
begin
    perform begin_answer(of_round, why, key);
    return query select k.account, k.choice, k.covered, false from kept_answer(of_round, of_gate, key) k;
    if found then
        return;
    end if;
    select a.agreement -> 'rounds' -> r.kind, r.school_year into agreed, year
      from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number
     where r.round_id = of_round and r.region = acting_region();
    if of_gate = 'release_for_review' then
        if releases(of_round) >= question
           or not exists (select from dossier d where d.round_id = of_round and d.region = acting_region() and d.state = 'accepted') then
            return;
        end if;
        if chosen is null or chosen not in ('approve', 'reject') then
            raise exception 'no such answer' using errcode = 'check_violation';
        end if;
        perform release(of_round, chosen = 'approve', by_whom, why, key,
                        greatest((agreed -> 'milestones' ->> 'review_closes')::timestamptz,
                                 overstap.clock() + (agreed ->> 'review_minimum')::interval),
                        (agreed -> 'milestones' ->> 'review_opens')::timestamptz);
    else
        select array_agg(h.subject), sum(h.count) filter (where h.reason not in ('school_missing', 'nothing_arrived', 'few_arrived'))
          into asked, about
          from gate_hold h
         where h.round_id = of_round and h.region = acting_region() and h.gate = of_gate and h.batch = question
           and h.settled_by is null and h.withdrawn_at is null;
        if asked is null then
            return;
        end if;
        if of_gate = 'not_inspected' then
            if chosen is null or not chosen = any(case agreed ->> 'not_inspected' when 'attest' then array['hold', 'extend', 'attest']
                                                     when 'extend' then array['hold', 'extend'] else array['hold'] end)
               or chosen = 'attest' and why = '' or not coalesce(for_schools, '{}') <@ asked
               or chosen = 'extend' and not coalesce(until > overstap.clock()
                                                     and until <= (agreed -> 'milestones' ->> 'receipts_due')::timestamptz, false) then
                raise exception 'no such answer' using errcode = 'check_violation';
            end if;
            perform decide_window(of_round, chosen, case when cardinality(for_schools) > 0 then for_schools else asked end, by_whom,
                                  why, key, until);
            perform settle_holds(of_round, of_gate, question, key);
        else
            if chosen is null or chosen not in ('approve', 'reject') then
                raise exception 'no such answer' using errcode = 'check_violation';
            end if;
            if of_gate = 'release_for_delivery' then
                if chosen = 'approve' and exists (
                    select from gate_hold h where h.round_id = of_round and h.region = acting_region() and h.gate = of_gate
                       and h.batch = question and h.reason = 'many_unstated' and h.settled_by is null and h.withdrawn_at is null
                       and h.subject = (select u.digest from unstated(year) u)) then
                    perform withdraw_registrations(year);
                end if;
                select count(*) into about from dossier d
                 where d.round_id = of_round and d.region = acting_region() and d.state = 'inspected';
            end if;
            perform decide_gate(of_round, of_gate, question, chosen = 'approve', by_whom, why, key, coalesce(about, 0));
        end if;
    end if;
    return query select k.account, k.choice, k.covered, true from kept_answer(of_round, of_gate, key) k;
end $$;

-- The decision that can still be taken back, with its gate; none when there is none. It is the newest of the round about what leaves,
-- and nothing has come of it:
-- * a release: no mail went to a family, nobody has a code, saw a dossier, asked or decided something, and nothing was sealed;
-- * a delivery in spite of what stood out: nothing was sealed since;
-- * what was not inspected is not sent: those dossiers are as they were.
create function overstap.undoable(of_round text) returns table (decision uuid, gate text)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    with newest as (
        select g.gate_decision, g.gate, g.approved, g.decided_at
          from gate_decision g join round r on r.round_id = g.round_id and r.closed_at is null
         where g.round_id = of_round and g.region = (select acting_region())
           and g.gate in ('release_for_review', 'not_inspected', 'release_for_delivery')
           and not exists (select from gate_decision t where t.takes_back = g.gate_decision)
         order by g.decided_at desc, g.gate_decision desc limit 1
    ), released as (
        select d.dossier, v.number, d.state, d.version from newest n
          join dossier_version v on v.released_by = n.gate_decision and v.region = (select acting_region())
          join dossier d on d.dossier = v.dossier and d.region = v.region
         where n.gate = 'release_for_review'
    )
    select n.gate_decision, n.gate from newest n join round r on r.round_id = of_round
     where case n.gate
           when 'release_for_review' then
               n.approved and exists (select from released)
               and not exists (select from released x
                                where x.number <> x.version or x.state <> case when r.inspects then 'in_review' else 'inspected' end)
               and not exists (select from released x join delivery l on l.dossier = x.dossier)
               and not exists (select from released x join review_access a on a.dossier = x.dossier)
               and not exists (select from released x join letter_print l on l.dossier = x.dossier)
               and not exists (select from released x join review_decision a on a.dossier = x.dossier and a.number = x.number)
               and not exists (select from released x join review_request a on a.dossier = x.dossier and a.number = x.number)
               and not exists (select from released x join content_access a on a.dossier = x.dossier and a.number = x.number)
               and not exists (select from released x join mail m on m.region = (select acting_region())
                                   and starts_with(m.meaning, 'invitation/' || x.dossier || '/' || x.number || '/')
                                where m.state <> 'waiting' or m.attempts > 0)
           when 'release_for_delivery' then
               n.approved and not exists (select from delivery l where l.round_id = of_round and l.sealed_at >= n.decided_at)
           else not n.approved and not exists (
               select from window_decision w join dossier d on d.round_id = w.round_id and d.primary_school = w.school
                where w.gate_decision = n.gate_decision and d.state <> 'not_inspected'
                  and exists (select from dossier_event e where e.dossier = d.dossier and e.at >= n.decided_at))
           end $$;

-- Takes a decision back while nothing has come of it; gives the gate whose question is open again, or nothing when it is too late.
-- The dossiers are accepted again, invitations that wait are not sent, and what stood in the way stands in the way again.
create function overstap.take_back(of_round text, of_decision uuid, why text, key text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare taken record; made uuid; ids uuid[];
begin
    perform begin_answer(of_round, why, key);
    -- Whoever invites families of these dossiers at this moment is waited for, and finds them not released after this
    perform from dossier d join dossier_version v on v.dossier = d.dossier and v.region = d.region
        where v.released_by = of_decision and d.region = acting_region() order by d.dossier for update of d;
    -- Mail that is being sent at this moment is waited for: what is sent then cannot be taken back
    perform from mail m where m.round_id = of_round and m.region = acting_region() and m.state in ('waiting', 'sending')
        order by m.mail for update;
    select u.decision, u.gate into taken from undoable(of_round) u where u.decision = of_decision;
    if not found then
        return null;
    end if;
    select coalesce(array_agg(v.dossier), '{}') into ids from dossier_version v
     where v.released_by = of_decision and v.region = acting_region();
    made := keep_decision(of_round, 'take_back', true, acting(), why, key,
                          (select g.dossiers from gate_decision g where g.gate_decision = of_decision),
                          jsonb_build_object('takes_back', of_decision, 'gate', taken.gate), of_decision);
    if taken.gate = 'release_for_review' then
        delete from mail m using dossier d
         where d.dossier = any(ids) and m.region = acting_region() and m.state = 'waiting'
           and starts_with(m.meaning, 'invitation/' || d.dossier || '/' || d.version || '/');
        delete from invitation i using dossier d
         where d.dossier = any(ids) and d.region = acting_region() and i.dossier = d.dossier and i.number = d.version;
        delete from entitled e using dossier d
         where d.dossier = any(ids) and d.region = acting_region() and e.dossier = d.dossier and e.number = d.version;
        update dossier_version v set released_by = null where v.released_by = of_decision and v.region = acting_region();
        update dossier d set state = 'accepted', review_closes_at = null, review_opens_at = null
         where d.dossier = any(ids) and d.region = acting_region();
    else
        update gate_hold h set settled_by = null where h.settled_by = of_decision and h.region = acting_region();
    end if;
    perform tell_round(of_round);
    return taken.gate;
end $$;

-- Notes who looks for a receiver for dossiers that have none: the acting account, for all of a school of which nobody does.
create function overstap.take_up(of_round text, of_school text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare ids uuid[];
begin
    if not exists (select from round r join round_agreement a on a.round_id = r.round_id and a.number = r.agreement_number,
                               jsonb_array_elements(a.agreement -> 'coordinators') c
                    where r.round_id = of_round and r.region = acting_region() and c ->> 'account' = acting()) then
        raise exception 'no coordinator of this round' using errcode = 'insufficient_privilege';
    end if;
    select coalesce(array_agg(f.dossier), '{}') into ids from (
        select d.dossier from dossier d
         where d.round_id = of_round and d.region = acting_region() and d.state = 'no_receiver' and d.primary_school = of_school
           and not exists (select from without_receiver o where o.dossier = d.dossier and o.owner is not null)
         order by d.dossier for update of d) f;
    perform append_audit(acting_region(), acting(), 'receiver.take', array(select unnest(ids)::text),
                         array(select json_build_object('owner', acting())::text from unnest(ids)));
    insert into without_receiver (region, dossier, owner) select acting_region(), d, acting() from unnest(ids) as d
        on conflict (dossier, region) do update set owner = excluded.owner, taken_at = overstap.clock();
    return cardinality(ids);
end $$;
