-- The decision of a partnership about a dossier that it was sent, by the stay of its account, with a second factor.

-- Keeps it. Gives 'kept'; null without a second factor; 'unknown' for a dossier that the partnership was not sent, or that was taken back;
-- 'changed' when there are more decisions about it than whoever decides had read, among them perhaps this one of a form that was sent
-- twice; 'many' for one more than fifty, each of which stays and is read on every page.
create function overstap.decide_support(stay bytea, of_decision uuid, of_dossier uuid, of_key text, sealed bytea, signed bytea, statement bytea,
                                        after_place integer)
    returns text language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); d dossier; known integer;
begin
    if octet_length(sealed) > 20000 or octet_length(signed) > 20000 then
        raise exception 'longer than any decision' using errcode = 'check_violation';
    elsif who.account is null then
        return null;
    end if;
    select x.* into d from dossier x join round o on o.round_id = x.round_id and o.kind = 'support'
     where x.dossier = of_dossier and x.region = who.region and x.state <> 'withdrawn' and x.erased_at is null for update of x;
    if d.dossier is null or not exists (
        select from delivery l where l.dossier = of_dossier and l.region = who.region and l.secondary_school = who.school
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and not exists (select from envelope_withdrawal w where w.message_id = l.message_id)) then
        return 'unknown';
    end if;
    if exists (select from support_decision s where s.decision = of_decision and s.region = who.region) then
        return 'same';
    end if;
    select count(*) into known from support_decision s where s.dossier = of_dossier and s.region = who.region and s.content is not null;
    if known <> after_place then
        return 'changed';
    elsif known >= 50 then
        return 'many';
    end if;
    insert into support_decision (decision, region, round_id, dossier, partnership, primary_school, las_key, key_id, content, signature, digest,
                                  account, place)
    values (of_decision, who.region, d.round_id, of_dossier, who.school, d.primary_school, d.las_key, of_key, sealed, signed, statement,
            who.account, (select coalesce(max(s.place), 0) + 1 from support_decision s where s.dossier = of_dossier and s.region = who.region));
    perform append_audit(who.region, 'school:' || who.account, 'support.decide', array[of_decision::text], array[json_build_object(
        'dossier', of_dossier, 'statement', encode(statement, 'hex'), 'by', who.account)::text]);
    return 'kept';
end $$;
