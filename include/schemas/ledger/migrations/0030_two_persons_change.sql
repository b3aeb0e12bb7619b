-- Two persons for a change of the agreement, whichever way it comes (code/18_second_person.sql).
alter table overstap.second_person drop constraint second_person_act_check;
alter table overstap.second_person add constraint second_person_act_check
    check (act in ('release', 'take_back', 'erase', 'key_destruction', 'agreement_change'));

-- SHA-256 of the agreement that a draft means: what two persons approved needs no second person when it becomes the file.
alter table overstap.agreement_draft add column agreed_digest text;
