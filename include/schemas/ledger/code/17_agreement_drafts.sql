-- Drafts of agreements: begun, saved and approved by people on the board; written to the file by a task. Each function keeps to the
-- region whose role was taken on, and writes its audit line in the same statement. What it answers is a word, since people
-- who work at the same moment are no fault.

-- SHA-256 of a version: of the text and the list of schools.
create function overstap.draft_digest(content text, schools text) returns text
    language sql immutable parallel safe set search_path = overstap, pg_temp as $$
    select encode(sha256(convert_to(content || chr(10) || coalesce(schools, ''), 'UTF8')), 'hex') $$;

create function overstap.begin_draft(of_year text, new_content text, new_schools text, digest_of_file text, content_of_file text,
                                     schools_of_file text, by_whom text) returns uuid
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare made uuid;
begin
    if (select count(*) from agreement_draft d where d.region = acting_region() and d.state = 'open') >= 20 then
        return null;
    end if;
    insert into agreement_draft (region, school_year, base_digest, base_text, base_schools, made_by)
    values (acting_region(), of_year, digest_of_file, coalesce(content_of_file, ''), schools_of_file, by_whom)
    returning draft into made;
    insert into agreement_draft_version (draft, region, number, content, schools, changed_by)
    values (made, acting_region(), 1, new_content, new_schools, by_whom);
    perform append_decision('agreement.draft', of_year, json_build_object(
        'draft', made, 'by', by_whom, 'file', digest_of_file, 'digest', draft_digest(new_content, new_schools)));
    return made;
end $$;

-- An open draft, which nobody else changes until the transaction ends; null when it is not open (any more). Granted to nobody.
create function overstap.hold_draft(of_draft uuid) returns overstap.agreement_draft
    language sql volatile set search_path = overstap, pg_temp as $$
    select d.* from agreement_draft d
     where d.draft = of_draft and d.region = acting_region() and d.state = 'open' for update $$;

-- Adds a version that was made from a version; 'changed' when another one was saved meanwhile, 'settled' when the draft is not open.
create function overstap.save_draft(of_draft uuid, on_version integer, new_content text, new_schools text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known agreement_draft;
begin
    known := hold_draft(of_draft);
    if known.draft is null then
        return 'settled';
    end if;
    if known.version <> on_version then
        return 'changed';
    end if;
    insert into agreement_draft_version (draft, region, number, content, schools, changed_by)
    values (of_draft, acting_region(), on_version + 1, new_content, new_schools, by_whom);
    update agreement_draft set version = on_version + 1 where draft = of_draft and region = acting_region();
    perform append_decision('agreement.draft_save', known.school_year, json_build_object(
        'draft', of_draft, 'version', on_version + 1, 'by', by_whom, 'digest', draft_digest(new_content, new_schools)));
    return 'saved';
end $$;

-- The same, for a draft whose file was changed beside it: from here on it is compared with the file as it is now.
create function overstap.rebase_draft(of_draft uuid, on_version integer, new_content text, new_schools text, digest_of_file text,
                                      content_of_file text, schools_of_file text, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare answer text := save_draft(of_draft, on_version, new_content, new_schools, by_whom);
begin
    if answer = 'saved' then
        update agreement_draft set base_digest = digest_of_file, base_text = coalesce(content_of_file, ''),
                                   base_schools = schools_of_file
         where draft = of_draft and region = acting_region();
    end if;
    return answer;
end $$;

-- Who wrote something of a draft, in lower case. Whoever only began it, with the file as it was, wrote nothing. Granted to nobody.
create function overstap.draft_writers(of_draft uuid) returns setof text
    language sql stable set search_path = overstap, pg_temp as $$
    select distinct lower(v.changed_by) from agreement_draft_version v
      join agreement_draft d on d.draft = v.draft and d.region = v.region
     where v.draft = of_draft and v.region = acting_region()
       and not (v.number = 1 and d.base_digest is not null and v.content = d.base_text
                and v.schools is not distinct from d.base_schools) $$;

-- Approves the version that somebody read. What a person wrote needs another's approval: whoever wrote nothing approves it alone; of two
-- who wrote, each approves for the other. 'agreed': another approval of this version is still needed; 'changed' when it is another one
-- by now; 'own' when that person alone wrote it. `of_agreement` is the digest of the agreement that it means.
create function overstap.approve_draft(of_draft uuid, on_version integer, by_whom text, of_agreement text default null) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known agreement_draft;
begin
    known := hold_draft(of_draft);
    if known.draft is null then
        return 'settled';
    end if;
    if known.version <> on_version then
        return 'changed';
    end if;
    if not exists (select from draft_writers(of_draft) w where w <> lower(by_whom)) then
        return 'own';
    end if;
    insert into agreement_draft_approval (draft, region, number, approved_by)
    values (of_draft, acting_region(), on_version, lower(by_whom)) on conflict do nothing;
    if exists (select from draft_writers(of_draft) w
                where not exists (select from agreement_draft_approval p
                                   where p.draft = of_draft and p.region = acting_region() and p.number = on_version
                                     and p.approved_by <> w)) then
        perform append_decision('agreement.draft_agree', known.school_year, json_build_object(
            'draft', of_draft, 'version', on_version, 'by', by_whom));
        return 'agreed';
    end if;
    perform append_decision('agreement.draft_approve', known.school_year, (
        select json_build_object('draft', of_draft, 'version', on_version, 'by', by_whom, 'file', known.base_digest,
                                 'digest', draft_digest(v.content, v.schools),
                                 'written_by', (select json_agg(distinct w.changed_by) from agreement_draft_version w
                                                 where w.draft = of_draft and w.region = acting_region()),
                                 'approved_by', (select json_agg(p.approved_by order by p.approved_at)
                                                   from agreement_draft_approval p where p.draft = of_draft
                                                    and p.region = acting_region() and p.number = on_version))
          from agreement_draft_version v where v.draft = of_draft and v.region = acting_region() and v.number = on_version));
    update agreement_draft set state = 'approved', approved_by = by_whom, approved_at = overstap.clock(), agreed_digest = of_agreement
     where draft = of_draft and region = acting_region();
    return 'approved';
end $$;

-- Puts a draft aside; its versions stay.
create function overstap.drop_draft(of_draft uuid, by_whom text) returns text
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known record;
begin
    update agreement_draft set state = 'dropped', settled_at = overstap.clock()
     where draft = of_draft and region = acting_region() and state = 'open' returning * into known;
    if known.draft is null then
        return 'settled';
    end if;
    perform append_decision('agreement.draft_drop', known.school_year, json_build_object(
        'draft', of_draft, 'version', known.version, 'by', by_whom));
    return 'dropped';
end $$;

-- Announces that an approved draft is going to be the file; false when it is not approved (any more).
create function overstap.announce_draft(of_draft uuid, digest_of_file text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known record;
begin
    select d.* into known from agreement_draft d
     where d.draft = of_draft and d.region = acting_region() and d.state = 'approved' for update;
    if known.draft is null then
        return false;
    end if;
    perform append_decision('agreement.draft_write', known.school_year, json_build_object(
        'draft', of_draft, 'version', known.version, 'file', digest_of_file));
    return true;
end $$;

-- Says what became of an approved draft: 'applied', or 'refused' with the reason.
create function overstap.settle_draft(of_draft uuid, outcome text, why text) returns boolean
    language plpgsql security definer set search_path = overstap, pg_temp as $$
declare known record;
begin
    if outcome not in ('applied', 'refused') or (outcome = 'refused') <> (why is not null) then
        raise exception 'no outcome of a draft: %', outcome using errcode = 'check_violation';
    end if;
    update agreement_draft set state = outcome, problem = why, settled_at = overstap.clock()
     where draft = of_draft and region = acting_region() and state = 'approved' returning * into known;
    if known.draft is null then
        return false;
    end if;
    perform append_decision('agreement.draft_' || outcome, known.school_year, json_build_object(
        'draft', of_draft, 'version', known.version, 'why', why));
    return true;
end $$;
