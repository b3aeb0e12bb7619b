-- What stands in the way until a coordinator has decided: raised by explicit rules, settled by a decision. Each time rules
-- are looked at, what is new forms a batch, and each batch is one question with a text of its own.

alter table overstap.gate_decision drop constraint if exists gate_decision_gate_check;
alter table overstap.gate_decision add constraint gate_decision_gate_check
    check (gate in ('release_for_review', 'not_inspected', 'release_for_delivery', 'accept_undeliverable'));

create table overstap.gate_hold (
    gate_hold uuid not null default uuidv7(),
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    gate text not null check (gate in ('not_inspected', 'release_for_delivery', 'accept_undeliverable')),
    batch integer not null check (batch > 0),
    reason text not null,                       -- key of its sentence
    subject text not null,                      -- a school or a certificate; empty: the whole round
    count integer not null check (count > 0),   -- of how many dossiers, schools or certificates
    facts jsonb not null,                       -- what fills its sentence: counts and names of schools
    raised_at timestamptz not null default clock_timestamp(),
    settled_by uuid,
    withdrawn_at timestamptz,                   -- it is so no longer, or became worse and was raised anew
    primary key (gate_hold, region),
    foreign key (settled_by, region) references overstap.gate_decision
);
create unique index gate_hold_open on overstap.gate_hold (round_id, gate, reason, subject)
    where settled_by is null and withdrawn_at is null;

call overstap.keep_apart('gate_hold');
grant select, insert (region, round_id, gate, batch, reason, subject, count, facts), update (settled_by, withdrawn_at)
    on overstap.gate_hold to overstap_region;

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
revoke all on function overstap.keep_settlement from public;
create trigger keep_settlement before insert or update on overstap.gate_hold
    for each row execute function overstap.keep_settlement();

-- The line stands still while delivery is held: nothing is sealed, and no attempt is made, whatever a task's state says.
create function overstap.keep_line_still() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
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
revoke all on function overstap.keep_line_still from public;
create trigger keep_line_still_sealing after insert on overstap.delivery
    referencing new table as new_rows for each statement execute function overstap.keep_line_still();
create trigger keep_line_still_sending after update on overstap.delivery
    referencing old table as old_rows new table as new_rows for each statement execute function overstap.keep_line_still();
