-- Which agreement holds for a round, and since when. A round starts with one (number 1); each later row is what a changed
-- file or a coordinator's form left of it, with what was asked, what was refused and why. Rows are added, never changed.

create table overstap.round_agreement (
    region text not null references overstap.region,
    round_id text not null references overstap.round check (starts_with(round_id, region || '.')),
    number integer not null check (number > 0),
    origin text not null check (origin in ('opened', 'file', 'form')),
    agreement jsonb not null,                   -- what holds from here on
    agreement_digest text not null,
    offered_digest text not null,               -- of what was offered: the file as it was, before anything was refused
    changes jsonb not null default '[]',        -- each key that differs, its verdict, and the reason of a refusal
    delivers_at timestamptz not null,           -- nothing leaves before it
    receiving text[] not null,                  -- the schools that may receive in this round
    taken_by text not null,                     -- account or task
    reason text not null default '' check (length(reason) <= 500),
    taken_at timestamptz not null default overstap.clock(),
    primary key (round_id, number)
);

-- What sealing and sending ask of every dossier stands on the round itself, so that they need not look for the newest row.
alter table overstap.round add column agreement_number integer not null default 0;
alter table overstap.round add column delivers_at timestamptz;
alter table overstap.round add column receiving text[] not null default '{}';

-- Definer's rights: nobody may change what holds for a round but by adding a row.
create function overstap.keep_agreement() returns trigger language plpgsql security definer
    set search_path = overstap, pg_temp as $$
begin
    update round set agreement_number = new.number, delivers_at = new.delivers_at, receiving = new.receiving
     where round_id = new.round_id and agreement_number = new.number - 1;
    if not found then
        raise exception 'agreement % of round % does not follow the one before it', new.number, new.round_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
revoke all on function overstap.keep_agreement from public;
create trigger keep_agreement after insert on overstap.round_agreement
    for each row execute function overstap.keep_agreement();

call overstap.keep_apart('round_agreement');
grant select, insert (region, round_id, number, origin, agreement, agreement_digest, offered_digest, changes, delivers_at,
                      receiving, taken_by, reason)
    on overstap.round_agreement to overstap_region;

-- Rounds that are there already started with the agreement that stands on them.
insert into overstap.round_agreement (region, round_id, number, origin, agreement, agreement_digest, offered_digest,
                                      delivers_at, receiving, taken_by, taken_at)
select region, round_id, 1, 'opened', agreement, agreement_digest, agreement_digest,
       (agreement -> 'rounds' -> kind -> 'milestones' ->> 'delivers')::timestamptz,
       array(select s ->> 'id' from jsonb_array_elements(agreement -> 'schools') s where s ->> 'kind' = 'VO'),
       'open_round', opened_at
  from overstap.round;

-- As in 0004, and: not before the moment that was agreed. Marking a wait in Airflow a success brings no delivery forward.
create or replace view overstap.may_leave with (security_invoker = true) as
select d.dossier, d.version as number, r.seen_on, r.agreed, r.key_id as view_key_id, r.view
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id and o.delivers_at <= overstap.clock()
  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
  join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
  join lateral (select seen_on, agreed, key_id, view from overstap.review_decision x
                 where x.dossier = d.dossier and x.number = d.version
                 order by recorded_at desc limit 1) r on true;

-- As in 0004, and: the receiver takes part in this round, and the statement is about this school's pupil. A pupil who
-- changed schools has two dossiers and one registration: the school that it names is the one that hands over. What a
-- secondary school tells back (feedback) goes to where the pupil came from.
create or replace view overstap.may_receive with (security_invoker = true) as
select d.dossier, case when o.kind = 'feedback' then a.primary_school else a.secondary_school end as secondary_school, a.stage
  from overstap.dossier d
  join overstap.round o on o.round_id = d.round_id
  join overstap.application a on a.region = o.region and a.school_year = o.school_year and a.pupil = d.pupil
 where a.withdrawn_at is null
   and case when o.kind = 'feedback' then a.secondary_school else a.primary_school end = d.primary_school
   and case when o.kind = 'feedback' then a.primary_school else a.secondary_school end = any(o.receiving);
