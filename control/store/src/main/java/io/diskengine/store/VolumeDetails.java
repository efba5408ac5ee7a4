package io.diskengine.store;

import io.diskengine.model.Lvol;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A volume with its replicas and its attachment.
 *
 * @param mapping the non-final mapping, if any
 * @param nodeNames names of the nodes that replicas and mapping name, by id
 * @param reasons why the volume or any of its rows waits
 */
public record VolumeDetails(
    Volume volume,
    List<Lvol> lvols,
    @Nullable VolumeMapping mapping,
    @Nullable VmMapping vmMapping,
    Map<Long, String> nodeNames,
    List<ReasonRow> reasons) {}
