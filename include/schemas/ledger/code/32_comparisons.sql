-- Comparison of applications with another region. A region reads and writes its own rows alone: what goes to the other one is a
-- question and an answer, each of which has its line in the chain of the region that made it and of the one that used it.

-- Whether the agreement that holds for the round that was opened last names the other region.
create function overstap.agrees_to_compare(of_year text, with_region text) returns boolean
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select coalesce((select a.agreement -> 'comparisons' @> jsonb_build_array(jsonb_build_object('region', with_region))
                       from round o join round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number
                      where o.region = acting_region() and o.school_year = of_year
                      order by o.opened_at desc, o.round_id desc limit 1), false) $$;

-- Digest of what comparisons of a school year told: with it in the chain, what changes beside it is found.
create function overstap.elsewhere_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp as $$
    select encode(sha256(convert_to(coalesce(string_agg(
               concat_ws('|', e.partner, encode(e.pupil, 'hex'), e.secondary_school, e.state, e.comparison),
               E'\n' order by e.partner, e.pupil, e.secondary_school), ''), 'UTF8')), 'hex')
      from applied_elsewhere e where e.region = acting_region() and e.school_year = of_year $$;

-- One change of what comparisons of a year told at a time. Granted to nobody.
create function overstap.hold_comparisons(of_region text, of_year text) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.comparison.' || of_region || '.' || of_year, 0)) $$;

-- Announces a question. An earlier one to the same region that nobody answered ends. False where no agreement of the year names the region.
create function overstap.ask_comparison(wanted uuid, of_year text, with_region text, about integer, asked bytea, of_key text, sealed bytea)
    returns boolean language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not agrees_to_compare(of_year, with_region) then
        return false;
    end if;
    perform hold_comparisons(acting_region(), of_year);
    update comparison set key_id = null, secret = null, ended_at = overstap.clock()
     where region = acting_region() and school_year = of_year and partner = with_region and part = 'asked' and ended_at is null;
    insert into comparison (comparison, region, school_year, partner, part, pupils, question, key_id, secret, by_whom)
    values (wanted, acting_region(), of_year, with_region, 'asked', about, asked, of_key, sealed, acting());
    perform append_decision('comparison.ask', wanted::text,
                            json_build_object('with', with_region, 'pupils', about, 'question', encode(asked, 'hex')));
    return true;
end $$;

-- Announces the answer to a question of another region, before the answer leaves. Gives 'kept'; 'not_agreed' where no agreement of the
-- year names the region; 'again' for a question that was answered before; 'often' after five answers to that region within a day, so
-- that nobody finds out by guessing who applied here.
create function overstap.answer_comparison(wanted uuid, of_year text, with_region text, about integer, asked bytea, answered bytea)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
begin
    if not agrees_to_compare(of_year, with_region) then
        return 'not_agreed';
    end if;
    perform hold_comparisons(acting_region(), of_year);
    if exists (select from comparison c where c.region = acting_region() and (c.comparison = wanted or c.question = asked)) then
        return 'again';
    end if;
    if (select count(*) from comparison c where c.region = acting_region() and c.partner = with_region and c.part = 'answered'
           and c.begun_at > overstap.clock() - interval '1 day') >= 5 then
        return 'often';
    end if;
    insert into comparison (comparison, region, school_year, partner, part, pupils, question, answer, by_whom, ended_at)
    values (wanted, acting_region(), of_year, with_region, 'answered', about, asked, answered, acting(), overstap.clock());
    perform append_decision('comparison.answer', wanted::text, json_build_object(
        'with', with_region, 'pupils', about, 'question', encode(asked, 'hex'), 'answer', encode(answered, 'hex')));
    return 'kept';
end $$;

-- Keeps what an answer told, in place of what the one before told; gives in how many pupils. Null for a question that has ended.
create function overstap.read_comparison(wanted uuid, answered bytea, pupils bytea[], schools text[], states text[])
    returns integer language plpgsql security definer set search_path = overstap, pg_temp as $$
declare c comparison; in_both integer;
begin
    select * into c from comparison x
     where x.comparison = wanted and x.region = acting_region() and x.part = 'asked' and x.ended_at is null for update;
    if c.comparison is null or not agrees_to_compare(c.school_year, c.partner) then
        return null;
    end if;
    perform hold_comparisons(acting_region(), c.school_year);
    delete from applied_elsewhere e where e.region = c.region and e.school_year = c.school_year and e.partner = c.partner;
    insert into applied_elsewhere (region, school_year, partner, pupil, secondary_school, state, comparison)
    select c.region, c.school_year, c.partner, x.p, x.s, x.t, wanted from unnest(pupils, schools, states) as x (p, s, t)
     where exists (select from application a where a.region = c.region and a.school_year = c.school_year and a.pupil = x.p);
    select count(distinct e.pupil) into in_both from applied_elsewhere e
     where e.region = c.region and e.school_year = c.school_year and e.partner = c.partner;
    update comparison set answer = answered, found = in_both, key_id = null, secret = null, ended_at = overstap.clock()
     where comparison = wanted and region = c.region;
    perform append_decision('comparison.read', wanted::text, json_build_object(
        'with', c.partner, 'year', c.school_year, 'found', in_both, 'answer', encode(answered, 'hex'),
        'digest', elsewhere_digest(c.school_year)));
    return in_both;
end $$;

-- Forgets some pupils. Questions about them that wait for an answer end. Granted to nobody.
create function overstap.forget_comparisons(of_year text, pupils bytea[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    perform hold_comparisons(acting_region(), of_year);
    delete from comparison_pseudonym p where p.region = acting_region() and p.school_year = of_year and p.pupil = any(pupils);
    update comparison set key_id = null, secret = null, ended_at = overstap.clock()
     where region = acting_region() and school_year = of_year and part = 'asked' and ended_at is null;
    delete from applied_elsewhere e where e.region = acting_region() and e.school_year = of_year and e.pupil = any(pupils);
    get diagnostics gone = row_count;
    if gone > 0 then
        perform append_decision('comparison.forget', of_year,
                                json_build_object('year', of_year, 'forgotten', gone, 'digest', elsewhere_digest(of_year)));
    end if;
    return gone;
end $$;
