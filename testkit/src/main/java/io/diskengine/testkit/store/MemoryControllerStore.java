package io.diskengine.testkit.store;

import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.Event;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Intent;
import io.diskengine.model.Limits;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Placement;
import io.diskengine.model.Reason;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import io.diskengine.store.NewVolume;
import io.diskengine.store.ReasonRow;
import io.diskengine.store.RefusedException;
import io.diskengine.store.RefusedException.Code;
import io.diskengine.store.VolumeDetails;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** {@link VolumeRequests} in memory. */
public final class MemoryControllerStore implements VolumeRequests {
  private static final int MAX_WHY_DEPTH = 16;

  private final MemoryStore store;

  public MemoryControllerStore(MemoryStore store) {
    this.store = store;
  }

  private <T> T transaction(java.util.function.Function<MemoryState, T> body) {
    return store.transaction(MemoryStore.CONTROLLER, body);
  }

  private static RefusedException refused(Code code, String message) {
    return new RefusedException(code, message);
  }

  @Override
  public VolumeDetails createVolume(NewVolume request) {
    long id = taken("volume");
    return transaction(s -> create(s, id, request));
  }

  /** As from a sequence: taken whatever becomes of the request. */
  private long taken(String table) {
    return transaction(s -> s.nextId(table));
  }

  private VolumeDetails create(MemoryState s, long id, NewVolume request) {
    if (s.volume(request.name()).isPresent()) {
      throw refused(Code.ALREADY_EXISTS, "volume " + request.name() + " exists already");
    }
    List<Disk> disks = place(s, request);
    UUID uuid = new UUID(store.random.nextLong(), store.random.nextLong());
    Volume v =
        new Volume(
            id,
            uuid,
            request.name(),
            request.sizeBytes(),
            0,
            disks.getFirst().blockSize(),
            request.replicas(),
            Sizes.guestBytes(request.sizeBytes()),
            s.cluster.settings().thin(),
            Limits.NONE,
            1,
            false,
            VolumeState.CREATING,
            null,
            store.now(),
            1);
    s.volumes.put(id, v);
    for (int slot = 0; slot < disks.size(); slot++) {
      Lvol made = lvol(s, v, disks.get(slot), slot, 1, LvolSync.IN_SYNC);
      s.lvols.put(made.id(), made);
    }
    event(s, v, "create requested");
    return details(s, v);
  }

  static Lvol lvol(MemoryState s, Volume v, Disk disk, int slot, int generation, LvolSync sync) {
    String name = Names.lvol(v.id(), v.uuid(), slot, generation);
    UUID namespace = Names.namespaceUuid(v.uuid(), slot, generation);
    return new Lvol(
        s.nextId("lvol"),
        v.id(),
        disk.id(),
        disk.nodeId(),
        slot,
        generation,
        name,
        null,
        Sizes.legBytesOfGuest(v.guestBytes()),
        Names.subsystemNqn(s.cluster.nqnPrefix(), s.cluster.id(), name),
        namespace,
        Names.nguid(namespace),
        Names.serial(namespace),
        Names.minCntlid(slot),
        Names.maxCntlid(slot),
        LvolState.CREATING,
        sync,
        null,
        1);
  }

  private List<Disk> place(MemoryState s, NewVolume request) {
    List<Placement.Candidate> candidates =
        s.disks.values().stream()
            .filter(d -> d.state() != DiskState.RETIRED)
            .map(d ->
                new Placement.Candidate(
                    MemoryState.seenAt(
                        Objects.requireNonNull(s.nodes.get(d.nodeId())), store.now()),
                    d,
                    s.lvols.values().stream()
                        .filter(l -> l.diskId() == d.id() && l.state() != LvolState.DELETED)
                        .mapToLong(Lvol::sizeBytes)
                        .sum()))
            .toList();
    int overcommit = s.cluster.settings().overcommitPercent();
    return switch (Placement.place(
        candidates, request.replicas(), request.sizeBytes(), overcommit)) {
      case Placement.Placed placed -> placed.disks();
      case Placement.NoPlace noPlace -> throw refused(Code.NO_PLACE, noPlace.message());
    };
  }

  private void event(MemoryState s, Volume v, String message) {
    long id = s.nextId("event");
    ObjectRef ref = new ObjectRef(ObjectKind.VOLUME, v.id());
    s.events.put(id, new Event(id, store.now(), Event.Severity.INFO, null, ref, v.name(), message));
  }

  @Override
  public List<VolumeDetails> volumes() {
    MemoryState s = store.state();
    return s.volumes.values().stream()
        .filter(v -> v.state() != VolumeState.DELETED)
        .sorted(Comparator.comparing(Volume::name))
        .map(v -> details(s, v))
        .toList();
  }

  @Override
  public Optional<VolumeDetails> volume(String name) {
    MemoryState s = store.state();
    return s.volume(name).map(v -> details(s, v));
  }

  private static Volume locked(MemoryState s, String name) {
    return s.volume(name).orElseThrow(() -> refused(Code.NOT_FOUND, "there is no volume " + name));
  }

  private static VolumeDetails details(MemoryState s, Volume volume) {
    Volume v = Objects.requireNonNull(s.volumes.get(volume.id()));
    List<Lvol> lvols =
        s.lvolsOf(v.id()).stream()
            .filter(l -> l.state() != LvolState.DELETED)
            .sorted(Comparator.comparingInt(Lvol::slot)) // stable: then by id
            .toList();
    VolumeMapping m = s.liveMapping(v.id()).orElse(null);
    VmMapping vm =
        m == null
            ? null
            : s.vms.values().stream()
                .filter(x -> x.mappingId() == m.id())
                .reduce((_, last) -> last)
                .orElse(null);
    Map<Long, String> names = new TreeMap<>();
    s.nodes.values().forEach(n -> names.put(n.id(), n.name()));
    Set<ObjectRef> about = new HashSet<>();
    about.add(new ObjectRef(ObjectKind.VOLUME, v.id()));
    lvols.forEach(l -> about.add(new ObjectRef(ObjectKind.LVOL, l.id())));
    if (m != null) {
      about.add(new ObjectRef(ObjectKind.VOLUME_MAPPING, m.id()));
    }
    if (vm != null) {
      about.add(new ObjectRef(ObjectKind.VM_MAPPING, vm.id()));
    }
    List<ReasonRow> reasons =
        rows(s).stream().filter(r -> about.contains(r.reason().object())).toList();
    return new VolumeDetails(v, lvols, m, vm, names, reasons);
  }

  private static List<ReasonRow> rows(MemoryState s) {
    List<ReasonRow> all = new ArrayList<>();
    s.reasons.forEach((node, reasons) -> {
      String name = Objects.requireNonNull(s.nodes.get(node)).name();
      for (Reason r : reasons) {
        all.add(new ReasonRow(name, s.objectName(r.object()), r));
      }
    });
    all.sort(Comparator.comparing(r -> r.reason().since()));
    return all;
  }

  @Override
  public VolumeDetails attach(String volumeName, String nodeName) {
    long mappingId = taken("volume_mapping");
    long vmMappingId = taken("vm_mapping");
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      Node node =
          s.node(nodeName)
              .orElseThrow(() -> refused(Code.NOT_FOUND, "there is no node " + nodeName));
      if (node.mode() != NodeMode.BAREMETAL) {
        throw refused(Code.WRONG_STATE, "attach needs a baremetal node");
      }
      Optional<VolumeMapping> mapping = s.liveMapping(v.id());
      if (mapping.isPresent()) {
        checkSame(volumeName, mapping.get(), node);
      } else {
        map(s, v, node, mappingId, vmMappingId);
        event(s, v, "attach to " + nodeName + " requested");
      }
      return details(s, v);
    });
  }

  private static void checkSame(String volume, VolumeMapping mapping, Node node) {
    if (mapping.nodeId() != node.id()) {
      throw refused(Code.ATTACHED_ELSEWHERE, "volume " + volume + ": detach it first");
    }
    if (mapping.state() == VolumeMappingState.DETACHING) {
      throw refused(
          Code.WRONG_STATE,
          "volume " + volume + " is DETACHING: attach it again when that is done");
    }
  }

  private static void map(MemoryState s, Volume v, Node node, long mapping, long vm) {
    checkTarget(s, v, node);
    insert(s, s.volumes.at(v.id()), node, mapping, vm);
  }

  private static void checkTarget(MemoryState s, Volume v, Node node) {
    switch (v.state()) {
      case CREATING, AVAILABLE, RESIZING -> {}
      case ERROR, DELETING, DELETED ->
          throw refused(Code.WRONG_STATE, "volume " + v.name() + " is " + v.state());
    }
    if (node.schedulability() != Schedulability.ACTIVE) {
      throw refused(Code.WRONG_STATE, "node " + node.name() + " is " + node.schedulability());
    }
    if (s.mappings.values().stream()
        .anyMatch(m -> m.volumeId() == v.id() && s.isLeftOn(m, node.id()))) {
      throw refused(Code.WRONG_STATE, "node " + node.name() + " has not taken it down yet");
    }
  }

  private static void insert(MemoryState s, Volume v, Node node, long mapping, long vm) {
    boolean clean =
        s.mappings.values().stream()
            .filter(m -> m.volumeId() == v.id())
            .reduce((_, last) -> last)
            .map(VolumeMapping::clean)
            .orElse(true);
    s.mappings.put(
        mapping,
        new VolumeMapping(mapping, v.id(), node.id(), VolumeMappingState.ASSIGNED, null, clean, 1));
    s.vms.put(
        vm,
        new VmMapping(
            vm,
            mapping,
            node.id(),
            Names.vhost(vm, v.uuid()),
            null,
            VmMappingState.ATTACHING,
            false,
            1));
    long epoch = v.epoch() + 1;
    s.volumes.put(v.id(), Row.with(v, "epoch", epoch, "version", v.version() + 1));
    for (Lvol l : s.lvolsOf(v.id())) {
      boolean usable =
          l.state() == LvolState.CREATING
              || l.state() == LvolState.UP
              || l.state() == LvolState.RESIZING;
      if (usable && l.sync() == LvolSync.IN_SYNC) {
        long id = s.nextId("grant");
        s.grants.put(
            id,
            new Grant(id, l.id(), mapping, node.hostNqn(), epoch, GrantState.GRANTING, null, 1));
      }
    }
  }

  @Override
  public VolumeDetails detach(String volumeName, boolean force) {
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      VolumeMapping m = s.liveMapping(v.id()).orElse(null);
      MemoryChanges changes = new MemoryChanges(s, store.now());
      if (m != null && force) {
        changes.takeAway(v, m);
        event(s, v, "detached by force");
      } else if (m != null) {
        changes.refuseConnectedGuest(m, v);
        if (m.state() != VolumeMappingState.DETACHING) {
          event(s, v, "detach requested");
        }
        changes.leave(m, null);
      }
      return details(s, v);
    });
  }

  private static Node baremetal(MemoryState s, String name) {
    Node node = s.node(name).orElseThrow(() -> refused(Code.NOT_FOUND, "there is no node " + name));
    if (node.mode() != NodeMode.BAREMETAL) {
      throw refused(Code.WRONG_STATE, "attach needs a baremetal node");
    }
    return node;
  }

  @Override
  public VolumeDetails move(String volumeName, String nodeName, boolean force) {
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      Node target = baremetal(s, nodeName);
      new MemoryChanges(s, store.now())
          .move(v, target, force, to -> mapNow(s, v, to), () -> checkTarget(s, v, target));
      return details(s, v);
    });
  }

  private static void mapNow(MemoryState s, Volume v, Node node) {
    checkTarget(s, v, node);
    insert(s, s.volumes.at(v.id()), node, s.nextId("volume_mapping"), s.nextId("vm_mapping"));
  }

  @Override
  public VolumeDetails moveReplica(String volumeName, int slot, @Nullable String nodeName) {
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      new MemoryChanges(s, store.now()).moveReplica(v, slot, nodeName);
      return details(s, v);
    });
  }

  @Override
  public VolumeDetails resize(String volumeName, long sizeBytes) {
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      new MemoryChanges(s, store.now()).resize(v, sizeBytes);
      return details(s, v);
    });
  }

  @Override
  public void replaceLost() {
    if (new MemoryChanges(store.state(), store.now()).isAnythingLost()) {
      boolean unused =
          transaction(s -> {
            new MemoryChanges(s, store.now()).replaceLost();
            return true;
          });
    }
  }

  @Override
  public void attachSuccessors() {
    for (long mapping : List.copyOf(store.state().successors.keySet())) {
      if (store.state().mappings.at(mapping).state() == VolumeMappingState.DETACHED) {
        boolean unused =
            transaction(s -> {
              new MemoryChanges(s, store.now())
                  .attachSuccessor(mapping, (v, node) -> mapNow(s, v, node));
              return true;
            });
      }
    }
  }

  @Override
  public VolumeDetails delete(String volumeName) {
    return transaction(s -> {
      Volume v = locked(s, volumeName);
      if (v.state() == VolumeState.DELETING) {
        return details(s, v);
      }
      if (s.liveMapping(v.id()).isPresent()) {
        throw refused(Code.WRONG_STATE, "volume " + volumeName + " is attached: detach it first");
      }
      for (Lvol l : s.lvolsOf(v.id())) {
        if (l.state() != LvolState.DELETING && l.state() != LvolState.DELETED) {
          s.lvols.put(l.id(), Row.with(l, "state", LvolState.DELETING, "version", l.version() + 1));
        }
      }
      s.volumes.put(v.id(), Row.with(v, "state", VolumeState.DELETING, "version", v.version() + 1));
      event(s, v, "delete requested");
      return details(s, v);
    });
  }

  @Override
  public List<Node> nodes() {
    return store.state().nodes.values().stream()
        .map(n -> MemoryState.seenAt(n, store.now()))
        .sorted(Comparator.comparing(Node::name))
        .toList();
  }

  @Override
  public List<Disk> disks() {
    return store.state().disks.values().stream()
        .sorted(
            Comparator.comparingLong(Disk::nodeId)
                .thenComparing(Disk::serial)
                .thenComparingInt(Disk::nsid))
        .toList();
  }

  @Override
  public void setSchedulability(String nodeName, Schedulability schedulability) {
    boolean unused =
        transaction(s -> {
          Node n =
              s.node(nodeName)
                  .orElseThrow(() -> refused(Code.NOT_FOUND, "there is no node " + nodeName));
          if (n.schedulability() != schedulability) {
            s.nodes.put(
                n.id(), Row.with(n, "schedulability", schedulability, "version", n.version() + 1));
          }
          return true;
        });
  }

  @Override
  public List<ReasonRow> why(ObjectRef object) {
    List<ReasonRow> all = reasons();
    List<ReasonRow> chain = new ArrayList<>();
    Set<ObjectRef> seen = new HashSet<>();
    List<ObjectRef> next = List.of(object);
    while (!next.isEmpty() && chain.size() < MAX_WHY_DEPTH) {
      List<ObjectRef> causes = new ArrayList<>();
      for (ObjectRef wanted : next) {
        if (seen.add(wanted)) {
          for (ReasonRow row : all) {
            if (row.reason().object().equals(wanted)) {
              chain.add(row);
              if (row.reason().cause() != null) {
                causes.add(row.reason().cause());
              }
            }
          }
        }
      }
      next = causes;
    }
    return chain;
  }

  @Override
  public List<ReasonRow> reasons() {
    return rows(store.state());
  }

  @Override
  public List<Intent> openIntents() {
    return store.state().intents.values().stream().filter(i -> i.finishedAt() == null).toList();
  }
}
