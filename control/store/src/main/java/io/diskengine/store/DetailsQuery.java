package io.diskengine.store;

import io.diskengine.model.Lvol;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.store.Tx.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Volumes with what belongs to them, in one round trip. */
final class DetailsQuery {
  private record NodeName(long id, String name) {}

  private final Statement<Volume> volumes;
  private final Statement<Lvol> lvols;
  private final Statement<VolumeMapping> mappings;
  private final Statement<VmMapping> vmMappings;
  private final Statement<NodeName> nodes;
  private final Statement<ReasonRow> reasons;

  private DetailsQuery(String which, @Nullable Object... parameters) {
    String ids = " = ANY(ARRAY(SELECT id FROM volume WHERE " + which + "))";
    String live = " AND m.state NOT IN " + Rows.FINAL_MAPPING;
    volumes =
        Statement.of(
            Rows::volume, "SELECT * FROM volume WHERE " + which + " ORDER BY name", parameters);
    lvols =
        Statement.of(
            Rows::lvol,
            Rows.SELECT_LVOL
                + (" WHERE l.volume_id" + ids)
                + " AND l.state <> 'DELETED' ORDER BY l.slot, l.id",
            parameters);
    mappings =
        Statement.of(
            Rows::mapping,
            "SELECT m.* FROM volume_mapping m WHERE m.volume_id" + ids + live,
            parameters);
    vmMappings =
        Statement.of(
            Rows::vmMapping,
            Rows.SELECT_VM_MAPPING + " WHERE m.volume_id" + ids + live + " ORDER BY vm.id",
            parameters);
    nodes =
        Statement.of(r -> new NodeName(r.getLong(1), r.getString(2)), "SELECT id, name FROM node");
    reasons = Statement.of(Rows::reason, Rows.SELECT_REASON + " ORDER BY r.since");
  }

  static DetailsQuery all() {
    return new DetailsQuery("state <> 'DELETED'");
  }

  static DetailsQuery named(List<String> names) {
    return new DetailsQuery("name = ANY(?) AND state <> 'DELETED'", names);
  }

  static DetailsQuery live(List<Long> ids) {
    return new DetailsQuery("id = ANY(?::bigint[]) AND state <> 'DELETED'", ids);
  }

  static DetailsQuery ofIds(List<Long> ids) {
    return new DetailsQuery("id = ANY(?::bigint[])", ids);
  }

  List<Statement<?>> statements() {
    return List.of(volumes, lvols, mappings, vmMappings, nodes, reasons);
  }

  /** By name. */
  List<VolumeDetails> details(Tx.Results rows) {
    Map<Long, List<Lvol>> legs =
        rows.of(lvols).stream().collect(Collectors.groupingBy(Lvol::volumeId));
    Map<Long, VolumeMapping> mapped =
        rows.of(mappings).stream()
            .collect(Collectors.toMap(VolumeMapping::volumeId, Function.identity()));
    Map<Long, VmMapping> vms = new HashMap<>();
    rows.of(vmMappings).forEach(vm -> vms.put(vm.mappingId(), vm));
    Map<Long, String> names =
        rows.of(nodes).stream().collect(Collectors.toMap(NodeName::id, NodeName::name));
    List<VolumeDetails> details = new ArrayList<>();
    for (Volume volume : rows.of(volumes)) {
      List<Lvol> own = legs.getOrDefault(volume.id(), List.of());
      VolumeMapping mapping = mapped.get(volume.id());
      VmMapping vm = mapping == null ? null : vms.get(mapping.id());
      List<ReasonRow> why = about(rows.of(reasons), volume, own, mapping, vm);
      details.add(new VolumeDetails(volume, own, mapping, vm, names, why));
    }
    return details;
  }

  private static List<ReasonRow> about(
      List<ReasonRow> reasons,
      Volume volume,
      List<Lvol> lvols,
      @Nullable VolumeMapping mapping,
      @Nullable VmMapping vmMapping) {
    if (reasons.isEmpty()) {
      return List.of();
    }
    Set<ObjectRef> objects = new HashSet<>();
    objects.add(new ObjectRef(ObjectKind.VOLUME, volume.id()));
    lvols.forEach(l -> objects.add(new ObjectRef(ObjectKind.LVOL, l.id())));
    if (mapping != null) {
      objects.add(new ObjectRef(ObjectKind.VOLUME_MAPPING, mapping.id()));
    }
    if (vmMapping != null) {
      objects.add(new ObjectRef(ObjectKind.VM_MAPPING, vmMapping.id()));
    }
    return reasons.stream().filter(r -> objects.contains(r.reason().object())).toList();
  }
}
