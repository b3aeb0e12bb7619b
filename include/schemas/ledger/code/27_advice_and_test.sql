-- What is known of pupils' tests: taken in by a function that writes its audit line, and forgotten with what else leads to a pupil.

-- Digest of all that is known of tests of a school year: with it in the chain, what changes beside it is found.
create function overstap.tests_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', encode(t.pupil, 'hex'), t.primary_school, encode(t.digest, 'hex'), t.stated_at, t.source),
               E'\n' order by t.pupil), ''), 'UTF8')), 'hex')
      from pupil_test t where t.region = acting_region() and t.school_year = of_year $$;

-- Takes in what sources state of tests; a newer statement replaces an older one. Gives how many were new or changed.
create function overstap.take_tests(of_year text, ids uuid[], pupils bytea[], schools text[], key_ids text[], contents bytea[],
                                    digests bytea[], moments timestamptz[], sources text[]) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare changed integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('overstap.tests.' || acting_region() || '.' || of_year, 0));
    with written as (
        insert into pupil_test as kept (pupil_test, region, school_year, pupil, primary_school, key_id, content, digest, stated_at, source,
                                        noted_by)
        select i, acting_region(), of_year, p, s, k, c, d, m, o, acting()
          from (select distinct on (p) i, p, s, k, c, d, m, o
                  from unnest(ids, pupils, schools, key_ids, contents, digests, moments, sources) as x (i, p, s, k, c, d, m, o)
                 order by p, m desc) y
        on conflict (region, school_year, pupil) do update
           set pupil_test = excluded.pupil_test, primary_school = excluded.primary_school, key_id = excluded.key_id,
               content = excluded.content, digest = excluded.digest, stated_at = excluded.stated_at, source = excluded.source,
               noted_by = excluded.noted_by, noted_at = overstap.clock()
         where excluded.stated_at >= kept.stated_at
           and (kept.primary_school, kept.digest) is distinct from (excluded.primary_school, excluded.digest)
        returning 1
    )
    select count(*) into changed from written;
    if changed > 0 then
        perform append_decision('tests.take', of_year, json_build_object('changed', changed, 'digest', tests_digest(of_year)));
    end if;
    return changed;
end $$;

-- Forgets what is known of the tests and advices of some pupils. Granted to nobody.
create function overstap.forget_tests(of_year text, pupils bytea[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('overstap.tests.' || acting_region() || '.' || of_year, 0));
    delete from advice_flag f where f.region = acting_region() and f.school_year = of_year and f.pupil = any(pupils);
    delete from advice_seen f where f.region = acting_region() and f.school_year = of_year and f.pupil = any(pupils);
    delete from pupil_test t where t.region = acting_region() and t.school_year = of_year and t.pupil = any(pupils);
    get diagnostics gone = row_count;
    if gone > 0 then
        perform append_decision('tests.forget', of_year, json_build_object('forgotten', gone, 'digest', tests_digest(of_year)));
    end if;
    return gone + forget_test_registrations(of_year, pupils);
end $$;

-- The same of the pupils of some dossiers, unless another dossier of the pupil has its content. Granted to nobody.
create function overstap.forget_tests_of(of_dossiers uuid[]) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select forget_tests(y.school_year, y.pupils)
      from (select o.school_year, array_agg(distinct d.pupil) as pupils from dossier d join round o on o.round_id = d.round_id
             where d.dossier = any(of_dossiers) and d.region = acting_region()
               and not exists (select from dossier x where x.pupil = d.pupil and x.region = d.region and not x.dossier = any(of_dossiers)
                                  and x.erased_at is null)
             group by o.school_year) y $$;
