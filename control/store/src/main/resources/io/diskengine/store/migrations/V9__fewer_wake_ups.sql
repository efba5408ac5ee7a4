-- Fewer wake-ups.
-- Whoever waits at a controller waits for a state: of a volume, of its replicas, of its mapping, of
-- what is shown to a guest. New versions of rows that show the same states are between agents.
-- A baremetal node can do nothing with a replica that is up before it is let in there: the grant's
-- confirmation wakes it, and it reads all rows of the volume.
CREATE OR REPLACE FUNCTION notify_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.id AND m.state NOT IN ('DETACHED', 'FENCED'));
  IF OLD.state <> NEW.state THEN
    PERFORM pg_notify('diskengine_controller', NEW.id::text);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_lvol() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.volume_id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT d.node_id FROM diskengine.disk d WHERE d.id = NEW.disk_id
    UNION ALL
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.volume_id AND m.state NOT IN ('DETACHED', 'FENCED')
        AND NOT (TG_OP = 'UPDATE' AND OLD.state = 'CREATING' AND NEW.state = 'UP'
          AND EXISTS (SELECT FROM diskengine.lvol_grant g
            WHERE g.lvol_id = NEW.id AND g.state = 'GRANTING')));
  IF TG_OP = 'INSERT' OR (OLD.state, OLD.sync) <> (NEW.state, NEW.sync) THEN
    PERFORM pg_notify('diskengine_controller', NEW.volume_id::text);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.volume_id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT NEW.node_id
    UNION ALL
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.volume_id AND m.state NOT IN ('DETACHED', 'FENCED'));
  IF TG_OP = 'INSERT' OR OLD.state <> NEW.state THEN
    PERFORM pg_notify('diskengine_controller', NEW.volume_id::text);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_vm_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  volume bigint;
  node_name text;
BEGIN
  SELECT m.volume_id, n.name INTO volume, node_name FROM diskengine.volume_mapping m
    JOIN diskengine.node n ON n.id = m.node_id WHERE m.id = NEW.mapping_id;
  PERFORM diskengine.wake(node_name, volume::text);
  IF TG_OP = 'INSERT'
    OR (OLD.state, OLD.guest_connected) <> (NEW.state, NEW.guest_connected) THEN
    PERFORM pg_notify('diskengine_controller', volume::text);
  END IF;
  RETURN NULL;
END $$;
