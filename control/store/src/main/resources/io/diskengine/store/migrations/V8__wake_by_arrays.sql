-- A node's row wakes the baremetal nodes whose volumes have a leg there. How a join is walked through
-- depends on what the tables held when a connection planned it, once for all; arrays are looked up
-- by indexes, always: the node's disks, the lvols on them, the mappings of their volumes.
CREATE OR REPLACE FUNCTION notify_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, '') FROM diskengine.node n WHERE n.id = ANY(ARRAY(
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.state NOT IN ('DETACHED', 'FENCED') AND m.volume_id = ANY(ARRAY(
        SELECT l.volume_id FROM diskengine.lvol l
          WHERE l.state <> 'DELETED' AND l.disk_id = ANY(ARRAY(
            SELECT d.id FROM diskengine.disk d WHERE d.node_id = NEW.id))))));
  PERFORM diskengine.wake(NEW.name, '');
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;
