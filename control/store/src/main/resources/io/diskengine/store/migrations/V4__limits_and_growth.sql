-- Limits of a guest's I/O; volumes grow.

ALTER TABLE volume
  ADD COLUMN iops_limit bigint NOT NULL DEFAULT 0
    CHECK (iops_limit >= 0 AND iops_limit % 1000 = 0),
  ADD COLUMN mb_limit bigint NOT NULL DEFAULT 0 CHECK (mb_limit >= 0);

-- A volume that grew while it was detached: its storage nodes do the rest when it is attached.
CREATE FUNCTION wake_for_growth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id IN (
    SELECT d.node_id FROM diskengine.lvol l JOIN diskengine.disk d ON d.id = l.disk_id
      WHERE l.volume_id = NEW.volume_id AND l.state = 'RESIZING');
  RETURN NULL;
END $$;
CREATE TRIGGER notify_growth AFTER UPDATE OF state ON volume_mapping
  FOR EACH ROW WHEN (NEW.state = 'ATTACHED' AND OLD.state <> 'ATTACHED')
  EXECUTE FUNCTION wake_for_growth();
