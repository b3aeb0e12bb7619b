-- Drafts of agreements that coordinators make on the board. The file stays what holds: an approved draft becomes the file.

create table overstap.agreement_draft (
    draft uuid not null default uuidv7(),
    region text not null references overstap.region,
    school_year text not null check (school_year ~ '^20[0-9]{2}-20[0-9]{2}$'),
    state text not null default 'open' check (state in ('open', 'approved', 'applied', 'refused', 'dropped')),
    version integer not null default 1,         -- the newest version
    -- The file that it was made from, with its list of schools: what both sides changed since is told by it.
    base_digest text,                           -- SHA-256; none: there was no file
    base_text text not null default '' check (octet_length(base_text) <= 200000),
    base_schools text check (octet_length(base_schools) <= 500000),
    made_by text not null,
    made_at timestamptz not null default overstap.clock(),
    approved_by text,
    approved_at timestamptz,
    settled_at timestamptz,
    problem text,                               -- why it was refused: a key of a sentence
    primary key (draft, region),
    check ((approved_by is null) = (approved_at is null)),
    check (state not in ('approved', 'applied', 'refused') or approved_by is not null)
);
create index agreement_draft_of_region on overstap.agreement_draft (region, made_at);
create index agreement_draft_approved on overstap.agreement_draft (approved_at) where state = 'approved';

-- Each text that was saved. Rows are added, never changed: nothing that somebody wrote is lost.
create table overstap.agreement_draft_version (
    draft uuid not null,
    region text not null references overstap.region,
    number integer not null check (number > 0),
    content text not null check (octet_length(content) <= 200000),
    schools text check (octet_length(schools) <= 500000),       -- none: they are in the agreement file itself
    changed_by text not null check (length(changed_by) between 1 and 250),
    changed_at timestamptz not null default overstap.clock(),
    primary key (draft, number),
    foreign key (draft, region) references overstap.agreement_draft
);
