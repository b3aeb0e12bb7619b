-- A secondary school from outside the region collects named dossiers of one round on the schools' pages (code/23_guest_schools.sql).

alter table overstap.guest_school add column kind text not null default 'PO' check (kind in ('PO', 'VO'));

-- Which dossiers a coordinator gave to a secondary school from outside: may_receive asks this beside the registrations.
create table overstap.guest_dossier (
    guest uuid not null,
    region text not null references overstap.region,
    dossier uuid not null,
    school text not null,
    since timestamptz not null default overstap.clock(),
    ended_at timestamptz,                       -- the school's part ended: it receives this no longer
    primary key (guest, region, dossier),
    foreign key (guest, region) references overstap.guest_school,
    foreign key (dossier, region) references overstap.dossier (dossier, region)
);
create index guest_dossier_by_dossier on overstap.guest_dossier (dossier);
