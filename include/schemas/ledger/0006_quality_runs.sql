-- How each school stood whenever its region was judged, in counts, for the trend on the quality page. No pupil anywhere, so
-- nothing is encrypted. A run that changes nothing for a school has no row: its last row still says how it stands.

create table overstap.quality_run (
    region text not null references overstap.region,
    round_id text not null references overstap.round,
    school text not null,
    made_at timestamptz not null,
    supplied integer not null check (supplied >= 0),
    accepted integer not null check (accepted between 0 and supplied),
    rejected integer not null check (rejected between 0 and supplied - accepted),
    refused integer not null check (refused >= 0),  -- files that could not become a dossier
    found jsonb not null,                           -- rule or error code: in how many dossiers or files
    primary key (round_id, school, made_at),
    foreign key (region, school) references overstap.school (region, school)
);

call overstap.keep_apart('quality_run');
grant select, insert on overstap.quality_run to overstap_region;
