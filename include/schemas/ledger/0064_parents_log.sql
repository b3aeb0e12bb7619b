-- What a person may know about their child's dossier after all is said: who opened it, where it went (AVG art. 15), and a proof of
-- inspection of their own. The proof is signed with the region's key, which the pages do not hold: a person asks for it, the
-- school's page makes it with one click, and it lies here sealed with the key that only this person's code gives.

create table overstap.review_proof (
    region text not null references overstap.region,
    access uuid not null,
    dossier uuid not null,
    asked_at timestamptz not null default overstap.clock(),
    is_open boolean not null default true,      -- the school has yet to make it
    content bytea,                              -- the newest pack (ZIP), sealed for this person
    made_at timestamptz,
    made_by text,
    primary key (access, region),
    foreign key (access, region) references overstap.review_access,
    foreign key (dossier, region) references overstap.dossier,
    check ((content is null) = (made_at is null) and (made_at is null) = (made_by is null)),
    check (is_open or content is not null)
);
create index review_proof_open on overstap.review_proof (dossier) where is_open;
call overstap.keep_apart('review_proof');
grant select, update (is_open, content, made_at, made_by) on overstap.review_proof to overstap_region;

-- Never what another person did: that somebody looked, and when, is theirs to tell.
create function overstap.review_trail(session_token bytea) returns json
    language sql volatile security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
    select json_build_object(
        'opened', (select coalesce(json_agg(json_build_object('at', c.opened_at, 'where', c.purpose, 'number', c.number)
                                            order by c.opened_at desc), '[]')
                     from (select * from content_access a where a.dossier = t.dossier
                              and (a.person is null or a.person = t.person) order by a.opened_at desc limit 500) c),
        'sent', (select coalesce(json_agg(json_build_object(
                            'to', s.name, 'sealed', l.sealed_at, 'number', l.number,
                            'received', (select min(r.received_at) from receipt r where r.message_id = l.message_id
                                            and r.region = l.region and r.outcome = 'accepted'),
                            'imported', (select min(x.stated_at) from result x where x.message_id = l.message_id
                                            and x.region = l.region and x.outcome = 'imported')) order by l.sealed_at), '[]')
                   from delivery l join school s on s.region = l.region and s.school = l.secondary_school
                  where l.dossier = t.dossier and l.region = t.region),
        'proof', (select json_build_object('asked', p.asked_at, 'is_open', p.is_open, 'made', p.made_at)
                    from review_proof p where p.access = t.access and p.region = t.region))
      from review_stay(session_token) t
$$;

-- Asks for the proof; pressed twice it is asked once.
create function overstap.review_wish(session_token bytea, out asked timestamptz)
    language plpgsql security definer set search_path = overstap, pg_temp set timezone = 'UTC' as $$
declare stay record;
begin
    select * into stay from review_stay(session_token);
    if stay.access is null then
        return;
    end if;
    perform from review_access a where a.access = stay.access for update;
    select p.asked_at into asked from review_proof p where p.access = stay.access and p.is_open;
    if asked is not null then
        return;
    end if;
    call review_audit(stay.region, 'review.wish', stay.dossier || '/' || stay.number,
                      json_build_object('person', stay.person));
    insert into review_proof as p (region, access, dossier) values (stay.region, stay.access, stay.dossier)
        on conflict (access, region) do update set asked_at = overstap.clock(), is_open = true
    returning p.asked_at into asked;
end $$;

create function overstap.review_proof_of(session_token bytea) returns bytea
    language sql volatile security definer set search_path = overstap, pg_temp as $$
    select p.content from review_stay(session_token) t join review_proof p on p.access = t.access and p.region = t.region
$$;

revoke all on function overstap.review_trail, overstap.review_wish, overstap.review_proof_of from public;
grant execute on function overstap.review_trail, overstap.review_wish, overstap.review_proof_of to overstap_review;
