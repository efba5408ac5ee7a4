package io.diskengine.agent;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Transport;
import io.diskengine.model.plan.Lvstore;
import io.diskengine.model.plan.StorageNodeObserved.Base;
import io.diskengine.model.plan.StorageNodeObserved.LvolSeen;
import io.diskengine.model.plan.StorageNodeObserved.Namespace;
import io.diskengine.model.plan.StorageNodeObserved.Subsystem;
import io.diskengine.spdkrpc.Bdev;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.LvolMethods;
import io.diskengine.spdkrpc.NvmfMethods;
import io.diskengine.spdkrpc.RpcCall;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.Trid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What is known of a storage node's data plane, and how it is looked at. */
final class StorageNodeFacts {
  private static final String ALL_ZEROS = "00000000-0000-0000-0000-000000000000";

  /** Up to so many doubtful objects of a kind are asked for by name: a list of all is long. */
  private static final int MAX_BY_NAME = 16;

  /** SPDK's answer about a bdev's name that nothing has. */
  private static final int ENODEV = -19;

  /** And about an NQN that no subsystem has, with a code that says much else. */
  private static final String NO_SUBSYSTEM = "Subsystem with NQN '%s' not found";

  final Tracked<Base> bases;
  final Tracked<Lvstore> lvstores;
  final Tracked<LvolSeen> lvols;
  final Tracked<String> transports;
  final Tracked<Subsystem> subsystems;
  private final RpcRequest<List<LvolMethods.Lvstore>> lvstoresRequest =
      LvolMethods.lvstores().remembering();
  private final RpcRequest<List<LvolMethods.Lvol>> lvolsRequest = LvolMethods.lvols().remembering();
  private final RpcRequest<List<NvmfMethods.Subsystem>> subsystemsRequest =
      NvmfMethods.subsystems().remembering();
  final Set<String> examined = new HashSet<>();
  final Map<String, Set<String>> connected = new HashMap<>();
  final Set<String> expectedBases = new HashSet<>();
  private boolean all = true;
  private boolean lvolsToo;
  private boolean lvstoresToo;

  StorageNodeFacts(Settled settled) {
    bases = new Tracked<>(_ -> settled.changedAll());
    lvstores = new Tracked<>(_ -> settled.changedAll());
    lvols = new Tracked<>(settled::changed);
    transports = new Tracked<>(_ -> settled.changedAll());
    subsystems = new Tracked<>(settled::changed);
  }

  void reset() {
    bases.reset();
    lvstores.reset();
    lvols.reset();
    transports.reset();
    subsystems.reset();
    examined.clear();
    connected.clear();
    all = true;
  }

  void lookAtAll() {
    all = true;
  }

  /** A short answer that tells free space and that the process lives. */
  void lookAtLvstores() {
    lvstoresToo = true;
  }

  void lookAtLvols() {
    lvolsToo = true;
  }

  /** The bdevs that are asked for by name: a list of all bdevs would be long. */
  void expect(List<String> names) {
    for (String name : names) {
      if (expectedBases.add(name)) {
        bases.doubt(name);
      }
    }
  }

  boolean isSeen() {
    return bases.isSeen()
        && lvstores.isSeen()
        && lvols.isSeen()
        && transports.isSeen()
        && subsystems.isSeen();
  }

  boolean needsLook() {
    return all
        || lvolsToo
        || lvstoresToo
        || bases.needsLook()
        || lvstores.needsLook()
        || lvols.needsLook()
        || transports.needsLook()
        || subsystems.needsLook();
  }

  /** One look: asks only for what is not known, or for everything. */
  final class StorageLook implements Mode.Look {
    private final List<String> baseNames;
    private final boolean askBases = all || bases.needsLook();
    private final boolean askLvstores = all || lvstoresToo || lvstores.needsLook();
    private final Set<String> lvolNames = all || lvolsToo ? Set.of() : lvols.open(MAX_BY_NAME);
    private final boolean askLvols = all || lvolsToo || (lvolNames.isEmpty() && lvols.needsLook());
    private final boolean askTransports = all || transports.needsLook();
    private final Set<String> nqns = all ? Set.of() : subsystems.open(MAX_BY_NAME);
    private final boolean askSubsystems = all || (nqns.isEmpty() && subsystems.needsLook());
    private final long basesAt = bases.lookStarts();
    private final long lvstoresAt = lvstores.lookStarts();
    private final long lvolsAt = lvols.lookStarts();
    private final long transportsAt = transports.lookStarts();
    private final long subsystemsAt = subsystems.lookStarts();
    private final Map<String, Long> knownSizes = new HashMap<>();
    private final Map<String, Base> seenBases = new HashMap<>();
    private final Map<String, Lvstore> seenLvstores = new HashMap<>();
    private final Map<String, LvolSeen> seenLvols = new HashMap<>();
    private final Map<String, String> seenTransports = new HashMap<>();
    private final Map<String, Subsystem> seenSubsystems = new HashMap<>();
    private @Nullable RpcCall<List<LvolMethods.Lvstore>> lvstoresCall;
    private @Nullable RpcResult<?> failure;

    StorageLook(List<String> baseNames) {
      this.baseNames = baseNames;
      if (askLvols) {
        lvols.facts().byName().forEach((alias, l) -> knownSizes.put(alias, l.sizeBytes()));
      }
      all = false;
      lvolsToo = false;
      lvstoresToo = false;
    }

    @Override
    public List<RpcCall<?>> submit(SpdkRpcClient spdk) {
      boolean named = !lvolNames.isEmpty() || !nqns.isEmpty();
      if (!askLvstores || askBases || askLvols || askTransports || askSubsystems || named) {
        return List.of();
      }
      RpcCall<List<LvolMethods.Lvstore>> call = spdk.submit(lvstoresRequest);
      lvstoresCall = call;
      return List.of(call);
    }

    @Override
    public @Nullable RpcResult<?> ask(SpdkRpcClient spdk) {
      if (lvstoresCall != null) {
        answers(lvstoresCall).forEach(this::lvstore);
        return failure;
      }
      List<RpcCall<List<Bdev>>> baseCalls = new ArrayList<>();
      if (askBases) {
        baseNames.forEach(b -> baseCalls.add(spdk.submit(BdevMethods.bdev(b))));
      }
      var stores = askLvstores ? spdk.submit(lvstoresRequest) : null;
      var volumes = askLvols ? spdk.submit(lvolsRequest) : null;
      var trtypes = askTransports ? spdk.submit(NvmfMethods.transports()) : null;
      var exports = askSubsystems ? spdk.submit(subsystemsRequest) : null;
      Map<String, RpcCall<List<Bdev>>> lvolCalls = new HashMap<>();
      lvolNames.forEach(alias -> lvolCalls.put(alias, spdk.submit(BdevMethods.bdev(alias))));
      Map<String, RpcCall<List<NvmfMethods.Subsystem>>> exportCalls = new HashMap<>();
      nqns.forEach(nqn -> exportCalls.put(nqn, spdk.submit(NvmfMethods.subsystem(nqn))));
      baseCalls.forEach(this::base);
      answers(stores).forEach(this::lvstore);
      List<LvolMethods.Lvol> found = answers(volumes);
      answers(trtypes).forEach(t -> seenTransports.put(t.trtype(), t.trtype()));
      answers(exports).forEach(this::subsystem);
      lvolCalls.forEach((alias, call) -> {
        if (!(call.await() instanceof RpcResult.Rejected<?>(int code, String _)
            && code == ENODEV)) {
          answers(call).forEach(b -> lvol(alias, b));
        }
      });
      exportCalls.forEach((nqn, call) -> {
        if (!(call.await() instanceof RpcResult.Rejected<?>(int _, String message)
            && message.equals(NO_SUBSYSTEM.formatted(nqn)))) {
          answers(call).forEach(this::subsystem);
        }
      });
      sizes(spdk, found);
      return failure;
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

    private void lvol(String alias, Bdev bdev) {
      boolean snapshot = bdev.driverSpecific().path("lvol").path("snapshot").asBoolean(false);
      seenLvols.put(alias, new LvolSeen(alias, bdev.uuid(), bdev.sizeBytes(), snapshot));
    }

    /** A bdev asked for by name is absent when the answer is a refusal. */
    private void base(RpcCall<List<Bdev>> call) {
      RpcResult<List<Bdev>> result = call.await();
      if (result instanceof RpcResult.Ok<List<Bdev>>(List<Bdev> found)) {
        for (Bdev b : found) {
          String file = b.driverSpecific().path("aio").path("filename").asString("");
          seenBases.put(b.name(), new Base(b.name(), file, b.blockSize(), b.sizeBytes()));
        }
      } else if (!(result instanceof RpcResult.Rejected)) {
        failure = result;
      }
    }

    private void lvstore(LvolMethods.Lvstore s) {
      seenLvstores.put(
          s.baseBdev(),
          new Lvstore(
              s.uuid(),
              s.name(),
              s.baseBdev(),
              s.clusterSize(),
              s.totalDataClusters(),
              s.freeClusters()));
    }

    /** The list of lvols has no sizes: asked once for each lvol. */
    private void sizes(SpdkRpcClient spdk, List<LvolMethods.Lvol> found) {
      Map<String, RpcCall<List<Bdev>>> calls = new HashMap<>();
      for (LvolMethods.Lvol l : found) {
        long size = knownSizes.getOrDefault(l.alias(), 0L);
        seenLvols.put(l.alias(), new LvolSeen(l.alias(), l.uuid(), size, l.isSnapshot()));
        if (size == 0) {
          calls.put(l.alias(), spdk.submit(BdevMethods.bdev(l.uuid().toString())));
        }
      }
      calls.forEach((alias, call) -> {
        if (call.await() instanceof RpcResult.Ok<List<Bdev>>(List<Bdev> bdevs)
            && !bdevs.isEmpty()) {
          long size = bdevs.getFirst().sizeBytes();
          seenLvols.computeIfPresent(
              alias, (_, l) -> new LvolSeen(alias, l.uuid(), size, l.snapshot()));
        }
      });
    }

    private void subsystem(NvmfMethods.Subsystem s) {
      if (!s.subtype().equals("NVMe")) {
        return;
      }
      List<Namespace> namespaces = new ArrayList<>();
      for (NvmfMethods.SubsystemNamespace ns : s.namespacesOrNone()) {
        UUID uuid = ns.uuid() == null ? UUID.fromString(ALL_ZEROS) : ns.uuid();
        namespaces.add(
            new Namespace(
                ns.nsid(),
                ns.bdevName() == null ? "" : ns.bdevName(),
                uuid,
                ns.nguid() == null ? "" : ns.nguid()));
      }
      List<FabricAddress> listeners = new ArrayList<>();
      for (Trid t : s.listenAddresses()) {
        listeners.add(address(t));
      }
      Set<String> hosts = new HashSet<>();
      s.hosts().forEach(h -> hosts.add(h.nqn()));
      seenSubsystems.put(
          s.nqn(),
          new Subsystem(
              s.nqn(),
              s.serialNumber() == null ? "" : s.serialNumber(),
              s.minCntlid() == null ? 0 : s.minCntlid(),
              s.maxCntlid() == null ? 0 : s.maxCntlid(),
              s.allowAnyHost(),
              listeners,
              hosts,
              namespaces));
    }

    @Override
    public boolean merge(long nowMs) {
      if (failure != null) {
        all = true;
        return true;
      }
      boolean news = false;
      if (askBases) {
        news |= bases.merge(seenBases, basesAt);
      }
      if (askLvstores) {
        news |= lvstores.merge(seenLvstores, lvstoresAt);
        news |= examined.addAll(seenLvstores.keySet());
      }
      if (askLvols) {
        news |= lvols.merge(seenLvols, lvolsAt);
      } else {
        news |= mergeOnly(lvols, lvolNames, seenLvols, lvolsAt);
      }
      if (askTransports) {
        news |= transports.merge(seenTransports, transportsAt);
      }
      if (askSubsystems) {
        news |= subsystems.merge(seenSubsystems, subsystemsAt);
      } else {
        news |= mergeOnly(subsystems, nqns, seenSubsystems, subsystemsAt);
      }
      return news;
    }

    private static <T> boolean mergeOnly(
        Tracked<T> kind, Set<String> names, Map<String, T> seen, long at) {
      return !names.isEmpty() && kind.mergeOnly(names, seen, at, (_, now) -> now, Object::equals);
    }
  }

  static FabricAddress address(Trid t) {
    int port = t.trsvcid() == null ? 1 : Integer.parseInt(t.trsvcid());
    Transport transport = "RDMA".equalsIgnoreCase(t.trtype()) ? Transport.RDMA : Transport.TCP;
    return new FabricAddress(transport, t.traddr() == null ? "" : t.traddr(), port);
  }
}
