package io.diskengine.model.plan;

import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Lvol;
import io.diskengine.model.Names;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.Transport;
import io.diskengine.model.plan.Action.CreateAio;
import io.diskengine.model.plan.Action.CreateLvstore;
import io.diskengine.model.plan.Action.CreateTransport;
import io.diskengine.model.plan.Action.Examine;
import io.diskengine.model.plan.Action.RemoveListener;
import io.diskengine.model.plan.StorageNodeObserved.Base;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a storage node does next: transports, disks with their lvstores, then every replica ({@link
 * ReplicaPlanner}). One bad object never stops the others.
 */
public final class StorageNodePlanner {
  /** {@code num_md_pages_per_cluster_ratio}: a dirty load is ten times faster than by default. */
  static final int MD_PAGES_PER_CLUSTER_PERCENT = 10;

  /** Free space is brought up to date when a hundredth of it has changed. */
  private static final int FREE_STEPS = 100;

  private final Index rows;
  private final NodeView view;
  private final StorageNodeObserved seen;
  private final PlanBuilder out;
  private final ObjectRef node;
  private final Set<Long> settled;

  private StorageNodePlanner(Index rows, StorageNodeObserved seen, Set<Long> settled) {
    this.rows = rows;
    this.view = rows.view;
    this.seen = seen;
    this.settled = settled;
    this.out = new PlanBuilder(seen.busy());
    this.node = new ObjectRef(ObjectKind.NODE, view.node().id());
  }

  public static Plan plan(NodeView view, StorageNodeObserved seen) {
    return plan(new Index(view), seen, Set.of()).plan();
  }

  /**
   * @param settled volumes that an earlier plan left settled and of which nothing changed since
   */
  public static Planned plan(Index rows, StorageNodeObserved seen, Set<Long> settled) {
    return new StorageNodePlanner(rows, seen, settled).plan();
  }

  /** The bdev of a disk: known by the row, never by its path. */
  public static String baseBdev(Disk disk) {
    return "disk" + disk.id();
  }

  private Planned plan() {
    transports();
    for (DiskFile file : seen.disks()) {
      failSoft(node, () -> disk(file));
    }
    for (Disk disk : view.disks()) {
      if (seen.disks().stream().noneMatch(f -> isOn(f, disk)) && disk.state() == DiskState.UP) {
        missing(disk, "it is not in this node's configuration any more");
      }
    }
    for (Lvol lvol : view.lvols()) {
      if (!settled.contains(lvol.volumeId())) {
        out.planVolume(lvol.volumeId(), () -> replica(lvol));
      }
    }
    quarantine();
    return out.build();
  }

  private void replica(Lvol lvol) {
    ObjectRef ref = new ObjectRef(ObjectKind.LVOL, lvol.id());
    failSoft(ref, () -> new ReplicaPlanner(rows, seen, out, lvol).plan());
  }

  /** A fault in planning one object must not stop the others. */
  private void failSoft(ObjectRef object, Runnable planning) {
    try {
      planning.run();
    } catch (RuntimeException e) {
      out.blocked(object, "a fault in its planner to be mended: " + e, null);
    }
  }

  private void transports() {
    for (Transport t :
        view.node().addresses().stream().map(FabricAddress::transport).distinct().toList()) {
      if (seen.transports().isAbsent(t.name()) && !seen.busy().contains(node)) {
        out.act(node, view.node().version(), new CreateTransport(t));
      }
    }
  }

  private static boolean isOn(DiskFile file, Disk disk) {
    return disk.serial().equals(file.serial()) && disk.nsid() == file.nsid();
  }

  private void disk(DiskFile file) {
    Optional<Disk> row = view.disks().stream().filter(d -> isOn(file, d)).findFirst();
    if (!file.problem().isEmpty()) {
      row.ifPresentOrElse(
          d -> missing(d, file.problem()),
          () -> out.blocked(node, "disk " + file.path() + ": " + file.problem(), null));
      return;
    }
    if (row.isEmpty() || isChanged(row.get(), file)) {
      out.commit(node, view.node().version(), new Commit.DiskSeen(file));
      return;
    }
    Disk disk = row.get();
    ObjectRef ref = new ObjectRef(ObjectKind.DISK, disk.id());
    if (disk.state() == DiskState.RETIRED) {
      return;
    }
    if (seen.busy().contains(ref)) {
      out.blocked(ref, "an answer of the data plane", node);
      return;
    }
    String base = baseBdev(disk);
    if (!seen.bases().isKnown(base)) {
      out.blocked(ref, "a look at bdev " + base, node);
    } else if (seen.bases().isAbsent(base)) {
      out.act(
          ref,
          disk.version(),
          new CreateAio(base, file.path(), file.blockSize()),
          new Examine(base));
    } else if (isSame(seen.bases().find(base).orElseThrow(), file, ref)) {
      lvstore(disk, ref, file, base);
    }
  }

  private static boolean isChanged(Disk disk, DiskFile file) {
    return !disk.address().equals(file.path())
        || disk.sizeBytes() != file.sizeBytes()
        || !disk.model().equals(file.model());
  }

  private void missing(Disk disk, String why) {
    ObjectRef ref = new ObjectRef(ObjectKind.DISK, disk.id());
    if (disk.state() != DiskState.MISSING && disk.state().canBecome(DiskState.MISSING)) {
      out.commit(
          ref,
          disk.version(),
          new Commit.DiskChanged(disk.id(), disk.version(), DiskState.MISSING, why));
    }
    out.blocked(ref, "disk " + disk.address() + ": " + why, node);
  }

  private boolean isSame(Base base, DiskFile file, ObjectRef ref) {
    boolean same =
        base.filename().equals(file.path())
            && base.blockSize() == file.blockSize()
            && base.sizeBytes() == file.sizeBytes();
    if (!same) {
      out.blocked(ref, "bdev " + base.name() + " is " + base + ", expected " + file.path(), null);
    }
    return same;
  }

  private void lvstore(Disk disk, ObjectRef ref, DiskFile file, String base) {
    if (!seen.examined().contains(base)) {
      out.act(ref, disk.version(), new Examine(base));
      return;
    }
    if (!seen.lvstores().isKnown(base)) {
      out.blocked(ref, "a look at the lvstore of " + base, node);
      return;
    }
    String name = Names.lvstore(disk.uuid());
    Optional<Lvstore> there = seen.lvstores().find(base);
    if (there.isPresent()) {
      verified(disk, ref, there.get(), name);
    } else if (disk.lvstoreUuid() != null) {
      if (disk.state() == DiskState.UP) {
        out.commit(
            ref,
            disk.version(),
            new Commit.DiskChanged(
                disk.id(), disk.version(), DiskState.FAULTY, "its lvstore was not found"));
      }
      out.blocked(ref, "lvstore " + disk.lvstoreUuid() + ", which was not found on it", null);
    } else if (Laws.mayCreateLvstore(disk, file, seen.lvstores(), base)) {
      CreateLvstore create =
          new CreateLvstore(base, name, Sizes.UNIT_BYTES, MD_PAGES_PER_CLUSTER_PERCENT, false);
      boolean initialising = disk.state() == DiskState.INITIALISING;
      out.work(
          ref,
          disk.version(),
          initialising
              ? List.of()
              : List.of(
                  new Commit.DiskChanged(disk.id(), disk.version(), DiskState.INITIALISING, null)),
          List.of(create));
    } else {
      out.blocked(ref, "an operator: " + file.path() + " is not empty and has no lvstore", null);
    }
  }

  private void verified(Disk disk, ObjectRef ref, Lvstore there, String name) {
    boolean ours =
        disk.lvstoreUuid() == null
            ? there.name().equals(name)
            : disk.lvstoreUuid().equals(there.uuid());
    if (!ours) {
      String expected = disk.lvstoreUuid() == null ? name : disk.lvstoreUuid().toString();
      out.blocked(
          ref,
          "an operator: lvstore "
              + there.name()
              + " ("
              + there.uuid()
              + ") is on it, expected "
              + expected,
          null);
    } else if (disk.state() == DiskState.NEW) {
      out.commit(
          ref,
          disk.version(),
          new Commit.DiskChanged(disk.id(), disk.version(), DiskState.INITIALISING, null));
    } else if (disk.state() != DiskState.UP || disk.totalClusters() != there.totalClusters()) {
      out.commit(ref, disk.version(), new Commit.DiskUp(disk.id(), disk.version(), there, true));
    } else if (Math.abs(disk.freeClusters() - there.freeClusters())
        > disk.totalClusters() / FREE_STEPS) {
      out.commit(ref, disk.version(), new Commit.DiskFree(disk.id(), there.freeClusters()));
    }
  }

  /** Law 11: what carries our mark without a row is unexported and reported, never removed. */
  private void quarantine() {
    String ours = view.cluster().nqnPrefix() + ":" + view.cluster().id() + ":";
    Set<String> strangers = new TreeSet<>();
    List<Action> unexport = new ArrayList<>();
    for (String nqn : seen.subsystems().groups().beside(settled)) {
      if (nqn.startsWith(ours) && !rows.nqns().contains(nqn)) {
        strangers.add("subsystem " + nqn);
        out.unsettled(nqn);
        Optional.ofNullable(seen.subsystems().byName().get(nqn)).stream()
            .flatMap(s -> s.listeners().stream())
            .forEach(l -> unexport.add(new RemoveListener(nqn, l)));
      }
    }
    for (String alias : seen.lvols().groups().beside(settled)) {
      if (!rows.lvolNames().contains(alias.substring(alias.indexOf('/') + 1))) {
        strangers.add("lvol " + alias);
        out.unsettled(alias);
      }
    }
    if (!strangers.isEmpty()) {
      out.blocked(node, "an operator: quarantined, no row names " + strangers, null);
    }
    if (!unexport.isEmpty() && !seen.busy().contains(node)) {
      out.work(node, view.node().version(), List.of(), unexport);
    }
  }
}
