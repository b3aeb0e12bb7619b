-- What letters, lists, reports and judging need of a dossier version, kept when it is taken in, so that no dossier is
-- opened for them.

create table overstap.dossier_record (
    dossier uuid not null,
    number integer not null,
    region text not null references overstap.region,
    key_id text not null,
    record bytea not null,                      -- AES-256-GCM over compressed JSON; gone when the content is erased
    primary key (dossier, number, region),
    foreign key (dossier, number, region) references overstap.dossier_version
);
