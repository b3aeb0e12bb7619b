-- Towards a partnership (samenwerkingsverband) a dossier goes without inspection by parents and without the pupil's number. A
-- released dossier of such a round is ready at once: state 'inspected', which here says that no inspection is waited for.

alter table overstap.round add column inspects boolean generated always as (kind <> 'support') stored;

insert into overstap.transition values ('clear', 'accepted', 'inspected');

-- The table above cannot tell rounds apart: nobody skips the inspection in a round that has one.
create function overstap.keep_inspection() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    if exists (select from old_rows o join new_rows n using (dossier) join round r on r.round_id = n.round_id
                where o.state = 'accepted' and n.state = 'inspected' and r.inspects) then
        raise exception 'transition not allowed: accepted -> inspected' using errcode = 'check_violation';
    end if;
    return null;
end $$;
revoke all on function overstap.keep_inspection from public;
create trigger keep_inspection after update on overstap.dossier
    referencing old table as old_rows new table as new_rows
    for each statement execute function overstap.keep_inspection();

-- What may leave such a round, and who receives of it, is in the views of 0080.
