-- What a wait of a round hears of at once, and not at its next look: PostgreSQL tells whoever listens on the channel overstap_round
-- that the wait of a round may be over, when the transaction commits. The notice is the id of the round and nothing else, since every
-- login of this database may listen. It is no fact either, since every login may send one: who hears it looks into the ledger, and who
-- hears nothing looks all the same, some seconds later.
--
-- The server keeps one order of all commits that send a notice, so only what may end a wait does: the last answer of a round and not
-- each, the last receipt of a school, a second person, a moved moment, what is taken back. The same notice twice is sent once.
create function overstap.tell_round(of_round text) returns void
    language sql set search_path = overstap, pg_temp as $$ select pg_notify('overstap_round', of_round) $$;

-- Which released dossiers wait for somebody of the family to decide: one who may inspect has not, and the window is open.
create view overstap.awaiting_family with (security_invoker = true) as
select d.region, d.round_id, d.dossier, d.primary_school, d.review_closes_at
  from overstap.dossier d
 where d.review_closes_at > overstap.clock()
   and (d.state = 'in_review' or d.state = 'inspected' and exists (
        select from overstap.entitled e where e.dossier = d.dossier and e.number = d.version and not exists (
            select from overstap.review_decision r where r.dossier = e.dossier and r.number = e.number
               and (r.person is null or r.person = e.person))));

-- Tells of the rounds in which nobody is waited for any more since some dossiers were decided on. Called when the line about it is
-- written, and so while the region's chain is held: of two last answers at the same moment the second finds the first. It ends at the
-- first dossier that waits, so for all answers of a round together it looks at a few dossiers for each. Granted to nobody.
create function overstap.tell_decided(ids uuid[]) returns void
    language plpgsql set search_path = overstap, pg_temp set plan_cache_mode = force_generic_plan as $$
declare of_round text;
begin
    for of_round in select distinct d.round_id from dossier d where d.dossier = any(ids) loop
        perform from awaiting_family w where w.round_id = of_round limit 1;
        if not found then
            perform tell_round(of_round);
        end if;
    end loop;
end $$;

-- Tells of rounds with a school for which nothing is open any more since some deliveries of a region were settled. Granted to nobody.
create function overstap.tell_settled_in(of_region text, ids uuid[]) returns void
    language plpgsql set search_path = overstap, pg_temp set plan_cache_mode = force_generic_plan as $$
declare done record;
begin
    for done in select distinct x.round_id, x.secondary_school from delivery x where x.message_id = any(ids) and x.region = of_region loop
        perform from delivery x join dossier d on d.dossier = x.dossier and d.version = x.number
            where x.round_id = done.round_id and x.secondary_school = done.secondary_school and x.state = 'sealed'
              and d.state in ('sealed', 'undelivered') limit 1;
        if not found then
            perform tell_round(done.round_id);
        end if;
    end loop;
end $$;
create function overstap.tell_settled(ids uuid[]) returns void
    language sql security definer set search_path = overstap, pg_temp as $$ select tell_settled_in(acting_region(), ids) $$;
