-- The ledger's one clock: whether a window is open and whether a moment has come is always asked of it. Only the owner can
-- replace it, and a rehearsal does (`overstap.ledger.rehearsed`), to walk a school year in a ledger of its own.
create function overstap.clock() returns timestamptz language sql volatile parallel safe as 'select clock_timestamp()';
