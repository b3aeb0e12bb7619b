-- Dossiers that a school uploads on its pages as an OSO file stand beside those that it types in (code/21_typed_dossiers.sql).

alter table overstap.typed_dossier add column is_file boolean not null default false;  -- uploaded as a file: nothing in it is typed
