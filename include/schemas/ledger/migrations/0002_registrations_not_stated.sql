-- A registration that no source states any more waits for a coordinator's answer where many are gone at once; and rows that could
-- not be read are kept by their line, for the board and for who supplied them.

alter table overstap.application add column unstated_at timestamptz;  -- since when no source states it, and nobody decided

create table overstap.refused_registration (
    region text not null references overstap.region,
    school_year text not null,
    source text not null check (source in ('file', 'database')),
    line integer not null check (line > 0),     -- of the file, or the position in the database's answer
    code text not null,                         -- error code
    facts jsonb not null,                       -- names of columns and counts: nothing of what stands in the row
    seen_at timestamptz not null default overstap.clock(),
    primary key (region, school_year, source, line)
);
