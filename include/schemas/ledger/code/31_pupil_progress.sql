-- Progress of pupils, stated by their secondary school by its stay: of its own applicants alone, with a second factor.

-- Digest of all that is known of those who left in a school year: with it in the chain, what changes beside it is found.
create function overstap.progress_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', encode(p.pupil, 'hex'), p.primary_school, p.secondary_school, p.about_year, encode(p.digest, 'hex'), p.account),
               E'\n' order by p.pupil, p.secondary_school, p.about_year), ''), 'UTF8')), 'hex')
      from pupil_progress p where p.region = acting_region() and p.school_year = of_year $$;

-- One change of a year's records at a time. Granted to nobody.
create function overstap.hold_progress(of_region text, of_year text) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.progress.' || of_region || '.' || of_year, 0)) $$;

-- Keeps records of pupils who applied at the school of a stay and were not withdrawn there. Gives how many of the pupils are its own and
-- how many records are new or changed; nulls without a second factor.
create function overstap.state_progress(stay bytea, of_year text, in_year text, ids uuid[], pupils bytea[], key_ids text[], contents bytea[],
                                        digests bytea[], from_source text, out own integer, out changed integer)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay);
begin
    -- A record is small, and of a later year of school: else one account fills the table with years that nobody asks for
    if coalesce(case when of_year !~ '^[0-9]{4}-[0-9]{4}$' or in_year !~ '^[0-9]{4}-[0-9]{4}$' then true
                     else left(in_year, 4)::integer - left(of_year, 4)::integer not between 1 and 8
                          or right(in_year, 4)::integer <> left(in_year, 4)::integer + 1 end, true)
       or cardinality(ids) > 10000 or exists (select from unnest(contents) c where octet_length(c) > 2000) then
        raise exception 'no records of a later year' using errcode = 'check_violation';
    end if;
    if who.account is null or who.round_id is not null then     -- a guest school has none here
        return;
    end if;
    perform hold_progress(who.region, of_year);
    with mine as (
        select distinct on (x.p) x.i, x.p, a.primary_school, x.k, x.c, x.d
          from unnest(ids, pupils, key_ids, contents, digests) as x (i, p, k, c, d)
          join application a on a.region = who.region and a.school_year = of_year and a.secondary_school = who.school and a.pupil = x.p
           and a.withdrawn_at is null order by x.p
    ), written as (
        insert into pupil_progress as kept (progress, region, school_year, pupil, primary_school, secondary_school, about_year, key_id, content,
                                            digest, source, account)
        select m.i, who.region, of_year, m.p, m.primary_school, who.school, in_year, m.k, m.c, m.d, from_source, who.account from mine m
        on conflict (region, school_year, pupil, secondary_school, about_year) do update
           set progress = excluded.progress, key_id = excluded.key_id, content = excluded.content, digest = excluded.digest,
               source = excluded.source, account = excluded.account, said_at = overstap.clock()
         where kept.digest <> excluded.digest
        returning 1
    )
    select (select count(*) from mine), (select count(*) from written) into own, changed;
    if changed > 0 then
        perform append_audit(who.region, 'school:' || who.account, 'progress.state', array[of_year], array[json_build_object(
            'school', who.school, 'about', in_year, 'changed', changed, 'digest', progress_digest(of_year))::text]);
    end if;
end $$;

-- Forgets what is known of some pupils. Granted to nobody.
create function overstap.forget_progress(of_year text, pupils bytea[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform hold_progress(acting_region(), of_year);
    delete from pupil_progress p where p.region = acting_region() and p.school_year = of_year and p.pupil = any(pupils);
    get diagnostics gone = row_count;
    if gone > 0 then
        perform append_decision('progress.forget', of_year, json_build_object('forgotten', gone, 'digest', progress_digest(of_year)));
    end if;
    return gone;
end $$;
