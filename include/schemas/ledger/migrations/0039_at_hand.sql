-- What a coordinator has at hand (code/32_at_hand.sql): look-ups of a pupil by number, of which only who and when is kept, and notes.

create table overstap.pupil_search (
    pupil_search uuid not null default uuidv7(),
    region text not null references overstap.region,
    account text not null check (account <> ''),
    outcome text not null check (outcome in ('found', 'unknown', 'limit')),
    searched_at timestamptz not null default overstap.clock(),
    primary key (pupil_search, region)
);
create index pupil_search_of_account on overstap.pupil_search (region, account, searched_at);

-- About a school or school board of a school year, or about a pupil of it.
create table overstap.board_note (
    note uuid not null,
    region text not null references overstap.region,
    school_year text not null,
    party text check (length(party) between 1 and 250),
    pupil bytea check (length(pupil) = 32),
    key_id text,
    content bytea check (octet_length(content) between 1 and 20000),    -- encrypted with the key for contact with schools
    noted_by text not null check (noted_by <> ''),
    noted_at timestamptz not null default overstap.clock(),
    primary key (note, region),
    check (num_nonnulls(party, pupil) = 1),
    check ((key_id is null) = (content is null))                        -- none: erased
);
create index board_note_of_party on overstap.board_note (region, school_year, party) where party is not null;
create index board_note_of_pupil on overstap.board_note (region, pupil) where pupil is not null;
