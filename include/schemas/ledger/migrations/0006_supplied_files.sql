-- What a school supplied at the last look, so that a file that has not changed is known by its content and not read again.

create table overstap.supplied_file (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    primary_school text not null,
    supplied bytea not null check (octet_length(supplied) = 32),    -- keyed hash of the content and of how it is read
    dossier uuid,                               -- the version that it became
    number integer,
    code text,                                  -- or the error code with which it was refused
    facts jsonb,
    primary key (round_id, primary_school, supplied),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check ((dossier is null) = (number is null) and (dossier is null) = (code is not null)
           and (code is null) = (facts is null))
);
create index supplied_file_by_version on overstap.supplied_file (dossier, number);
