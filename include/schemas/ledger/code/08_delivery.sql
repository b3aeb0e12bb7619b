-- Delivery: the one change of an envelope that is allowed, and which result of a delivery counts.

-- A ledger that was restored from an older backup seals again what a receiver has: under the same message id, and yet other
-- bytes. The receiver shows its receipt, its manifest and the envelope as it came; when the files in it are these very files,
-- its envelope takes the place of ours, and its receipt counts. Nobody else may change an envelope, and this one only of a
-- delivery that is open, in the region whose role is taken on.
create function overstap.adopt_envelope(adopted uuid, bytes bytea, manifest bytea) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    update delivery set envelope = bytes, envelope_digest = sha256(bytes), manifest_digest = manifest
     where message_id = adopted and state = 'sealed' and region = acting_region();
    if found then
        perform append_decision('delivery.adopt', adopted::text, json_build_object('envelope', encode(sha256(bytes), 'hex')));
    end if;
end $$;

-- Takes dossiers back: nothing of them is sent any more. Gives how many were not taken back before.
-- Gives how many; nothing when it waits for a second person.
create function overstap.withdraw(of_round text, ids uuid[], why text, by_whom text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare mine uuid[];
begin
    if needs_second(of_round, 'take_back') then
        select array_agg(d.dossier order by d.dossier) into mine from dossier d
         where d.round_id = of_round and d.region = acting_region() and d.dossier = any(ids) and d.state <> 'withdrawn';
        if mine is not null then
            perform ask_second(of_round, 'take_back', array_to_string(mine, ','),
                               jsonb_build_object('dossiers', mine, 'reason', why), by_whom);
            return null;
        end if;
    end if;
    return do_withdraw(of_round, ids, why, by_whom);
end $$;

-- Granted to nobody.
create function overstap.do_withdraw(of_round text, ids uuid[], why text, by_whom text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare subjects text[]; mine uuid[];
begin
    with mine as (
        select x.dossier, x.version from dossier x
         where x.round_id = of_round and x.region = acting_region() and x.dossier = any(ids) and x.state <> 'withdrawn'
         order by x.dossier for update
    ), kept as (
        insert into withdrawal (region, round_id, dossier, number, reason, decided_by)
        select acting_region(), of_round, m.dossier, m.version, why, by_whom from mine m
    )
    select array_agg(m.dossier || '/' || m.version order by m.dossier), array_agg(m.dossier) into subjects, mine from mine m;
    perform append_audit(acting_region(), acting(), 'delivery.withdraw', subjects,
                         array_fill(json_build_object('reason', why, 'by', by_whom)::text, array[coalesce(cardinality(subjects), 0)]));
    update dossier d set state = 'withdrawn' where d.dossier = any(mine) and d.region = acting_region();
    perform tell_round(of_round) where mine is not null;
    return coalesce(cardinality(subjects), 0);
end $$;

-- Signed by the school, or said by its account on the schools' pages (account: whose).
create view overstap.current_result with (security_invoker = true) as
select distinct on (message_id, kind) region, message_id, kind, outcome, reason, stated_at, received_at, account
  from (select region, message_id, kind, outcome, reason, stated_at, received_at, null as account from overstap.result
        union all
        select region, message_id, kind, outcome, null, stated_at, stated_at, account from overstap.page_result) r
 order by message_id, kind, stated_at desc, received_at desc;
