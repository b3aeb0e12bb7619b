-- The ledger's one clock: whether a window is open and whether a moment has come is always asked of it. Only the owner can
-- replace it, and a rehearsal does (overstap.ledger.rehearsed), to walk a school year in a ledger of its own.
create function overstap.clock() returns timestamptz language sql volatile parallel safe as 'select clock_timestamp()';

alter table overstap.round alter column opened_at set default overstap.clock();
alter table overstap.gate_decision alter column decided_at set default overstap.clock();
alter table overstap.dossier_version alter column created_at set default overstap.clock();
alter table overstap.dossier_event alter column at set default overstap.clock();
alter table overstap.refused_input alter column seen_at set default overstap.clock();
alter table overstap.review_decision alter column recorded_at set default overstap.clock();
alter table overstap.delivery alter column sealed_at set default overstap.clock();
alter table overstap.receipt alter column received_at set default overstap.clock();
alter table overstap.audit_checkpoint alter column made_at set default overstap.clock();
alter table overstap.school_report alter column made_at set default overstap.clock();
