-- How families were invited to see a dossier: who got a letter or an e-mail, and whom none could reach. No name and no address
-- stands here; a code neither, for a letter shows it once.

create table overstap.invitation (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,                    -- the version that lay open then
    person text not null,                       -- handle, as in overstap.entitled
    channel text not null check (channel in ('letter', 'email')),
    days_before integer not null default 0,     -- 0: the invitation; else the reminder of so many days before the end
    state text not null check (state in ('made', 'unreachable', 'bounced')),
    reason text,                                -- why not: secret, missing, no_code, or the status that the mail came back with
    made_by text not null,
    made_at timestamptz not null default overstap.clock(),
    primary key (dossier, number, person, channel, days_before),
    foreign key (dossier, number, region) references overstap.dossier_version,
    check ((state = 'made') = (reason is null))
);
call overstap.keep_apart('invitation');
grant select, insert (region, dossier, number, person, channel, days_before, state, reason, made_by),
    update (state, reason, made_by) on overstap.invitation to overstap_region;

-- A letter that is printed again has a new code; each printing is kept.
create table overstap.letter_print (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    person text not null,
    printed_by text not null,
    printed_at timestamptz not null default overstap.clock(),
    foreign key (dossier, number, region) references overstap.dossier_version
);
create index letter_print_by_dossier on overstap.letter_print (dossier);
call overstap.keep_apart('letter_print');
grant select, insert (region, dossier, number, person, printed_by) on overstap.letter_print to overstap_region;
