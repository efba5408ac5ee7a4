package io.diskengine.model;

import java.util.List;

/**
 * The part of a {@link NodeView} that belongs to some volumes, and the cluster's row, which tells
 * how new it is (law 13). Each list is ordered by id, as those of the view are.
 */
public record VolumeRows(
    Cluster cluster,
    List<Volume> volumes,
    List<Lvol> lvols,
    List<Grant> grants,
    List<VolumeMapping> mappings,
    List<VmMapping> vmMappings) {}
