package io.diskengine.model.plan;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Names;
import io.diskengine.model.plan.Action.AddHost;
import io.diskengine.model.plan.Action.AddListener;
import io.diskengine.model.plan.Action.AddNamespace;
import io.diskengine.model.plan.Action.CreateAio;
import io.diskengine.model.plan.Action.CreateLvol;
import io.diskengine.model.plan.Action.CreateLvstore;
import io.diskengine.model.plan.Action.CreateSubsystem;
import io.diskengine.model.plan.Action.CreateTransport;
import io.diskengine.model.plan.Action.DeleteLvol;
import io.diskengine.model.plan.Action.DeleteSubsystem;
import io.diskengine.model.plan.Action.Examine;
import io.diskengine.model.plan.Action.LookControllers;
import io.diskengine.model.plan.Action.RemoveHost;
import io.diskengine.model.plan.Action.RemoveListener;
import io.diskengine.model.plan.Action.RemoveNamespace;
import io.diskengine.model.plan.Action.SnapshotLvol;
import io.diskengine.model.plan.Action.StorageAction;
import io.diskengine.model.plan.StorageNodeObserved.Base;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Namespace;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.NullUnmarked;
import org.jspecify.annotations.Nullable;

/** A storage node's data plane as actions see it: a disk that lives on, a process that does not. */
@NullUnmarked
final class SimTarget {
  /** The bytes of an lvol: the writes that are on it, and the RAID's superblock. */
  static final class Blob {
    final UUID uuid;
    long sizeBytes;
    Set<Integer> writes = new TreeSet<>();
    @Nullable Superblock superblock;
    final boolean snapshot;

    /** Holds all that its volume has, or had when it left the set. */
    boolean whole;

    Blob(UUID uuid, long sizeBytes) {
      this(uuid, sizeBytes, false);
    }

    Blob(UUID uuid, long sizeBytes, boolean snapshot) {
      this.uuid = uuid;
      this.sizeBytes = sizeBytes;
      this.snapshot = snapshot;
    }
  }

  record Superblock(UUID raid, String name, long seq, List<UUID> slots, Set<UUID> missing) {}

  final class Sub {
    final CreateSubsystem made;
    final Set<String> hosts = new HashSet<>();
    final List<FabricAddress> listeners = new ArrayList<>();
    @Nullable AddNamespace namespace;

    Sub(CreateSubsystem made) {
      this.made = made;
    }
  }

  final String name;
  final DiskFile disk;
  private final RandomGenerator random;
  @Nullable String lvstore;
  UUID lvstoreUuid = new UUID(0, 0);
  final Map<String, Blob> blobs = new HashMap<>();

  boolean up = true;
  int incarnation = 1;
  final Map<String, Base> bases = new HashMap<>();
  final Set<String> examined = new HashSet<>();
  final Set<String> transports = new HashSet<>();
  final Map<String, Sub> subsystems = new HashMap<>();

  SimTarget(String name, RandomGenerator random) {
    this.name = name;
    this.random = random;
    this.disk =
        new DiskFile(
            "/d/" + name, name + "-disk", 1, "file", 1L << 36, 4096, DiskFile.Content.EMPTY, "");
  }

  void restart() {
    incarnation++;
    bases.clear();
    examined.clear();
    transports.clear();
    subsystems.clear();
  }

  private UUID uuid() {
    return new UUID(random.nextLong(), random.nextLong());
  }

  private boolean loaded() {
    return lvstore != null && !examined.isEmpty();
  }

  /** The lvol behind a namespace, when the host may reach it. */
  @Nullable Blob open(String nqn, String host) {
    Sub sub = subsystems.get(nqn);
    boolean reachable = up && sub != null && sub.hosts.contains(host) && !sub.listeners.isEmpty();
    if (!reachable || sub == null || sub.namespace == null) {
      return null;
    }
    String bdev = sub.namespace.bdev();
    return blobs.get(bdev.substring(bdev.indexOf('/') + 1));
  }

  /** Law 9: what is whole is not overwritten before it was kept. */
  void overwritten(Blob blob) {
    String of =
        blobs.entrySet().stream()
            .filter(e -> e.getValue() == blob)
            .findFirst()
            .orElseThrow()
            .getKey();
    assert !blob.whole || blobs.containsKey(Names.kept(of)) : of + " is overwritten, nothing kept";
    blob.whole = false;
  }

  /** Null when it worked, else the refusal. */
  @Nullable String execute(
      StorageAction action, Map<String, Set<String>> looked, Set<String> live) {
    switch (action) {
      case CreateAio a ->
          bases.put(a.bdev(), new Base(a.bdev(), a.filename(), a.blockSize(), disk.sizeBytes()));
      case Examine a -> examined.add(a.bdev());
      case CreateLvstore a -> {
        if (lvstore != null) {
          return "exists";
        }
        lvstore = a.name();
        lvstoreUuid = uuid();
      }
      case CreateTransport a -> transports.add(a.transport().name());
      case CreateLvol a -> {
        if (!loaded() || blobs.containsKey(a.name())) {
          return "refused";
        }
        blobs.put(a.name(), new Blob(uuid(), a.sizeBytes()));
      }
      case Action.ResizeLvol a -> blobs.get(a.name()).sizeBytes = a.sizeBytes();
      case SnapshotLvol a -> {
        Blob of = blobs.get(a.name());
        if (!loaded() || of == null || blobs.containsKey(a.snapshot())) {
          return "refused";
        }
        Blob kept = new Blob(uuid(), of.sizeBytes, true);
        kept.writes = new TreeSet<>(of.writes);
        kept.superblock = of.superblock;
        blobs.put(a.snapshot(), kept);
      }
      case DeleteLvol a -> {
        assert subsystems.values().stream()
            .noneMatch(s -> s.namespace != null && s.namespace.bdev().endsWith("/" + a.name()));
        if (blobs.remove(a.name()) == null) {
          return "no lvol";
        }
      }
      case CreateSubsystem a -> {
        if (subsystems.putIfAbsent(a.nqn(), new Sub(a)) != null) {
          return "exists";
        }
      }
      case DeleteSubsystem a -> {
        if (subsystems.remove(a.nqn()) == null) {
          return "none";
        }
      }
      case AddHost a -> {
        if (!subsystems.containsKey(a.nqn()) || !subsystems.get(a.nqn()).hosts.add(a.hostNqn())) {
          return "refused";
        }
        looked.remove(a.nqn());
      }
      case RemoveHost a -> {
        if (!subsystems.get(a.nqn()).hosts.remove(a.hostNqn())) {
          return "none";
        }
        looked.remove(a.nqn());
      }
      case AddNamespace a -> {
        Sub sub = subsystems.get(a.nqn());
        if (sub == null
            || sub.namespace != null
            || !blobs.containsKey(a.bdev().substring(a.bdev().indexOf('/') + 1))) {
          return "refused";
        }
        assert sub.listeners.isEmpty() : "a listener before the namespace";
        sub.namespace = a;
      }
      case RemoveNamespace a -> subsystems.get(a.nqn()).namespace = null;
      case AddListener a -> {
        Sub sub = subsystems.get(a.nqn());
        assert sub.namespace != null : "a listener without namespace";
        sub.listeners.add(a.address());
      }
      case RemoveListener a -> subsystems.get(a.nqn()).listeners.remove(a.address());
      case LookControllers a -> looked.put(a.nqn(), live);
    }
    return null;
  }

  StorageNodeObserved observe(long nowMs, Map<String, Set<String>> looked) {
    Map<String, Lvstore> lvstores = new HashMap<>();
    Map<String, LvolSeen> lvols = new HashMap<>();
    if (lvstore != null && loaded()) {
      String base = examined.iterator().next();
      lvstores.put(base, new Lvstore(lvstoreUuid, lvstore, base, 4 << 20, 16000, 16000));
      blobs.forEach((n, b) ->
          lvols.put(
              lvstore + "/" + n, new LvolSeen(lvstore + "/" + n, b.uuid, b.sizeBytes, b.snapshot)));
    }
    Map<String, Subsystem> subs = new HashMap<>();
    subsystems.forEach((nqn, s) -> subs.put(nqn, subsystem(s)));
    Map<String, String> trtypes = new HashMap<>();
    transports.forEach(t -> trtypes.put(t, t));
    return new StorageNodeObserved(
        name + "#" + incarnation,
        nowMs,
        List.of(disk),
        Facts.known(bases),
        Set.copyOf(examined),
        Facts.known(lvstores),
        Facts.known(lvols),
        Facts.known(trtypes),
        Facts.known(subs),
        Facts.known(Map.copyOf(looked)),
        true,
        true,
        Map.of());
  }

  private Subsystem subsystem(Sub s) {
    List<Namespace> namespaces = new ArrayList<>();
    AddNamespace ns = s.namespace;
    if (ns != null) {
      Blob blob = blobs.get(ns.bdev().substring(ns.bdev().indexOf('/') + 1));
      namespaces.add(
          new Namespace(1, String.valueOf(blob == null ? "" : blob.uuid), ns.uuid(), ns.nguid()));
    }
    return new Subsystem(
        s.made.nqn(),
        s.made.serial(),
        s.made.minCntlid(),
        s.made.maxCntlid(),
        false,
        s.listeners,
        s.hosts,
        namespaces);
  }
}
