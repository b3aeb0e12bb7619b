-- A ledger that was restored from an older backup seals again what a receiver has: under the same message id, and yet other
-- bytes. The receiver shows its receipt, its manifest and the envelope as it came; when the files in it are these very files,
-- its envelope takes the place of ours, and its receipt counts.

alter table overstap.delivery add column files_digest bytea check (length(files_digest) = 32);  -- of names, sizes and digests
grant insert (files_digest) on overstap.delivery to overstap_region;

-- Nobody else may change an envelope, and this one only of a delivery that is open, in the region whose role is taken on.
create function overstap.adopt_envelope(adopted uuid, bytes bytea, manifest bytea) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    update delivery set envelope = bytes, envelope_digest = sha256(bytes), manifest_digest = manifest
     where message_id = adopted and state = 'sealed'
       and region = substring(current_setting('role') from '^overstap_region_(.+)$');
end $$;
revoke all on function overstap.adopt_envelope from public;
grant execute on function overstap.adopt_envelope to overstap_region;
