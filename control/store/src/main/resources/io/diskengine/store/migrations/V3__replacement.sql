-- Lost replicas are replaced on other nodes; replicas move.

ALTER TABLE cluster
  ADD COLUMN replace_after_sec integer NOT NULL DEFAULT 600 CHECK (replace_after_sec >= 0),
  ADD COLUMN max_rebuilds_per_disk integer NOT NULL DEFAULT 2 CHECK (max_rebuilds_per_disk > 0),
  ADD COLUMN rebuild_mb_per_sec integer NOT NULL DEFAULT 0 CHECK (rebuild_mb_per_sec >= 0);

ALTER TABLE lvol
  -- Since when it is not in sync; not touched by rebuilds that fail.
  ADD COLUMN out_since timestamptz,
  -- It goes when its successor is in sync.
  ADD COLUMN leaving boolean NOT NULL DEFAULT false,
  -- Why no replacement was placed yet.
  ADD COLUMN no_replacement text;
UPDATE lvol SET out_since = now() WHERE sync <> 'IN_SYNC';
CREATE INDEX lvol_out ON lvol (volume_id) WHERE sync = 'OUT' AND state IN ('UP', 'FAULTY');

CREATE FUNCTION note_out_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.out_since := CASE
    WHEN NEW.sync = 'IN_SYNC' THEN NULL
    WHEN TG_OP = 'INSERT' OR OLD.sync = 'IN_SYNC' THEN clock_timestamp()
    ELSE OLD.out_since END;
  RETURN NEW;
END $$;
CREATE TRIGGER out_since BEFORE INSERT OR UPDATE OF sync ON lvol
  FOR EACH ROW EXECUTE FUNCTION note_out_since();
