-- Who looks after a dossier that nobody may receive. Without a row nobody does yet, and the list says so.

create table overstap.without_receiver (
    region text not null references overstap.region,
    dossier uuid not null,
    owner text not null,                        -- account or name of whoever took it
    taken_at timestamptz not null default overstap.clock(),
    primary key (dossier, region),
    foreign key (dossier, region) references overstap.dossier
);
call overstap.keep_apart('without_receiver');
grant select, insert (region, dossier, owner), update (owner, taken_at) on overstap.without_receiver to overstap_region;
