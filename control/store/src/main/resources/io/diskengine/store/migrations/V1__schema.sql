-- The schema of diskengine. Forward-only; PostgreSQL 15 or newer.
-- Flyway runs this with search_path = diskengine.

-- One row: the cluster, its timers and limits.
CREATE TABLE cluster (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id text NOT NULL,
  nqn_prefix text NOT NULL,
  -- Raised by every grant, epoch and tombstone; an agent shown less than it saved mutates nothing.
  sequence bigint NOT NULL DEFAULT 1,
  reconnect_delay_sec integer NOT NULL,
  ctrlr_loss_timeout_sec integer NOT NULL,
  fast_io_fail_timeout_sec integer NOT NULL,
  transport_ack_timeout integer NOT NULL,
  probe_interval_ms integer NOT NULL,
  probe_deadline_ms integer NOT NULL,
  grace_ms integer NOT NULL,
  lease_ttl_ms integer NOT NULL CHECK (lease_ttl_ms > 0),
  resync_ms integer NOT NULL,
  max_rebuilds_per_node integer NOT NULL,
  overcommit_percent integer NOT NULL,
  thin boolean NOT NULL
);

CREATE TABLE node (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  mode text NOT NULL CHECK (mode IN ('STORAGE_NODE', 'BAREMETAL')),
  failure_domain text NOT NULL,
  host_nqn text NOT NULL UNIQUE,
  addresses text[] NOT NULL,
  schedulability text NOT NULL DEFAULT 'ACTIVE'
    CHECK (schedulability IN ('ACTIVE', 'CORDONED', 'DRAINING')),
  -- The lease, on this server's clock only. Writers hold the row FOR SHARE until they commit.
  lease_holder text,
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_expires timestamptz,
  incarnation text,
  spdk_version text,
  data_plane text NOT NULL DEFAULT 'UNKNOWN'
    CHECK (data_plane IN ('UNKNOWN', 'STARTING', 'READY', 'SILENT', 'DOWN')),
  data_plane_since timestamptz,
  plan text,
  plan_at timestamptz,
  version bigint NOT NULL DEFAULT 1
);

CREATE TABLE disk (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  node_id bigint NOT NULL REFERENCES node,
  serial text NOT NULL,
  nsid integer NOT NULL,
  model text NOT NULL,
  address text NOT NULL,
  size_bytes bigint NOT NULL,
  block_size integer NOT NULL,
  unmap_zeroes boolean NOT NULL DEFAULT false,
  volatile_write_cache boolean NOT NULL,
  state text NOT NULL DEFAULT 'NEW'
    CHECK (state IN ('NEW', 'INITIALISING', 'UP', 'FAULTY', 'MISSING', 'RETIRED')),
  lvstore_uuid uuid UNIQUE,
  cluster_size_bytes bigint NOT NULL DEFAULT 0,
  total_clusters bigint NOT NULL DEFAULT 0,
  free_clusters bigint NOT NULL DEFAULT 0,
  health text,
  version bigint NOT NULL DEFAULT 1,
  UNIQUE (node_id, serial, nsid),
  CHECK (state <> 'UP' OR (lvstore_uuid IS NOT NULL AND cluster_size_bytes > 0))
);

CREATE TABLE volume (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid uuid NOT NULL UNIQUE,
  name text NOT NULL,
  size_bytes bigint NOT NULL CHECK (size_bytes > 0 AND size_bytes % 4194304 = 0),
  confirmed_size_bytes bigint NOT NULL DEFAULT 0,
  block_size integer NOT NULL,
  replicas integer NOT NULL CHECK (replicas BETWEEN 1 AND 3),
  guest_bytes bigint NOT NULL,
  thin boolean NOT NULL,
  -- Raised by every change of the set of legs that may be used.
  epoch bigint NOT NULL DEFAULT 1,
  raid_created boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'CREATING'
    CHECK (state IN ('CREATING', 'AVAILABLE', 'RESIZING', 'ERROR', 'DELETING', 'DELETED')),
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  version bigint NOT NULL DEFAULT 1,
  CHECK (state <> 'ERROR' OR error IS NOT NULL),
  CHECK (state <> 'AVAILABLE' OR confirmed_size_bytes = size_bytes)
);
CREATE UNIQUE INDEX volume_name ON volume (name) WHERE state <> 'DELETED';

CREATE TABLE lvol (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  volume_id bigint NOT NULL REFERENCES volume,
  disk_id bigint NOT NULL REFERENCES disk,
  slot integer NOT NULL CHECK (slot BETWEEN 0 AND 14),
  generation integer NOT NULL CHECK (generation > 0),
  name text NOT NULL UNIQUE,
  uuid uuid,
  size_bytes bigint NOT NULL,
  nqn text NOT NULL UNIQUE,
  namespace_uuid uuid NOT NULL UNIQUE,
  nguid text NOT NULL UNIQUE,
  serial text NOT NULL CHECK (length(serial) <= 20),
  min_cntlid integer NOT NULL,
  max_cntlid integer NOT NULL,
  state text NOT NULL DEFAULT 'CREATING'
    CHECK (state IN ('CREATING', 'UP', 'RESIZING', 'FAULTY', 'DELETING', 'DELETED')),
  sync text NOT NULL CHECK (sync IN ('IN_SYNC', 'OUT', 'REBUILDING')),
  rebuild_percent integer CHECK (rebuild_percent BETWEEN 0 AND 100),
  error text,
  version bigint NOT NULL DEFAULT 1,
  UNIQUE (volume_id, slot, generation),
  CHECK (state NOT IN ('UP', 'RESIZING') OR uuid IS NOT NULL)
);
CREATE INDEX lvol_on_disk ON lvol (disk_id) WHERE state <> 'DELETED';

CREATE TABLE volume_mapping (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  volume_id bigint NOT NULL REFERENCES volume,
  node_id bigint NOT NULL REFERENCES node,
  state text NOT NULL DEFAULT 'ASSIGNED' CHECK (state IN
    ('ASSIGNED', 'INITIALISED', 'ATTACHED', 'DETACHING', 'DETACHED', 'FENCED')),
  raid_state text,
  clean boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  version bigint NOT NULL DEFAULT 1
);
-- Law 7: one writer per volume.
CREATE UNIQUE INDEX volume_mapping_one_writer ON volume_mapping (volume_id)
  WHERE state NOT IN ('DETACHED', 'FENCED');
CREATE INDEX volume_mapping_on_node ON volume_mapping (node_id)
  WHERE state NOT IN ('DETACHED', 'FENCED');

CREATE TABLE vm_mapping (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  mapping_id bigint NOT NULL REFERENCES volume_mapping,
  controller_name text NOT NULL UNIQUE,
  socket_path text,
  state text NOT NULL DEFAULT 'ATTACHING'
    CHECK (state IN ('ATTACHING', 'ATTACHED', 'DETACHING', 'DETACHED')),
  version bigint NOT NULL DEFAULT 1,
  CHECK (state <> 'ATTACHED' OR socket_path IS NOT NULL)
);
CREATE UNIQUE INDEX vm_mapping_one_guest ON vm_mapping (mapping_id) WHERE state <> 'DETACHED';

-- "grant" is a reserved word.
CREATE TABLE lvol_grant (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lvol_id bigint NOT NULL REFERENCES lvol,
  mapping_id bigint NOT NULL REFERENCES volume_mapping,
  host_nqn text NOT NULL,
  volume_epoch bigint NOT NULL,
  state text NOT NULL DEFAULT 'GRANTING'
    CHECK (state IN ('GRANTING', 'GRANTED', 'REVOKING', 'REVOKED')),
  incarnation text,
  version bigint NOT NULL DEFAULT 1,
  CHECK (state NOT IN ('GRANTED', 'REVOKED') OR incarnation IS NOT NULL)
);
-- Law 7: one host holds an lvol and at most one waits for it; it is confirmed as holder only when
-- every other grant is REVOKED (trigger below). Several old ones may be on their way out.
CREATE UNIQUE INDEX lvol_grant_one_holder ON lvol_grant (lvol_id) WHERE state = 'GRANTED';
CREATE UNIQUE INDEX lvol_grant_one_waiting ON lvol_grant (lvol_id) WHERE state = 'GRANTING';
CREATE INDEX lvol_grant_live ON lvol_grant (lvol_id) WHERE state <> 'REVOKED';
CREATE INDEX lvol_grant_mapping ON lvol_grant (mapping_id) WHERE state <> 'REVOKED';

CREATE TABLE intent (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id bigint NOT NULL REFERENCES node,
  lease_epoch bigint NOT NULL,
  action text NOT NULL,
  object_kind text NOT NULL,
  object_id bigint NOT NULL,
  planned_from_version bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  outcome text
);
CREATE INDEX intent_open ON intent (node_id) WHERE finished_at IS NULL;

CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  severity text NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'ERROR')),
  node_id bigint REFERENCES node,
  object_kind text NOT NULL,
  object_id bigint NOT NULL,
  object_name text NOT NULL,
  message text NOT NULL
);

CREATE TABLE reason (
  node_id bigint NOT NULL REFERENCES node,
  object_kind text NOT NULL,
  object_id bigint NOT NULL,
  waiting_for text NOT NULL,
  since timestamptz NOT NULL,
  attempts integer NOT NULL,
  last_error text,
  next_try timestamptz,
  cause_kind text,
  cause_id bigint,
  PRIMARY KEY (node_id, object_kind, object_id)
);

CREATE TABLE plan_request (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id bigint NOT NULL REFERENCES node,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  answered_at timestamptz,
  answer text
);
CREATE INDEX plan_request_open ON plan_request (node_id) WHERE answered_at IS NULL;

-- The legal transitions: the same as the model's enums (a test compares the two).
CREATE FUNCTION legal_transition(entity text, from_state text, to_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  SELECT to_state = ANY (CASE entity || ' ' || from_state
    WHEN 'disk NEW' THEN ARRAY['INITIALISING', 'FAULTY', 'MISSING', 'RETIRED']
    WHEN 'disk INITIALISING' THEN ARRAY['UP', 'FAULTY', 'MISSING', 'RETIRED']
    WHEN 'disk UP' THEN ARRAY['FAULTY', 'MISSING', 'RETIRED']
    WHEN 'disk FAULTY' THEN ARRAY['INITIALISING', 'UP', 'MISSING', 'RETIRED']
    WHEN 'disk MISSING' THEN ARRAY['NEW', 'INITIALISING', 'UP', 'FAULTY', 'RETIRED']
    WHEN 'volume CREATING' THEN ARRAY['AVAILABLE', 'ERROR', 'DELETING']
    WHEN 'volume AVAILABLE' THEN ARRAY['RESIZING', 'ERROR', 'DELETING']
    WHEN 'volume RESIZING' THEN ARRAY['AVAILABLE', 'ERROR', 'DELETING']
    WHEN 'volume ERROR' THEN ARRAY['AVAILABLE', 'DELETING']
    WHEN 'volume DELETING' THEN ARRAY['DELETED']
    WHEN 'lvol CREATING' THEN ARRAY['UP', 'FAULTY', 'DELETING']
    WHEN 'lvol UP' THEN ARRAY['RESIZING', 'FAULTY', 'DELETING']
    WHEN 'lvol RESIZING' THEN ARRAY['UP', 'FAULTY', 'DELETING']
    WHEN 'lvol FAULTY' THEN ARRAY['UP', 'DELETING']
    WHEN 'lvol DELETING' THEN ARRAY['DELETED']
    WHEN 'lvol_sync IN_SYNC' THEN ARRAY['OUT']
    WHEN 'lvol_sync OUT' THEN ARRAY['REBUILDING']
    WHEN 'lvol_sync REBUILDING' THEN ARRAY['IN_SYNC', 'OUT']
    WHEN 'lvol_grant GRANTING' THEN ARRAY['GRANTED', 'REVOKING']
    WHEN 'lvol_grant GRANTED' THEN ARRAY['REVOKING']
    WHEN 'lvol_grant REVOKING' THEN ARRAY['REVOKED']
    WHEN 'volume_mapping ASSIGNED' THEN ARRAY['INITIALISED', 'DETACHING', 'FENCED']
    WHEN 'volume_mapping INITIALISED' THEN ARRAY['ATTACHED', 'DETACHING', 'FENCED']
    WHEN 'volume_mapping ATTACHED' THEN ARRAY['DETACHING', 'FENCED']
    WHEN 'volume_mapping DETACHING' THEN ARRAY['DETACHED', 'FENCED']
    WHEN 'vm_mapping ATTACHING' THEN ARRAY['ATTACHED', 'DETACHING']
    WHEN 'vm_mapping ATTACHED' THEN ARRAY['DETACHING']
    WHEN 'vm_mapping DETACHING' THEN ARRAY['DETACHED']
    ELSE ARRAY[]::text[] END)
$$;

-- Refuses illegal transitions with SQLSTATE DE001, whoever asks.
CREATE FUNCTION check_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state
      AND NOT diskengine.legal_transition(TG_TABLE_NAME, OLD.state, NEW.state) THEN
    RAISE EXCEPTION '% % cannot go from % to %', TG_TABLE_NAME, NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'DE001';
  END IF;
  IF TG_TABLE_NAME = 'lvol' THEN
    IF NEW.sync <> OLD.sync
        AND NOT diskengine.legal_transition('lvol_sync', OLD.sync, NEW.sync) THEN
      RAISE EXCEPTION 'lvol % cannot go from % to %', NEW.id, OLD.sync, NEW.sync
        USING ERRCODE = 'DE001';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER transition BEFORE UPDATE OF state ON disk
  FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER transition BEFORE UPDATE OF state ON volume
  FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER transition BEFORE UPDATE OF state, sync ON lvol
  FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER transition BEFORE UPDATE OF state ON lvol_grant
  FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER transition BEFORE UPDATE OF state ON volume_mapping
  FOR EACH ROW EXECUTE FUNCTION check_transition();
CREATE TRIGGER transition BEFORE UPDATE OF state ON vm_mapping
  FOR EACH ROW EXECUTE FUNCTION check_transition();

-- Law 7: a host is confirmed as holder only when no other grant of the lvol is left.
CREATE FUNCTION check_sole_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM diskengine.lvol_grant o
      WHERE o.lvol_id = NEW.lvol_id AND o.id <> NEW.id AND o.state <> 'REVOKED') THEN
    RAISE EXCEPTION 'lvol % still has another grant that is not REVOKED', NEW.lvol_id
      USING ERRCODE = 'DE001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER sole_holder BEFORE UPDATE OF state ON lvol_grant
  FOR EACH ROW WHEN (NEW.state = 'GRANTED' AND OLD.state <> 'GRANTED')
  EXECUTE FUNCTION check_sole_holder();

-- Law 9: some replica of a volume that is not being deleted is in sync.
CREATE FUNCTION check_last_in_sync() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM diskengine.lvol o
      WHERE o.volume_id = NEW.volume_id AND o.id <> NEW.id AND o.sync = 'IN_SYNC'
        AND o.state NOT IN ('DELETING', 'DELETED')) THEN
    RAISE EXCEPTION 'lvol % is the last in-sync replica of its volume', NEW.id
      USING ERRCODE = 'DE001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER last_in_sync BEFORE UPDATE OF sync ON lvol
  FOR EACH ROW WHEN (OLD.sync = 'IN_SYNC' AND NEW.sync <> 'IN_SYNC')
  EXECUTE FUNCTION check_last_in_sync();

-- The counter of law 13 is raised once by each transaction that touches a grant, an epoch or a
-- tombstone. Deferred to the commit: the cluster row is the last lock taken, so nothing deadlocks
-- on it and it is held for one commit only.
CREATE FUNCTION raise_sequence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = diskengine AS $$
BEGIN
  IF current_setting('diskengine.sequence_raised', true) IS DISTINCT FROM
      pg_current_xact_id()::text THEN
    UPDATE cluster SET sequence = sequence + 1;
    PERFORM set_config('diskengine.sequence_raised', pg_current_xact_id()::text, true);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER sequence AFTER INSERT OR UPDATE OF state, volume_epoch ON lvol_grant
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise_sequence();
CREATE CONSTRAINT TRIGGER sequence AFTER UPDATE ON volume
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.epoch <> NEW.epoch OR (OLD.state <> NEW.state AND NEW.state = 'DELETING'))
  EXECUTE FUNCTION raise_sequence();
CREATE CONSTRAINT TRIGGER sequence AFTER UPDATE ON lvol
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.state <> NEW.state AND NEW.state = 'DELETING')
  EXECUTE FUNCTION raise_sequence();

-- Wakes a node's agent, unless it is the one that writes: it plans again after its own writes.
CREATE FUNCTION wake(node_name text) RETURNS void LANGUAGE sql AS $$
  SELECT pg_notify('diskengine_' || node_name, '')
  WHERE current_setting('application_name') <> 'diskengine-agent ' || node_name
$$;

-- A volume and its mapping concern the node it is mapped to; storage nodes are woken by their lvols
-- and grants.
CREATE FUNCTION wake_for_volume(volume bigint) RETURNS void LANGUAGE sql AS $$
  SELECT diskengine.wake(n.name) FROM diskengine.node n WHERE n.id IN (
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = volume AND m.state NOT IN ('DETACHED', 'FENCED'));
  SELECT pg_notify('diskengine_controller', '')
$$;

CREATE FUNCTION notify_volume() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake_for_volume(NEW.id);
  RETURN NULL;
END $$;
CREATE FUNCTION notify_lvol() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Whether a replica is in sync does not concern its storage node.
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id IN (
    SELECT d.node_id FROM diskengine.disk d WHERE d.id = NEW.disk_id
      AND (TG_OP = 'INSERT' OR OLD.state <> NEW.state)
    UNION ALL
    SELECT m.node_id FROM diskengine.volume_mapping m
      WHERE m.volume_id = NEW.volume_id AND m.state NOT IN ('DETACHED', 'FENCED'));
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;
CREATE FUNCTION notify_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake_for_volume(NEW.volume_id);
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id = NEW.node_id;
  RETURN NULL;
END $$;
CREATE FUNCTION notify_vm_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name) FROM diskengine.volume_mapping m
    JOIN diskengine.node n ON n.id = m.node_id WHERE m.id = NEW.mapping_id;
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;
CREATE FUNCTION notify_grant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id IN (
    (SELECT d.node_id FROM diskengine.lvol l JOIN diskengine.disk d ON d.id = l.disk_id
      WHERE l.id = NEW.lvol_id AND (TG_OP = 'INSERT' OR OLD.state <> NEW.state)),
    (SELECT m.node_id FROM diskengine.volume_mapping m WHERE m.id = NEW.mapping_id));
  RETURN NULL;
END $$;
-- A storage node's data plane concerns the baremetal nodes whose volumes have a leg there.
CREATE FUNCTION notify_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id IN (
    SELECT m.node_id FROM diskengine.disk d
      JOIN diskengine.lvol l ON l.disk_id = d.id AND l.state <> 'DELETED'
      JOIN diskengine.volume_mapping m
        ON m.volume_id = l.volume_id AND m.state NOT IN ('DETACHED', 'FENCED')
      WHERE d.node_id = NEW.id);
  PERFORM diskengine.wake(NEW.name);
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;
CREATE FUNCTION notify_own_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM diskengine.wake(n.name) FROM diskengine.node n WHERE n.id = NEW.node_id;
  PERFORM pg_notify('diskengine_controller', '');
  RETURN NULL;
END $$;

CREATE TRIGGER notify AFTER UPDATE ON volume
  FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION notify_volume();
CREATE TRIGGER notify_insert AFTER INSERT ON lvol
  FOR EACH ROW EXECUTE FUNCTION notify_lvol();
CREATE TRIGGER notify AFTER UPDATE ON lvol
  FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION notify_lvol();
CREATE TRIGGER notify AFTER INSERT OR UPDATE ON volume_mapping
  FOR EACH ROW EXECUTE FUNCTION notify_mapping();
CREATE TRIGGER notify AFTER INSERT OR UPDATE ON vm_mapping
  FOR EACH ROW EXECUTE FUNCTION notify_vm_mapping();
CREATE TRIGGER notify AFTER INSERT OR UPDATE ON lvol_grant
  FOR EACH ROW EXECUTE FUNCTION notify_grant();
CREATE TRIGGER notify AFTER UPDATE ON node
  FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION notify_node();
CREATE TRIGGER notify_insert AFTER INSERT ON disk
  FOR EACH ROW EXECUTE FUNCTION notify_own_node();
CREATE TRIGGER notify AFTER UPDATE ON disk
  FOR EACH ROW WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION notify_own_node();
CREATE TRIGGER notify AFTER INSERT OR UPDATE ON plan_request
  FOR EACH ROW EXECUTE FUNCTION notify_own_node();

-- The name of an object for people.
CREATE FUNCTION object_name(kind text, object bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(CASE kind
    WHEN 'CLUSTER' THEN (SELECT id FROM diskengine.cluster)
    WHEN 'NODE' THEN (SELECT name FROM diskengine.node WHERE id = object)
    WHEN 'DISK' THEN (SELECT serial FROM diskengine.disk WHERE id = object)
    WHEN 'VOLUME' THEN (SELECT name FROM diskengine.volume WHERE id = object)
    WHEN 'LVOL' THEN (SELECT name FROM diskengine.lvol WHERE id = object)
    WHEN 'GRANT' THEN (SELECT l.name || ' for ' || g.host_nqn FROM diskengine.lvol_grant g
      JOIN diskengine.lvol l ON l.id = g.lvol_id WHERE g.id = object)
    WHEN 'VOLUME_MAPPING' THEN (SELECT v.name || ' on ' || n.name
      FROM diskengine.volume_mapping m JOIN diskengine.volume v ON v.id = m.volume_id
      JOIN diskengine.node n ON n.id = m.node_id WHERE m.id = object)
    WHEN 'VM_MAPPING' THEN
      (SELECT controller_name FROM diskengine.vm_mapping WHERE id = object)
  END, kind || ' ' || object)
$$;

-- Roles. A password and LOGIN are given by whoever installs.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'diskengine_controller') THEN
    CREATE ROLE diskengine_controller NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'diskengine_agent') THEN
    CREATE ROLE diskengine_agent NOLOGIN;
  END IF;
END $$;
GRANT USAGE ON SCHEMA diskengine TO diskengine_controller, diskengine_agent;
GRANT SELECT ON ALL TABLES IN SCHEMA diskengine TO diskengine_controller, diskengine_agent;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA diskengine TO diskengine_controller, diskengine_agent;

GRANT INSERT ON volume, lvol, volume_mapping, vm_mapping, lvol_grant, event, plan_request
  TO diskengine_controller;
GRANT UPDATE ON volume, lvol, volume_mapping, vm_mapping, lvol_grant TO diskengine_controller;
GRANT UPDATE (schedulability, version) ON node TO diskengine_controller;
GRANT DELETE ON volume, lvol, volume_mapping, vm_mapping, lvol_grant, event, intent, plan_request
  TO diskengine_controller;

GRANT INSERT ON node, disk, lvol_grant, intent, event TO diskengine_agent;
GRANT UPDATE ON node, disk TO diskengine_agent;
GRANT UPDATE (epoch, raid_created, confirmed_size_bytes, state, error, deleted_at, version)
  ON volume TO diskengine_agent;
GRANT UPDATE (uuid, state, sync, rebuild_percent, error, version) ON lvol TO diskengine_agent;
GRANT UPDATE (volume_epoch, state, incarnation, version) ON lvol_grant TO diskengine_agent;
GRANT UPDATE (state, raid_state, clean, version) ON volume_mapping TO diskengine_agent;
GRANT UPDATE (state, socket_path, version) ON vm_mapping TO diskengine_agent;
GRANT UPDATE (finished_at, outcome) ON intent TO diskengine_agent;
GRANT UPDATE (answered_at, answer) ON plan_request TO diskengine_agent;
GRANT INSERT, UPDATE, DELETE ON reason TO diskengine_agent;
