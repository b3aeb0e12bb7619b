-- What could not be read of lists of test advices and of places, for the board: a row per cause of a file, or of the messages of a school.
create table overstap.refused_list_row (
    region text not null references overstap.region,
    school_year text not null,
    list text not null check (list in ('tests', 'places')),
    school text not null check (school ~ '^([A-Z0-9]{6})?$'),  -- whose messages; empty: files of the region
    file smallint not null check (file >= 0),                   -- which of the region's files, by name, from 1; 0: messages
    code text not null,                                         -- error code
    table_column text not null,                                 -- the column that is wrong; empty where the code names none
    count integer not null check (count > 0),
    lines integer[] not null check (cardinality(lines) <= 100 and 0 < all(lines)),  -- the first ones; none: the file as a whole
    facts jsonb not null,                                       -- names of columns and counts: nothing of what stands in the row
    seen_at timestamptz not null default overstap.clock(),
    primary key (region, school_year, list, school, file, code, table_column),
    check ((school = '') = (file > 0)),
    check (cardinality(lines) <= count)
);
