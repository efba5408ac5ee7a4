package io.diskengine.model.plan;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.plan.Action.AddHost;
import io.diskengine.model.plan.Action.AddListener;
import io.diskengine.model.plan.Action.AddNamespace;
import io.diskengine.model.plan.Action.CreateLvol;
import io.diskengine.model.plan.Action.CreateSubsystem;
import io.diskengine.model.plan.Action.DeleteLvol;
import io.diskengine.model.plan.Action.DeleteSubsystem;
import io.diskengine.model.plan.Action.LookControllers;
import io.diskengine.model.plan.Action.RemoveHost;
import io.diskengine.model.plan.Action.RemoveListener;
import io.diskengine.model.plan.Action.RemoveNamespace;
import io.diskengine.model.plan.Action.ResizeLvol;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Namespace;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One replica on its storage node. Set up: lvol, subsystem, exactly the granted hosts, namespace,
 * and only then the listener. Torn down in the opposite order (law 10), each edge seen.
 */
final class ReplicaPlanner {
  private static final long RELOOK_MS = 500;

  private final Index rows;
  private final NodeView view;
  private final StorageNodeObserved seen;
  private final PlanBuilder out;
  private final Lvol lvol;
  private final ObjectRef ref;
  private final List<Commit> commits = new ArrayList<>();
  private final List<Action> actions = new ArrayList<>();

  /** Alone, after all others: a growth that finds no room must not keep them from being done. */
  private final List<Action> growth = new ArrayList<>();

  ReplicaPlanner(Index rows, StorageNodeObserved seen, PlanBuilder out, Lvol lvol) {
    this.rows = rows;
    this.view = rows.view;
    this.seen = seen;
    this.out = out;
    this.lvol = lvol;
    this.ref = new ObjectRef(ObjectKind.LVOL, lvol.id());
  }

  void plan() {
    ObjectRef diskRef = new ObjectRef(ObjectKind.DISK, lvol.diskId());
    Optional<Disk> disk = rows.disk(lvol.diskId());
    if (seen.busy().contains(ref)
        || grants().stream().anyMatch(g -> seen.busy().contains(ref(g)))) {
      out.blocked(ref, "an answer of the data plane", node());
      letInLate(seen.underWay().getOrDefault(ref, List.of()));
      return;
    }
    if (disk.isEmpty() || disk.get().state() != DiskState.UP) {
      out.blocked(ref, "its disk to be UP", diskRef);
      revokeOnly();
      return;
    }
    String lvstore = Names.lvstore(disk.get().uuid());
    String alias = lvstore + "/" + lvol.name();
    Optional<Lvstore> store = seen.lvstores().find(StorageNodePlanner.baseBdev(disk.get()));
    if (store.isEmpty() || !seen.lvols().isKnown(alias) || !seen.subsystems().isKnown(lvol.nqn())) {
      out.blocked(ref, "a look at lvol and subsystem", diskRef);
      return;
    }
    switch (lvol.state()) {
      case CREATING, UP, RESIZING -> {
        if (provision(store.get(), lvstore, alias)) {
          export(alias);
          // Last: what fails here must not keep the replica from being served.
          new KeptCopy(seen, out, lvol, lvstore).plan(commits, actions);
          if (actions.isEmpty()) {
            actions.addAll(growth);
          }
        }
      }
      case DELETING -> tearDown(lvstore, alias);
      case FAULTY -> out.blocked(ref, "an operator: the replica is FAULTY", diskRef);
      case DELETED -> {}
    }
    out.work(ref, lvol.version(), commits, actions);
  }

  /** A host that was granted the replica while it is being exported is let in right after that. */
  private void letInLate(List<Action> underWay) {
    boolean exporting =
        underWay.stream()
            .anyMatch(a -> a instanceof CreateSubsystem s && s.nqn().equals(lvol.nqn()));
    boolean wanted = lvol.state() == LvolState.CREATING || lvol.state() == LvolState.UP;
    Set<String> granted = grantedHosts();
    for (Grant g : grants()) {
      AddHost late = new AddHost(lvol.nqn(), g.hostNqn());
      boolean missing = granted.contains(g.hostNqn()) && !underWay.contains(late);
      if (exporting && wanted && missing && !seen.busy().contains(ref(g))) {
        out.follow(ref(g), g.version(), Set.of(ref), List.of(late));
      }
    }
  }

  private static ObjectRef ref(Grant g) {
    return new ObjectRef(ObjectKind.GRANT, g.id());
  }

  /** Hosts are taken off also where the disk is not there. */
  private void revokeOnly() {
    if (seen.subsystems().isKnown(lvol.nqn())) {
      Set<String> present =
          seen.subsystems().find(lvol.nqn()).map(Subsystem::hosts).orElse(Set.of());
      Set<String> staying = new HashSet<>(present);
      staying.retainAll(grantedHosts());
      hosts(present, staying);
      confirm(false);
      out.work(ref, lvol.version(), commits, actions);
    }
  }

  private boolean provision(Lvstore store, String lvstore, String alias) {
    Optional<LvolSeen> there = seen.lvols().find(alias);
    if (there.isEmpty()) {
      if (lvol.state() != LvolState.CREATING || lvol.uuid() != null) {
        return conflict("lvol " + alias + " is not on its disk any more");
      }
      actions.add(new CreateLvol(lvstore, lvol.name(), lvol.sizeBytes(), isThin()));
      return true;
    }
    LvolSeen now = there.get();
    if (lvol.uuid() != null && !lvol.uuid().equals(now.uuid())) {
      return conflict("lvol " + alias + " is " + now.uuid() + ", expected " + lvol.uuid());
    }
    if (now.sizeBytes() != 0 && lvol.state() == LvolState.RESIZING) {
      return grow(store, lvstore, alias, now);
    }
    if (now.sizeBytes() != 0 && now.sizeBytes() != lvol.sizeBytes()) {
      return conflict(
          "lvol " + alias + " has " + now.sizeBytes() + " bytes, expected " + lvol.sizeBytes());
    }
    if (now.sizeBytes() == 0) {
      out.blocked(ref, "a look at the size of lvol " + alias, node());
      return false;
    }
    if (lvol.state() == LvolState.CREATING) {
      commits.add(new Commit.LvolUp(lvol.id(), lvol.version(), now.uuid()));
    }
    return true;
  }

  /**
   * A RAID notices the growth of its legs when it happens, not when it is assembled. So a replica
   * of a volume that is not attached stops one cluster short; the last one follows when the RAID is
   * online, and its host is connected, which else would not hear of it either (decision 0052).
   */
  private boolean grow(Lvstore store, String lvstore, String alias, LvolSeen now) {
    boolean online = isRaidOnline();
    boolean raid = rows.volume(lvol.volumeId()).filter(v -> v.raidCreated()).isPresent();
    long nextBytes = online || !raid ? lvol.sizeBytes() : lvol.sizeBytes() - Sizes.UNIT_BYTES;
    sayNoRoom(store, nextBytes - now.sizeBytes());
    if (now.sizeBytes() > lvol.sizeBytes()) {
      return conflict(
          "lvol " + alias + " has " + now.sizeBytes() + " bytes, expected " + lvol.sizeBytes());
    }
    if (now.sizeBytes() == lvol.sizeBytes()) {
      commits.add(new Commit.LvolUp(lvol.id(), lvol.version(), now.uuid()));
    } else if (!seen.canResize()) {
      out.blocked(ref, "a data plane that has bdev_lvol_resize", node());
    } else if (now.sizeBytes() < nextBytes && raid && online && !isHeard()) {
      String waitingFor = "its host to be connected: it would not hear that the namespace grew";
      if (seen.subsystems().find(lvol.nqn()).isPresent()) {
        lookControllers(waitingFor);
      } else {
        out.blocked(ref, waitingFor, null); // it is exported first
      }
    } else if (now.sizeBytes() < nextBytes) {
      growth.add(new ResizeLvol(lvstore, lvol.name(), nextBytes));
    } else {
      out.blocked(
          ref, "its volume to be attached: the last 4MiB follow while its RAID is online", null);
    }
    return true;
  }

  /** A thin lvol grows without room. */
  private void sayNoRoom(Lvstore lvstore, long moreBytes) {
    long freeBytes = lvstore.freeClusters() * lvstore.clusterBytes();
    if (freeBytes < moreBytes && !isThin()) {
      out.blocked(
          ref,
          "room to grow: lvstore %s has %d MiB free, %d MiB are needed"
              .formatted(lvstore.name(), freeBytes / Sizes.MIB, moreBytes / Sizes.MIB),
          new ObjectRef(ObjectKind.DISK, lvol.diskId()));
    }
  }

  private boolean isRaidOnline() {
    return view.mappings().stream()
        .filter(m -> m.volumeId() == lvol.volumeId())
        .filter(m -> m.state() == VolumeMappingState.ATTACHED && "online".equals(m.raidState()))
        .anyMatch(m ->
            rows.peer(m.nodeId())
                .filter(n -> n.leaseValid() && n.dataPlane() == DataPlaneState.READY)
                .isPresent());
  }

  /** A leg that is not in the RAID is grown before it is taken in again. */
  private boolean isHeard() {
    return lvol.sync() == LvolSync.OUT
        || seen.connected()
            .find(lvol.nqn())
            .filter(hosts ->
                grants().stream()
                    .filter(g -> g.state() == GrantState.GRANTED)
                    .anyMatch(g -> hosts.contains(g.hostNqn())))
            .isPresent();
  }

  private boolean isThin() {
    return rows.volume(lvol.volumeId()).filter(v -> v.thin()).isPresent();
  }

  /** Law 3: what is there with another content is named, neither taken nor repaired. */
  private boolean conflict(String what) {
    out.blocked(ref, "an operator: " + what, null);
    return false;
  }

  private List<Grant> grants() {
    return rows.grantsOf(lvol.id());
  }

  private void export(String alias) {
    Optional<Subsystem> there = seen.subsystems().find(lvol.nqn());
    if (there.isPresent() && !isOurs(there.get(), alias)) {
      return;
    }
    if (there.isEmpty()) {
      actions.add(
          new CreateSubsystem(lvol.nqn(), lvol.serial(), lvol.minCntlid(), lvol.maxCntlid()));
    }
    boolean hosts = hosts(there.map(Subsystem::hosts).orElse(Set.of()), grantedHosts());
    boolean namespace = there.filter(s -> !s.namespaces().isEmpty()).isPresent();
    if (!namespace) {
      actions.add(new AddNamespace(lvol.nqn(), alias, lvol.namespaceUuid(), lvol.nguid()));
    }
    boolean listeners = listeners(there.map(Subsystem::listeners).orElse(List.of()));
    confirm(there.isPresent() && hosts && namespace && listeners);
  }

  private boolean isOurs(Subsystem s, String alias) {
    if (s.allowAnyHost()
        || !s.serial().equals(lvol.serial())
        || s.minCntlid() != lvol.minCntlid()
        || s.maxCntlid() != lvol.maxCntlid()) {
      return conflict("subsystem " + lvol.nqn() + " has other content: " + s);
    }
    @Nullable LvolSeen now = seen.lvols().find(alias).orElse(null);
    for (Namespace ns : s.namespaces()) {
      boolean same =
          ns.nsid() == Names.NSID
              && ns.uuid().equals(lvol.namespaceUuid())
              && ns.nguid().equalsIgnoreCase(lvol.nguid())
              && now != null
              && ns.bdev().equals(now.uuid().toString());
      if (!same) {
        return conflict("subsystem " + lvol.nqn() + " has another namespace: " + ns);
      }
    }
    return true;
  }

  /**
   * Law 7: a host is let in when nobody's grant is on its way out any more, so that the next writer
   * never meets the last one.
   */
  private Set<String> grantedHosts() {
    Set<String> granted = new HashSet<>();
    Set<String> waiting = new HashSet<>();
    Set<String> revoking = new HashSet<>();
    for (Grant g : grants()) {
      switch (g.state()) {
        case GRANTED -> granted.add(g.hostNqn());
        case GRANTING -> waiting.add(g.hostNqn());
        case REVOKING -> revoking.add(g.hostNqn());
        case REVOKED -> {}
      }
    }
    if (revoking.isEmpty() && Laws.mayLetIn(lvol)) {
      granted.addAll(waiting);
    }
    granted.removeAll(revoking);
    return granted;
  }

  /** Law 7: exactly the granted hosts, those that are too many first. */
  private boolean hosts(Set<String> present, Set<String> granted) {
    for (String host : new TreeSet<>(present)) {
      if (!granted.contains(host)) {
        actions.add(new RemoveHost(lvol.nqn(), host));
      }
    }
    if (!actions.isEmpty() && actions.getLast() instanceof RemoveHost) {
      actions.add(new LookControllers(lvol.nqn()));
    }
    for (String host : new TreeSet<>(granted)) {
      if (!present.contains(host)) {
        actions.add(new AddHost(lvol.nqn(), host));
      }
    }
    return present.equals(granted);
  }

  /** Goes out after the namespace: a listener without namespace looks healthy and is not. */
  private boolean listeners(List<FabricAddress> present) {
    List<FabricAddress> wanted = view.node().addresses();
    boolean transport =
        wanted.stream().allMatch(a -> seen.transports().find(a.transport().name()).isPresent());
    if (!transport) {
      out.blocked(ref, "the transport of its listener", node());
      return false;
    }
    for (FabricAddress address : wanted) {
      if (!present.contains(address)) {
        actions.add(new AddListener(lvol.nqn(), address));
      }
    }
    for (FabricAddress address : present) {
      if (!wanted.contains(address)) {
        actions.add(new RemoveListener(lvol.nqn(), address));
      }
    }
    return present.containsAll(wanted);
  }

  private void confirm(boolean exported) {
    for (Grant g : grants()) {
      switch (g.state()) {
        case GRANTING, GRANTED -> {
          boolean confirmed =
              g.state() == GrantState.GRANTED && seen.incarnation().equals(g.incarnation());
          if (exported && !confirmed && isAlone(g) && Laws.mayLetIn(lvol)) {
            commits.add(
                new Commit.GrantConfirmed(
                    g.id(), g.version(), GrantState.GRANTED, seen.incarnation()));
          }
        }
        case REVOKING -> revoke(g);
        case REVOKED -> {}
      }
    }
  }

  /** Law 7: one holder. Another grant of the lvol has to end first. */
  private boolean isAlone(Grant grant) {
    return grants().stream().allMatch(g -> g.id() == grant.id() || g.state() == GrantState.REVOKED);
  }

  private void revoke(Grant g) {
    if (Laws.isRevoked(g.hostNqn(), seen.subsystems(), seen.connected(), lvol.nqn())) {
      commits.add(
          new Commit.GrantConfirmed(g.id(), g.version(), GrantState.REVOKED, seen.incarnation()));
    } else {
      lookControllers("its hosts to leave subsystem " + lvol.nqn());
    }
  }

  /** Looks once; if that was not what is waited for, again after a while. */
  private void lookControllers(String waitingFor) {
    if (seen.connected().isKnown(lvol.nqn()) && seen.connected().byName().containsKey(lvol.nqn())) {
      out.blocked(ref, waitingFor, null);
      out.requeueAt(seen.nowMs() + RELOOK_MS);
    } else if (actions.stream().noneMatch(a -> a instanceof LookControllers)) {
      actions.add(new LookControllers(lvol.nqn()));
    }
  }

  private void tearDown(String lvstore, String alias) {
    Optional<Subsystem> there = seen.subsystems().find(lvol.nqn());
    if (there.isPresent()) {
      Subsystem s = there.get();
      boolean hostsGone = hosts(s.hosts(), Set.of());
      confirm(false);
      if (hostsGone && Laws.mayUnexport(s, seen.connected())) {
        if (!s.namespaces().isEmpty()) {
          actions.add(new RemoveNamespace(lvol.nqn()));
        }
        s.listeners().forEach(l -> actions.add(new RemoveListener(lvol.nqn(), l)));
        actions.add(new DeleteSubsystem(lvol.nqn()));
      } else if (hostsGone) {
        lookControllers("its hosts to leave subsystem " + lvol.nqn());
      }
      return;
    }
    confirm(false);
    Optional<LvolSeen> on = seen.lvols().find(alias);
    boolean gone = on.isEmpty() && new KeptCopy(seen, out, lvol, lvstore).isGone(actions);
    if (gone && grants().isEmpty()) {
      commits.add(new Commit.LvolChanged(lvol.id(), lvol.version(), LvolState.DELETED, null));
    } else if (on.isEmpty()) {
      if (gone) {
        out.blocked(ref, "its grants to be revoked", null);
      }
    } else if (Laws.mayDelete(lvol, on.get(), seen.subsystems())) {
      actions.add(new DeleteLvol(lvstore, lvol.name()));
    } else {
      conflict("lvol " + alias + " is " + on.get().uuid() + ", the tombstone is of " + lvol.uuid());
    }
  }

  private ObjectRef node() {
    return new ObjectRef(ObjectKind.NODE, view.node().id());
  }
}
