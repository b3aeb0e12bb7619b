-- What a step of a dossier costs less of: references that are looked up for each row although another one holds them already.
-- A reference to the region is held by the one that carries the region along: of a dossier to its school, of a version to its
-- dossier, of a delivery and a decision to their version, of a receipt to its delivery, of an application to its school.
alter table overstap.dossier drop constraint dossier_region_fkey;
alter table overstap.dossier_version drop constraint dossier_version_region_fkey;
alter table overstap.delivery drop constraint delivery_region_fkey;
alter table overstap.review_decision drop constraint review_decision_region_fkey;
alter table overstap.receipt drop constraint receipt_region_fkey;
alter table overstap.application drop constraint application_region_fkey;

-- Which states there are was looked up, and the row of the state locked, whenever a dossier changed its state.
alter table overstap.dossier drop constraint dossier_state_fkey;
alter table overstap.dossier add constraint dossier_state_check check (state in
    ('supplied', 'accepted', 'rejected', 'in_review', 'inspected', 'not_inspected', 'no_receiver', 'sealed', 'confirmed', 'refused',
     'undelivered', 'withdrawn'));

-- Once per group now (code/11_audit.sql, keep_region_of_lines).
alter table overstap.audit_line drop constraint audit_line_region_fkey;

-- Read four times in a rehearsed year of three rounds, and written at each step: whoever asks by the key of a school's system names
-- the school, whose dossiers dossier_round_id_primary_school_pupil_key finds.
drop index overstap.dossier_by_las_key;

-- Room on a page for the row as it is next: an attempt, and a release, then change no index.
alter table overstap.delivery set (fillfactor = 50);
alter table overstap.dossier_version set (fillfactor = 50);
