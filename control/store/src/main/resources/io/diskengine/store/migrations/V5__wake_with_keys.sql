-- Wake-ups carry keys: a volume's id, 'plan' for a request or an answer, '' for everything. Who is
-- woken reads those rows only, so that one changed volume costs the same beside two or two thousand.
-- Every new version of a row that an agent writes wakes it: it plans from versions.

CREATE FUNCTION wake(node_name text, what text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify('diskengine_' || node_name, what)
  WHERE current_setting('application_name') <> 'diskengine-agent ' || node_name
$$;

CREATE OR REPLACE FUNCTION notify_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.id AND m.state NOT IN ('DETACHED', 'FENCED'));
  -- That its RAID was created is between the agent and the database.
  IF OLD.raid_created = NEW.raid_created THEN
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
      WHERE m.volume_id = NEW.volume_id AND m.state NOT IN ('DETACHED', 'FENCED'));
  PERFORM pg_notify('diskengine_controller', NEW.volume_id::text);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.volume_id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT NEW.node_id
    UNION ALL
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.volume_id AND m.state NOT IN ('DETACHED', 'FENCED'));
  PERFORM pg_notify('diskengine_controller', NEW.volume_id::text);
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
  PERFORM pg_notify('diskengine_controller', volume::text);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, l.volume_id::text)
    FROM diskengine.lvol l, diskengine.node n
    WHERE l.id = NEW.lvol_id AND n.id IN (
      (SELECT d.node_id FROM diskengine.disk d WHERE d.id = l.disk_id),
      (SELECT m.node_id FROM diskengine.volume_mapping m WHERE m.id = NEW.mapping_id));
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wake_for_growth() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, NEW.volume_id::text) FROM diskengine.node n WHERE n.id IN (
    SELECT d.node_id FROM diskengine.lvol l JOIN diskengine.disk d ON d.id = l.disk_id
      WHERE l.volume_id = NEW.volume_id AND l.state = 'RESIZING');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, '') FROM diskengine.node n WHERE n.id IN (
    SELECT m.node_id FROM diskengine.disk d
      JOIN diskengine.lvol l ON l.disk_id = d.id AND l.state <> 'DELETED'
      JOIN diskengine.volume_mapping m
        ON m.volume_id = l.volume_id AND m.state NOT IN ('DETACHED', 'FENCED')
      WHERE d.node_id = NEW.id);
  PERFORM diskengine.wake(NEW.name, '');
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION notify_own_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, '') FROM diskengine.node n WHERE n.id = NEW.node_id;
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;

CREATE FUNCTION notify_plan_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, 'plan') FROM diskengine.node n WHERE n.id = NEW.node_id;
  PERFORM pg_notify('diskengine_controller', 'plan');
  RETURN NULL;
END $$;
DROP TRIGGER notify ON plan_request;
CREATE TRIGGER notify AFTER INSERT OR UPDATE ON plan_request
  FOR EACH ROW EXECUTE FUNCTION notify_plan_request();

DROP FUNCTION wake(text);
DROP FUNCTION wake_for_volume(bigint);

-- What belongs to a volume is looked up by it.
CREATE INDEX volume_mapping_of_volume ON volume_mapping (volume_id);
CREATE INDEX vm_mapping_of_mapping ON vm_mapping (mapping_id);
