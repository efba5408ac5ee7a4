-- Law 9: what a replica held when it left the set is kept before a rebuild overwrites it.

ALTER TABLE cluster
  -- False: replicas are overwritten without a copy, where disks have no room for one.
  ADD COLUMN keep_old_legs boolean NOT NULL DEFAULT true;

ALTER TABLE lvol
  ADD COLUMN kept text NOT NULL DEFAULT 'NONE'
    CHECK (kept IN ('NONE', 'WANTED', 'TAKING', 'KEPT', 'DROPPING')),
  -- SPDK's uuid of the snapshot.
  ADD COLUMN kept_uuid uuid,
  ADD CONSTRAINT kept_has_uuid CHECK (kept <> 'KEPT' OR kept_uuid IS NOT NULL);
UPDATE lvol SET kept = 'WANTED'
  WHERE sync = 'OUT' AND generation = 1 AND state IN ('UP', 'FAULTY', 'RESIZING');
CREATE INDEX lvol_kept ON lvol (disk_id) WHERE kept IN ('TAKING', 'KEPT');

-- Who held the volume's data holds something that may be needed; a copy that is there stays what it is.
CREATE FUNCTION note_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.kept := CASE
    WHEN NEW.sync = 'OUT' AND OLD.sync = 'IN_SYNC' AND NEW.kept = 'NONE' THEN 'WANTED'
    WHEN NEW.sync = 'IN_SYNC' AND NEW.kept = 'KEPT' THEN 'DROPPING'
    WHEN NEW.sync = 'IN_SYNC' AND NEW.kept IN ('WANTED', 'TAKING') THEN 'NONE'
    ELSE NEW.kept END;
  RETURN NEW;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OF sync ON lvol
  FOR EACH ROW EXECUTE FUNCTION note_kept();

-- A guest that is asked to be looked for now; see vm_mapping.guest_connected.
ALTER TABLE vm_mapping ADD COLUMN guest_asked bigint NOT NULL DEFAULT 0;

GRANT UPDATE (kept, kept_uuid) ON lvol TO diskengine_agent;
