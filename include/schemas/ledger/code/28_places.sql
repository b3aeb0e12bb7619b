-- Places of secondary schools: typed by the school on its page, by functions that take the stay, or taken in from a list of the region.

-- One change of a year's places at a time, as of registrations. Granted to nobody.
create function overstap.hold_offers(of_region text, of_year text) returns void
    language sql volatile set search_path = overstap, pg_temp as $$
    select pg_advisory_xact_lock(hashtextextended('overstap.offers.' || of_region || '.' || of_year, 0)) $$;

-- Digest of the places and draws of a school year as they stand: with it in the chain, what changes beside it is found.
create function overstap.offers_digest(of_year text) returns text
    language sql stable security definer set search_path = overstap, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select encode(sha256(convert_to(coalesce(string_agg(line, E'\n' order by line), ''), 'UTF8')), 'hex') from (
        select concat_ws('|', 'o', f.secondary_school, f.location, f.kind, f.places, f.placed, f.stated_at, f.source, f.noted_by) as line
          from offer f where f.region = acting_region() and f.school_year = of_year
        union all
        select concat_ws('|', 'd', d.draw, d.secondary_school, d.location, d.kind, d.drawn_on, d.drawn, d.not_drawn, d.noted_by)
          from draw d where d.region = acting_region() and d.school_year = of_year) t $$;

-- Takes places in; a newer statement replaces an older one. Gives how many are new or changed. Granted to nobody.
create function overstap.put_offers(of_year text, schools text[], locations text[], kinds text[], counts integer[], taken integer[],
                                    moments timestamptz[], from_source text, by_whom text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare changed integer;
begin
    perform hold_offers(acting_region(), of_year);
    with written as (
        insert into offer as kept (region, school_year, secondary_school, location, kind, places, placed, stated_at, source, noted_by)
        select acting_region(), of_year, s, l, k, c, t, m, from_source, by_whom
          from (select distinct on (s, l, k) s, l, k, c, t, m
                  from unnest(schools, locations, kinds, counts, taken, moments) as x (s, l, k, c, t, m) order by s, l, k, m desc) y
        on conflict (region, school_year, secondary_school, location, kind) do update
           set places = excluded.places, placed = excluded.placed, stated_at = excluded.stated_at, source = excluded.source,
               noted_by = excluded.noted_by, noted_at = overstap.clock()
         where excluded.stated_at >= kept.stated_at and (kept.places, kept.placed) is distinct from (excluded.places, excluded.placed)
        returning 1
    )
    select count(*) into changed from written;
    if changed > 0 then
        perform append_audit(acting_region(), by_whom, 'offers.put', array[of_year], array[json_build_object(
            'changed', changed, 'source', from_source, 'digest', offers_digest(of_year))::text]);
    end if;
    return changed;
end $$;

-- From a list of the region.
create function overstap.take_offers(of_year text, schools text[], locations text[], kinds text[], counts integer[], taken integer[],
                                     moments timestamptz[]) returns integer
    language sql security definer set search_path = overstap, pg_temp as $$
    select put_offers(of_year, schools, locations, kinds, counts, taken, moments, 'file', acting()) $$;

-- By the school of a stay, of itself alone. Null without a second factor; -1 for one offer more than a school can have.
create function overstap.state_offer(stay bytea, of_year text, at_location text, of_kind text, count integer, taken integer) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay);
begin
    if who.account is null or who.round_id is not null then     -- a guest school has none here
        return null;
    end if;
    perform hold_offers(who.region, of_year);
    if not exists (select from offer f where f.region = who.region and f.school_year = of_year and f.secondary_school = who.school
                      and f.location = at_location and f.kind = of_kind)
       and (select count(*) from offer f where f.region = who.region and f.school_year = of_year and f.secondary_school = who.school) >= 200 then
        return -1;      -- the digest of every change reads all of them, and so do the board's pages
    end if;
    return put_offers(of_year, array[who.school], array[at_location], array[of_kind], array[count], array[taken],
                      array[overstap.clock()], 'page', 'school:' || who.account);
end $$;

-- Records the result of a draw that somebody made; nothing is drawn here. Says 'drawn', 'repeated' for what was recorded last, 'offer' for no
-- offer of the school, 'many' for more draws than an offer can have. Null without a second factor.
create function overstap.note_draw(stay bytea, of_year text, at_location text, of_kind text, on_day date, in_draw integer, out_draw integer,
                                   drawn_by text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); newest draw; noted bigint;
begin
    if who.account is null or who.round_id is not null then     -- a guest school has none here
        return null;
    end if;
    if btrim(drawn_by) = '' then
        raise exception 'a draw is made by somebody' using errcode = 'check_violation';
    end if;
    perform hold_offers(who.region, of_year);
    if not exists (select from offer f where f.region = who.region and f.school_year = of_year and f.secondary_school = who.school
                      and f.location = at_location and f.kind = of_kind) then
        return 'offer';
    end if;
    select count(*) into noted from draw d where d.region = who.region and d.school_year = of_year and d.secondary_school = who.school
       and d.location = at_location and d.kind = of_kind;
    select * into newest from draw d where d.region = who.region and d.school_year = of_year and d.secondary_school = who.school
       and d.location = at_location and d.kind = of_kind order by d.draw desc limit 1;
    if noted > 0 and (newest.drawn_on, newest.drawn, newest.not_drawn, newest.made_by) = (on_day, in_draw, out_draw, drawn_by) then
        return 'repeated';      -- a form that was sent twice
    elsif noted >= 50 then
        return 'many';
    end if;
    insert into draw (region, school_year, secondary_school, location, kind, drawn_on, drawn, not_drawn, made_by, noted_by)
    values (who.region, of_year, who.school, at_location, of_kind, on_day, in_draw, out_draw, drawn_by, 'school:' || who.account);
    perform append_audit(who.region, 'school:' || who.account, 'offers.draw', array[of_year], array[json_build_object(
        'school', who.school, 'drawn', in_draw, 'not_drawn', out_draw, 'digest', offers_digest(of_year))::text]);
    return 'drawn';
end $$;
