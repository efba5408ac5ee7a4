package io.diskengine.testkit.store;

import io.diskengine.model.Disk;
import io.diskengine.model.Grant;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.Node;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.store.Wake;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which nodes a transaction wakes, and with which keys: the schema's triggers. */
final class WakeSet {
  private final MemoryState after;
  private final Map<String, Set<Long>> volumes = new TreeMap<>();
  private final Set<String> all = new TreeSet<>();
  private final Set<String> plans = new TreeSet<>();

  WakeSet(MemoryState before, MemoryState after) {
    this.after = after;
    volumes(before);
    grants(before);
    machines(before);
    after.planRequests.values().stream()
        .filter(p -> before.planRequests.get(p.id()) != p)
        .forEach(p -> plans.add(p.node()));
  }

  Map<String, Wake> byNode() {
    Set<String> nodes = new TreeSet<>(volumes.keySet());
    nodes.addAll(all);
    nodes.addAll(plans);
    Map<String, Wake> wakes = new TreeMap<>();
    for (String n : nodes) {
      wakes.put(n, new Wake(all.contains(n), plans.contains(n), volumes.getOrDefault(n, Set.of())));
    }
    return wakes;
  }

  /** None when nobody wrote to the table. */
  private static <V> Collection<V> changedRows(Table<V> after, Table<V> before) {
    return after.isSameAs(before) ? List.of() : after.values();
  }

  private void volumes(MemoryState before) {
    for (Volume v : changedRows(after.volumes, before.volumes)) {
      Volume old = before.volumes.get(v.id());
      if (old != null && old.version() != v.version()) {
        mapped(v.id());
      }
    }
    for (Lvol l : changedRows(after.lvols, before.lvols)) {
      Lvol old = before.lvols.get(l.id());
      if (old == null || old.version() != l.version()) {
        changed(l.nodeId(), l.volumeId());
        mapped(l.volumeId());
      }
    }
    for (VolumeMapping m : changedRows(after.mappings, before.mappings)) {
      if (before.mappings.get(m.id()) != m) {
        mapped(m.volumeId());
        changed(m.nodeId(), m.volumeId());
      }
    }
    for (VmMapping vm : changedRows(after.vms, before.vms)) {
      if (before.vms.get(vm.id()) != vm) {
        changed(vm.nodeId(), after.mappings.at(vm.mappingId()).volumeId());
      }
    }
  }

  private void grants(MemoryState before) {
    for (Grant g : changedRows(after.grants, before.grants)) {
      if (before.grants.get(g.id()) != g) {
        Lvol l = after.lvols.at(g.lvolId());
        changed(l.nodeId(), l.volumeId());
        changed(after.mappings.at(g.mappingId()).nodeId(), l.volumeId());
      }
    }
  }

  private void machines(MemoryState before) {
    for (Disk d : changedRows(after.disks, before.disks)) {
      Disk old = before.disks.get(d.id());
      if (old == null || old.version() != d.version()) {
        all.add(after.nodes.at(d.nodeId()).name());
      }
    }
    for (Node n : changedRows(after.nodes, before.nodes)) {
      Node old = before.nodes.get(n.id());
      if (old != null && old.version() != n.version()) {
        all.add(n.name());
        after.lvols.values().stream()
            .filter(l -> l.nodeId() == n.id() && l.state() != LvolState.DELETED)
            .flatMap(l -> after.liveMapping(l.volumeId()).stream())
            .forEach(m -> all.add(after.nodes.at(m.nodeId()).name()));
      }
    }
  }

  private void changed(long node, long volume) {
    boolean unused =
        volumes.computeIfAbsent(after.nodes.at(node).name(), _ -> new TreeSet<>()).add(volume);
  }

  private void mapped(long volume) {
    after.liveMapping(volume).ifPresent(m -> changed(m.nodeId(), volume));
  }
}
