-- Work is taken in order, a group at a time, and planned also when nobody has analysed the tables yet (a round just taken in,
-- a restored backup). Each index below ends a quadratic plan that was measured with a thousand dossiers.

-- Sealing takes the next hundred by id: without the id here it sorted all that wait, for each hundred.
drop index overstap.dossier_by_state;
create index dossier_by_state on overstap.dossier (round_id, state, dossier);

-- Sending takes the next in order of message id.
drop index overstap.delivery_open;
create index delivery_open on overstap.delivery (round_id, secondary_school, message_id) where state = 'sealed';

-- Row-level security puts the region into every condition. With the region in front, this index was chosen for "all of the
-- region" in the place of the primary key: half a second for twenty-five deliveries. A pupil's hash is enough.
drop index overstap.dossier_by_pupil;
create index dossier_by_pupil on overstap.dossier (pupil);
