-- Dossiers that a school types in: begun, saved, handed in and taken up again by people of that school on its pages. Each function keeps
-- to the region whose role was taken on and to the school that the page says is signed in. What it answers is a word, since people
-- who work at the same moment are no fault.

-- A dossier of the school, which nobody else changes until the transaction ends; null when there is none. Granted to nobody.
create function overstap.hold_typed(of_typed uuid, of_school text) returns overstap.typed_dossier
    language sql volatile set search_path = overstap, pg_temp as $$
    select t.* from typed_dossier t
     where t.typed = of_typed and t.region = acting_region() and t.primary_school = of_school for update $$;

-- Whether something may be added to a dossier: it is a draft, and its round is open. What is typed after the close would outlive the
-- erasing of the round. Granted to nobody.
create function overstap.is_typed_on(known overstap.typed_dossier) returns boolean
    language sql stable set search_path = overstap, pg_temp as $$
    select coalesce(known.state = 'open' and exists (select from round o where o.round_id = known.round_id and o.region = known.region
                                                        and o.closed_at is null), false) $$;

-- Begins a draft in a round that is open; null when the round is closed or not of the region, or when the school has a thousand.
create function overstap.begin_typed(of_round text, of_school text, by_whom text) returns uuid
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare made uuid;
begin
    if not exists (select from round o where o.round_id = of_round and o.region = acting_region() and o.closed_at is null)
       or (select count(*) from typed_dossier t where t.round_id = of_round and t.region = acting_region()
              and t.primary_school = of_school and t.state <> 'dropped') >= 1000 then
        return null;
    end if;
    insert into typed_dossier (region, round_id, primary_school, made_by) values (acting_region(), of_round, of_school, by_whom)
    returning typed into made;
    return made;
end $$;

-- Adds a version of a step that was made from version on_number of it (0: there was none); 'changed' when another one was saved
-- meanwhile, 'settled' when the draft or its round is not open (any more), 'full' when the draft has five thousand versions, or forty
-- megabytes of them.
create function overstap.save_typed(of_typed uuid, of_school text, of_step text, on_number integer, by_key text, new_content bytea,
                                    by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school); newest integer;
begin
    if not is_typed_on(known) then
        return 'settled';
    end if;
    if octet_length(new_content) > 2000000
       or (select count(*) >= 5000 or coalesce(sum(octet_length(s.content)), 0) + octet_length(new_content) > 40000000
          from typed_step s where s.typed = of_typed and s.region = known.region) then
        return 'full';
    end if;
    select coalesce(max(s.number), 0) into newest from typed_step s
     where s.typed = of_typed and s.region = known.region and s.step = of_step;
    if newest <> on_number then
        return 'changed';
    end if;
    insert into typed_step (typed, region, step, number, key_id, content, changed_by)
    values (of_typed, known.region, of_step, on_number + 1, by_key, new_content, by_whom);
    update typed_dossier set version = version + 1 where typed = of_typed and region = known.region;
    return 'saved';
end $$;

-- How many bytes of attachments a school may have in a round, in all its drafts. Granted to nobody.
create function overstap.most_typed_bytes() returns bigint language sql immutable parallel safe return 4000000000;

-- Adds an attachment; 'full' when the draft has fifty or a hundred megabytes of them, or the school's drafts of the round have as many as
-- they may.
create function overstap.add_typed_file(of_typed uuid, of_school text, new_file uuid, by_key text, new_content bytea, by_whom text)
    returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school);
begin
    if not is_typed_on(known) then
        return 'settled';
    end if;
    if (select count(*) filter (where f.typed = of_typed) >= 50
               or coalesce(sum(octet_length(f.content)) filter (where f.typed = of_typed), 0) + octet_length(new_content) > 100000000
               or coalesce(sum(octet_length(f.content)), 0) + octet_length(new_content) > most_typed_bytes()
          from typed_file f join typed_dossier t using (typed, region)
         where t.round_id = known.round_id and t.primary_school = of_school and t.region = known.region) then
        return 'full';
    end if;
    insert into typed_file (file, region, typed, key_id, content, added_by)
    values (new_file, known.region, of_typed, by_key, new_content, by_whom);
    return 'saved';
end $$;

-- Hands a dossier in, as it was made of the version that somebody read; 'changed' when it is another one by now, 'double' when another
-- dossier of the same pupil was handed in: only the school knows which of two is right.
create function overstap.hand_in_typed(of_typed uuid, of_school text, on_version integer, by_key text, new_content bytea,
                                       of_pupil bytea, digest text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school);
begin
    if not is_typed_on(known) then
        return 'settled';
    end if;
    if known.version <> on_version then
        return 'changed';
    end if;
    begin
        update typed_dossier set state = 'handed_in', handed_in_by = by_whom, handed_in_at = overstap.clock(), key_id = by_key,
                                 content = new_content, pupil = of_pupil
         where typed = of_typed and region = known.region;
    exception when unique_violation then
        return 'double';
    end;
    perform append_decision('typed.hand_in', of_typed::text, json_build_object(
        'round', known.round_id, 'school', of_school, 'by', by_whom, 'version', on_version, 'content', digest));
    return 'handed_in';
end $$;

-- Takes a handed-in dossier up again, to correct it. What was handed in stays what the collection takes until it is handed in again.
create function overstap.reopen_typed(of_typed uuid, of_school text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school);
begin
    if known.typed is null or known.state <> 'handed_in' or known.content = '' or known.is_file
       or exists (select from round o where o.round_id = known.round_id and o.closed_at is not null) then
        return 'settled';
    end if;
    perform append_decision('typed.reopen', of_typed::text, json_build_object(
        'round', known.round_id, 'school', of_school, 'by', by_whom));
    update typed_dossier set state = 'open' where typed = of_typed and region = known.region;
    return 'open';
end $$;

-- Hands in a dossier that was uploaded as a file: a new one (on_version 0), or in the place of the file that was uploaded of this pupil
-- before. Its first step has the pupil's name alone, for lists. 'changed' when another file of the pupil came in meanwhile, 'double'
-- when the school typed this pupil in, 'settled' when the round is closed.
create function overstap.hand_in_file(of_round text, of_typed uuid, of_school text, on_version integer, by_key text, new_content bytea,
                                      step_key text, named bytea, of_pupil bytea, digest text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school);
begin
    if not exists (select from round o where o.round_id = of_round and o.region = acting_region() and o.closed_at is null)
       or (known.typed is null and (select count(*) from typed_dossier t where t.round_id = of_round and t.region = acting_region()
              and t.primary_school = of_school and t.state <> 'dropped') >= 1000) then
        return 'settled';
    end if;
    if exists (select from typed_dossier t where t.round_id = of_round and t.region = acting_region() and t.primary_school = of_school
                  and t.pupil = of_pupil and not t.is_file) then
        return 'double';
    end if;
    if (known.typed is null) <> (on_version = 0) or known.version <> on_version or known.pupil <> of_pupil
       or known.round_id <> of_round or not known.is_file then
        return 'changed';
    end if;
    begin
        insert into typed_dossier (typed, region, round_id, primary_school, made_by, is_file)
        select of_typed, acting_region(), of_round, of_school, by_whom, true where known.typed is null;
        update typed_dossier set state = 'handed_in', version = on_version + 1, handed_in_by = by_whom, handed_in_at = overstap.clock(),
                                 key_id = by_key, content = new_content, pupil = of_pupil
         where typed = of_typed and region = acting_region();
    exception when unique_violation then
        return 'changed';
    end;
    insert into typed_step (typed, region, step, number, key_id, content, changed_by)
    values (of_typed, acting_region(), 'leerling', on_version + 1, step_key, named, by_whom);
    perform append_decision('typed.hand_in', of_typed::text, json_build_object(
        'round', of_round, 'school', of_school, 'by', by_whom, 'version', on_version + 1, 'content', digest));
    return 'handed_in';
end $$;

-- Throws a draft away that was never handed in: what was typed is gone at once, that there was a draft stays.
create function overstap.drop_typed(of_typed uuid, of_school text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known typed_dossier := hold_typed(of_typed, of_school);
begin
    if known.typed is null or known.state <> 'open' or known.content is not null then
        return 'settled';
    end if;
    perform append_decision('typed.drop', of_typed::text, json_build_object(
        'round', known.round_id, 'school', of_school, 'by', by_whom));
    delete from typed_file where typed = of_typed and region = known.region;
    delete from typed_step where typed = of_typed and region = known.region;
    update typed_dossier set state = 'dropped' where typed = of_typed and region = known.region;
    return 'dropped';
end $$;

-- Erases what was typed of some dossiers (12_retention.sql). Granted to nobody.
create function overstap.erase_typed(wanted uuid[]) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer; more integer;
begin
    delete from typed_file where typed = any(wanted);
    get diagnostics gone = row_count;
    delete from typed_step where typed = any(wanted);
    get diagnostics more = row_count;
    gone := gone + more;
    update typed_dossier set content = '', pupil = null where typed = any(wanted) and content <> '';
    get diagnostics more = row_count;
    return gone + more;
end $$;
