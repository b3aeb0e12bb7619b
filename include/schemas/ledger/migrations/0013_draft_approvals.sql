-- Who approved which version of a draft. What somebody wrote is approved by another: two who both wrote approve each other's.

create table overstap.agreement_draft_approval (
    draft uuid not null,
    region text not null references overstap.region,
    number integer not null,
    approved_by text not null check (length(approved_by) between 1 and 250),
    approved_at timestamptz not null default overstap.clock(),
    primary key (draft, number, approved_by),
    foreign key (draft, region) references overstap.agreement_draft
);
