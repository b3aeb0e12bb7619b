-- A guest school is told when what it is asked for changes after its account was made, and a school withdraws what it
-- asked (code/23_guest_schools.sql).

alter table overstap.guest_school add column told_changes integer not null default 0;  -- up to which change it knows
update overstap.guest_school set told_changes = changes;
