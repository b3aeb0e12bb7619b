-- Until when certificates hold, as a task saw it that has the folder: the process that serves pages has not, on purpose.
-- Names of schools and authorities alone, of no region: one store serves all.
create table overstap.certificate (
    holder text primary key,                    -- such as "98XA00 signing-2"
    holds_until timestamptz not null,
    seen_at timestamptz not null default clock_timestamp()
);
grant select, delete, insert (holder, holds_until) on overstap.certificate to overstap_app;
