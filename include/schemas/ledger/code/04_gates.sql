-- Gates: what a coordinator decides, and what a gate keeps from happening, whatever the state of a task says. Each function keeps to
-- the region whose role was taken on, and writes its audit line in the same statement.

-- Only a decision that approved settles a hold; about those who did not inspect, any decision does.
create function overstap.keep_settlement() returns trigger language plpgsql as $$
begin
    if new.settled_by is not null and not exists (
        select from overstap.gate_decision g
         where g.gate_decision = new.settled_by and g.round_id = new.round_id and g.gate = new.gate
           and (g.approved or g.gate = 'not_inspected')) then
        raise exception 'a hold is settled by a decision of its gate that approved' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger keep_settlement before insert or update on overstap.gate_hold
    for each row execute function overstap.keep_settlement();

-- While delivery is held nothing is sealed, and no attempt is made.
create function overstap.keep_delivery_held() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp set enable_nestloop = off as $$
declare held text;
begin
    if tg_op = 'INSERT' then
        select h.round_id into held from new_rows n join gate_hold h on h.round_id = n.round_id
         where h.gate = 'release_for_delivery' and h.settled_by is null and h.withdrawn_at is null limit 1;
    else
        select h.round_id into held from new_rows n join old_rows o using (message_id, region)
          join gate_hold h on h.round_id = n.round_id
         where n.attempts > o.attempts
           and h.gate = 'release_for_delivery' and h.settled_by is null and h.withdrawn_at is null limit 1;
    end if;
    if held is not null then
        raise exception 'delivery is held until the coordinator decides: %', held using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger keep_delivery_held_sealing after insert on overstap.delivery
    referencing new table as new_rows for each statement execute function overstap.keep_delivery_held();
create trigger keep_delivery_held_sending after update on overstap.delivery
    referencing old table as old_rows new table as new_rows for each statement execute function overstap.keep_delivery_held();

-- Keeps a decision with its audit line; null when the same answer was kept before. Granted to nobody.
create function overstap.keep_decision(of_round text, of_gate text, is_approved boolean, by_whom text, why text, key text,
                                       covered integer, more jsonb, taken_back uuid default null) returns uuid
    language plpgsql set search_path = overstap, pg_temp as $$
declare made uuid;
begin
    insert into gate_decision (region, round_id, gate, approved, decided_by, reason, answer_key, dossiers, takes_back)
    values (acting_region(), of_round, of_gate, is_approved, by_whom, why, key, covered, taken_back)
        on conflict (round_id, gate, answer_key) do nothing returning gate_decision into made;
    if made is not null then
        perform append_decision(case of_gate when 'reopen' then 'round.reopen' else 'gate.' || of_gate end, of_round, (jsonb_build_object(
            'approved', is_approved, 'by', by_whom, 'dossiers', covered, 'decision', made) || coalesce(more, '{}'))::json);
    end if;
    return made;
end $$;

-- Keeps what a coordinator answered to a question about what stands in the way; an answer that approves settles it.
create function overstap.decide_gate(of_round text, of_gate text, of_batch integer, is_approved boolean, by_whom text, why text,
                                     key text, covered integer) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if of_gate not in ('release_for_delivery', 'accept_undeliverable', 'not_inspected') then
        raise exception 'gate % is decided by a function of its own', of_gate using errcode = 'check_violation';
    end if;
    perform keep_decision(of_round, of_gate, is_approved, by_whom, why, key, covered, jsonb_build_object('batch', of_batch));
    if is_approved then
        perform settle_holds(of_round, of_gate, of_batch, key);
    end if;
end $$;

-- Settles the holds of a question by the decision that was kept under an answer; gives how many.
create function overstap.settle_holds(of_round text, of_gate text, of_batch integer, key text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare settled integer;
begin
    update gate_hold h set settled_by = g.gate_decision from gate_decision g
     where g.round_id = h.round_id and g.gate = h.gate and g.answer_key = key and g.region = acting_region()
       and h.region = acting_region() and h.round_id = of_round and h.gate = of_gate and h.batch = of_batch
       and h.settled_by is null and h.withdrawn_at is null;
    get diagnostics settled = row_count;
    return settled;
end $$;

-- Takes holds away that are so no longer, or became worse and are raised anew.
create function overstap.withdraw_holds(ids uuid[]) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare rounds text[]; details text[];
begin
    with withdrawn as (
        update gate_hold h set withdrawn_at = clock_timestamp()
         where h.gate_hold = any(ids) and h.region = acting_region() and h.settled_by is null and h.withdrawn_at is null
        returning h.round_id, h.gate, h.reason, h.count
    )
    select array_agg(w.round_id), array_agg(json_build_object('gate', w.gate, 'reason', w.reason, 'count', w.count)::text)
      into rounds, details from withdrawn w;
    perform append_audit(acting_region(), acting(), 'gate.hold_withdrawn', rounds, details);
    return coalesce(cardinality(rounds), 0);
end $$;

-- How often dossiers of a round were released, and it was not taken back.
create function overstap.releases(of_round text) returns integer
    language sql stable set search_path = overstap, pg_temp as $$
    select count(*)::integer from overstap.gate_decision g
     where g.round_id = of_round and g.gate = 'release_for_review' and g.approved
       and not exists (select from overstap.gate_decision t where t.takes_back = g.gate_decision) $$;

-- Keeps the coordinator's answer to the release, and releases what is accepted at this moment: to the parents, or in a round
-- without inspection for delivery at once. Gives how many dossiers it covered; nothing when it waits for a second person.
create function overstap.release(of_round text, is_approved boolean, by_whom text, why text, key text, closes timestamptz,
                                 opens timestamptz) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform hold_round(of_round);
    if is_approved and needs_second(of_round, 'release') and not exists (
            select from gate_decision g
             where g.round_id = of_round and g.region = acting_region() and g.gate = 'release_for_review' and g.answer_key = key) then
        perform ask_second(of_round, 'release', of_round,
                           jsonb_build_object('reason', why, 'key', key, 'closes', closes, 'opens', opens), by_whom);
        return null;
    end if;
    return do_release(of_round, is_approved, by_whom, why, key, closes, opens, null);
end $$;

-- Granted to nobody.
create function overstap.do_release(of_round text, is_approved boolean, by_whom text, why text, key text, closes timestamptz,
                                    opens timestamptz, more jsonb) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare known integer; ids uuid[]; made uuid;
begin
    perform hold_round(of_round);  -- one answer at a time
    select g.dossiers into known from gate_decision g
     where g.round_id = of_round and g.region = acting_region() and g.gate = 'release_for_review' and g.answer_key = key;
    if known is not null then
        return known;
    end if;
    select coalesce(array_agg(d.dossier), '{}') into ids
      from (select x.dossier from dossier x where x.round_id = of_round and x.region = acting_region() and x.state = 'accepted'
             order by x.dossier for update) d
     where is_approved;
    made := keep_decision(of_round, 'release_for_review', is_approved, by_whom, why, key, cardinality(ids), more);
    update dossier_version v set released_by = made from dossier d
     where d.dossier = any(ids) and d.region = acting_region() and v.dossier = d.dossier and v.number = d.version
       and v.region = d.region;
    update dossier d set state = case when r.inspects then 'in_review' else 'inspected' end,
           review_closes_at = case when r.inspects then closes end, review_opens_at = case when r.inspects then opens end
      from round r where r.round_id = d.round_id and d.dossier = any(ids) and d.region = acting_region();
    return cardinality(ids);
end $$;

-- Keeps what the coordinator decides about those who had not looked when the window closed, and brings it about: for some schools,
-- or (hold) all. Gives how many dossiers it is about.
create function overstap.decide_window(of_round text, chosen text, of_schools text[], by_whom text, why text, key text,
                                       until timestamptz) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known integer; lapsed jsonb; covered integer; made uuid;
begin
    perform hold_round(of_round);
    select g.dossiers into known from gate_decision g
     where g.round_id = of_round and g.region = acting_region() and g.gate = 'not_inspected' and g.answer_key = key;
    if known is not null then
        return known;
    end if;
    select coalesce(jsonb_object_agg(t.primary_school, t.count), '{}'), coalesce(sum(t.count), 0) into lapsed, covered
      from (select d.primary_school, count(*) from (
                   select x.primary_school from dossier x
                    where x.round_id = of_round and x.region = acting_region() and x.primary_school = any(of_schools)
                      and (x.state = 'not_inspected' or x.state = 'in_review' and x.review_closes_at <= overstap.clock())
                    order by x.dossier for update) d group by 1) t;
    made := keep_decision(of_round, 'not_inspected', chosen <> 'hold', by_whom, why, key, covered,
                          jsonb_build_object('choice', chosen, 'schools', of_schools));
    insert into window_decision (gate_decision, region, round_id, school, choice, closes_at, dossiers)
    select made, acting_region(), of_round, s, chosen, case when chosen = 'extend' then until end,
           coalesce((lapsed ->> s)::integer, 0)
      from unnest(of_schools) as s;
    if chosen = 'extend' then
        update dossier set state = 'in_review', review_closes_at = until
         where round_id = of_round and region = acting_region() and primary_school = any(of_schools)
           and (state = 'not_inspected' or state = 'in_review' and review_closes_at <= overstap.clock());
    end if;
    return covered;
end $$;
