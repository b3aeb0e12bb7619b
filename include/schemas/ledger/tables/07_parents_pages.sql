-- What parents see, and by which code. What the rows hold is sealed with keys that come from the code and the birth date
-- (overstap.review.code_keys), so that the pages need no key of a region, and a copy of this database opens nothing.

-- A version as it was put before parents: it does not change any more. A later version is another row.
create table overstap.review_frozen (
    frozen uuid not null default uuidv7(),
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    digest bytea not null check (length(digest) = 32),  -- of all but the inspection block; checked again when sealing
    frozen_at timestamptz not null default overstap.clock(),
    primary key (frozen, region),
    unique (dossier, number),
    foreign key (dossier, number, region) references overstap.dossier_version
);

-- An attachment as it can be shown. Its key stands in the copies of those who may see it, and nowhere else.
create table overstap.review_attachment (
    attachment uuid primary key,
    region text not null references overstap.region,
    frozen uuid not null,
    content bytea not null,
    foreign key (frozen, region) references overstap.review_frozen
);
create index review_attachment_by_frozen on overstap.review_attachment (frozen);

-- A code that was given to one person for one dossier.
create table overstap.review_access (
    access uuid not null,
    region text not null references overstap.region,
    dossier uuid not null,
    person text not null,                       -- handle of a person within the dossier
    finds bytea not null unique check (length(finds) = 32),    -- SHA-256 of a token made of the code
    proves bytea not null check (length(proves) = 32),         -- SHA-256 of a token made of code and birth date
    held_key_id text not null,
    held bytea not null,                        -- the key of the copy, for the region: a later version keeps the code
    frozen uuid not null,
    showing bytea not null,                     -- this person's own copy, sealed with a key made of code and birth date
    opens_at timestamptz not null,
    issued_at timestamptz not null default overstap.clock(),
    issued_by text not null,
    ended_at timestamptz,                       -- another code took its place
    primary key (access, region),
    foreign key (dossier, region) references overstap.dossier,
    foreign key (frozen, region) references overstap.review_frozen
);
create unique index review_access_in_use on overstap.review_access (dossier, person) where ended_at is null;

-- One session on the pages. Not under a region: nobody but functions reads it (code/07_parents_pages.sql).
create table overstap.review_session (
    finds bytea primary key check (length(finds) = 32),        -- SHA-256 of a token made of the cookie
    access uuid not null,
    held bytea not null,                        -- the key of the copy, sealed with a key made of the cookie
    began_at timestamptz not null default clock_timestamp(),
    used_at timestamptz not null default clock_timestamp()
);
create index review_session_by_access on overstap.review_session (access);

-- Which decision came of which press on the button: pressed twice, or sent again after a fault, it counts once.
create table overstap.review_answer (
    region text not null references overstap.region,
    access uuid not null,
    once uuid not null,
    review_decision uuid not null references overstap.review_decision,
    primary key (access, once),
    foreign key (access, region) references overstap.review_access
);

-- Attempts that failed, by quarter of an hour. Who tried is a keyed hash; the key is of this database alone.
create table overstap.review_attempt (
    kind text not null check (kind in ('code', 'address', 'all')),
    subject bytea not null,
    quarter timestamptz not null,
    failed integer not null,
    primary key (kind, subject, quarter)
);
create table overstap.review_salt (salt bytea not null);
insert into overstap.review_salt (salt)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

-- A person's own proof of inspection. It is signed with the region's key, which the pages do not hold: a person asks for it, the
-- school's page makes it with one click, and it lies here sealed with the key that only this person's code gives.
create table overstap.review_proof (
    region text not null references overstap.region,
    access uuid not null,
    dossier uuid not null,
    asked_at timestamptz not null default overstap.clock(),
    is_open boolean not null default true,      -- the school has yet to make it
    content bytea,                              -- the newest pack (ZIP), sealed for this person
    made_at timestamptz,
    made_by text,
    primary key (access, region),
    foreign key (access, region) references overstap.review_access,
    foreign key (dossier, region) references overstap.dossier,
    check ((content is null) = (made_at is null) and (made_at is null) = (made_by is null)),
    check (is_open or content is not null)
);
create index review_proof_open on overstap.review_proof (dossier) where is_open;
