-- One more list of pupils with an owner (ledger/rosters/by_application.py).

alter table overstap.roster_owner drop constraint roster_owner_list_check;
alter table overstap.roster_owner add constraint roster_owner_list_check check (list in
    ('dossier_only', 'application_only', 'neither', 'unlisted', 'placed_twice', 'admitted_nowhere', 'withdrawn_everywhere',
     'several_first', 'sent_in_vain', 'temporary_place'));
