package io.diskengine.engine.host;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.nvme.AsyncEvent;
import io.diskengine.nvme.ControllerProperty;
import io.diskengine.nvme.ControllerProperty.Cc;
import io.diskengine.nvme.GetLogPageCommand;
import io.diskengine.nvme.NamespaceList;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One path to a subsystem: a controller with its admin queue, and on each reactor that uses it an
 * I/O queue pair. Home reactor, except {@link #channel}, {@link #live} and {@link #failing}.
 *
 * <p>Level-triggered: an operation sets {@link #state} to where the controller shall be and tears
 * everything down that is open; when the last connection is surely dead, {@link #settled} does what
 * the state wants next. So each operation works at any moment, also during an attempt to reconnect.
 *
 * <pre>
 *   CONNECTING -> ENABLED <-> RESETTING <-> RECONNECT_IS_DELAYED
 *                    |            |-> FAILED (no reconnect_delay)
 *   any -> DISABLED -> RESETTING;  any -> DELETING -> gone
 * </pre>
 */
final class NvmeController implements AdminQueue.Owner {
  private static final Logger LOG = LoggerFactory.getLogger(NvmeController.class);
  private static final long SECOND_NS = 1_000_000_000L;

  /** How long devices in removal may use a healthy controller before their I/O fails. */
  static final long DRAIN_NS = SECOND_NS;

  /** How long a controller may take to acknowledge its shutdown. */
  private static final long SHUTDOWN_NS = 300_000_000L;

  /** What a reactor needs to connect an I/O queue pair; a new one for each connection. */
  record Live(long epoch, TcpQpair.Target target, int cntlid, int queueDepth, int inCapsuleBytes) {}

  private final ControllerGroup group;
  private final AttachSpec spec;
  private final TcpQpair.Target target;
  private final PeerWatch watch;
  private final Reactor home;
  private final ControllerChannel[] channels;
  private final List<Done> waiters = new ArrayList<>();
  private final Timer reconnect = Timer.of(this::attempt);
  private final Timer drain = Timer.of(this::drainTimedOut);
  private final Timer shutdown = Timer.of(() -> teardown("shut down"));
  private final Outage outage;

  private ControllerState state = ControllerState.CONNECTING;
  private @Nullable AdminQueue admin;
  private ControllerSetup.@Nullable Result setup;
  private SortedMap<Integer, NamespaceData> namespaces = new TreeMap<>();
  private int cntlid;
  private int closing;
  private boolean released;
  private boolean gone;
  private boolean scanning;
  private boolean scanAgain;
  private long epoch;

  /** Why the last attempt to reconnect failed: said once. */
  private String lastFailure = "";

  private volatile @Nullable Live live;
  private volatile boolean failing;

  /**
   * @throws BdevException EIO for an address that is none
   */
  NvmeController(ControllerGroup group, AttachSpec spec) throws BdevException {
    this.group = group;
    this.spec = spec;
    this.home = group.host().home();
    this.channels = new ControllerChannel[BdevLayer.MAX_REACTORS];
    this.outage = new Outage(home, spec.timers(), this::failIo, this::lossTimedOut);
    this.target = spec.target(group.host().options());
    this.watch = group.host().liveness().watch(target.peer());
  }

  // ---- what everybody may ask

  AttachSpec spec() {
    return spec;
  }

  Reactor home() {
    return home;
  }

  int cntlid() {
    return cntlid;
  }

  /** As SPDK prints it; a controller is "resetting" until it is disabled. */
  String stateText() {
    return state == ControllerState.DISABLED && closing > 0
        ? ControllerState.RESETTING.text
        : state.text;
  }

  boolean enabled() {
    return state == ControllerState.ENABLED;
  }

  boolean deleting() {
    return state == ControllerState.DELETING;
  }

  /** What was read when it was set up last. */
  ControllerSetup.Result setup() {
    ControllerSetup.Result result = setup;
    if (result == null) {
      throw new IllegalStateException(this + " was never connected");
    }
    return result;
  }

  ControllerData data() {
    return setup().data();
  }

  /** Active namespaces when they were last read; none once the controller is being deleted. */
  SortedMap<Integer, NamespaceData> namespaces() {
    return state == ControllerState.DELETING ? new TreeMap<>() : namespaces;
  }

  /** What I/O queue pairs connect to; null while there is nothing. Any reactor. */
  @Nullable Live live() {
    return live;
  }

  /** I/O that finds no other path fails instead of waiting. Any reactor. */
  boolean failing() {
    return failing;
  }

  /** This reactor's channel, made when it is missing. */
  ControllerChannel channel(Reactor reactor) {
    ControllerChannel channel = channels[reactor.index()];
    if (channel == null) {
      channel = new ControllerChannel(this, reactor);
      channels[reactor.index()] = channel;
    }
    return channel;
  }

  /** This reactor's channel, or null. */
  @Nullable ControllerChannel existingChannel(Reactor reactor) {
    return channels[reactor.index()];
  }

  // ---- operations; answers as SPDK's bdev_nvme

  /** The first connect. */
  void connect(Done done) {
    waiters.add(done);
    attempt();
  }

  void reset(Done done) {
    if (state == ControllerState.DELETING) {
      done.done(-Errno.ENXIO);
    } else if (state == ControllerState.DISABLED) {
      done.done(0);
    } else if (state == ControllerState.RESETTING || state == ControllerState.CONNECTING) {
      done.done(BdevException.EBUSY);
    } else {
      waiters.add(done);
      enter(ControllerState.RESETTING, "reset");
    }
  }

  void enable(Done done) {
    if (state == ControllerState.DELETING) {
      done.done(-Errno.ENXIO);
    } else if (state != ControllerState.DISABLED) {
      done.done(0);
    } else {
      waiters.add(done);
      failing = !spec.timers().holdIo();
      enter(ControllerState.RESETTING, "enable");
    }
  }

  /** I/O fails at once; answers when nothing sent before can have any effect here any more. */
  void disable(Done done) {
    if (state == ControllerState.DELETING) {
      done.done(-Errno.ENXIO);
    } else if (state == ControllerState.DISABLED && closing == 0) {
      done.done(0);
    } else {
      if (state != ControllerState.DISABLED) {
        answer(-Errno.ECANCELED);
        outage.end();
        failing = true;
        enter(ControllerState.DISABLED, "disable");
      }
      if (closing == 0) {
        done.done(0);
      } else {
        waiters.add(done);
      }
    }
  }

  /**
   * Ends the controller: its devices are removed by the group; {@link #release} follows. A healthy
   * one serves their last I/O for {@link #DRAIN_NS}; with any other that I/O fails at once.
   */
  void delete() {
    if (state == ControllerState.DELETING) {
      return;
    }
    boolean healthy = state == ControllerState.ENABLED;
    answer(-Errno.ECANCELED);
    outage.end();
    if (healthy) {
      log(ControllerState.DELETING, "detach");
      state = ControllerState.DELETING;
      home.schedule(drain, DRAIN_NS);
    } else {
      failing = true;
      enter(ControllerState.DELETING, "detach");
    }
  }

  /** No device uses a controller in deletion any more. */
  void release() {
    if (released) {
      return;
    }
    released = true;
    home.cancel(drain);
    AdminQueue open = admin;
    if (closing == 0 && live != null && open != null) {
      live = null;
      home.schedule(shutdown, SHUTDOWN_NS);
      open.propertySet(
          ControllerProperty.CC,
          Cc.withShn(Cc.enable(Cc.CSS_NVM), Cc.SHN_NORMAL),
          (status, result) -> teardown("shut down"));
    } else {
      teardown("detach");
    }
  }

  /** Ends a controller that no device ever used. */
  void discard() {
    released = true;
    failing = true;
    enter(ControllerState.DELETING, "not attached");
  }

  void abort(int qid, int cid) {
    AdminQueue open = admin;
    if (state == ControllerState.ENABLED && open != null) {
      open.abort(qid, cid, (status, result) -> {});
    }
  }

  /** {@code read} gets the address of the page, 0 on failure. */
  void healthPage(int bytes, LongConsumer read) {
    AdminQueue open = admin;
    if (state == ControllerState.ENABLED && open != null) {
      open.logPage(GetLogPageCommand.HEALTH_INFORMATION, bytes, read);
    } else {
      read.accept(0);
    }
  }

  /**
   * The host's clock, first round: what must be answered, and who could ask. Answers whether
   * nothing but keep-alives is out.
   */
  boolean checkLiveness() {
    AdminQueue open = admin;
    if (open != null) {
      long deadlineNs = group.host().options().timeoutAdminUs() * 1_000;
      open.checkDeadlines(deadlineNs == 0 ? NvmeHost.ADMIN_DEADLINE_NS : deadlineNs);
      if (canAsk(open)) {
        watch.see(open, home.nowNs());
      }
    }
    return open == null || open.quiet();
  }

  /** Second round, when all controllers of the peer are known. */
  void keepAlive() {
    AdminQueue open = admin;
    if (open != null && canAsk(open)) {
      long keepAliveNs = group.host().options().keepAliveTimeoutMs() * 1_000_000L;
      if (watch.asks(open, keepAliveNs / 2, home.nowNs())) {
        open.keepAlive();
      }
    }
  }

  private boolean canAsk(AdminQueue open) {
    return live != null && open.ready() && group.host().options().keepAliveTimeoutMs() > 0;
  }

  // ---- the life of a connection

  private void enter(ControllerState to, String why) {
    if (to != ControllerState.RECONNECT_IS_DELAYED || !why.equals(lastFailure)) {
      log(to, why);
    }
    lastFailure = to == ControllerState.RECONNECT_IS_DELAYED ? why : "";
    state = to;
    teardown(why);
  }

  /** Ends every connection; {@link #settled} follows when all are dead. */
  private void teardown(String why) {
    if (gone || closing > 0) {
      return;
    }
    live = null;
    home.cancel(reconnect);
    home.cancel(shutdown);
    closing = 1;
    AdminQueue open = admin;
    if (open != null) {
      closing++;
      open.close(why);
    }
    eachChannel((channel, done) -> channel.disconnect(done), this::closedOne);
    closedOne();
  }

  private interface ChannelStep {
    void run(ControllerChannel channel, Runnable done);
  }

  /** Runs the step where there is a channel; {@code done} on the home reactor, once per reactor. */
  private void eachChannel(ChannelStep step, Runnable done) {
    for (Reactor reactor : group.host().layer().reactors()) {
      closing++;
      Runnable back = () -> BdevLayer.crossTo(home, done);
      BdevLayer.crossTo(
          reactor,
          () -> {
            ControllerChannel channel = existingChannel(reactor);
            if (channel == null) {
              back.run();
            } else {
              step.run(channel, back);
            }
          });
    }
  }

  private void closedOne() {
    if (--closing == 0) {
      settled();
    }
  }

  /** Everything is closed: go where the state wants. */
  private void settled() {
    switch (state) {
      case CONNECTING, RESETTING -> attempt();
      case RECONNECT_IS_DELAYED ->
          home.schedule(reconnect, Math.max(1, spec.timers().reconnectDelaySec()) * SECOND_NS);
      case DISABLED -> {
        recheck();
        answer(0);
      }
      case FAILED -> recheck();
      case DELETING -> {
        recheck();
        if (released) {
          gone = true;
          group.gone(this);
        }
      }
      case ENABLED -> throw new IllegalStateException(this + " was torn down while enabled");
    }
  }

  private void attempt() {
    if (state == ControllerState.RECONNECT_IS_DELAYED) {
      state = ControllerState.RESETTING;
    }
    if (closing > 0 || admin != null) {
      return;
    }
    long keepAliveMs = group.host().options().keepAliveTimeoutMs();
    admin = new AdminQueue(group.host(), target, keepAliveMs, this);
  }

  @Override
  public void connected() {
    AdminQueue open = admin;
    if (open != null) {
      new ControllerSetup(home, open, spec.trid().subnqn(), result -> setUp(open, result)).start();
    }
  }

  private void setUp(AdminQueue on, ControllerSetup.Result result) {
    if (on != admin
        || closing > 0
        || state != ControllerState.RESETTING && state != ControllerState.CONNECTING) {
      return;
    }
    int queues = group.host().layer().reactors().size();
    if (result.ioQueues() < queues) {
      on.close("%d I/O queues granted, %d needed".formatted(result.ioQueues(), queues));
      return;
    }
    boolean first = state == ControllerState.CONNECTING;
    scanning = false; // a scan of an earlier connection never ends
    setup = result;
    namespaces = result.namespaces().byNsid();
    cntlid = on.cntlid();
    if (first) {
      int refusal = group.refusal(this);
      if (refusal != 0) {
        state = ControllerState.FAILED;
        answer(refusal);
        return;
      }
    }
    outage.end();
    log(ControllerState.ENABLED, "connected");
    state = ControllerState.ENABLED;
    failing = false;
    live = new Live(++epoch, target, cntlid, result.queueDepth(), result.data().inCapsuleBytes());
    for (int i = 0; i < result.data().asyncEvents(); i++) {
      on.requestAsyncEvent();
    }
    group.namespacesChanged();
    channel(home);
    for (Reactor reactor : group.host().layer().reactors()) {
      BdevLayer.crossTo(
          reactor,
          () -> {
            ControllerChannel channel = existingChannel(reactor);
            if (channel != null) {
              channel.connect();
            }
          });
    }
    answer(0);
  }

  @Override
  public void closed(String reason) {
    admin = null;
    if (closing > 0) {
      closedOne();
      return;
    }
    switch (state) {
      case ENABLED -> lost(reason, false);
      case RESETTING -> attemptFailed(reason);
      case CONNECTING -> {
        log(ControllerState.FAILED, reason);
        state = ControllerState.FAILED;
        answer(BdevException.EIO);
      }
      case DELETING -> drainTimedOut();
      case RECONNECT_IS_DELAYED, DISABLED, FAILED -> {}
    }
  }

  /** An I/O queue pair of connection {@code of} ended without being asked. */
  void channelLost(long of, String reason, boolean whileConnecting) {
    Live now = live;
    if (now != null && now.epoch() == of) {
      if (state == ControllerState.ENABLED) {
        lost(reason, whileConnecting);
      } else if (state == ControllerState.DELETING) {
        drainTimedOut();
      }
    }
  }

  private void lost(String reason, boolean delayed) {
    outage.begin();
    boolean slow = spec.timers().holdIo() && (delayed || !outage.quickAttempt());
    enter(slow ? ControllerState.RECONNECT_IS_DELAYED : ControllerState.RESETTING, reason);
  }

  private void attemptFailed(String reason) {
    outage.begin();
    if (spec.timers().holdIo()) {
      enter(ControllerState.RECONNECT_IS_DELAYED, reason);
    } else {
      enter(ControllerState.FAILED, reason);
    }
    answer(BdevException.EPERM);
  }

  private void failIo() {
    failing = true;
    recheck();
  }

  private void lossTimedOut() {
    LOG.atWarn().addKeyValue("controller", this).log("ctrlr_loss_timeout: the controller is lost");
    group.deletePath(this);
  }

  private void drainTimedOut() {
    failing = true;
    teardown("detach");
  }

  /** Tells all reactors to look at {@link #failing} again. */
  private void recheck() {
    for (Reactor reactor : group.host().layer().reactors()) {
      BdevLayer.crossTo(
          reactor,
          () -> {
            ControllerChannel channel = existingChannel(reactor);
            if (channel != null) {
              channel.recheck();
            }
          });
    }
  }

  private void answer(int errno) {
    List<Done> told = List.copyOf(waiters);
    waiters.clear();
    told.forEach(done -> done.done(errno));
  }

  // ---- namespaces

  @Override
  public void asyncEvent(int dw0) {
    AdminQueue open = admin;
    if (open == null || AsyncEvent.type(dw0) != AsyncEvent.TYPE_NOTICE) {
      return;
    }
    if (AsyncEvent.information(dw0) == AsyncEvent.NOTICE_NAMESPACE_ATTRIBUTE_CHANGED) {
      // reading the page lets the controller report the next change
      open.logPage(
          GetLogPageCommand.CHANGED_NAMESPACE_LIST, NamespaceList.SIZE, read -> scan(open));
    }
  }

  private void scan(AdminQueue on) {
    if (on != admin || on.closed() || state != ControllerState.ENABLED) {
      return;
    }
    if (scanning) {
      scanAgain = true;
      return;
    }
    scanning = true;
    long scanned = epoch;
    new NamespaceScan(
            on,
            spec.trid().subnqn(),
            found -> {
              scanning = false;
              if (scanned == epoch && state == ControllerState.ENABLED) {
                namespaces = found.byNsid();
                group.namespacesChanged();
              }
              if (scanAgain) {
                scanAgain = false;
                scan(on);
              }
            })
        .start();
  }

  private void log(ControllerState to, String why) {
    if (state != to) {
      LOG.atInfo()
          .addKeyValue("controller", this)
          .addKeyValue("from", state.text)
          .addKeyValue("to", to.text)
          .addKeyValue("why", why)
          .log("controller state");
    }
  }

  @Override
  public String toString() {
    return spec.name() + " at " + spec.trid();
  }
}
