-- The audit chain as the database keeps it: sequence numbers and hashes are its own, and a line about a decision is written by the
-- function that makes the decision, in the same statement. Nobody else can write one.

-- Appends lines to a region's chain: JSON with its keys in order, as the verifier expects none other than valid JSON. Holds the
-- region's chain until the transaction ends. Granted to nobody: functions with definer's rights call it.
create function overstap.append_audit(of_region text, by_whom text, what text, subjects text[], details text[]) returns void
    language plpgsql set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare
    number bigint; previous text; opening text; closing text; payload text; payloads text[] := '{}';
begin
    if coalesce(cardinality(subjects), 0) = 0 then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.audit.' || of_region, 0));
    select l.seq, encode(l.hash, 'hex') into number, previous
      from audit_line l where l.region = of_region order by l.seq desc limit 1;
    number := coalesce(number, 0);
    previous := coalesce(previous, repeat('0', 64));
    opening := format('{"action":%s,"actor":%s,"at":%s,"detail":', to_json(what), to_json(by_whom), to_json(overstap.clock()));
    closing := format('","region":%s,"seq":', to_json(of_region));
    for place in 1 .. cardinality(subjects) loop
        payload := opening || (details[place]::json)::text || ',"previous":"' || previous || closing || (number + place)::text
                   || ',"subject":' || to_json(subjects[place])::text || '}';
        previous := encode(sha256(convert_to(payload, 'UTF8')), 'hex');
        payloads := payloads || payload;
    end loop;
    insert into audit_line (region, seq, payload, hash)
    select of_region, number + n, p, sha256(convert_to(p, 'UTF8')) from unnest(payloads) with ordinality as t (p, n);
end $$;

-- Who acts, as the unit of work said.
create function overstap.acting() returns text language sql stable
    return coalesce(current_setting('overstap.actor', true), '');

-- One line of a decision, in the region whose role was taken on.
create function overstap.append_decision(what text, subject text, detail json) returns void
    language sql set search_path = overstap, pg_temp as $$
    select append_audit(acting_region(), acting(), what, array[subject], array[detail::text]) $$;

-- What a unit of work announces: everything but decisions.
create function overstap.audit(what text, subjects text[], details text[]) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if acting_region() is null then
        raise exception 'an audit line is of a region' using errcode = 'insufficient_privilege';
    end if;
    if what ~ '^(agreement|registrations|retention|round|run)\.' and what <> 'retention.key'
       or what ~ '^gate\.' and what <> 'gate.hold'
       or what in ('review.record', 'review.carry', 'review.lapse', 'delivery.withdraw') then
        raise exception 'a line of % is written by the function that does it', what using errcode = 'insufficient_privilege';
    end if;
    perform append_audit(acting_region(), acting(), what, subjects, details);
end $$;
