-- What a school that collects on its page says later of a dossier, by its account: beside the signed results (code/24_collected_on_page.sql).

create table overstap.page_result (
    page_result uuid not null default uuidv7(),
    region text not null references overstap.region,
    message_id uuid not null,
    kind text not null check (kind in ('import', 'placement')),
    outcome text not null check (outcome in ('imported', 'placed', 'not_placed', 'not_shown_up')),
    account text not null,
    stated_at timestamptz not null default overstap.clock(),
    primary key (page_result, region),
    foreign key (message_id, region) references overstap.delivery
);
create index page_result_of_message on overstap.page_result (message_id);
