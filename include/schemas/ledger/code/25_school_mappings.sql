-- Mappings that schools make on their own pages. A version that was saved does not change; what a file is taken in by is the newest.

-- Saves a version that was made from version on_number (0: there was none); 'changed' when somebody of the school saved another meanwhile.
create function overstap.save_mapping(of_school text, on_number integer, by_key text, new_content bytea, new_fields text[],
                                      new_unread integer, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare newest integer;
begin
    perform from school s where s.region = acting_region() and s.school = of_school for update;
    if not found then
        raise exception 'a mapping is of a school of the region' using errcode = 'check_violation';
    end if;
    select coalesce(max(m.number), 0) into newest from school_mapping m where m.region = acting_region() and m.school = of_school;
    if newest <> on_number then
        return 'changed';
    end if;
    insert into school_mapping (region, school, number, key_id, content, fields, unread, saved_by)
    values (acting_region(), of_school, newest + 1, by_key, new_content, new_fields, new_unread, by_whom);
    perform append_decision('mapping.save', of_school || '/' || (newest + 1), json_build_object(
        'school', of_school, 'version', newest + 1, 'fields', new_fields, 'unread', new_unread, 'by', by_whom));
    return 'saved';
end $$;

-- Notes that a file was taken in by the newest version, and how many pupils were handed in and how many rows were not.
create function overstap.use_mapping(of_school text, of_round text, handed_in integer, refused integer, by_whom text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare newest integer;
begin
    select max(m.number) into newest from school_mapping m where m.region = acting_region() and m.school = of_school;
    if newest is null or not exists (select from round o where o.round_id = of_round and o.region = acting_region()) then
        return false;
    end if;
    update school_mapping m set used_at = overstap.clock()
     where m.region = acting_region() and m.school = of_school and m.number = newest;
    perform append_decision('mapping.use', of_school || '/' || newest, json_build_object(
        'school', of_school, 'version', newest, 'round', of_round, 'handed_in', handed_in, 'refused', refused, 'by', by_whom));
    return true;
end $$;

-- Erases the versions that nobody used since a round that is erased (12_retention.sql): names of columns and values go with the pupils
-- of whom they were. Granted to nobody.
create function overstap.erase_mappings(of_round text) returns integer
    language plpgsql set search_path = overstap, pg_temp as $$
declare gone integer;
begin
    delete from school_mapping m using round o
     where o.round_id = of_round and o.region = acting_region() and m.region = o.region
       and greatest(m.saved_at, m.used_at) <= o.closed_at
       and not exists (select from round r where r.region = o.region and r.closed_at is null
                          and r.opened_at <= greatest(m.saved_at, m.used_at));
    get diagnostics gone = row_count;
    return gone;
end $$;
