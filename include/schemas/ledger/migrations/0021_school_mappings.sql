-- Mappings that schools make on their own pages: which column of their system's export is which field (code/25_school_mappings.sql).

-- Each version that a school saved. Rows are added; of a version only when it was used last changes.
create table overstap.school_mapping (
    region text not null references overstap.region,
    school text not null,
    number integer not null check (number > 0),
    key_id text not null,
    content bytea not null check (octet_length(content) between 1 and 1000000),    -- encrypted: names of columns and values are the school's
    fields text[] not null check (cardinality(fields) between 1 and 500),           -- fields that are read, of the data set: shown to the region
    unread integer not null check (unread >= 0),                                    -- columns that are not read
    saved_by text not null check (length(saved_by) between 1 and 250),
    saved_at timestamptz not null default overstap.clock(),
    used_at timestamptz not null default overstap.clock(),                          -- when a file was last taken in by it
    primary key (region, school, number),
    foreign key (region, school) references overstap.school (region, school)
);
