package io.diskengine.engine.nvmf;

import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.AnaGroupDescriptor;
import io.diskengine.nvme.AsyncEvent;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.ControllerProperty.Cc;
import io.diskengine.nvme.ControllerProperty.Csts;
import io.diskengine.nvme.GetLogPageCommand;
import io.diskengine.nvme.NvmeStatus;
import io.diskengine.nvme.Sqe;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What one host sees of a subsystem (dynamic controller model): registers, queues, events, keep
 * alive. Home reactor; a connection's reactor reads {@link #subsystem} and {@link #anaState}.
 */
public final class Controller {
  /** Outstanding Asynchronous Event Requests, as SPDK's SPDK_NVMF_MAX_ASYNC_EVENTS. */
  static final int MAX_ASYNC_EVENT_REQUESTS = 4;

  /** Changes that the changed namespace list can name. */
  static final int MAX_CHANGED_NAMESPACES = 1024;

  /** A discovery controller without keep alive lives so long without commands. */
  private static final long DISCOVERY_ACTIVITY_MS = 120_000;

  private static final int NAMESPACE_NOTICE =
      AsyncEvent.of(
          AsyncEvent.TYPE_NOTICE,
          AsyncEvent.NOTICE_NAMESPACE_ATTRIBUTE_CHANGED,
          GetLogPageCommand.CHANGED_NAMESPACE_LIST);
  private static final int ANA_NOTICE =
      AsyncEvent.of(
          AsyncEvent.TYPE_NOTICE,
          AsyncEvent.NOTICE_ANA_CHANGE,
          GetLogPageCommand.ASYMMETRIC_NAMESPACE_ACCESS);
  private static final int DISCOVERY_NOTICE =
      AsyncEvent.of(
          AsyncEvent.TYPE_NOTICE,
          AsyncEvent.NOTICE_DISCOVERY_LOG_CHANGE,
          GetLogPageCommand.DISCOVERY);

  private final NvmfTarget target;
  private final Subsystem subsystem;
  private final TransportOptions options;
  private final @Nullable SubsystemListener listener;
  private final int cntlid;
  private final String hostnqn;
  private final UUID hostid;
  private final Map<Integer, TcpConnection> queues = new TreeMap<>();
  private final ArrayDeque<NvmfRequest> eventRequests = new ArrayDeque<>();
  private final ArrayDeque<Integer> pendingEvents = new ArrayDeque<>();
  private final Set<Integer> masked = new LinkedHashSet<>();
  private final Set<Integer> changedNamespaces = new LinkedHashSet<>();
  private final List<Runnable> goneWaiters = new ArrayList<>();
  private final List<Runnable> idleWaiters = new ArrayList<>();
  private final Timer keepAlive = Timer.of(this::keepAliveExpired);
  private long keepAliveMs;
  private int cc;
  private int csts;
  private int eventConfiguration;
  private boolean leaving;

  /** Who connects, from Connect. */
  record Host(String nqn, UUID id, long katoMs) {}

  Controller(
      NvmfTarget target,
      Subsystem subsystem,
      @Nullable SubsystemListener listener,
      TransportOptions options,
      int cntlid,
      Host host) {
    this.target = target;
    this.subsystem = subsystem;
    this.listener = listener;
    this.options = options;
    this.cntlid = cntlid;
    this.hostnqn = host.nqn();
    this.hostid = host.id();
    keepAliveMs(host.katoMs());
    eventConfiguration =
        AsyncEvent.CONFIG_NAMESPACE_ATTRIBUTE
            | (subsystem.options().anaReporting() ? AsyncEvent.CONFIG_ANA_CHANGE : 0);
    if (subsystem.isDiscovery()) {
      eventConfiguration = host.katoMs() == 0 ? 0 : AsyncEvent.CONFIG_DISCOVERY_LOG_CHANGE;
    }
  }

  public Subsystem subsystem() {
    return subsystem;
  }

  public int cntlid() {
    return cntlid;
  }

  public String hostnqn() {
    return hostnqn;
  }

  public UUID hostid() {
    return hostid;
  }

  TransportOptions options() {
    return options;
  }

  /** Null for discovery, which listens everywhere. */
  @Nullable SubsystemListener listener() {
    return listener;
  }

  /** Any reactor. */
  int anaState() {
    return listener == null ? AnaGroupDescriptor.OPTIMIZED : listener.anaState();
  }

  public int ioQueues() {
    return queues.size() - (queues.containsKey(0) ? 1 : 0);
  }

  /** By queue identifier. */
  Collection<TcpConnection> queues() {
    return List.copyOf(queues.values());
  }

  @Nullable TcpConnection queue(int qid) {
    return queues.get(qid);
  }

  void add(int qid, TcpConnection connection) {
    queues.put(qid, connection);
    connection.homeController = this;
    connection.homeQid = qid;
  }

  boolean leaving() {
    return leaving;
  }

  // ---- keep alive

  long keepAliveMs() {
    return keepAliveMs;
  }

  void keepAliveMs(long katoMs) {
    keepAliveMs = options.keepAliveMs(katoMs);
    if (keepAliveMs == 0 && subsystem.isDiscovery()) {
      keepAliveMs = DISCOVERY_ACTIVITY_MS;
    }
    alive();
  }

  /** The host has shown that it lives. */
  void alive() {
    if (keepAliveMs > 0 && !leaving) {
      target.home().schedule(keepAlive, keepAliveMs * 1_000_000);
    } else {
      target.home().cancel(keepAlive);
    }
  }

  private void keepAliveExpired() {
    NvmfTarget.LOG
        .atWarn()
        .addKeyValue("subsystem", subsystem.nqn())
        .addKeyValue("host", hostnqn)
        .addKeyValue("cntlid", cntlid)
        .addKeyValue("keepAliveMs", keepAliveMs)
        .log("host is silent, its controller goes");
    csts |= Csts.CFS;
    disconnect(() -> {});
  }

  // ---- registers

  int cc() {
    return cc;
  }

  int csts() {
    return csts;
  }

  boolean enabled() {
    return Cc.en(cc) && Csts.rdy(csts);
  }

  /** False for a value that is not supported. */
  boolean configure(int value) {
    int changed = cc ^ value;
    cc = value;
    if ((changed & 1) != 0) {
      if (Cc.en(value)) {
        csts = Csts.RDY;
      } else {
        resetting(() -> csts &= ~(Csts.RDY | Csts.CFS));
      }
    }
    int shutdown = Cc.shn(value);
    if (Cc.shn(changed) != 0 && shutdown != Cc.SHN_NONE) {
      csts = Csts.withShst(csts, Csts.SHST_OCCURRING);
      resetting(() -> {
        csts = Csts.withShst(csts, Csts.SHST_COMPLETE) & ~Csts.RDY;
        cc &= ~1;
      });
    }
    return shutdown <= Cc.SHN_ABRUPT && Cc.css(value) == Cc.CSS_NVM && Cc.mps(value) == 0;
  }

  /** Runs {@code done} when the I/O queues are gone. */
  private void resetting(Runnable done) {
    releaseEventRequests();
    if (ioQueues() == 0) {
      done.run();
    } else {
      idleWaiters.add(done);
      queues.forEach((qid, connection) -> {
        if (qid != 0) {
          close(connection);
        }
      });
    }
  }

  long property(int offset) {
    return switch (offset) {
      case ControllerProperty.CAP ->
          ControllerProperty.Cap.of(options.maxQueueDepth() - 1, READY_TIMEOUT_HALF_SECONDS, 1)
              | CAP_CRWMS;
      case ControllerProperty.VS -> VERSION;
      case ControllerProperty.CC -> cc;
      case ControllerProperty.CSTS -> csts;
      case ControllerProperty.CRTO -> READY_TIMEOUT_HALF_SECONDS;
      default -> -1;
    };
  }

  /** NVMe 2.0, as SPDK's target. */
  static final int VERSION = ControllerProperty.version(2, 0, 0);

  private static final int READY_TIMEOUT_HALF_SECONDS = 30;

  /** CAP.CRMS.CRWMS, which NVMe 2.0 demands. */
  private static final long CAP_CRWMS = 1L << 59;

  // ---- asynchronous events

  int eventConfiguration() {
    return eventConfiguration;
  }

  void eventConfiguration(int configuration) {
    eventConfiguration = configuration;
  }

  /** Holds the request until there is something to say. */
  void eventRequested(NvmfRequest request) {
    if (eventRequests.size() >= MAX_ASYNC_EVENT_REQUESTS) {
      request.completeAtHome(NvmeStatus.ASYNC_EVENT_REQUEST_LIMIT_EXCEEDED | NvmeStatus.DNR);
      return;
    }
    if (leaving) {
      request.completeAtHome(NvmeStatus.ABORTED_BY_REQUEST);
      return;
    }
    eventRequests.add(request);
    sendEvents();
  }

  void namespaceChanged(int nsid) {
    if (changedNamespaces.size() <= MAX_CHANGED_NAMESPACES) {
      changedNamespaces.add(nsid);
    }
    raise(NAMESPACE_NOTICE, AsyncEvent.CONFIG_NAMESPACE_ATTRIBUTE);
  }

  void anaChanged() {
    raise(ANA_NOTICE, AsyncEvent.CONFIG_ANA_CHANGE);
  }

  void discoveryChanged() {
    raise(DISCOVERY_NOTICE, AsyncEvent.CONFIG_DISCOVERY_LOG_CHANGE);
  }

  /** An event is told once, until the host has read the log page that goes with it. */
  private void raise(int event, int configuration) {
    if ((eventConfiguration & configuration) != 0 && !leaving && masked.add(event)) {
      pendingEvents.add(event);
      sendEvents();
    }
  }

  private void sendEvents() {
    while (!pendingEvents.isEmpty() && !eventRequests.isEmpty()) {
      eventRequests.remove().completeAtHome(0, Integer.toUnsignedLong(pendingEvents.remove()));
    }
  }

  /** The host reads a log page and does not ask to keep its event. */
  void logPageRead(int lid) {
    masked.removeIf(event -> AsyncEvent.logPage(event) == lid);
    pendingEvents.removeIf(event -> AsyncEvent.logPage(event) == lid);
  }

  Set<Integer> changedNamespaces() {
    return changedNamespaces;
  }

  /** Ends a waiting request by its identifier; false when there is none. */
  boolean abortEventRequest(int cid) {
    for (NvmfRequest request : eventRequests) {
      if (Sqe.cid(request.sqe) == cid) {
        eventRequests.remove(request);
        request.completeAtHome(NvmeStatus.ABORTED_BY_REQUEST);
        return true;
      }
    }
    return false;
  }

  private void releaseEventRequests() {
    while (!eventRequests.isEmpty()) {
      eventRequests.remove().completeAtHome(NvmeStatus.ABORTED_BY_REQUEST);
    }
  }

  // ---- the end

  /** Closes all connections; {@code gone} runs when the last one's I/O has ended. */
  void disconnect(Runnable gone) {
    goneWaiters.add(gone);
    if (!leaving) {
      leaving = true;
      target.home().cancel(keepAlive);
      releaseEventRequests();
      queues().forEach(Controller::close);
    }
  }

  private static void close(TcpConnection connection) {
    BdevLayer.crossTo(connection.reactor(), connection::close);
  }

  /** A connection begins to close; without its admin queue a controller ends. */
  void closing(TcpConnection connection) {
    if (connection.homeQid == 0) {
      disconnect(() -> {});
    }
  }

  void closed(TcpConnection connection) {
    queues.remove(connection.homeQid, connection);
    connection.homeController = null;
    if (ioQueues() == 0) {
      List<Runnable> idle = List.copyOf(idleWaiters);
      idleWaiters.clear();
      idle.forEach(Runnable::run);
    }
    if (leaving && queues.isEmpty()) {
      subsystem.remove(this);
      NvmfTarget.LOG
          .atInfo()
          .addKeyValue("subsystem", subsystem.nqn())
          .addKeyValue("host", hostnqn)
          .addKeyValue("cntlid", cntlid)
          .log("controller gone");
      List<Runnable> waiters = List.copyOf(goneWaiters);
      goneWaiters.clear();
      waiters.forEach(Runnable::run);
    }
  }
}
