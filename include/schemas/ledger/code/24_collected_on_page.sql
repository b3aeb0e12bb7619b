-- Dossiers that a school without a system collects on its page. Each function takes the stay, and acts for that stay's account and school
-- alone: not the pages' process says who collects and confirms, and no account that did not show a second factor does. What may be
-- collected is decided anew at each turn by what decides about sending: may_leave and may_receive.

-- What stands on the schools' pages: offered, of the newest version, neither taken back nor erased, for a school that may receive it.
create view overstap.on_page with (security_invoker = true) as
select l.region, l.round_id, l.message_id, l.dossier, l.number, l.secondary_school, l.state, l.offered_at, l.settled_at
  from overstap.delivery l
  join overstap.dossier d on d.dossier = l.dossier and d.version = l.number
 where l.key_id is not null and l.offered_at is not null and l.state in ('sealed', 'confirmed') and l.envelope <> ''
   and d.state in ('sealed', 'undelivered', 'confirmed', 'refused') and d.erased_at is null
   and exists (select from overstap.may_receive a where a.dossier = l.dossier and a.secondary_school = l.secondary_school)
   and (l.state = 'confirmed'
        or exists (select from overstap.may_leave m where m.dossier = l.dossier and m.number = l.number));

-- The account of a stay that is complete, with a second factor, in the region whose role was taken on; of guests, those of
-- secondary schools alone. Granted to nobody.
create function overstap.page_account(stay bytea) returns overstap.school_account
    language sql stable set search_path = overstap, pg_temp as $$
    select a from school_stay s join school_account a using (account)
     where s.finds = stay and account_serves(a) and a.region = acting_region() and s.awaits is null and s.has_shown
       and (a.round_id is null or exists (select from guest_school g where g.round_id = a.round_id and g.region = a.region
                                             and g.school = a.school and g.kind = 'VO'))
       and s.used_at > clock_timestamp() - interval '30 minutes' and s.began_at > clock_timestamp() - interval '8 hours' $$;

create function overstap.page_is_open(stay bytea) returns boolean
    language sql stable security definer set search_path = overstap, pg_temp as $$ select (page_account(stay)).account is not null $$;

-- Holds the dossiers of some deliveries to a school until the transaction ends, against one that is taken back meanwhile. In the same order
-- everywhere, before the region's chain. Granted to nobody.
create function overstap.hold_on_page(who overstap.school_account, ids uuid[]) returns void
    language plpgsql set search_path = overstap, pg_temp as $$
begin
    perform from dossier d
     where d.region = who.region
       and d.dossier in (select l.dossier from delivery l where l.message_id = any(ids) and l.region = who.region
                            and l.secondary_school = who.school)
     order by d.dossier for update;
end $$;

-- Gives what is collected, encrypted, with a row and an audit line of each; nothing for anybody else's, and nothing without a factor.
create function overstap.page_collect(stay bytea, ids uuid[], in_form text)
    returns table (message_id uuid, dossier uuid, number integer, key_id text, content bytea)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); mine uuid[];
begin
    if who.account is null then
        return;
    end if;
    perform hold_on_page(who, ids);
    select array_agg(p.message_id order by p.message_id) into mine from on_page p
     where p.message_id = any(ids) and p.region = who.region and p.secondary_school = who.school;
    insert into page_collection (region, message_id, account, form) select who.region, m, who.account, in_form from unnest(mine) as m;
    perform append_audit(who.region, 'school:' || who.account, 'delivery.collect', mine::text[],
                         array_fill(json_build_object('to', who.school, 'form', in_form)::text, array[coalesce(cardinality(mine), 0)]));
    return query
    select l.message_id, l.dossier, l.number, l.key_id, l.envelope from delivery l
     where l.message_id = any(mine) and l.region = who.region order by l.message_id;
end $$;

-- Confirms what was collected before, each with its line; gives how many were confirmed now. Null without a factor.
create function overstap.page_confirm(stay bytea, ids uuid[]) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); mine uuid[]; digests text[];
begin
    if who.account is null then
        return null;
    end if;
    perform hold_on_page(who, ids);
    select array_agg(p.message_id order by p.message_id), array_agg(encode(l.envelope_digest, 'hex') order by p.message_id)
      into mine, digests
      from on_page p join delivery l using (message_id, region)
     where p.message_id = any(ids) and p.region = who.region and p.secondary_school = who.school and p.state = 'sealed'
       and exists (select from page_collection c where c.message_id = p.message_id and c.region = p.region);
    insert into page_confirmation (message_id, region, account, envelope_digest)
    select m, who.region, who.account, decode(d, 'hex') from unnest(mine, digests) as t (m, d);
    perform append_audit(who.region, 'school:' || who.account, 'delivery.by_account', mine::text[],
                         array(select json_build_object('account', who.account, 'school', who.school, 'envelope', d)::text
                                 from unnest(digests) with ordinality as t (d, n) order by n));
    update delivery l set state = 'confirmed', settled_at = overstap.clock(), problem = null
     where l.message_id = any(mine) and l.region = who.region;
    update dossier d set state = case when s.refused then 'refused' else 'confirmed' end
      from (select l.dossier, l.number, bool_or(l.state = 'refused') as refused, bool_or(l.state = 'sealed') as is_open
              from delivery l
             where l.region = who.region
               and (l.dossier, l.number) in (select x.dossier, x.number from delivery x where x.message_id = any(mine))
             group by l.dossier, l.number) s
     where d.dossier = s.dossier and d.version = s.number and not s.is_open and d.state in ('sealed', 'undelivered');
    perform tell_settled_in(who.region, mine);
    return coalesce(cardinality(mine), 0);
end $$;

-- Says that the school removed what was taken back; gives how many were said now. Null without a factor.
create function overstap.page_removed(stay bytea, ids uuid[]) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); mine uuid[];
begin
    if who.account is null then
        return null;
    end if;
    perform hold_on_page(who, ids);
    with removed as (
        update revocation r set state = 'confirmed', answered_by = who.account, had = true, problem = null, settled_at = overstap.clock()
          from delivery l
         where l.message_id = r.message_id and l.region = r.region and r.message_id = any(ids) and r.region = who.region
           and l.secondary_school = who.school and l.key_id is not null and r.state = 'open'
        returning r.message_id
    )
    select array_agg(x.message_id order by x.message_id) into mine from removed x;
    perform append_audit(who.region, 'school:' || who.account, 'revocation.by_account', mine::text[],
                         array_fill(json_build_object('account', who.account)::text, array[coalesce(cardinality(mine), 0)]));
    return coalesce(cardinality(mine), 0);
end $$;

-- Keeps what a school says later of dossiers that it confirmed; gives how many were said now. Null without a factor.
create function overstap.page_say(stay bytea, ids uuid[], said text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); mine uuid[]; of_kind text := case said when 'imported' then 'import' else 'placement' end;
begin
    if who.account is null then
        return null;
    end if;
    select array_agg(p.message_id order by p.message_id) into mine from on_page p
     where p.message_id = any(ids) and p.region = who.region and p.secondary_school = who.school and p.state = 'confirmed'
       and said is distinct from (select c.outcome from current_result c where c.message_id = p.message_id and c.kind = of_kind);
    insert into page_result (region, message_id, kind, outcome, account) select who.region, m, of_kind, said, who.account from unnest(mine) as m;
    perform append_audit(who.region, 'school:' || who.account, 'result.by_account', mine::text[],
                         array_fill(json_build_object('account', who.account, 'school', who.school, 'outcome', said)::text,
                                    array[coalesce(cardinality(mine), 0)]));
    return coalesce(cardinality(mine), 0);
end $$;
