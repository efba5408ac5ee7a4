package io.diskengine.model;

import java.util.List;

/**
 * Every row that concerns one node, read in one snapshot: the desired half of a plan.
 *
 * <p>Storage node: its disks, the lvols on them that are not {@code DELETED}, their volumes, their
 * grants that are not {@code REVOKED}, the volumes' non-final mappings. Baremetal node: its
 * non-final mappings and vm mappings, those {@code FENCED} ones that it has not taken down yet,
 * their volumes, all replicas of these that are not {@code DELETED}, with disks and grants. {@code
 * peers} are the other nodes these rows name.
 */
public record NodeView(
    Cluster cluster,
    Node node,
    List<Node> peers,
    List<Disk> disks,
    List<Volume> volumes,
    List<Lvol> lvols,
    List<Grant> grants,
    List<VolumeMapping> mappings,
    List<VmMapping> vmMappings) {}
