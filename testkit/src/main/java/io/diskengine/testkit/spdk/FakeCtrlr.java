package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One bdev_nvme controller with its paths. I/O waits for a path without errors, until the
 * controller is disabled, deleted or given up.
 */
final class FakeCtrlr {
  static final int CONNECT_MS = 15;

  /** How long one try to reconnect shows as {@code resetting}. */
  private static final int RESETTING_MS = 15;

  /** On top of the 2^n ms of the acknowledgement timeout. */
  private static final int ACK_MORE_MS = 300;

  /** Controllers' timers in seconds, as given to attach; a loss timeout of -1 never ends. */
  record Timers(int ctrlrLossSec, int reconnectDelaySec, int fastIoFailSec) {
    boolean fit() {
      if (ctrlrLossSec == 0) {
        return reconnectDelaySec == 0 && fastIoFailSec == 0;
      }
      boolean delays = reconnectDelaySec > 0 && fastIoFailSec >= 0;
      boolean bounded =
          ctrlrLossSec < 0 || (reconnectDelaySec <= ctrlrLossSec && fastIoFailSec <= ctrlrLossSec);
      return delays && bounded && (fastIoFailSec == 0 || fastIoFailSec >= reconnectDelaySec);
    }
  }

  /** Where a path leads. */
  record Address(String trtype, String adrfam, String traddr, String trsvcid) {}

  /** What can be said of a controller's target. */
  enum Reach {
    /** Answers, or nobody needs it to. */
    HERE,
    /** Known to be away: a reconnect is pending. */
    AWAY,
    /** Believed to be there, and says nothing. */
    SILENT
  }

  private enum State {
    ENABLED("enabled"),
    RESETTING("resetting"),
    DELAYED("reconnect_is_delayed"),
    DISABLED("disabled"),
    DELETING("deleting");

    final String word;

    State(String word) {
      this.word = word;
    }
  }

  private static final class Path {
    final Address at;
    State state = State.ENABLED;
    @Nullable NvmeConnection connection;
    int cntlid;
    long lostAtMs;
    int tries;

    Path(Address at) {
      this.at = at;
    }
  }

  private static final class Pending {
    final int nsid;
    final FakeIo io;
    @Nullable NvmeConnection sentOn;

    Pending(int nsid, FakeIo io) {
      this.nsid = nsid;
      this.io = io;
    }
  }

  final String name;
  final String nqn;
  final String hostNqn;
  private final FakeSpdk self;
  private final Timers timers;
  private final List<Path> paths = new ArrayList<>();
  private final Map<Integer, NvmeBdev> bdevs = new TreeMap<>();
  private final Set<Pending> outstanding = new LinkedHashSet<>();
  private boolean gone;

  FakeCtrlr(FakeSpdk self, String name, String nqn, String hostNqn, Timers timers) {
    this.self = self;
    this.name = name;
    this.nqn = nqn;
    this.hostNqn = hostNqn;
    this.timers = timers;
  }

  boolean hasPath(Address at) {
    return paths.stream().anyMatch(p -> p.at.equals(at));
  }

  List<String> bdevNames() {
    return bdevs.values().stream().map(b -> b.name).toList();
  }

  boolean isInUse() {
    return bdevs.values().stream().anyMatch(FakeBdev::isOpen);
  }

  boolean isDisabled() {
    return paths.stream().allMatch(p -> p.state == State.DISABLED);
  }

  /** Makes a path; false when the target is not there or does not let us in. */
  boolean connect(Address at) {
    Path path = new Path(at);
    FakeNvmf.Subsystem s = open(path);
    if (s == null) {
      return false;
    }
    paths.add(path);
    namespaces(s, false);
    return true;
  }

  private FakeNvmf.@Nullable Subsystem open(Path path) {
    FakeSpdk target = self.fabric.listening(path.at.traddr, path.at.trsvcid);
    boolean answers =
        target != null && target.serves() && self.fabric.isReachable(self.name, target.name);
    if (target == null || !answers) {
      return null;
    }
    NvmeConnection c = new NvmeConnection(self, target, nqn, hostNqn, new Heard(path));
    FakeNvmf.Subsystem s = target.nvmf.connect(c, path.at.traddr, path.at.trsvcid);
    if (s != null) {
      path.connection = c;
      path.cntlid = c.cntlid;
      path.state = State.ENABLED;
      path.tries = 0;
    }
    return s;
  }

  /** After it was put among the controllers: its devices are registered. */
  void appear() {
    pump();
  }

  private final class Heard implements NvmeConnection.Events {
    private final Path path;

    Heard(Path path) {
      this.path = path;
    }

    @Override
    public void closed() {
      lost(path);
    }

    @Override
    public void namespacesChanged(FakeNvmf.Subsystem s) {
      if (!gone && path.connection != null) {
        namespaces(s, true);
      }
    }
  }

  /**
   * Takes over what the target shows now. That a namespace has another size is heard of by notice
   * only: a host that was away at that moment goes on with the size that it knew.
   */
  private void namespaces(FakeNvmf.Subsystem s, boolean told) {
    for (NvmeBdev b : List.copyOf(bdevs.values())) {
      if (!s.namespaces.containsKey(b.nsid)) {
        bdevs.remove(b.nsid);
        fail(p -> p.nsid == b.nsid);
        self.bdevs.unregister(b);
      }
    }
    for (FakeNvmf.Namespace ns : s.namespaces.values()) {
      NvmeBdev known = bdevs.get(ns.nsid());
      if (known != null && told) {
        self.bdevs.resize(known, ns.bdev().blocks);
      } else if (known == null) {
        FakeBdev below = ns.bdev();
        NvmeBdev b =
            new NvmeBdev(
                this, name + "n" + ns.nsid(), ns.uuid(), below.blockSize, below.blocks, ns.nsid());
        bdevs.put(ns.nsid(), b);
        self.soon(() -> {
          if (!gone && bdevs.get(ns.nsid()) == b) {
            self.bdevs.register(b);
          }
        });
      }
    }
  }

  private void lost(Path path) {
    path.connection = null;
    outstanding.forEach(p -> p.sentOn = p.sentOn != null && isLive(p.sentOn) ? p.sentOn : null);
    if (gone || path.state == State.DISABLED || path.state == State.DELETING) {
      return;
    }
    if (timers.ctrlrLossSec == 0) {
      path.state = State.DELETING;
      self.soon(() -> self.nvme.remove(this));
      return;
    }
    path.lostAtMs = self.time.nowMs();
    path.state = State.RESETTING;
    self.later(RESETTING_MS, () -> reconnect(path));
    pump();
  }

  private boolean isLive(NvmeConnection c) {
    return paths.stream().anyMatch(p -> p.connection == c);
  }

  private void reconnect(Path path) {
    if (gone || path.state != State.RESETTING) {
      return;
    }
    path.tries++;
    FakeNvmf.Subsystem s = open(path);
    if (s != null) {
      namespaces(s, false);
      pump();
      return;
    }
    long awayMs = self.time.nowMs() - path.lostAtMs;
    if (timers.ctrlrLossSec > 0 && awayMs >= timers.ctrlrLossSec * 1_000L) {
      path.state = State.DELETING;
      self.later(RESETTING_MS, () -> self.nvme.remove(this));
      return;
    }
    if (timers.fastIoFailSec > 0 && awayMs >= timers.fastIoFailSec * 1_000L) {
      fail(p -> p.sentOn == null);
    }
    path.state = State.DELAYED;
    self.later(
        timers.reconnectDelaySec * 1_000L,
        () -> {
          if (path.state == State.DELAYED && !gone) {
            path.state = State.RESETTING;
            self.later(RESETTING_MS, () -> reconnect(path));
          }
        });
  }

  /** The network between here and the peer is cut: noticed only by the acknowledgement timeout. */
  void wayCut(FakeSpdk peer) {
    if (self.nvme.ackTimeout == 0) {
      return;
    }
    int cut = self.fabric.cuts(self.name, peer.name);
    for (Path path : paths) {
      NvmeConnection c = path.connection;
      if (c != null && c.target == peer) {
        self.later(
            (1L << self.nvme.ackTimeout) + ACK_MORE_MS,
            () -> {
              if (path.connection == c
                  && !c.isReachable()
                  && self.fabric.cuts(self.name, peer.name) == cut) {
                c.timedOut();
              }
            });
      }
    }
  }

  void disable() throws RpcFault {
    if (paths.stream().anyMatch(p -> p.state == State.DELETING)) {
      throw new RpcFault(-6, "No such device or address");
    }
    if (paths.stream().anyMatch(p -> p.state == State.RESETTING)) {
      throw RpcFault.errno(RpcFault.EBUSY);
    }
    if (isDisabled()) {
      throw new RpcFault(RpcFault.EALREADY, "Operation already in progress");
    }
    for (Path path : paths) {
      path.state = State.DISABLED;
      close(path);
    }
    fail(_ -> true);
  }

  private void close(Path path) {
    NvmeConnection c = path.connection;
    path.connection = null;
    if (c != null) {
      c.closeFromHost();
    }
  }

  Reach reach() {
    Reach reach = Reach.HERE;
    for (Path path : paths) {
      NvmeConnection c = path.connection;
      if (c != null) {
        boolean silent = c.isTargetOpen() && (c.target.isStopped() || !c.isReachable());
        return silent ? Reach.SILENT : Reach.HERE;
      }
      if (path.state == State.DELAYED || path.state == State.RESETTING) {
        reach = Reach.AWAY;
      }
    }
    return reach;
  }

  /** A detach was accepted. */
  void delete() {
    paths.forEach(p -> p.state = State.DELETING);
  }

  void removed() {
    gone = true;
    paths.forEach(this::close);
    for (NvmeBdev b : List.copyOf(bdevs.values())) {
      bdevs.remove(b.nsid);
      fail(p -> p.nsid == b.nsid);
      self.bdevs.unregister(b);
    }
    fail(_ -> true);
  }

  void died() {
    gone = true;
    for (Path path : paths) {
      NvmeConnection c = path.connection;
      path.connection = null;
      if (c != null) {
        c.hostDied();
      }
    }
    outstanding.clear();
  }

  private void submit(int nsid, FakeIo io) {
    if (gone || isDisabled()) {
      self.soon(io::failed);
      return;
    }
    outstanding.add(new Pending(nsid, io));
    pump();
  }

  private void pump() {
    for (Path path : paths) {
      NvmeConnection c = path.connection;
      if (c != null && path.state == State.ENABLED) {
        for (Pending p : List.copyOf(outstanding)) {
          if (p.sentOn == null) {
            p.sentOn = c;
            c.send(p.nsid, new FakeIo(p.io.block(), p.io.content(), done -> answered(p, c, done)));
          }
        }
      }
    }
  }

  private void answered(Pending p, NvmeConnection c, FakeIo.Done done) {
    if (p.sentOn == c && outstanding.remove(p)) {
      p.io.done().accept(done);
    }
  }

  private void fail(java.util.function.Predicate<Pending> which) {
    for (Pending p : List.copyOf(outstanding)) {
      if (which.test(p) && outstanding.remove(p)) {
        self.soon(p.io::failed);
      }
    }
  }

  void describe(ArrayNode into) {
    for (Path path : paths) {
      ObjectNode o = FakeSpdk.object().put("state", path.state.word);
      o.putObject("trid")
          .put("trtype", path.at.trtype)
          .put("adrfam", path.at.adrfam)
          .put("traddr", path.at.traddr)
          .put("trsvcid", path.at.trsvcid)
          .put("subnqn", nqn);
      o.put("cntlid", path.cntlid);
      o.putObject("host").put("nqn", hostNqn).put("addr", "").put("svcid", "");
      into.add(o.put("numa_id", -1));
    }
  }

  /** A namespace as seen from here. */
  static final class NvmeBdev extends FakeBdev {
    final int nsid;
    private final FakeCtrlr controller;

    NvmeBdev(FakeCtrlr controller, String name, UUID uuid, int blockSize, long blocks, int nsid) {
      super(name, uuid, "NVMe disk", blockSize, blocks);
      this.controller = controller;
      this.nsid = nsid;
    }

    @Override
    void submit(FakeIo io) {
      controller.submit(nsid, io);
    }

    @Override
    void describe(ObjectNode specific) {
      ArrayNode all = specific.putArray("nvme");
      for (Path path : controller.paths) {
        ObjectNode o = FakeSpdk.object();
        o.putObject("trid")
            .put("trtype", path.at.trtype)
            .put("adrfam", path.at.adrfam)
            .put("traddr", path.at.traddr)
            .put("trsvcid", path.at.trsvcid)
            .put("subnqn", controller.nqn);
        o.putObject("ctrlr_data").put("cntlid", path.cntlid);
        o.putObject("ns_data").put("id", nsid);
        all.add(o);
      }
    }
  }
}
