-- What a coordinator has at hand: a pupil by number, and notes about schools and pupils. The number comes as a keyed hash, which only
-- whoever has the region's key can make; a found pupil is told by the id of a dossier, an application or a roster entry.

-- How often an account may look a pupil up in an hour. Whoever tries numbers is stopped, and is seen in the audit chain.
create function overstap.most_searches() returns integer language sql immutable return 60;

-- The pupil of a dossier, an application (by the id of one of its states) or a roster entry; none once its content was erased.
-- Granted to nobody.
create function overstap.pupil_of(of_subject uuid) returns bytea
    language sql stable set search_path = overstap, pg_temp as $$
    select coalesce(
        (select d.pupil from dossier d where d.dossier = of_subject and d.region = acting_region() and d.erased_at is null),
        (select e.pupil from application_event e where e.application_event = of_subject and e.region = acting_region()),
        (select p.pupil from roster_pupil p where p.roster_pupil = of_subject and p.region = acting_region())) $$;

-- Looks a pupil up. Gives 'found' with the id under which the pupil is shown, 'unknown', or 'limit' when the account has looked up as
-- many as it may in an hour; each has its audit line, the last once in an hour.
create function overstap.find_pupil(of_hash bytea, out outcome text, out subject uuid)
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_region text := acting_region(); by_whom text := acting(); hour interval := interval '1 hour';
begin
    if not is_coordinator(null, by_whom) then
        raise exception 'no coordinator of the region' using errcode = 'insufficient_privilege';
    end if;
    if length(of_hash) is distinct from 32 then
        raise exception 'not a keyed hash' using errcode = 'check_violation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.search.' || of_region || '/' || by_whom, 0));
    delete from pupil_search s where s.region = of_region and s.searched_at < overstap.clock() - interval '1 day';
    if (select count(*) from pupil_search s where s.region = of_region and s.account = by_whom and s.outcome <> 'limit'
           and s.searched_at > overstap.clock() - hour) >= most_searches() then
        outcome := 'limit';
        if exists (select from pupil_search s where s.region = of_region and s.account = by_whom and s.outcome = 'limit'
                      and s.searched_at > overstap.clock() - hour) then
            return;
        end if;
        perform raise_alarm('mass_searching', of_region, encode(sha256(convert_to(by_whom, 'UTF8')), 'hex') || '/'
                            || date_trunc('hour', overstap.clock() at time zone 'UTC'), most_searches());
    else
        select x.id into subject from (
            select d.dossier as id, o.school_year, 1 as rank from dossier d join round o on o.round_id = d.round_id
             where d.region = of_region and d.pupil = of_hash
            union all
            select e.application_event, e.school_year, 2 from application_event e where e.region = of_region and e.pupil = of_hash
            union all
            select p.roster_pupil, p.school_year, 3 from roster_pupil p where p.region = of_region and p.pupil = of_hash) x
         order by x.school_year desc, x.rank, x.id limit 1;
        outcome := case when subject is null then 'unknown' else 'found' end;
    end if;
    insert into pupil_search (region, account, outcome) values (of_region, by_whom, outcome);
    perform append_decision('search.pupil', coalesce(subject::text, of_region), json_build_object('outcome', outcome));
end $$;

-- Whether an account is a coordinator of some round of a school year.
create function overstap.coordinates_year(of_year text, account text) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select exists (select from round r where r.region = acting_region() and r.school_year = of_year and is_coordinator(r.round_id, account)) $$;

-- Keeps a note about a school or school board, or about the pupil of a dossier, application or roster entry; false when it was kept
-- before (a form that was sent twice). Two hundred about one are kept: each stays, and its page reads and decrypts all.
create function overstap.keep_note(of_note uuid, of_year text, of_party text, of_subject uuid, of_key text, sealed bytea) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare about bytea := pupil_of(of_subject);
begin
    if not coordinates_year(of_year, acting()) then
        raise exception 'no coordinator of this school year' using errcode = 'insufficient_privilege';
    end if;
    if of_key is null or sealed is null or num_nonnulls(of_party, about) <> 1
       or of_party is not null and not exists (select from round r where r.region = acting_region() and r.school_year = of_year
                                                  and is_party(r.round_id, of_party)) then
        raise exception 'a note about nobody of this school year' using errcode = 'check_violation';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('overstap.note.' || acting_region() || '/' || coalesce(of_party, encode(about, 'hex')), 0));
    if not exists (select from board_note n where n.note = of_note and n.region = acting_region())
       and (select count(*) from board_note n where n.region = acting_region() and (n.pupil = about or n.party = of_party and n.school_year = of_year)) >= 200 then
        raise exception 'two hundred notes about one' using errcode = 'program_limit_exceeded';
    end if;
    insert into board_note (note, region, school_year, party, pupil, key_id, content, noted_by)
    values (of_note, acting_region(), of_year, of_party, about, of_key, sealed, acting()) on conflict do nothing;
    if not found then
        return false;
    end if;
    perform append_decision('note.keep', of_note::text, json_build_object('about', coalesce(of_party, of_subject::text), 'by', acting()));
    return true;
end $$;

-- Erases the words of a note; who noted it, and when, stays.
create function overstap.erase_note(of_note uuid) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_year text;
begin
    select n.school_year into of_year from board_note n
     where n.note = of_note and n.region = acting_region() and n.content is not null for update;
    if not found then
        return false;
    end if;
    if not coordinates_year(of_year, acting()) then
        raise exception 'no coordinator of this school year' using errcode = 'insufficient_privilege';
    end if;
    update board_note set key_id = null, content = null where note = of_note and region = acting_region();
    perform append_decision('note.erase', of_note::text, json_build_object('by', acting()));
    return true;
end $$;

-- Removes the notes about the pupils of some dossiers, unless another dossier of the pupil stays. Granted to nobody: retention calls it.
create function overstap.forget_notes_of(ids uuid[]) returns void
    language sql set search_path = overstap, pg_temp as $$
    delete from board_note n using dossier d
     where d.dossier = any(ids) and d.region = acting_region() and n.region = d.region and n.pupil = d.pupil
       and not exists (select from dossier x where x.pupil = d.pupil and x.region = d.region and not x.dossier = any(ids)
                          and x.erased_at is null) $$;

-- Erases the notes about a pupil on request (AVG art. 17), with a line for each: also of a pupil without a dossier, with whose content
-- notes would go. Gives how many; nothing when a round of their school years is held, or a dossier of the pupil.
create function overstap.erase_notes_asked(of_pupil bytea, why text) returns integer
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare of_region text := acting_region(); notes uuid[];
begin
    if of_region is null or length(of_pupil) is distinct from 32 or coalesce(why, '') = '' then
        raise exception 'erasure of notes needs a region, a keyed hash and a reason' using errcode = 'check_violation';
    end if;
    perform from board_note n where n.region = of_region and n.pupil = of_pupil order by n.note for update;
    if exists (select from board_note n join round r on r.region = n.region and r.school_year = n.school_year
                 join retention_hold h on h.round_id = r.round_id and h.lifted_at is null
                where n.region = of_region and n.pupil = of_pupil
                  and (h.dossier is null
                       or exists (select from dossier d where d.dossier = h.dossier and d.region = of_region and d.pupil = of_pupil))) then
        return null;
    end if;
    select array_agg(n.note order by n.note) into notes from board_note n where n.region = of_region and n.pupil = of_pupil;
    perform append_audit(of_region, acting(), 'note.forget', notes::text[],
                         array_fill(json_build_object('asked', true, 'reason', why)::text, array[coalesce(cardinality(notes), 0)]));
    delete from board_note n where n.region = of_region and n.note = any(notes);
    return coalesce(cardinality(notes), 0);
end $$;
