-- Registrations at a supplier of the test, and the results that it sends. A registration moves the address to which results go: its line
-- is written before anything leaves, and only results of pupils who were registered are taken.

-- Digest of a year's registrations: with it in the chain, what changes beside it is found.
create function overstap.test_registrations_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', r.registration, encode(r.pupil, 'hex'), r.primary_school, r.supplier, r.routing_key, encode(r.digest, 'hex'),
                         coalesce(encode(r.taken_digest, 'hex'), '-'), coalesce(encode(r.advice_digest, 'hex'), '-'),
                         coalesce(encode(r.advice_taken, 'hex'), '-')),
               E'\n' order by r.registration), ''), 'UTF8')), 'hex')
      from test_registration r where r.region = acting_region() and r.school_year = of_year $$;

-- One change of a year's registrations at a time. Granted to nobody.
create function overstap.hold_test_registrations(of_year text) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.test_registrations.' || acting_region() || '.' || of_year, 0)) $$;

-- The supplier and routing key by which the agreement of the year's round that was opened last lets a school's pupils be registered.
create function overstap.test_mandate(of_year text, of_school text, out supplier text, out routing_key text)
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select s.one ->> 'oin', m.one ->> 'routing_key'
      from (select a.agreement from round o join round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number
             where o.region = acting_region() and o.school_year = of_year and is_of_leavers(o.kind)
             order by o.opened_at desc, o.round_id desc limit 1) g
      cross join lateral jsonb_array_elements(coalesce(g.agreement -> 'test_suppliers', '[]')) s (one)
      cross join lateral jsonb_array_elements(s.one -> 'mandates') m (one)
     where m.one ->> 'school' = of_school $$;

-- Announces registrations of pupils of one school; a pupil who was announced at this supplier before keeps the key. Gives pupil and key of
-- those that may be sent: a pupil of another school's registration, or whom another supplier took, is left out. One whom no supplier took
-- gets a new key at the next, so that an agreement can be mended. Fails where the agreement has no such mandate.
create function overstap.announce_test_registrations(of_year text, of_school text, at_supplier text, with_key text, ids uuid[],
                                                     pupils bytea[], digests bytea[])
    returns setof overstap.test_registration language plpgsql security definer set search_path = overstap, pg_temp as $$
declare announced uuid[];
begin
    perform hold_test_registrations(of_year);
    if not exists (select from test_mandate(of_year, of_school) m where m.supplier = at_supplier and m.routing_key = with_key) then
        raise exception 'no mandate' using errcode = 'check_violation';
    end if;
    with written as (
        insert into test_registration as kept (registration, region, school_year, pupil, primary_school, supplier, routing_key, digest)
        select i, acting_region(), of_year, p, of_school, at_supplier, with_key, d
          from (select distinct on (p) i, p, d from unnest(ids, pupils, digests) as x (i, p, d) order by p) y
        on conflict (region, school_year, pupil) do update
           set registration = case when kept.supplier = excluded.supplier then kept.registration else excluded.registration end,
               supplier = excluded.supplier, routing_key = excluded.routing_key, digest = excluded.digest,
               announced_at = overstap.clock()
         where kept.primary_school = excluded.primary_school
           and (kept.supplier = excluded.supplier or kept.taken_digest is null)
        returning registration
    )
    select array_agg(registration order by registration) into announced from written;
    if announced is not null then
        perform append_decision('test_registrations.announce', of_year, json_build_object(
            'school', of_school, 'supplier', at_supplier, 'routing_key', with_key, 'registrations', announced,
            'digest', test_registrations_digest(of_year)));
    end if;
    return query select * from test_registration r where r.region = acting_region() and r.registration = any(announced);
end $$;

-- Announces provisional advices of pupils of one school who are registered; gives how many.
create function overstap.announce_test_advices(of_year text, of_school text, ids uuid[], digests bytea[]) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare announced uuid[];
begin
    perform hold_test_registrations(of_year);
    with written as (
        update test_registration r set advice_digest = x.d from unnest(ids, digests) as x (i, d)
         where r.registration = x.i and r.region = acting_region() and r.school_year = of_year and r.primary_school = of_school
           and r.taken_digest is not null
           and (r.supplier, r.routing_key) = (select m.supplier, m.routing_key from test_mandate(of_year, of_school) m)
        returning r.registration
    )
    select array_agg(registration order by registration) into announced from written;
    if announced is not null then
        perform append_decision('test_registrations.announce_advices', of_year, json_build_object(
            'school', of_school, 'registrations', announced, 'digest', test_registrations_digest(of_year)));
    end if;
    return coalesce(cardinality(announced), 0);
end $$;

-- Keeps what the supplier answered to what was announced: its HTTP status, or why there was none.
create function overstap.settle_test_registrations(of_year text, of_school text, ids uuid[], of_advices boolean, is_taken boolean, answer text)
    returns void language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    perform hold_test_registrations(of_year);
    if is_taken and of_advices then
        update test_registration r set advice_taken = r.advice_digest
         where r.region = acting_region() and r.school_year = of_year and r.primary_school = of_school and r.registration = any(ids);
    elsif is_taken then
        update test_registration r set taken_digest = r.digest, taken_at = overstap.clock()
         where r.region = acting_region() and r.school_year = of_year and r.primary_school = of_school and r.registration = any(ids);
    end if;
    perform append_decision('test_registrations.answer', of_year, json_build_object(
        'school', of_school, 'of', case when of_advices then 'advices' else 'pupils' end, 'taken', is_taken, 'answer', answer,
        'count', cardinality(ids), 'digest', test_registrations_digest(of_year)));
end $$;

-- Takes the result of one registered pupil, or keeps why it was refused. Gives 'taken'; 'unchanged' for what is known, or older;
-- 'refused'; 'unknown' where the supplier was not given this pupil for this school, or the agreement has the mandate no more.
create function overstap.take_test_result(of_year text, of_school text, from_supplier text, to_key text, of_registration uuid, refused text,
                                          wanted uuid, with_key text, sealed bytea, of_content bytea, stated timestamptz)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
declare r test_registration;
begin
    select * into r from test_registration x
     where x.registration = of_registration and x.region = acting_region() and x.school_year = of_year and x.primary_school = of_school
       and x.supplier = from_supplier and x.routing_key = to_key
       and (x.supplier, x.routing_key) = (select m.supplier, m.routing_key from test_mandate(of_year, of_school) m)
       for update;
    if r.registration is null then
        return 'unknown';
    end if;
    update test_registration x
       set refused_code = refused, refused_at = case when refused is not null then overstap.clock() end
     where x.registration = r.registration and x.region = r.region and x.refused_code is distinct from refused;
    if refused is not null then
        return 'refused';
    end if;
    if take_tests(of_year, array[wanted], array[r.pupil], array[r.primary_school], array[with_key], array[sealed],
                  array[of_content], array[stated], array['message']) = 1 then
        return 'taken';
    end if;
    -- The same was said later: what was said in between, and comes after it, is older
    update pupil_test t set stated_at = stated
     where t.region = r.region and t.school_year = of_year and t.pupil = r.pupil and t.stated_at < stated;
    if found then
        perform append_decision('tests.confirm', of_year, json_build_object('changed', 0, 'digest', tests_digest(of_year)));
    end if;
    return 'unchanged';
end $$;

-- Forgets the registrations of some pupils. Granted to nobody.
create function overstap.forget_test_registrations(of_year text, pupils bytea[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform hold_test_registrations(of_year);
    delete from test_registration r where r.region = acting_region() and r.school_year = of_year and r.pupil = any(pupils);
    get diagnostics gone = row_count;
    if gone > 0 then
        perform append_decision('test_registrations.forget', of_year,
                                json_build_object('forgotten', gone, 'digest', test_registrations_digest(of_year)));
    end if;
    return gone;
end $$;
