-- The audit chain as the database keeps it: sequence numbers and hashes are its own, and a line about a decision is written by the
-- function that makes the decision, in the same statement. Nobody else can write one.

-- Appends lines to a region's chain: JSON with its keys in order, as the verifier expects none other than valid JSON. Holds the
-- region's chain until the transaction ends. Granted to nobody: functions with definer's rights call it.
create function overstap.append_audit(of_region text, by_whom text, what text, subjects text[], details text[]) returns void
    language plpgsql set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare
    number bigint; previous bytea; opening text; closing text; payload text; payloads text[] := '{}'; hashes bytea[] := '{}';
begin
    if coalesce(cardinality(subjects), 0) = 0 then
        return;
    end if;
    if by_whom = 'parents'' pages' and acting_region() is not null then
        raise exception 'the parents'' pages take on no region' using errcode = 'insufficient_privilege';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.audit.' || of_region, 0));
    select l.seq, l.hash into number, previous from audit_line l where l.region = of_region order by l.seq desc limit 1;
    number := coalesce(number, 0);
    previous := coalesce(previous, decode(repeat('0', 64), 'hex'));
    opening := format('{"action":%s,"actor":%s,"at":%s,"detail":', to_json(what), to_json(by_whom), to_json(overstap.clock()));
    closing := format('","region":%s,"seq":', to_json(of_region));
    for place in 1 .. cardinality(subjects) loop
        payload := opening || (details[place]::json)::text || ',"previous":"' || encode(previous, 'hex') || closing
                   || (number + place)::text || ',"subject":' || to_json(subjects[place])::text || '}';
        previous := sha256(convert_to(payload, 'UTF8'));
        payloads := payloads || payload;
        hashes := hashes || previous;
    end loop;
    insert into audit_line (region, seq, payload, hash)
    select of_region, number + n, p, h from unnest(payloads, hashes) with ordinality as t (p, h, n);
end $$;

-- A line is of a region that is there: looked up once per group, where a foreign key would do so for each line.
create function overstap.keep_region_of_lines() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    if exists (select n.region from new_rows n except select r.region from region r) then
        raise exception 'an audit line of no region' using errcode = 'foreign_key_violation';
    end if;
    return null;
end $$;
create trigger keep_region_of_lines after insert on overstap.audit_line
    referencing new table as new_rows for each statement execute function overstap.keep_region_of_lines();

-- And the region stays under its name while there are lines of it.
create function overstap.keep_region_with_lines() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    if exists (select from audit_line l where l.region = old.region) then
        raise exception 'region % has an audit chain', old.region using errcode = 'foreign_key_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger keep_region_with_lines before delete or update of region on overstap.region
    for each row execute function overstap.keep_region_with_lines();

-- Who acts, as the unit of work said.
create function overstap.acting() returns text language sql stable
    return coalesce(current_setting('overstap.actor', true), '');

-- One line of a decision, in the region whose role was taken on.
create function overstap.append_decision(what text, subject text, detail json) returns void
    language sql set search_path = overstap, pg_temp as $$
    select append_audit(acting_region(), acting(), what, array[subject], array[detail::text]) $$;

-- What a unit of work announces: everything but decisions. A detail is a JSON object that whoever reads the chain can read, also years
-- later with other programs: no NUL, no half a surrogate, no number without bounds, no nesting without end. A single line of those
-- once kept the whole chain of a region from being checked.
create function overstap.audit(what text, subjects text[], details text[]) returns void
    language plpgsql security definer set search_path = overstap, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
    if acting_region() is null then
        raise exception 'an audit line is of a region' using errcode = 'insufficient_privilege';
    end if;
    if what is null or what !~ '^[a-z]{1,30}\.[a-z_]{1,30}$' or length(acting()) > 500
       or exists (select from unnest(subjects) s where s is null or length(s) > 500) then
        raise exception 'not an audit line' using errcode = 'check_violation';
    end if;
    if what ~ '^(agreement|contact|mapping|placement|registrations|retention|round|run)\.'
       or what ~ '^gate\.' and what <> 'gate.hold'
       or what in ('review.record', 'review.carry', 'review.lapse', 'review.code', 'review.code_ended', 'review.wish',
                   'delivery.withdraw', 'delivery.take_back', 'delivery.adopt', 'delivery.collect', 'delivery.by_account', 'revocation.by_account',
                   'result.by_account', 'evidence.checkpoint')
       or what ~ '^(comparison|download|guest|handover|note|search|school|second|roster|support|typed|tests|offers|progress)\.'
       then
        raise exception 'a line of % is written by the function that does it', what using errcode = 'insufficient_privilege';
    end if;
    -- The two searches only where they can find something: a text long enough, and with as many brackets as such a nesting takes
    if exists (select from unnest(details) as d (detail), lateral (select d.detail::jsonb as read offset 0) r
                where jsonb_typeof(r.read) is distinct from 'object' or octet_length(d.detail) > 100000
                   or octet_length(d.detail) >= 255 and d.detail ~ '[0-9]{255}'
                   or length(d.detail) - length(translate(d.detail, '[{', '')) >= 12
                      and jsonb_path_exists(r.read, 'lax $.**{12 to last}')
                   or what = 'content.open' and (r.read ->> 'by' = 'parent' or r.read ->> 'purpose' = 'parent_page')) then
        raise exception 'not an audit line' using errcode = 'check_violation';
    end if;
    perform append_audit(acting_region(), acting(), what, subjects, details);
end $$;

-- A file about pupils is about to leave by a page or a command: which, to whom, and the pseudonym of each pupil in it, some thousands in a
-- line. A file about nobody has a line too.
create function overstap.note_download(of_file text, about text, to_school text, pupils integer, signs text[]) returns void
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare at_once integer := 4000; wanted text[]; told text[];
begin
    if acting_region() is null or acting() = '' then
        raise exception 'an audit line is of a region and an account' using errcode = 'insufficient_privilege';
    end if;
    if coalesce(of_file, '') !~ '^[a-z_]{1,30}$' or coalesce(about, '') !~ '^[a-z0-9_.-]{1,100}$'
       or coalesce(to_school, '-') !~ '^([A-Z0-9]{6})?$' or coalesce(pupils, -1) < 0
       or exists (select from unnest(signs) s where s is null or s !~ '^[0-9A-Z]{4}-[0-9A-Z]{4}$') then
        raise exception 'not a file of pupils' using errcode = 'check_violation';
    end if;
    select array_agg(about), array_agg(json_build_object('file', of_file, 'to', to_school, 'pupils', pupils, 'signs', part)::text)
      into wanted, told
      from (select coalesce(signs[n * at_once + 1 : (n + 1) * at_once], '{}') as part
              from generate_series(0, greatest(0, (cardinality(signs) - 1) / at_once)) n order by n) p;
    perform append_audit(acting_region(), acting(), 'download.take', wanted, told);
end $$;

-- Announces a checkpoint, and gives number and hash of the lines that it has to cover: those that none covers, this one included.
create function overstap.begin_checkpoint() returns table (seq bigint, hash bytea)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform append_decision('evidence.checkpoint', acting_region(), '{}');
    return query
    select l.seq, l.hash from audit_line l
     where l.region = acting_region()
       and l.seq > (select coalesce(max(c.up_to), 0) from audit_checkpoint c where c.region = acting_region())
     order by l.seq;
end $$;

-- Keeps a checkpoint: of this region's lines since the one before, up to the newest. One that covers lines that are not there yet would
-- keep every later one from being made. Whether its signature holds, no database can tell: who verifies does.
create function overstap.keep_checkpoint(said text, by_key bytea, of_certificate bytea) returns bigint
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare told jsonb := said::jsonb; newest record; before bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('overstap.audit.' || acting_region(), 0));
    select l.seq, encode(l.hash, 'hex') as head into newest
      from audit_line l where l.region = acting_region() order by l.seq desc limit 1;
    select coalesce(max(c.up_to), 0) into before from audit_checkpoint c where c.region = acting_region();
    if (told ->> 'region', told ->> 'from', told ->> 'up_to', told ->> 'head')
       is distinct from (acting_region(), (before + 1)::text, newest.seq::text, newest.head) then
        raise exception 'not a checkpoint of the lines since the last one' using errcode = 'check_violation';
    end if;
    insert into audit_checkpoint (region, up_to, payload, signature, certificate)
    values (acting_region(), newest.seq, said, by_key, of_certificate);
    return newest.seq;
end $$;
