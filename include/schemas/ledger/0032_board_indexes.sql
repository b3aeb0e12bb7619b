-- What the board counts again for every page, by region first: PostgreSQL adds the region to every statement (row-level
-- security), and without these it read the rows of the whole country to count those of one region.

create index dossier_of_region on overstap.dossier (region, round_id, primary_school, state);
create index application_of_region on overstap.application (region, school_year, primary_school, pupil)
    include (secondary_school) where withdrawn_at is null;
create index delivery_failing on overstap.delivery (region, round_id, sealed_at)
    where state = 'sealed' and problem is not null;
