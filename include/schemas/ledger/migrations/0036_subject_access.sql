-- A dossier is opened for the access export of its pupil (AVG art. 15): a purpose of its own, which parents see in the log.
alter table overstap.content_access drop constraint content_access_purpose_check;
alter table overstap.content_access add constraint content_access_purpose_check check (purpose in
    ('parent_page', 'school_page', 'print', 'letter', 'proof_pack', 'command', 'subject_access'));
