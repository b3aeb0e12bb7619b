-- A dossier changes its state seven times, and each time all of its indexes were written anew, since two of them held the state: a
-- quarter of what a step cost. No index holds it now, and there is room on the page for the row as it is next ("HOT" updates).
-- Work is still taken in order, a group at a time: whoever takes it goes on behind the last one (claim_to_seal).
drop index overstap.dossier_by_state;
drop index overstap.dossier_of_region;
create index dossier_of_round on overstap.dossier (round_id, dossier);
-- With the dossier behind: without it this index is smaller than the primary key, and a planner without statistics took it, and so all
-- of the region, in the place of that key.
create index dossier_of_region on overstap.dossier (region, round_id, primary_school, dossier);
alter table overstap.dossier set (fillfactor = 50);
