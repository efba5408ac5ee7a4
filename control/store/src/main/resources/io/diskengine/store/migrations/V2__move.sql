-- A volume moves to another node; what was taken away is taken down.

-- Of a FENCED mapping: nothing of it is left on its node.
ALTER TABLE volume_mapping ADD COLUMN gone boolean NOT NULL DEFAULT false;
-- Where the volume is attached next, once this mapping has ended in order.
ALTER TABLE volume_mapping ADD COLUMN successor_node_id bigint REFERENCES node;
CREATE INDEX volume_mapping_to_take_down ON volume_mapping (node_id)
  WHERE state = 'FENCED' AND NOT gone;
CREATE INDEX volume_mapping_successor ON volume_mapping (successor_node_id)
  WHERE successor_node_id IS NOT NULL;

-- A guest held the vhost socket when the agent last looked.
ALTER TABLE vm_mapping ADD COLUMN guest_connected boolean NOT NULL DEFAULT false;

GRANT UPDATE (gone) ON volume_mapping TO diskengine_agent;
GRANT UPDATE (guest_connected) ON vm_mapping TO diskengine_agent;
