package io.diskengine.agent;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Names;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Sizes;
import io.diskengine.model.plan.Action;
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
import io.diskengine.model.plan.Action.ResizeLvol;
import io.diskengine.model.plan.Action.SnapshotLvol;
import io.diskengine.model.plan.Action.StorageAction;
import io.diskengine.model.plan.Blocked;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.DiskFile;
import io.diskengine.model.plan.Facts;
import io.diskengine.model.plan.Index;
import io.diskengine.model.plan.Plan;
import io.diskengine.model.plan.Planned;
import io.diskengine.model.plan.StorageNodeObserved;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Namespace;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import io.diskengine.model.plan.StorageNodePlanner;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.LvolMethods;
import io.diskengine.spdkrpc.NvmfMethods;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.Trid;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Storage-node mode: disks, lvstores, lvols and their exports. */
final class StorageNodeMode implements Mode {
  private static final int MAX_SUBSYSTEMS = 4096;
  private static final String MODEL = "diskengine";

  /** SPDK's answer to a name that was examined before. */
  private static final int EEXIST = -17;

  private final StorageNodeConfig config;
  private final AgentMachine machine;
  private final Settled settled = new Settled();
  final StorageNodeFacts facts = new StorageNodeFacts(settled);
  private List<DiskFile> disks = List.of();
  private String incarnation = "";
  private int ticks;
  private boolean canResize;
  private boolean canSnapshot;

  StorageNodeMode(StorageNodeConfig config, AgentMachine machine) {
    this.machine = machine;
    this.config = config;
  }

  @Override
  public List<RpcRequest<?>> startupOptions(NodeView view) {
    return List.of(
        BdevMethods.setOptions(BdevMethods.Options.autoExamine(false)),
        NvmfMethods.setMaxSubsystems(MAX_SUBSYSTEMS));
  }

  @Override
  public void capabilities(Set<String> methods) {
    canResize = methods.contains("bdev_lvol_resize");
    canSnapshot = methods.contains("bdev_lvol_snapshot");
  }

  @Override
  public void reset(String newIncarnation, long nowMs) {
    incarnation = newIncarnation;
    facts.reset();
    settled.changedAll();
    disks = config.disks().stream().map(machine::look).toList();
  }

  @Override
  public void tick(long nowMs, NodeView view) {
    if (ticks++ % 2 == 0) {
      facts.lookAtLvstores();
    }
  }

  @Override
  public void loaded(NodeView view, @Nullable Set<Long> volumes) {
    settled.loaded(view, volumes);
  }

  @Override
  public void resync() {
    settled.changedAll();
    disks = config.disks().stream().map(machine::look).toList();
    facts.lookAtAll();
  }

  @Override
  public void requeue() {
    facts.connected.clear();
  }

  @Override
  public boolean needsLook() {
    return facts.needsLook();
  }

  @Override
  public Look look() {
    List<String> bases = new ArrayList<>(facts.expectedBases);
    return facts.new StorageLook(bases);
  }

  @Override
  public boolean isSeen() {
    return facts.isSeen();
  }

  @Override
  public Plan plan(NodeView view, long nowMs, Map<ObjectRef, List<Action>> underWay) {
    Index index = settled.index(view);
    facts.expect(view.disks().stream().map(StorageNodePlanner::baseBdev).toList());
    StorageNodeObserved observed =
        new StorageNodeObserved(
            incarnation,
            nowMs,
            disks,
            facts.bases.facts(),
            Set.copyOf(facts.examined),
            facts.lvstores.facts(),
            facts.lvols.facts(),
            facts.transports.facts(),
            facts.subsystems.facts(),
            Facts.ungrouped(facts.connected),
            canResize,
            canSnapshot,
            underWay);
    Planned planned = StorageNodePlanner.plan(index, observed, settled.volumes());
    assert !settled.isChecked(view)
            || planned.plan().equals(StorageNodePlanner.plan(view, observed))
        : "not settled: " + StorageNodePlanner.plan(view, observed).text();
    settled.planned(planned.settled());
    return planned.plan();
  }

  @Override
  public List<RpcRequest<?>> requests(Action action, NodeView view) {
    return switch ((StorageAction) action) {
      case CreateAio a ->
          List.of(
              BdevMethods.createAio(
                  new BdevMethods.CreateAio(
                      a.bdev(), a.filename(), a.blockSize(), null, true, null)));
      case Examine a -> List.of(BdevMethods.examine(a.bdev()), BdevMethods.waitForExamine());
      case CreateLvstore a ->
          List.of(
              LvolMethods.createLvstore(
                  new LvolMethods.CreateLvstore(
                      a.bdev(),
                      a.name(),
                      Math.toIntExact(a.clusterBytes()),
                      a.writeZeroes() ? "write_zeroes" : null,
                      a.mdPagesPerClusterPercent(),
                      null)));
      case CreateTransport a ->
          List.of(
              NvmfMethods.createTransport(new NvmfMethods.CreateTransport(a.transport().name())));
      case CreateLvol a ->
          List.of(
              LvolMethods.create(
                  new LvolMethods.CreateLvol(
                      a.lvstore(), a.name(), a.sizeBytes() / Sizes.MIB, a.thin())));
      case ResizeLvol a ->
          List.of(LvolMethods.resize(a.lvstore() + "/" + a.name(), a.sizeBytes() / Sizes.MIB));
      case SnapshotLvol a ->
          List.of(LvolMethods.snapshot(a.lvstore() + "/" + a.name(), a.snapshot()));
      case DeleteLvol a -> List.of(LvolMethods.delete(a.lvstore() + "/" + a.name()));
      case CreateSubsystem a ->
          List.of(
              NvmfMethods.createSubsystem(
                  new NvmfMethods.CreateSubsystem(
                      a.nqn(), false, a.serial(), MODEL, 1, a.minCntlid(), a.maxCntlid(), true)));
      case DeleteSubsystem a -> List.of(NvmfMethods.deleteSubsystem(a.nqn()));
      case AddHost a -> List.of(NvmfMethods.addHost(a.nqn(), a.hostNqn()));
      case RemoveHost a -> List.of(NvmfMethods.removeHost(a.nqn(), a.hostNqn()));
      case AddNamespace a ->
          List.of(
              NvmfMethods.addNs(
                  a.nqn(), new NvmfMethods.Namespace(a.bdev(), Names.NSID, a.nguid(), a.uuid())));
      case RemoveNamespace a -> List.of(NvmfMethods.removeNs(a.nqn(), Names.NSID));
      case AddListener a -> List.of(NvmfMethods.addListener(a.nqn(), trid(a.address())));
      case RemoveListener a -> List.of(NvmfMethods.removeListener(a.nqn(), trid(a.address())));
      case LookControllers a -> List.of(NvmfMethods.controllers(a.nqn()));
    };
  }

  static Trid trid(FabricAddress address) {
    return new Trid(
        address.transport().name(),
        address.addressFamily(),
        address.host(),
        Integer.toString(address.port()),
        null);
  }

  @Override
  public void begin(Action action) {
    Touched touched = touched((StorageAction) action);
    if (touched != null) {
      touched.kind().begin(touched.name());
    }
  }

  @Override
  public void end(Action action) {
    if (action instanceof ResizeLvol a) {
      // The next growth needs a host that is connected then.
      facts.connected.keySet().removeIf(nqn -> nqn.endsWith(":" + a.name()));
    }
    Touched touched = touched((StorageAction) action);
    if (touched != null) {
      touched.kind().end(touched.name());
    }
  }

  private record Touched(Tracked<?> kind, String name) {}

  private @Nullable Touched touched(StorageAction action) {
    return switch (action) {
      case CreateAio a -> new Touched(facts.bases, a.bdev());
      case Examine a -> new Touched(facts.lvstores, a.bdev());
      case CreateLvstore a -> new Touched(facts.lvstores, a.bdev());
      case CreateTransport a -> new Touched(facts.transports, a.transport().name());
      case CreateLvol a -> new Touched(facts.lvols, a.lvstore() + "/" + a.name());
      case ResizeLvol a -> new Touched(facts.lvols, a.lvstore() + "/" + a.name());
      case SnapshotLvol a -> new Touched(facts.lvols, a.lvstore() + "/" + a.snapshot());
      case DeleteLvol a -> new Touched(facts.lvols, a.lvstore() + "/" + a.name());
      case CreateSubsystem a -> new Touched(facts.subsystems, a.nqn());
      case DeleteSubsystem a -> new Touched(facts.subsystems, a.nqn());
      case AddHost a -> new Touched(facts.subsystems, a.nqn());
      case RemoveHost a -> new Touched(facts.subsystems, a.nqn());
      case AddNamespace a -> new Touched(facts.subsystems, a.nqn());
      case RemoveNamespace a -> new Touched(facts.subsystems, a.nqn());
      case AddListener a -> new Touched(facts.subsystems, a.nqn());
      case RemoveListener a -> new Touched(facts.subsystems, a.nqn());
      case LookControllers _ -> null;
    };
  }

  @Override
  public boolean isSuccess(Action action, RpcResult<?> result) {
    return switch (result) {
      case RpcResult.Ok<?>(Object value) ->
          !(action instanceof AddNamespace) || Integer.valueOf(Names.NSID).equals(value);
      case RpcResult.Rejected<?>(int code, String _) -> action instanceof Examine && code == EEXIST;
      case RpcResult.Unavailable<?> _, RpcResult.Indeterminate<?> _ -> false;
    };
  }

  @Override
  public void answered(Action action, RpcResult<?> result, long nowMs) {
    Touched touched = touched((StorageAction) action);
    if (isSuccess(action, result)) {
      succeeded((StorageAction) action, result instanceof RpcResult.Ok<?>(Object v) ? v : true);
    } else if (touched != null && !(result instanceof RpcResult.Unavailable)) {
      if (action instanceof ResizeLvol a) {
        facts.lvols.update(a.lvstore() + "/" + a.name(), l -> new LvolSeen(l.alias(), l.uuid(), 0));
      }
      touched.kind().doubt(touched.name());
    }
  }

  /** What the answer itself proves; what it does not prove is looked at. */
  private void succeeded(StorageAction action, Object value) {
    switch (action) {
      case CreateAio a -> facts.bases.doubt(a.bdev());
      case Examine a -> {
        facts.examined.add(a.bdev());
        facts.lvstores.doubt(a.bdev());
        facts.lookAtLvols();
      }
      case CreateLvstore a -> facts.lvstores.doubt(a.bdev());
      case CreateTransport a -> facts.transports.put(a.transport().name(), a.transport().name());
      case CreateLvol a -> {
        String alias = a.lvstore() + "/" + a.name();
        facts.lvols.put(alias, new LvolSeen(alias, (UUID) value, a.sizeBytes()));
      }
      case ResizeLvol a ->
          facts.lvols.update(
              a.lvstore() + "/" + a.name(), l -> new LvolSeen(l.alias(), l.uuid(), a.sizeBytes()));
      case SnapshotLvol a -> {
        String alias = a.lvstore() + "/" + a.snapshot();
        LvolSeen of = facts.lvols.get(a.lvstore() + "/" + a.name());
        facts.lvols.put(
            alias, new LvolSeen(alias, (UUID) value, of == null ? 0 : of.sizeBytes(), true));
      }
      case DeleteLvol a -> facts.lvols.doubt(a.lvstore() + "/" + a.name());
      case CreateSubsystem a ->
          facts.subsystems.put(
              a.nqn(),
              new Subsystem(
                  a.nqn(),
                  a.serial(),
                  a.minCntlid(),
                  a.maxCntlid(),
                  false,
                  List.of(),
                  Set.of(),
                  List.of()));
      case DeleteSubsystem a -> facts.subsystems.doubt(a.nqn());
      case AddHost a -> hosts(a.nqn(), h -> with(h, a.hostNqn()));
      case RemoveHost a -> hosts(a.nqn(), h -> without(h, a.hostNqn()));
      case AddNamespace a -> {
        LvolSeen lvol = facts.lvols.get(a.bdev());
        if (lvol == null) {
          facts.subsystems.doubt(a.nqn());
        } else {
          Namespace ns = new Namespace(Names.NSID, lvol.uuid().toString(), a.uuid(), a.nguid());
          facts.subsystems.update(a.nqn(), s -> copy(s, s.listeners(), s.hosts(), List.of(ns)));
        }
      }
      case RemoveNamespace a ->
          facts.subsystems.update(a.nqn(), s -> copy(s, s.listeners(), s.hosts(), List.of()));
      case AddListener a -> listeners(a.nqn(), l -> with(l, a.address()));
      case RemoveListener a -> listeners(a.nqn(), l -> without(l, a.address()));
      case LookControllers a -> facts.connected.put(a.nqn(), hostNqns(value));
    }
  }

  private static Set<String> hostNqns(Object value) {
    Set<String> hosts = new HashSet<>();
    for (Object controller : (List<?>) value) {
      hosts.add(((NvmfMethods.Controller) controller).hostnqn());
    }
    return hosts;
  }

  private void hosts(String nqn, UnaryOperator<Set<String>> change) {
    facts.connected.remove(nqn);
    facts.subsystems.update(
        nqn, s -> copy(s, s.listeners(), change.apply(s.hosts()), s.namespaces()));
  }

  private void listeners(String nqn, UnaryOperator<Set<FabricAddress>> change) {
    facts.subsystems.update(
        nqn,
        s ->
            copy(
                s,
                List.copyOf(change.apply(new LinkedHashSet<>(s.listeners()))),
                s.hosts(),
                s.namespaces()));
  }

  private static Subsystem copy(
      Subsystem s, List<FabricAddress> listeners, Set<String> hosts, List<Namespace> namespaces) {
    return new Subsystem(
        s.nqn(),
        s.serial(),
        s.minCntlid(),
        s.maxCntlid(),
        s.allowAnyHost(),
        listeners,
        hosts,
        namespaces);
  }

  private static <T> Set<T> with(Set<T> set, T one) {
    Set<T> more = new LinkedHashSet<>(set);
    more.add(one);
    return more;
  }

  private static <T> Set<T> without(Set<T> set, T one) {
    Set<T> less = new LinkedHashSet<>(set);
    less.remove(one);
    return less;
  }

  @Override
  public void committed(Commit commit) {}

  /** Nothing is left to set up but what waits for something outside this node. */
  @Override
  public boolean isVerified(Plan plan) {
    return plan.work().stream().allMatch(w -> w.actions().isEmpty())
        && plan.blocked().stream().map(Blocked::object).noneMatch(o -> o.kind() == ObjectKind.DISK);
  }
}
