-- What a gate keeps from happening, whatever the state of a task says.

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
