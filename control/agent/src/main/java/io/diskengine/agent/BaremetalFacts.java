package io.diskengine.agent;

import io.diskengine.model.Limits;
import io.diskengine.model.plan.BaremetalObserved.Controller;
import io.diskengine.model.plan.BaremetalObserved.Leg;
import io.diskengine.model.plan.BaremetalObserved.Path;
import io.diskengine.model.plan.BaremetalObserved.Process;
import io.diskengine.model.plan.BaremetalObserved.Raid;
import io.diskengine.model.plan.BaremetalObserved.Vhost;
import io.diskengine.spdkrpc.Bdev;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.NvmeMethods;
import io.diskengine.spdkrpc.RaidMethods;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.VhostMethods;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What is known of a baremetal node's data plane, and how it is looked at. */
final class BaremetalFacts {
  final Tracked<Controller> controllers;
  final Tracked<Raid> raids;
  final Tracked<Vhost> vhosts;
  private final RpcRequest<List<NvmeMethods.Controller>> controllersRequest =
      NvmeMethods.controllers().remembering();
  private final RpcRequest<List<RaidMethods.RaidInfo>> raidsRequest =
      RaidMethods.bdevs().remembering();
  private final RpcRequest<List<VhostMethods.Controller>> vhostsRequest =
      VhostMethods.controllers().remembering();
  private List<NvmeMethods.Controller> lastControllers = List.of();
  private List<RaidMethods.RaidInfo> lastRaids = List.of();
  private List<VhostMethods.Controller> lastVhosts = List.of();

  /** With more than this to be told a list of all is the shorter answer. */
  private static final int MAX_BY_NAME = 4;

  private boolean paths = true;
  private boolean raidsToo = true;
  private boolean vhostsToo = true;
  private boolean limitsToo = true;
  private boolean socketsToo = true;
  private int ticks;

  /** The data plane has {@code bdev_set_qos_limit}. */
  boolean canLimit;

  /** Of the RAIDs that are there and whose limits are known. */
  private final Map<String, Limits> limits = new HashMap<>();

  private final Settled settled;

  BaremetalFacts(Settled settled) {
    this.settled = settled;
    controllers = new Tracked<>(settled::changed);
    raids = new Tracked<>(settled::changed);
    vhosts = new Tracked<>(settled::vhostChanged);
  }

  void reset() {
    controllers.reset();
    raids.reset();
    vhosts.reset();
    limits.clear();
    lookAtAll();
  }

  void lookAtAll() {
    paths = true;
    raidsToo = true;
    vhostsToo = true;
    limitsToo = true;
    socketsToo = true;
  }

  /** Controllers each time, RAIDs and, where there are any, vhost controllers every other time. */
  void lookAtPaths() {
    paths = true;
    limitsToo = true;
    boolean more = ticks++ % 2 == 0;
    raidsToo |= more;
    vhostsToo |= more && !vhosts.isEmpty();
  }

  void lookAtPathsNow() {
    paths = true;
  }

  void lookAtRaids() {
    raidsToo = true;
    vhostsToo = true;
  }

  void lookAtGuests() {
    vhostsToo = true;
  }

  Map<String, Limits> limits() {
    return Collections.unmodifiableMap(limits);
  }

  /** Null when they are to be looked at. */
  void limited(String raid, @Nullable Limits now) {
    settled.changed(raid);
    if (now == null) {
      limits.remove(raid);
    } else {
      limits.put(raid, now);
    }
  }

  /**
   * Online RAIDs whose limits are not known and due to be asked for. None while a controller is not
   * enabled: asking for bdevs is unsafe then (law 2).
   */
  private List<String> unlimited() {
    return limitsToo && canLimit && limits.size() < raids.size() && mayAskBdevs()
        ? raids.values().stream()
            .filter(r -> r.isOnline() && !limits.containsKey(r.name()))
            .map(Raid::name)
            .toList()
        : List.of();
  }

  private boolean mayAskBdevs() {
    return controllers.isSeen() && controllers.values().stream().allMatch(Controller::isEnabled);
  }

  boolean isSeen() {
    return controllers.isSeen() && raids.isSeen() && vhosts.isSeen();
  }

  boolean needsLook() {
    return paths
        || raidsToo
        || vhostsToo
        || controllers.needsLook()
        || raids.needsLook()
        || vhosts.needsLook()
        || !unlimited().isEmpty();
  }

  /** One look: asks only for what is not known or due. */
  final class BaremetalLook implements Mode.Look {
    private final boolean askControllers = paths || controllers.needsLook();
    private final Set<String> raidNames =
        raidsToo || !mayAskBdevs() ? Set.of() : raids.open(MAX_BY_NAME);
    private final Set<String> vhostNames = vhostsToo ? Set.of() : vhosts.open(MAX_BY_NAME);
    private final boolean askRaids = raidsToo || (raidNames.isEmpty() && raids.needsLook());
    private final boolean askVhosts = vhostsToo || (vhostNames.isEmpty() && vhosts.needsLook());
    private final Set<String> allowed;
    private final long controllersAt = controllers.lookStarts();
    private final long raidsAt = raids.lookStarts();
    private final long vhostsAt = vhosts.lookStarts();
    private final List<String> askLimits = unlimited();
    private final Map<String, Limits> seenLimits = new HashMap<>();
    private List<NvmeMethods.Controller> seenControllers = List.of();
    private List<RaidMethods.RaidInfo> seenRaids = List.of();
    private List<VhostMethods.Controller> seenVhosts = List.of();
    private @Nullable RpcCall<List<NvmeMethods.Controller>> controllersCall;
    private @Nullable RpcCall<List<RaidMethods.RaidInfo>> raidsCall;
    private @Nullable RpcCall<List<VhostMethods.Controller>> vhostsCall;
    private final Map<String, RpcCall<List<Bdev>>> raidCalls = new HashMap<>();
    private final Map<String, RpcCall<List<VhostMethods.Controller>>> vhostCalls = new HashMap<>();
    private final Map<String, RaidMethods.RaidInfo> namedRaids = new HashMap<>();
    private final Map<String, VhostMethods.Controller> namedVhosts = new HashMap<>();
    private boolean sent;
    private @Nullable RpcResult<?> failure;

    BaremetalLook() {
      boolean allSockets = !askVhosts || socketsToo || vhosts.needsLook();
      allowed = allSockets ? Set.of() : vhosts.names();
      paths = false;
      raidsToo = false;
      vhostsToo = false;
      limitsToo &= askLimits.isEmpty(); // asked for once, then again with the next tick
      socketsToo &= !askVhosts;
    }

    @Override
    public List<RpcCall<?>> submit(SpdkRpcClient spdk) {
      boolean looksAtManyFiles = askVhosts && allowed.isEmpty(); // sockets
      if (looksAtManyFiles || !askLimits.isEmpty()) {
        return List.of();
      }
      send(spdk);
      List<RpcCall<?>> calls = new ArrayList<>();
      for (RpcCall<?> call : Arrays.asList(controllersCall, raidsCall, vhostsCall)) {
        if (call != null) {
          calls.add(call);
        }
      }
      calls.addAll(raidCalls.values());
      calls.addAll(vhostCalls.values());
      return calls;
    }

    private void send(SpdkRpcClient spdk) {
      sent = true;
      controllersCall = askControllers ? spdk.submit(controllersRequest) : null;
      raidsCall = askRaids ? spdk.submit(raidsRequest) : null;
      vhostsCall = askVhosts ? spdk.submit(vhostsRequest) : null;
      raidNames.forEach(name -> raidCalls.put(name, spdk.submit(BdevMethods.bdev(name))));
      vhostNames.forEach(name -> vhostCalls.put(name, spdk.submit(VhostMethods.controller(name))));
    }

    @Override
    public @Nullable RpcResult<?> ask(SpdkRpcClient spdk) {
      if (!sent) {
        send(spdk);
      }
      Map<String, RpcCall<List<Bdev>>> bdevs = new HashMap<>();
      askLimits.forEach(name -> bdevs.put(name, spdk.submit(BdevMethods.bdev(name))));
      bdevs.forEach(this::limits);
      seenControllers = answers(controllersCall);
      seenRaids = answers(raidsCall);
      seenVhosts = answers(vhostsCall);
      raidCalls.forEach((name, call) ->
          named(call, b -> b.name().equals(name))
              .flatMap(Bdev::raid)
              .ifPresent(raid -> namedRaids.put(name, raid)));
      vhostCalls.forEach((name, call) ->
          named(call, v -> v.ctrlr().equals(name))
              .ifPresent(vhost -> namedVhosts.put(name, vhost)));
      Stream.concat(seenVhosts.stream(), namedVhosts.values().stream())
          .filter(seen -> !allowed.contains(seen.ctrlr()))
          .map(VhostMethods.Controller::socket)
          .filter(Objects::nonNull)
          .map(java.nio.file.Path::of)
          .forEach(VhostSockets::allowGroup);
      return failure;
    }

    private boolean mergeNamed(long nowMs) {
      raidsToo |= namedRaids.size() < raidNames.size();
      vhostsToo |= namedVhosts.size() < vhostNames.size();
      Map<String, Raid> nowRaids = new HashMap<>();
      namedRaids.forEach((name, r) -> nowRaids.put(name, raid(name, r, nowMs)));
      fresh(nowRaids);
      Map<String, Vhost> nowVhosts = new HashMap<>();
      namedVhosts.forEach((name, v) -> nowVhosts.put(name, vhost(v)));
      boolean news =
          raids.mergeOnly(
              nowRaids.keySet(),
              nowRaids,
              raidsAt,
              BaremetalFacts::quiet,
              BaremetalFacts::sameRaid);
      return news
          | vhosts.mergeOnly(
              nowVhosts.keySet(), nowVhosts, vhostsAt, (_, now) -> now, Object::equals);
    }

    /** A RAID that is gone by then is refused: nothing is known of it. */
    private void limits(String raid, RpcCall<List<Bdev>> call) {
      RpcResult<List<Bdev>> result = call.await();
      if (result instanceof RpcResult.Ok<List<Bdev>>(List<Bdev> found) && !found.isEmpty()) {
        Bdev.RateLimits now = found.getFirst().assignedRateLimits();
        seenLimits.put(raid, new Limits(now.rwIosPerSec(), now.rwMbytesPerSec()));
      } else if (!(result instanceof RpcResult.Rejected)) {
        failure = result;
      }
    }

    /** Empty when it was refused: a list of all tells why. */
    private <T> Optional<T> named(RpcCall<List<T>> call, Predicate<T> isIt) {
      RpcResult<List<T>> result = call.await();
      if (result instanceof RpcResult.Ok<List<T>>(List<T> found)) {
        return found.stream().filter(isIt).findFirst();
      }
      if (!(result instanceof RpcResult.Rejected)) {
        failure = result;
      }
      return Optional.empty();
    }

    private <T> List<T> answers(@Nullable RpcCall<List<T>> call) {
      if (call == null) {
        return List.of();
      }
      RpcResult<List<T>> result = call.await();
      if (result instanceof RpcResult.Ok<List<T>>(List<T> value)) {
        return value;
      }
      failure = result;
      return List.of();
    }

    @Override
    public boolean merge(long nowMs) {
      if (failure != null) {
        lookAtAll();
        return true;
      }
      boolean news = false;
      if (askControllers && !(controllers.isSteady() && seenControllers == lastControllers)) {
        Map<String, Controller> now = new HashMap<>();
        seenControllers.forEach(c -> now.put(c.name(), controller(c, nowMs)));
        news |= controllers.merge(now, controllersAt, BaremetalFacts::since, Object::equals);
        lastControllers = seenControllers;
      }
      if (askRaids && raids.isSteady() && seenRaids == lastRaids) {
        raids.refresh(r -> lookedAt(r, nowMs));
      } else if (askRaids) {
        Map<String, Raid> now = new HashMap<>();
        seenRaids.forEach(
            r -> now.put(String.valueOf(r.name()), raid(String.valueOf(r.name()), r, nowMs)));
        fresh(now);
        news |= raids.merge(now, raidsAt, BaremetalFacts::quiet, BaremetalFacts::sameRaid);
        lastRaids = seenRaids;
        limits.keySet().retainAll(raids.names());
      }
      news |= mergeNamed(nowMs);
      for (var seenNow : seenLimits.entrySet()) {
        if (limits.putIfAbsent(seenNow.getKey(), seenNow.getValue()) == null) {
          settled.changed(seenNow.getKey());
          news = true;
        }
      }
      if (askVhosts && !(vhosts.isSteady() && seenVhosts == lastVhosts)) {
        Map<String, Vhost> now = new HashMap<>();
        seenVhosts.forEach(v -> now.put(v.ctrlr(), vhost(v)));
        news |= vhosts.merge(now, vhostsAt);
        lastVhosts = seenVhosts;
      }
      return news;
    }
  }

  /** The same answer as before, at a later time. */
  private static Raid lookedAt(Raid r, long nowMs) {
    return new Raid(
        r.name(),
        r.uuid(),
        r.state(),
        r.superblock(),
        r.slots(),
        r.operational(),
        r.legs(),
        r.process(),
        r.process() == null ? r.quietSinceMs() : nowMs,
        nowMs);
  }

  /** That time has passed is no news. */
  private static boolean sameRaid(Raid old, Raid now) {
    return withoutTimes(old).equals(withoutTimes(now));
  }

  private static Raid withoutTimes(Raid r) {
    return new Raid(
        r.name(),
        r.uuid(),
        r.state(),
        r.superblock(),
        r.slots(),
        r.operational(),
        r.legs(),
        r.process(),
        0,
        0);
  }

  /** A RAID that came up under our eyes has no limits yet. */
  private void fresh(Map<String, Raid> now) {
    if (raids.isSeen()) {
      now.keySet().stream()
          .filter(name -> raids.get(name) == null)
          .forEach(name -> limits.put(name, Limits.NONE));
    }
  }

  private static Controller since(Controller old, Controller now) {
    boolean stillNot = old.notEnabledSinceMs() != null && now.notEnabledSinceMs() != null;
    return stillNot ? new Controller(now.name(), now.paths(), old.notEnabledSinceMs()) : now;
  }

  /** The quiet time goes on while the same legs are configured and no process runs. */
  private static Raid quiet(Raid old, Raid now) {
    boolean same = old.process() == null && now.process() == null && old.legs().equals(now.legs());
    return same
        ? new Raid(
            now.name(),
            now.uuid(),
            now.state(),
            now.superblock(),
            now.slots(),
            now.operational(),
            now.legs(),
            null,
            old.quietSinceMs(),
            now.lookedAtMs())
        : now;
  }

  private static Controller controller(NvmeMethods.Controller c, long nowMs) {
    List<Path> paths = new ArrayList<>();
    boolean enabled = false;
    for (NvmeMethods.Path p : c.ctrlrs()) {
      enabled |= p.enabled();
      paths.add(
          new Path(
              p.state(),
              StorageNodeFacts.address(p.trid()),
              p.trid().subnqn() == null ? "" : p.trid().subnqn(),
              p.host() == null ? "" : p.host().nqn()));
    }
    return new Controller(c.name(), List.copyOf(paths), enabled ? null : nowMs);
  }

  private static Raid raid(String name, RaidMethods.RaidInfo r, long nowMs) {
    List<Leg> legs = new ArrayList<>();
    for (RaidMethods.BaseBdev b : r.baseBdevsList()) {
      legs.add(new Leg(b.name(), b.uuid(), b.isConfigured(), b.dataOffset(), b.dataSize()));
    }
    RaidMethods.Process p = r.process();
    return new Raid(
        name,
        r.uuid(),
        r.state(),
        Boolean.TRUE.equals(r.superblock()),
        r.numBaseBdevs(),
        r.numBaseBdevsOperational(),
        List.copyOf(legs),
        p == null ? null : new Process(p.target(), p.progress().percent()),
        nowMs,
        nowMs);
  }

  private static Vhost vhost(VhostMethods.Controller v) {
    return new Vhost(
        v.ctrlr(),
        v.block().map(VhostMethods.Block::bdev).orElse(null),
        v.socket() == null ? "" : v.socket(),
        v.sessions() == null ? 0 : v.sessions().size());
  }
}
