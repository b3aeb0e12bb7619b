-- Not every way brings a receipt at once. What stands ready for its school (in its folder, on its server, at the region's
-- desk) waits for a receipt; it is not tried again, unless somebody says so by taking the moment away.

alter table overstap.delivery add column offered_at timestamptz;
grant update (offered_at) on overstap.delivery to overstap_region;
