-- The review window as the database keeps it. A decision counts by the clock at the moment of its row, taken while the
-- dossier is held: it is in time and recorded, or it is not recorded at all. Whoever writes one (a school's list, a page for
-- parents) finds in what comes back which rows were taken.

create table overstap.review_ground (
    ground text primary key,                    -- on what ground an inspection is recorded
    dutch text not null
);
insert into overstap.review_ground values
    ('school_list',   'lijst van de school'),
    ('school_single', 'door de school vastgelegd'),
    ('paper_list',    'papieren lijst met handtekeningen'),
    ('meeting',       'gesprek op school'),
    ('paper_view',    'zienswijze op papier'),
    ('attested',      'verklaring van de school na afloop van de termijn'),
    ('parent_page',   'oudersite'),
    ('carried',       'eerdere inzage; sindsdien veranderde niets van belang');
grant select on overstap.review_ground to overstap_region;

alter table overstap.review_decision
    drop constraint if exists review_decision_ground_check,
    add foreign key (ground) references overstap.review_ground,
    add column if not exists person text,                     -- handle of whose decision it is; none: the school recorded it for the family
    add column consent text check (consent in ('Ja', 'Nee', 'Onbekend')),       -- code list 37, VO-VO only
    add column note_key_id text,
    add column note bytea,                      -- why the school attests it, or a remark that does not travel; encrypted
    add check (ground <> 'attested' or note is not null);
grant insert (person, consent, note_key_id, note) on overstap.review_decision to overstap_region;

-- What the agreement says about the end of the window, read once: the agreement itself is too large to open for each dossier.
alter table overstap.round
    add column not_inspected text generated always as
        (coalesce(agreement -> 'rounds' -> kind ->> 'not_inspected', 'withhold')) stored,
    add column consent text generated always as (coalesce(agreement -> 'rounds' -> kind ->> 'consent', 'not_asked')) stored;

alter table overstap.dossier add column review_opens_at timestamptz;    -- no decision counts before; none: at its release
grant update (review_opens_at) on overstap.dossier to overstap_region;

insert into overstap.transition values
    ('extend', 'not_inspected', 'in_review'),
    ('attest', 'not_inspected', 'inspected');

create function overstap.keep_window() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
declare held record;
begin
    select d.state, d.version, d.review_opens_at, d.review_closes_at,
           r.not_inspected = 'attest' and coalesce(
               (select w.choice <> 'hold' from window_decision w join gate_decision g using (gate_decision)
                 where w.round_id = d.round_id and w.school = d.primary_school
                 order by g.decided_at desc limit 1), true) as may_attest into held
      from dossier d join round r on r.round_id = d.round_id
     where d.dossier = new.dossier and d.region = new.region for update of d;
    if not found then
        raise exception 'no such dossier in %', new.region using errcode = 'foreign_key_violation';
    end if;
    new.recorded_at := overstap.clock();
    if held.version is distinct from new.number then
        return null;
    end if;
    if new.ground = 'attested' then
        return case when held.may_attest and held.state in ('in_review', 'not_inspected')
                     and held.review_closes_at <= new.recorded_at then new end;
    end if;
    return case when held.state in ('in_review', 'inspected', 'no_receiver')
                 and (new.ground = 'carried' or coalesce(held.review_opens_at <= new.recorded_at, true))
                 and held.review_closes_at > new.recorded_at then new end;
end $$;
revoke all on function overstap.keep_window from public;
create trigger keep_window before insert on overstap.review_decision
    for each row execute function overstap.keep_window();

create function overstap.mark_inspected() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    update dossier d set state = 'inspected' from new_rows n
     where d.dossier = n.dossier and d.region = n.region and d.state in ('in_review', 'not_inspected');
    return null;
end $$;
revoke all on function overstap.mark_inspected from public;
create trigger mark_inspected after insert on overstap.review_decision
    referencing new table as new_rows for each statement execute function overstap.mark_inspected();

-- What the coordinator decided about those who had not looked when the window closed, per school: hold them, give their
-- families longer, or let the school attest. Who decided it, when and why is in gate_decision.
do $$ begin
    if not exists (select from pg_constraint where conname = 'gate_decision_gate_check'
                     and pg_get_constraintdef(oid) like '%not_inspected%') then
        alter table overstap.gate_decision drop constraint gate_decision_gate_check;
        alter table overstap.gate_decision add constraint gate_decision_gate_check
            check (gate in ('release_for_review', 'not_inspected'));
    end if;
end $$;
create table overstap.window_decision (
    gate_decision uuid not null,
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    school text not null,
    choice text not null check (choice in ('hold', 'extend', 'attest')),
    closes_at timestamptz check ((closes_at is not null) = (choice = 'extend')),
    dossiers integer not null,                  -- of how many dossiers it was
    primary key (gate_decision, school),
    foreign key (gate_decision, region) references overstap.gate_decision,
    foreign key (region, school) references overstap.school (region, school)
);
create index window_decision_by_school on overstap.window_decision (round_id, school);
call overstap.keep_apart('window_decision');
grant select, insert on overstap.window_decision to overstap_region;

-- Whose right it is to see a dossier, by an opaque handle: who was invited is waited for until the window closes.
create table overstap.entitled (
    region text not null references overstap.region,
    dossier uuid not null,
    number integer not null,
    person text not null,
    kind text not null check (kind in ('carer', 'pupil')),
    added_at timestamptz not null default overstap.clock(),
    primary key (dossier, number, person),
    foreign key (dossier, number, region) references overstap.dossier_version
);
call overstap.keep_apart('entitled');
grant select, insert (region, dossier, number, person, kind) on overstap.entitled to overstap_region;

-- What may leave, as before; and now of two parents the newest word of each counts, what one objects the other cannot take
-- back, and nobody who may still answer is passed over. A region that asks for consent between secondary schools, and
-- requires it, sends nothing without.
drop view overstap.may_leave;
create view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.consent, r.view_key_ids, r.views
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.delivers_at <= overstap.clock()
  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
  join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
  join lateral (
       select max(seen_on) as seen_on,
              case when bool_or(agreed = 'Nee') then 'Nee' when bool_or(agreed = 'Ja') then 'Ja' else 'Onbekend' end as agreed,
              case when bool_or(consent = 'Nee') then 'Nee' when bool_or(consent = 'Ja') then 'Ja'
                   when bool_or(consent is not null) then 'Onbekend' end as consent,
              coalesce(array_agg(key_id order by recorded_at, review_decision) filter (where view is not null), '{}')
                  as view_key_ids,
              coalesce(array_agg(view order by recorded_at, review_decision) filter (where view is not null), '{}')
                  as views,
              count(*) as decisions, bool_or(person is null) as for_the_family
         from (select distinct on (person) x.* from overstap.review_decision x
                where x.dossier = d.dossier and x.number = d.version
                order by person, recorded_at desc, review_decision desc) newest) r on r.decisions > 0
 where (d.review_closes_at <= overstap.clock() or r.for_the_family
        or not exists (select from overstap.entitled e
                        where e.dossier = d.dossier and e.number = d.version
                          and not exists (select from overstap.review_decision x
                                           where x.dossier = e.dossier and x.number = e.number and x.person = e.person)))
   and (o.consent <> 'required' or r.consent = 'Ja');
grant select on overstap.may_leave to overstap_region;
