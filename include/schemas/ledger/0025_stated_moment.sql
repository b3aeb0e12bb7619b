-- The moment of sealing as the manifest inside states it. A school that asks says of which moment the dossier is that it has;
-- the message id cannot tell, since it follows from what is sent to whom.

alter table overstap.delivery add column stated_at timestamptz;
grant insert (stated_at) on overstap.delivery to overstap_region;
