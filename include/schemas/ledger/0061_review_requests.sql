-- What parents ask their school while a dossier lies open for them: a question, or a correction. It is a task for the school
-- with a due date, and the parents see what became of it. Words are encrypted, also the answer.

create table overstap.review_request (
    request uuid not null,
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,                    -- the version that it is about
    person text,                                -- who asks; none: the school wrote it down for the family
    kind text not null check (kind in ('question', 'correction')),
    key_id text not null,
    text bytea not null,                        -- bound to request/<request>
    asked_at timestamptz not null default overstap.clock(),
    due_at timestamptz not null,
    state text not null default 'open' check (state in ('open', 'answered', 'mended', 'refused')),
    answer_key_id text,
    answer bytea,                               -- bound to answer/<request>
    settled_by text,
    settled_at timestamptz,
    primary key (request, region),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check ((state = 'open') = (settled_at is null)),
    check (state not in ('answered', 'refused') or answer is not null)
);
create index review_request_by_dossier on overstap.review_request (dossier);
create index review_request_open on overstap.review_request (due_at) where state = 'open';

-- A request is settled once, and what was asked stays as it was asked.
create function overstap.keep_request() returns trigger language plpgsql as $$
begin
    if old.state <> 'open' then
        raise exception 'request % is settled', old.request using errcode = 'check_violation';
    end if;
    if new.state <> 'open' then
        new.settled_at := overstap.clock();
    end if;
    return new;
end $$;
create trigger keep_request before update on overstap.review_request
    for each row execute function overstap.keep_request();

call overstap.keep_apart('review_request');
grant select, insert (request, region, dossier, number, person, kind, key_id, text, due_at),
    update (state, answer_key_id, answer, settled_by) on overstap.review_request to overstap_region;

-- Who opened a dossier for a person to read: parents may know. No names of pupils or parents here.
create table overstap.content_access (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    purpose text not null check (purpose in ('parent_page', 'school_page', 'print', 'letter', 'proof_pack', 'command')),
    opened_by text not null,                    -- an account of a school or the region, or "parent" with `person`
    person text,                                -- handle of the parent or pupil
    opened_at timestamptz not null default overstap.clock(),
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index content_access_by_dossier on overstap.content_access (dossier, opened_at);
call overstap.keep_apart('content_access');
grant select, insert (region, dossier, number, purpose, opened_by, person) on overstap.content_access to overstap_region;
