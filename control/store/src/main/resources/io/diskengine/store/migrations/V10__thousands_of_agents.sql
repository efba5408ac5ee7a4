-- Thousands of agents. A commit with a NOTIFY wakes every connection of the database that listens,
-- whatever it listens to: what nobody waits for does not notify.
-- A node's data plane and lease are looked at by controllers when they need them, and every few
-- seconds anyway; what an operator wants of a node they are told.
CREATE OR REPLACE FUNCTION notify_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name, '') FROM diskengine.node n WHERE n.id = ANY(ARRAY(
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.state NOT IN ('DETACHED', 'FENCED') AND m.volume_id = ANY(ARRAY(
        SELECT l.volume_id FROM diskengine.lvol l
          WHERE l.state <> 'DELETED' AND l.disk_id = ANY(ARRAY(
            SELECT d.id FROM diskengine.disk d WHERE d.node_id = NEW.id))))));
  PERFORM diskengine.wake(NEW.name, '');
  IF OLD.schedulability <> NEW.schedulability THEN
    PERFORM pg_notify('diskengine_controller', '');
  END IF;
  RETURN NULL;
END $$;

-- Leases are extended all the time: room for the next version beside the last one, so that no index
-- changes and old versions go when the page is read. When a table is vacuumed or analysed, every
-- connection plans its statements on it anew: seldom here.
ALTER TABLE node SET (fillfactor = 50,
  autovacuum_vacuum_threshold = 200000, autovacuum_vacuum_scale_factor = 0,
  autovacuum_analyze_threshold = 200000, autovacuum_analyze_scale_factor = 0);

-- Raised by every statement that writes rows of which agents have copies, nodes aside: a resync has
-- nothing to read while it stands still. A sequence takes no lock that anybody waits for. It is
-- raised before the rows are committed: until then the transaction shares a lock.
CREATE SEQUENCE changes;
GRANT USAGE, SELECT ON SEQUENCE changes TO diskengine_controller, diskengine_agent;
CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7214600, 0), nextval('diskengine.changes');
  RETURN NULL;
END $$;
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON disk
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON volume
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON lvol
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON lvol_grant
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON volume_mapping
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
CREATE TRIGGER changes AFTER INSERT OR UPDATE OR DELETE ON vm_mapping
  FOR EACH STATEMENT EXECUTE FUNCTION count_change();
-- Whether whoever raised it has committed or is gone.
CREATE FUNCTION changes_are_settled() RETURNS boolean LANGUAGE sql AS $$
  SELECT CASE WHEN pg_try_advisory_lock(7214600, 0) THEN pg_advisory_unlock(7214600, 0)
    ELSE false END
$$;
