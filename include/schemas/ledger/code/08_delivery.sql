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
end $$;

create view overstap.current_result with (security_invoker = true) as
select distinct on (message_id, kind) region, message_id, kind, outcome, reason, stated_at, received_at
  from overstap.result
 order by message_id, kind, stated_at desc, received_at desc;
