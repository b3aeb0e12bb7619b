-- Who takes part may be a partnership of schools for support in education (samenwerkingsverband, SWV) as well: it receives.
alter table overstap.school drop constraint school_kind_check;
alter table overstap.school add constraint school_kind_check check (kind in ('PO', 'VO', 'SWV'));
