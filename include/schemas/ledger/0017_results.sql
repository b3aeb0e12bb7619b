-- What became of a dossier after its receipt, signed by the receiving school: imported or rejected, and for a placement round
-- whether the pupil was placed. Each statement is kept; per delivery and kind the one stated last counts.

create table overstap.result (
    region text not null references overstap.region,
    message_id uuid not null,
    kind text not null check (kind in ('import', 'placement')),
    outcome text not null check (outcome in ('imported', 'rejected', 'placed', 'not_placed', 'not_shown_up')),
    reason text check ((outcome = 'rejected') = (reason is not null)),
    stated_at timestamptz not null,             -- by the school's clock
    digest bytea not null check (length(digest) = 32),
    content bytea not null,                     -- CMS SignedData of the receiving school
    received_at timestamptz not null default clock_timestamp(),
    primary key (message_id, digest),
    foreign key (message_id, region) references overstap.delivery (message_id, region)
);

create index result_by_digest on overstap.result (digest);

call overstap.keep_apart('result');
grant select, insert (region, message_id, kind, outcome, reason, stated_at, digest, content)
    on overstap.result to overstap_region;

create view overstap.current_result with (security_invoker = true) as
select distinct on (message_id, kind) region, message_id, kind, outcome, reason, stated_at, received_at
  from overstap.result
 order by message_id, kind, stated_at desc, received_at desc;

grant select on overstap.current_result to overstap_region;
