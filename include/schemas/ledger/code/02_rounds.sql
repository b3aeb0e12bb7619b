-- What holds for a round changes by adding a row to round_agreement, and in no other way.

create function overstap.keep_agreement() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    update round set agreement_number = new.number, delivers_at = new.delivers_at, receiving = new.receiving
     where round_id = new.round_id and agreement_number = new.number - 1;
    if not found then
        raise exception 'agreement % of round % does not follow the one before it', new.number, new.round_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create trigger keep_agreement after insert on overstap.round_agreement
    for each row execute function overstap.keep_agreement();
