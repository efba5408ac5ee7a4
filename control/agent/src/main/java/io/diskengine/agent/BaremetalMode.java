package io.diskengine.agent;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Action.AddBase;
import io.diskengine.model.plan.Action.AttachController;
import io.diskengine.model.plan.Action.BaremetalAction;
import io.diskengine.model.plan.Action.CreateNull;
import io.diskengine.model.plan.Action.CreateRaid;
import io.diskengine.model.plan.Action.CreateVhost;
import io.diskengine.model.plan.Action.DeleteNull;
import io.diskengine.model.plan.Action.DeleteRaid;
import io.diskengine.model.plan.Action.DeleteVhost;
import io.diskengine.model.plan.Action.DetachController;
import io.diskengine.model.plan.Action.DisableController;
import io.diskengine.model.plan.Action.Examine;
import io.diskengine.model.plan.Action.RemoveBase;
import io.diskengine.model.plan.Action.SetLimits;
import io.diskengine.model.plan.BaremetalObserved;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Out;
import io.diskengine.model.plan.BaremetalObserved.Path;
import io.diskengine.model.plan.BaremetalObserved.Probe;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.BaremetalPlanner;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.Facts;
import io.diskengine.model.plan.Growth;
import io.diskengine.model.plan.Index;
import io.diskengine.model.plan.Plan;
import io.diskengine.model.plan.Planned;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.NvmeMethods;
import io.diskengine.spdkrpc.RaidMethods;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.VhostMethods;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Baremetal mode: legs, RAIDs and vhost controllers. */
final class BaremetalMode implements Mode {
  private static final int ENODEV = -19;
  private static final int EEXIST = -17;

  /** SPDK's answer to the disabling of a controller that an agent before this one disabled. */
  private static final int EALREADY = -114;

  /** Limits of a bdev that nobody has open: SPDK's text, its code is that of all failures. */
  private static final String EAGAIN = "Resource temporarily unavailable";

  private static final int KEEP_ALIVE_MS = 60_000;

  /** A leg that is in sync this long after it left has not flapped. */
  private static final long STEADY_MS = 600_000;

  private final Settled settled = new Settled();
  final BaremetalFacts facts = new BaremetalFacts(settled);
  private final PeerProbes probes;
  private final Set<Long> opened = new HashSet<>();
  private final Set<String> refusedRaids = new HashSet<>();

  /** Bdevs of legs that were examined since they are there. */
  private final Set<String> examined = new HashSet<>();

  private final Set<String> placeholders = new HashSet<>();
  private final Map<Long, Long> assemblingSinceMs = new HashMap<>();
  private final Map<Long, Long> smallSinceMs = new HashMap<>();
  private final Map<String, Long> disabledSinceMs = new HashMap<>();
  private final LateAttaches lateAttaches = new LateAttaches();
  private final Map<Long, Out> outs = new HashMap<>();
  private final Map<String, Long> limitsRefusedAtMs = new HashMap<>();
  private long nowMs;
  private final Map<Long, DataPlaneState> peerStates = new HashMap<>();
  private Map<Long, Probe> probed = Map.of();
  private final Map<Long, Long> guestsAsked = new HashMap<>();
  private String incarnation = "";
  private boolean stopping;

  BaremetalMode(PeerProbes probes) {
    this.probes = probes;
  }

  /** From now on everything is taken down in order. */
  void stop() {
    stopping = true;
    settled.changedAll();
  }

  @Override
  public List<RpcRequest<?>> startupOptions(NodeView view) {
    ClusterSettings s = view.cluster().settings();
    return List.of(
        BdevMethods.setOptions(BdevMethods.Options.autoExamine(false)),
        NvmeMethods.setOptions(
            NvmeMethods.Options.unchanged()
                .withLiveness(s.transportAckTimeout(), KEEP_ALIVE_MS, true)),
        RaidMethods.setOptions(new RaidMethods.Options(null, s.rebuildMbPerSec())));
  }

  @Override
  public void capabilities(Set<String> methods) {
    facts.canLimit = methods.contains("bdev_set_qos_limit");
  }

  @Override
  public void reset(String newIncarnation, long nowMs) {
    incarnation = newIncarnation;
    lateAttaches.connected(newIncarnation, nowMs);
    facts.reset();
    settled.changedAll();
    opened.clear();
    refusedRaids.clear();
    examined.clear();
    placeholders.clear();
    assemblingSinceMs.clear();
    smallSinceMs.clear();
    disabledSinceMs.clear();
    limitsRefusedAtMs.clear();
  }

  /** Placeholders of an agent that did not live to take them away. */
  @Override
  public void found(Set<String> nullBdevs) {
    nullBdevs.stream().filter(Names::isPlaceholder).forEach(placeholders::add);
  }

  /**
   * What is looked at now, not in a second: the controllers of a storage node whose data plane
   * changed, and a guest that somebody asks for.
   */
  @Override
  public void loaded(NodeView view, @Nullable Set<Long> volumes) {
    settled.loaded(view, volumes);
    for (Node peer : view.peers()) {
      if (peerStates.put(peer.id(), peer.dataPlane()) != peer.dataPlane()) {
        facts.lookAtPathsNow();
      }
    }
    for (VmMapping vm : view.vmMappings()) {
      Long before = guestsAsked.put(vm.id(), vm.guestAsked());
      if (before != null && before != vm.guestAsked()) {
        facts.lookAtGuests();
      }
    }
    if (guestsAsked.size() > view.vmMappings().size()) {
      guestsAsked
          .keySet()
          .retainAll(view.vmMappings().stream().map(VmMapping::id).collect(Collectors.toSet()));
    }
  }

  @Override
  public void tick(long nowMs, NodeView view) {
    facts.lookAtPaths();
    probes.tick(nowMs, view);
  }

  @Override
  public void resync() {
    facts.lookAtAll();
  }

  @Override
  public void requeue() {
    facts.lookAtPathsNow();
    facts.lookAtRaids();
  }

  @Override
  public boolean needsLook() {
    return facts.needsLook();
  }

  @Override
  public Look look() {
    return facts.new BaremetalLook();
  }

  @Override
  public boolean isSeen() {
    return facts.isSeen();
  }

  @Override
  public Plan plan(NodeView view, long timeMs, Map<ObjectRef, List<Action>> underWay) {
    Index index = settled.index(view);
    Facts<Raid> raids = facts.raids.facts();
    nowMs = timeMs;
    Map<Long, Probe> probedNow = probes.results(nowMs, view);
    if (!probedNow.equals(probed)) {
      probed = probedNow;
      settled.changedAll();
    }
    remember(view, index, raids);
    lateAttaches.seen(c -> facts.controllers.get(c) != null);
    BaremetalObserved observed =
        new BaremetalObserved(
            incarnation,
            nowMs,
            stopping,
            facts.controllers.facts(),
            raids,
            facts.vhosts.facts(),
            probed,
            Collections.unmodifiableSet(opened),
            Collections.unmodifiableSet(refusedRaids),
            Collections.unmodifiableSet(examined),
            Collections.unmodifiableSet(placeholders),
            Collections.unmodifiableMap(assemblingSinceMs),
            Collections.unmodifiableMap(smallSinceMs),
            Collections.unmodifiableMap(disabledSinceMs),
            lateAttaches.untilMs(nowMs),
            Collections.unmodifiableMap(outs),
            facts.limits(),
            Collections.unmodifiableMap(limitsRefusedAtMs),
            facts.canLimit,
            underWay);
    Planned planned = BaremetalPlanner.plan(index, observed, settled.volumes());
    assert !settled.isChecked(view) || planned.plan().equals(BaremetalPlanner.plan(view, observed))
        : "not settled: " + BaremetalPlanner.plan(view, observed).text();
    settled.planned(planned.settled());
    return planned.plan();
  }

  /** What this incarnation was seen to do with each mapping. */
  private void remember(NodeView view, Index index, Facts<Raid> raids) {
    for (VolumeMapping m : view.mappings()) {
      if (!settled.volumes().contains(m.volumeId())) {
        Optional<Volume> volume = index.volume(m.volumeId());
        Optional<Raid> raid = volume.flatMap(v -> raids.find(Names.raid(v.id(), v.uuid())));
        since(assemblingSinceMs, m.id(), raid.filter(Raid::isOnline).isEmpty());
        since(
            smallSinceMs,
            m.id(),
            raid.filter(r -> Growth.isMissed(index, volume.orElseThrow(), r)).isPresent());
        index
            .vmOf(m.id())
            .filter(vm -> facts.vhosts.get(vm.controllerName()) != null)
            .ifPresent(vm -> opened.add(vm.mappingId()));
      }
    }
    if (!outs.isEmpty()) {
      forgetSteady(view);
    }
  }

  private void forgetSteady(NodeView view) {
    Set<Long> in = new HashSet<>();
    for (Lvol l : view.lvols()) {
      if (l.sync() == LvolSync.IN_SYNC) {
        in.add(l.id());
      }
    }
    outs.entrySet()
        .removeIf(o -> in.contains(o.getKey()) && nowMs - o.getValue().atMs() > STEADY_MS);
  }

  private void since(Map<Long, Long> since, long mapping, boolean is) {
    if (is) {
      since.putIfAbsent(mapping, nowMs);
    } else {
      since.remove(mapping);
    }
  }

  @Override
  public List<RpcRequest<?>> requests(Action action, NodeView view) {
    return switch ((BaremetalAction) action) {
      case AttachController a -> List.of(attach(a, view.cluster().settings()));
      case DisableController a -> List.of(NvmeMethods.disableController(a.controller()));
      case DetachController a -> List.of(NvmeMethods.detachController(a.controller()));
      case CreateRaid a ->
          List.of(
              RaidMethods.create(
                  RaidMethods.CreateRaid.raid1(a.raid(), a.uuid(), a.bases(), true)));
      case DeleteRaid a -> List.of(RaidMethods.delete(a.raid()));
      case AddBase a -> List.of(RaidMethods.addBaseBdev(a.raid(), a.base()));
      case RemoveBase a -> List.of(RaidMethods.removeBaseBdev(a.base()));
      case CreateNull a ->
          List.of(
              BdevMethods.createNull(
                  new BdevMethods.CreateNull(a.bdev(), a.blocks(), a.blockSize(), null, a.uuid())));
      case DeleteNull a -> List.of(BdevMethods.deleteNull(a.bdev()));
      case SetLimits a ->
          List.of(
              BdevMethods.setQosLimit(
                  new BdevMethods.QosLimit(
                      a.raid(), a.limits().iopsPerSec(), a.limits().mbPerSec(), null, null)));
      case CreateVhost a ->
          List.of(VhostMethods.createBlk(new VhostMethods.CreateBlk(a.controller(), a.bdev())));
      case DeleteVhost a -> List.of(VhostMethods.delete(a.controller()));
      case Examine a -> List.of(BdevMethods.examine(a.bdev()), BdevMethods.waitForExamine());
    };
  }

  private static RpcRequest<?> attach(AttachController a, ClusterSettings s) {
    return NvmeMethods.attachController(
        new NvmeMethods.AttachController(
                a.controller(), StorageNodeMode.trid(a.address()).withSubnqn(a.nqn()))
            .withHostNqn(a.hostNqn())
            .withMultipath("multipath")
            .withTimers(s.ctrlrLossTimeoutSec(), s.reconnectDelaySec(), s.fastIoFailTimeoutSec()));
  }

  private record Touched(Tracked<?> kind, String name) {}

  private Touched touched(BaremetalAction action) {
    return switch (action) {
      case AttachController a -> new Touched(facts.controllers, a.controller());
      case DisableController a -> new Touched(facts.controllers, a.controller());
      case DetachController a -> new Touched(facts.controllers, a.controller());
      case CreateRaid a -> new Touched(facts.raids, a.raid());
      case DeleteRaid a -> new Touched(facts.raids, a.raid());
      case AddBase a -> new Touched(facts.raids, a.raid());
      case RemoveBase a -> new Touched(facts.raids, a.raid());
      case CreateNull a -> new Touched(facts.raids, raidOf(a.bdev()));
      case DeleteNull a -> new Touched(facts.raids, raidOf(a.bdev()));
      case SetLimits a -> new Touched(facts.raids, a.raid());
      case CreateVhost a -> new Touched(facts.vhosts, a.controller());
      case DeleteVhost a -> new Touched(facts.vhosts, a.controller());
      case Examine a -> new Touched(facts.raids, raidOfLeg(a.bdev()));
    };
  }

  /** A placeholder is named {@code ph<slot>_<raid>}. */
  private static String raidOf(String placeholder) {
    return placeholder.substring(placeholder.indexOf('_') + 1);
  }

  /** A leg is named {@code v<volume>-<tag>_r..}, its RAID {@code raid_<volume>_<tag>}. */
  private static String raidOfLeg(String bdev) {
    return "raid_" + bdev.substring(1, bdev.indexOf("_r")).replace('-', '_');
  }

  @Override
  public void begin(Action action) {
    Touched touched = touched((BaremetalAction) action);
    touched.kind().begin(touched.name());
    if (action instanceof CreateNull a) {
      placeholders.add(a.bdev());
    }
    if (action instanceof AttachController a) {
      lateAttaches.sent(a.controller());
    }
  }

  @Override
  public void known(Action action) {
    if (action instanceof AttachController a) {
      lateAttaches.known(a.controller());
    }
  }

  @Override
  public Optional<String> lateObject(String journalled) {
    return AttachController.controllerIn(journalled);
  }

  @Override
  public void inherited(List<String> lateObjects, @Nullable String sentTo) {
    lateAttaches.inherited(lateObjects, sentTo);
  }

  @Override
  public boolean mayCome(String lateObject, long atMs) {
    return lateAttaches.mayCome(lateObject, atMs);
  }

  @Override
  public void end(Action action) {
    Touched touched = touched((BaremetalAction) action);
    touched.kind().end(touched.name());
  }

  @Override
  public boolean isSuccess(Action action, RpcResult<?> result) {
    return switch (result) {
      case RpcResult.Ok<?>(Object value) ->
          !(action instanceof AttachController a)
              || ((List<?>) value).contains(Names.legBdev(a.controller()));
      case RpcResult.Rejected<?>(int code, String message) ->
          (action instanceof DisableController && code == EALREADY)
              || (action instanceof SetLimits && message.contains(EAGAIN))
              || (action instanceof Examine && code == EEXIST)
              || (action instanceof CreateNull && code == EEXIST)
              || (action instanceof DeleteNull && code == ENODEV);
      case RpcResult.Unavailable<?> _, RpcResult.Indeterminate<?> _ -> false;
    };
  }

  @Override
  public void answered(Action action, RpcResult<?> result, long nowMs) {
    if (result instanceof RpcResult.Unavailable) {
      return;
    }
    boolean success = isSuccess(action, result);
    if (action instanceof SetLimits a) {
      limited(a, result, nowMs);
      return;
    }
    Touched touched = touched((BaremetalAction) action);
    touched.kind().doubt(touched.name());
    switch ((BaremetalAction) action) {
      case AttachController a when success -> attached(a);
      case DisableController a when success -> disabledSinceMs.put(a.controller(), nowMs);
      case DetachController a when success -> {
        disabledSinceMs.remove(a.controller());
        examined.remove(Names.legBdev(a.controller()));
      }
      case Examine a when success -> examined.add(a.bdev());
      case CreateRaid a when hasSuperblock(result) -> refusedRaids.add(a.raid());
      case DeleteNull a when success -> placeholders.remove(a.bdev());
      default -> {}
    }
  }

  /** Any other refusal (a leg that takes no superblock now) leaves nothing to be assembled. */
  private static boolean hasSuperblock(RpcResult<?> result) {
    return result instanceof RpcResult.Rejected<?>(int code, String _) && code == EEXIST;
  }

  /** What is put off stays as it was; what failed is looked at again. */
  private void limited(SetLimits a, RpcResult<?> result, long atMs) {
    if (result.isOk()) {
      facts.limited(a.raid(), a.limits());
      limitsRefusedAtMs.remove(a.raid());
    } else if (isSuccess(a, result)) {
      limitsRefusedAtMs.put(a.raid(), atMs);
    } else {
      facts.limited(a.raid(), null);
    }
  }

  /** The answer names the leg's bdev: nothing is left to be looked at. */
  private void attached(AttachController a) {
    disabledSinceMs.remove(a.controller());
    if (facts.controllers.get(a.controller()) == null) {
      Path path = new Path("enabled", a.address(), a.nqn(), a.hostNqn());
      facts.controllers.put(a.controller(), new Controller(a.controller(), List.of(path), null));
    }
  }

  @Override
  public void committed(Commit commit) {
    if (commit instanceof Commit.MappingClean c && !c.clean()) {
      opened.add(c.mappingId());
    }
    if (commit instanceof Commit.CommitOut c) {
      out(c.lvolIds(), c.cause());
    }
    if (commit instanceof Commit.SourceLost c) {
      out(c.lost(), c.cause());
    }
  }

  private void out(List<Long> legs, String cause) {
    for (long id : legs) {
      outs.merge(id, new Out(cause, 1, nowMs), (old, first) -> old.again(cause, nowMs));
    }
  }

  @Override
  public boolean isVerified(Plan plan) {
    return plan.work().stream().allMatch(w -> w.actions().isEmpty());
  }

  /** Whether a guest is connected, as last seen. */
  boolean hasGuests() {
    return facts.vhosts.facts().byName().values().stream().anyMatch(v -> v.sessions() > 0);
  }

  /** Nothing is left that could write. */
  boolean isDown() {
    return facts.isSeen()
        && !facts.needsLook()
        && facts.vhosts.facts().byName().isEmpty()
        && facts.raids.facts().byName().isEmpty();
  }

  boolean wasOpened(long mapping) {
    return opened.contains(mapping);
  }
}
