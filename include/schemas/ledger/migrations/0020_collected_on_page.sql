-- Schools without a system collect on their page (code/24_collected_on_page.sql).

-- Whether a second factor was shown in this stay, here or at the identity provider: without it nothing is collected.
alter table overstap.school_stay add column has_shown boolean not null default false;

-- The region's key that an envelope is encrypted with until its school collects it; none: it is sealed for the school's certificate.
alter table overstap.delivery add column key_id text;

-- Each time that somebody of the receiving school collected a dossier.
create table overstap.page_collection (
    page_collection uuid not null default uuidv7(),
    region text not null references overstap.region,
    message_id uuid not null,
    account text not null,
    form text not null check (form in ('xml', 'pdf', 'both', 'sheet')),
    collected_at timestamptz not null default overstap.clock(),
    primary key (page_collection, region),
    foreign key (message_id, region) references overstap.delivery
);
create index page_collection_of_message on overstap.page_collection (message_id);

-- That a school has a dossier, by an account of the school: evidence of its own kind, beside receipts by certificate.
create table overstap.page_confirmation (
    message_id uuid not null,
    region text not null references overstap.region,
    account text not null,
    envelope_digest bytea not null check (length(envelope_digest) = 32),
    confirmed_at timestamptz not null default overstap.clock(),
    primary key (message_id, region),
    foreign key (message_id, region) references overstap.delivery
);

-- That a school removed a dossier that was taken back, by an account of the school instead of a signed answer.
alter table overstap.revocation add column answered_by text;
alter table overstap.revocation drop constraint revocation_check1;
alter table overstap.revocation add constraint revocation_is_answered
    check (state <> 'confirmed' or num_nonnulls(answer, answered_by) = 1);
