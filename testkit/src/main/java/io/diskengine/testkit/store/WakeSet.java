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
    after.planRequests.changedSince(before.planRequests).forEach(p -> plans.add(p.node()));
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

  private void volumes(MemoryState before) {
    for (Volume v : after.volumes.changedSince(before.volumes)) {
      Volume old = before.volumes.get(v.id());
      if (old != null && old.version() != v.version()) {
        mapped(v.id());
      }
    }
    for (Lvol l : after.lvols.changedSince(before.lvols)) {
      Lvol old = before.lvols.get(l.id());
      if (old == null || old.version() != l.version()) {
        changed(l.nodeId(), l.volumeId());
        mapped(l.volumeId());
      }
    }
    for (VolumeMapping m : after.mappings.changedSince(before.mappings)) {
      if (before.mappings.get(m.id()) != m) {
        mapped(m.volumeId());
        changed(m.nodeId(), m.volumeId());
      }
    }
    for (VmMapping vm : after.vms.changedSince(before.vms)) {
      if (before.vms.get(vm.id()) != vm) {
        changed(vm.nodeId(), after.mappings.at(vm.mappingId()).volumeId());
      }
    }
  }

  private void grants(MemoryState before) {
    for (Grant g : after.grants.changedSince(before.grants)) {
      if (before.grants.get(g.id()) != g) {
        Lvol l = after.lvols.at(g.lvolId());
        changed(l.nodeId(), l.volumeId());
        changed(after.mappings.at(g.mappingId()).nodeId(), l.volumeId());
      }
    }
  }

  private void machines(MemoryState before) {
    for (Disk d : after.disks.changedSince(before.disks)) {
      Disk old = before.disks.get(d.id());
      if (old == null || old.version() != d.version()) {
        all.add(after.nodes.at(d.nodeId()).name());
      }
    }
    for (Node n : after.nodes.changedSince(before.nodes)) {
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
