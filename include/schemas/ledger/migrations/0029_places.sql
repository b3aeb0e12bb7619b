-- Places of secondary schools and the results of draws (code/28_places.sql). Nothing of it is about one pupil.

create table overstap.offer (
    region text not null references overstap.region,
    school_year text not null,
    secondary_school text not null,
    location text not null check (length(location) between 1 and 80),
    kind text not null check (kind ~ '^[a-z][a-z_]{1,19}$'),    -- level of advice (include/schemas/oso/advice-order.yaml)
    places integer not null check (places between 0 and 9999),
    placed integer not null default 0 check (placed between 0 and 9999),
    stated_at timestamptz not null,             -- by the source
    source text not null check (source in ('page', 'file')),
    noted_by text not null,
    noted_at timestamptz not null default overstap.clock(),
    primary key (region, school_year, secondary_school, location, kind),
    foreign key (region, secondary_school) references overstap.school (region, school)
);

-- The result of a draw and who made it: rows are added, never changed. The newest of an offer counts.
create table overstap.draw (
    draw uuid not null default uuidv7(),
    region text not null references overstap.region,
    school_year text not null,
    secondary_school text not null,
    location text not null,
    kind text not null,
    drawn_on date not null,
    drawn integer not null check (drawn between 0 and 9999),
    not_drawn integer not null check (not_drawn between 0 and 9999),
    made_by text not null check (length(made_by) <= 120),       -- who drew, such as a notary; empty once it is erased
    noted_by text not null,
    noted_at timestamptz not null default overstap.clock(),
    primary key (draw, region),
    foreign key (region, school_year, secondary_school, location, kind) references overstap.offer
);
create index draw_of_offer on overstap.draw (region, school_year, secondary_school, location, kind, draw);
