-- Warm handover: a sending and a receiving school propose moments, agree one, and say that they talked. Each acts by the stay of its own
-- account, with a second factor, about a dossier that the receiving school was sent.

-- The newest that was said of a dossier and school.
create view overstap.current_handover with (security_invoker = true) as
select distinct on (h.dossier, h.secondary_school) h.region, h.round_id, h.dossier, h.secondary_school, h.handover, h.state, h.moments, h.key_id,
       h.note, h.said_by_school, h.account, h.said_at
  from overstap.handover h order by h.dossier, h.secondary_school, h.place desc;

-- Keeps what a school says. Gives 'kept'; null without a second factor; 'unknown' for a dossier that is not there between the two;
-- 'changed' when the moments are not (or no longer) proposed by the other school; 'same' for a form that was sent twice.
create function overstap.say_handover(stay bytea, of_handover uuid, of_dossier uuid, at_school text, new_state text, at timestamptz[],
                                      of_key text, sealed bytea) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare who school_account := page_account(stay); of_round text; last handover;
begin
    if who.account is null then
        return null;
    end if;
    -- One at a time, and whoever takes the dossier back is waited for
    select d.round_id into of_round from dossier d
     where d.dossier = of_dossier and d.region = who.region and d.state <> 'withdrawn' and who.school in (at_school, d.primary_school)
       and (who.round_id is null or who.round_id = d.round_id)
     for update;
    if of_round is null or not exists (
        select from delivery l where l.dossier = of_dossier and l.region = who.region and l.secondary_school = at_school
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
           and not exists (select from envelope_withdrawal w where w.message_id = l.message_id)) then
        return 'unknown';
    end if;
    if exists (select from handover h where h.handover = of_handover and h.region = who.region) then
        return 'same';
    end if;
    select * into last from handover h where h.dossier = of_dossier and h.secondary_school = at_school and h.region = who.region
     order by h.place desc limit 1;
    if new_state = 'agreed' and not coalesce(last.state = 'proposed' and last.said_by_school <> who.school and at <@ last.moments, false) then
        return 'changed';
    end if;
    if new_state in ('proposed', 'agreed') and exists (select from unnest(at) a where a is null or a < overstap.clock()
                                                           or a > overstap.clock() + interval '1 year') then
        raise exception 'a moment that is to come' using errcode = 'check_violation';
    end if;
    insert into handover (handover, region, round_id, dossier, secondary_school, state, moments, key_id, note, said_by_school, account, place)
    values (of_handover, who.region, of_round, of_dossier, at_school, new_state, coalesce(at, '{}'), of_key, sealed, who.school, who.account,
            (select coalesce(max(h.place), 0) + 1 from handover h where h.dossier = of_dossier and h.region = who.region));
    perform append_audit(who.region, 'school:' || who.account, 'handover.say', array[of_handover::text], array[json_build_object(
        'dossier', of_dossier, 'to', at_school, 'state', new_state, 'by', who.account)::text]);
    return 'kept';
end $$;
