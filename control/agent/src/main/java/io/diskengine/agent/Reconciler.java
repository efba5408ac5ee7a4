package io.diskengine.agent;

import io.diskengine.agent.AgentStatus.State;
import io.diskengine.model.Intent;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.plan.Plan;
import io.diskengine.model.plan.Requeue;
import io.diskengine.model.plan.Work;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Lease;
import io.diskengine.store.LeaseLostException;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.Wake;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node's agent: a single thread that owns rows, facts and timers. Whatever happens elsewhere
 * (wake-ups, answers, looks) is posted to it as a small task; after each batch of them it plans
 * anew from rows and facts, records what it is about to do in one transaction, and sends it. It
 * keeps keys, not events: what was missed is found by the next plan.
 */
final class Reconciler {
  private static final Logger LOG = LoggerFactory.getLogger(Reconciler.class);

  static final int MAX_CHAINS = 512;
  static final int MAX_WORKS_PER_TRANSACTION = 256;

  /** With this much under way, answers are gathered for as long as the last cycle took. */
  private static final int BATCH_FROM = 8;

  private static final long BATCH_MS = 20;

  /** A plan waits this long for a look that is under way. */
  private static final long GATHER_MS = 25;

  /** A plan that wants to be made anew at a time that has passed is made soon, not at once. */
  private static final long MIN_REQUEUE_MS = 20;

  private static final long TICK_MS = 1_000;
  private static final long RETRY_MS = 200;
  private static final long PLANE_RETRY_MS = 50;

  private static final long SILENT_AFTER_MS = 3_000;
  private static final long FINISH_WITHIN_MS = 250;

  /** Outcome of what the former holder of the lease had under way (law 4). */
  private static final String ABANDONED = "indeterminate: the agent that began it is gone";

  private final AgentConfig config;
  private final Mode mode;
  private final SpdkRpcClient spdk;
  private final AgentMachine machine;
  private final AgentClock clock;
  private final SequenceFile sequence;
  private final Supplier<String> sent;
  private final NodeLease lease;

  private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
  private final Journal journal = new Journal();
  private final Backoffs backoffs = new Backoffs();
  private final Publications publications = new Publications();
  private final StatusLine statusLine;
  private final LookRun lookRun;
  private final UnderWay underWay;

  private volatile DataPlane.Outcome.@Nullable Up plane;

  private final NodeRows nodeRows;
  private boolean planAsked = true;
  private boolean planStale = true;
  private boolean planeStarting;
  private boolean verified;
  private boolean looking;
  private long lookingSinceMs;
  private long batchUntilMs;
  private long retryAtMs;
  private long planeRetryAtMs;
  private long tickAtMs;
  private long resyncAtMs;
  private long requeueAtMs = Long.MAX_VALUE;
  private long finishAtMs = Long.MAX_VALUE;
  private Plan lastPlan = new Plan(List.of(), List.of(), Requeue.NEVER);
  private volatile boolean ending;

  Reconciler(
      AgentConfig config,
      AgentStore store,
      NodeRegistration registration,
      Mode mode,
      SpdkRpcClient spdk,
      AgentMachine machine,
      SequenceFile sequence,
      Supplier<String> sent) {
    this.config = config;
    this.mode = mode;
    this.spdk = spdk;
    this.machine = machine;
    this.clock = machine.clock();
    this.sequence = sequence;
    nodeRows = new NodeRows(sequence, mode);
    this.sent = sent;
    lease =
        new NodeLease(store, registration, config.nodeName() + "/" + machine.processName(), clock);
    statusLine = new StatusLine(config.nodeName(), config.onStatus());
    lookRun = new LookRun(machine, spdk, config.nodeName(), this::post);
    underWay =
        new UnderWay(
            config.nodeName(),
            new UnderWay.Parts(mode, spdk, clock, journal, backoffs),
            this::post,
            new UnderWay.Listener() {
              @Override
              public void ended(long nowMs) {
                finishAtMs = Math.min(finishAtMs, nowMs + FINISH_WITHIN_MS);
              }

              @Override
              public void freed() {
                planStale = true;
              }

              @Override
              public @Nullable NodeView rows() {
                return nodeRows.view();
              }
            });
  }

  void post(Runnable task) {
    tasks.add(task);
  }

  /** Rows have changed. */
  void wake(Wake wake) {
    post(() -> {
      nodeRows.wake(wake);
      planAsked |= wake.planAsked();
      if (wake.isAfterAGap()) {
        journal.storeWasAway();
        lease.storeWasAway();
        finishAtMs = journal.isDue() ? clock.nowMs() : finishAtMs;
      }
    });
  }

  /** The facts or what is wanted have changed. */
  void replan() {
    post(() -> planStale = true);
  }

  /** Runs until {@link #end}; everything else of this class happens inside. */
  void run() {
    await(0);
    while (!ending) {
      long pauseMs = 0;
      try {
        pauseMs = cycle();
      } catch (LeaseLostException e) {
        lostLease(e.getMessage());
      } catch (StoreUnavailableException e) {
        retryAtMs = clock.nowMs() + RETRY_MS;
        nodeRows.stale();
        lease.storeWasAway();
        journal.storeWasAway();
        finishAtMs = journal.isDue() ? retryAtMs : finishAtMs;
        pauseMs = RETRY_MS;
        statusLine.tell(
            State.WAITING, "PostgreSQL: " + e.getMessage() + "; nothing is changed meanwhile");
      } catch (IOException | RuntimeException e) {
        LOG.error("agent {}: unexpected failure, goes on in a second", config.nodeName(), e);
        pauseMs = TICK_MS;
        nodeRows.stale();
      }
      await(pauseMs);
    }
  }

  private void await(long pauseMs) {
    try {
      Runnable task = machine.poll(tasks, Math.max(0, pauseMs));
      while (task != null) {
        run(task);
        task = tasks.poll();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      ending = true;
    }
  }

  /** What a task that failed would have taken over is not known: everything is looked at again. */
  private void run(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      LOG.error("agent {}: unexpected failure, looks at everything again", config.nodeName(), e);
      nodeRows.stale();
      lookAgain(clock.nowMs());
    }
  }

  /** Does what is due; returns how long nothing will be. */
  private long cycle() throws IOException {
    long nowMs = clock.nowMs();
    if (nowMs < retryAtMs) {
      return retryAtMs - nowMs;
    }
    AgentSession held = acquire(nowMs);
    if (held == null) {
      return retryAtMs - nowMs;
    }
    boolean asked = lease.keep(held, nowMs, sends(), nodeRows.settings());
    look(nowMs);
    long gatherUntilMs = gatherUntilMs();
    if (nowMs < gatherUntilMs) {
      return gatherUntilMs - nowMs;
    }
    if (nowMs >= resyncAtMs - (asked ? nodeRows.resyncEarlyMs() : 0)) {
      resyncAtMs = Math.min(nowMs, resyncAtMs);
      boolean reads = nodeRows.resync(held);
      planAsked |= reads;
      resyncAtMs = reads ? resyncAtMs : nodeRows.nextResyncMs(nowMs, config.nodeName());
      mode.resync();
      publications.resync();
    }
    NodeView rows = load(held, nowMs);
    if (rows == null) {
      return TICK_MS;
    }
    if (nowMs >= tickAtMs) {
      tickAtMs = nowMs + TICK_MS;
      sequence.saveIfDue(nowMs);
      lookRun.check();
      underWay.check();
      mode.tick(nowMs, rows);
      planStale |= isSilent(nowMs);
      if (journal.endLate(object -> mode.mayCome(object, nowMs))) {
        finishAtMs = nowMs;
      }
      look(nowMs);
    }
    startPlane(held, rows, nowMs);
    if (nowMs >= requeueAtMs) {
      requeueAtMs = Long.MAX_VALUE;
      mode.requeue();
      planStale = true;
    }
    if (planStale || nowMs >= finishAtMs || nowMs >= publicationsDueMs()) {
      planStale = false;
      act(held, rows, nowMs);
    }
    if (planAsked) {
      planAsked = false;
      answerRequests(held);
    }
    batchUntilMs = clock.nowMs() + Math.min(BATCH_MS, clock.nowMs() - nowMs);
    return planStale || !nodeRows.isFresh() ? 0 : Math.max(0, nextDueMs() - clock.nowMs());
  }

  /** A plan waits for the look under way, and under load for more answers; never for long. */
  private long gatherUntilMs() {
    long until = looking ? lookingSinceMs + GATHER_MS : 0;
    return underWay.size() >= BATCH_FROM ? Math.max(until, batchUntilMs) : until;
  }

  /** Reasons come from plans: without one there is nothing new to tell. */
  private long publicationsDueMs() {
    long seenMs = publications.seenDueMs();
    return plane != null && mode.isSeen() ? Math.min(seenMs, publications.nextDueMs()) : seenMs;
  }

  /** Whether mutations are under way. */
  private boolean sends() {
    return planeStarting || !underWay.isEmpty();
  }

  private long nextDueMs() {
    long due = Math.min(Math.min(tickAtMs, resyncAtMs), Math.min(requeueAtMs, finishAtMs));
    due = Math.min(due, lease.dueAtMs(sends(), nodeRows.settings()));
    due = Math.min(due, publicationsDueMs());
    return plane == null && !planeStarting ? Math.min(due, planeRetryAtMs) : due;
  }

  private @Nullable AgentSession acquire(long nowMs) {
    if (lease.session() != null) {
      return lease.session();
    }
    switch (lease.acquire(nowMs)) {
      case Lease.Held(AgentSession won, var _, var leftOpen, var incarnation) -> {
        inherit(leftOpen, incarnation, nowMs);
        nodeRows.stale();
        publications.forget();
        lookAgain(nowMs);
        LOG.info("agent {} holds the lease, epoch {}", config.nodeName(), won.leaseEpoch());
        return won;
      }
      case Lease.Taken(String by, var expires) -> {
        retryAtMs = nowMs + RETRY_MS;
        statusLine.tell(
            State.WAITING, "the lease of this node is held by " + by + " until " + expires);
        return null;
      }
    }
  }

  /** What the former holder of the lease had under way ends here, now or when it cannot come. */
  private void inherit(List<Intent> leftOpen, @Nullable String incarnation, long nowMs) {
    List<String> late = new ArrayList<>();
    for (Intent i : leftOpen) {
      mode.lateObject(i.action())
          .ifPresentOrElse(
              object -> {
                late.add(object);
                journal.endedLate(i.id(), object, ABANDONED);
              },
              () -> journal.ended(i.id(), ABANDONED));
    }
    mode.inherited(late, incarnation);
    finishAtMs = leftOpen.isEmpty() ? finishAtMs : nowMs;
  }

  /**
   * Between two leases another agent may have changed the data plane: what was seen is void, looks
   * under way are too, and what was planned under the old lease is not sent any more (law 6, 7).
   */
  private void lookAgain(long nowMs) {
    plane = null;
    verified = false;
    planStale = true;
    planeRetryAtMs = nowMs;
  }

  private void lostLease(@Nullable String why) {
    LOG.warn("agent {} lost its lease: {}", config.nodeName(), why);
    lease.lost();
    nodeRows.forget();
    retryAtMs = clock.nowMs() + RETRY_MS;
    statusLine.tell(State.WAITING, "lost the lease: " + why);
  }

  /** The rows, or null when they must not be acted upon. */
  private @Nullable NodeView load(AgentSession held, long nowMs) throws IOException {
    switch (nodeRows.read(held, nowMs)) {
      case NOTHING -> {}
      case NEWS -> {
        planStale = true;
        lease.lasts(nodeRows.settings());
        if (nowMs >= resyncAtMs) {
          resyncAtMs = nodeRows.nextResyncMs(nowMs, config.nodeName());
        }
      }
      case WENT_BACK -> stop(nowMs);
    }
    return nodeRows.view();
  }

  private void stop(long nowMs) {
    retryAtMs = nowMs + TICK_MS;
    publications.forget(); // it was told to a database that does not count
    statusLine.tell(State.STOPPED, nodeRows.wentBack());
  }

  private void startPlane(AgentSession held, NodeView rows, long nowMs) {
    if (plane != null || planeStarting || nowMs < planeRetryAtMs) {
      return;
    }
    lease.ensure(held, nowMs, nodeRows.settings());
    planeStarting = true;
    machine.fork(
        "start " + config.nodeName(),
        () -> {
          DataPlane.Outcome outcome = DataPlane.start(machine::startTime, spdk, mode, rows);
          post(() -> started(outcome));
        });
  }

  private void started(DataPlane.Outcome outcome) {
    planeStarting = false;
    long nowMs = clock.nowMs();
    publications.planeAnswered(nowMs);
    planeRetryAtMs = nowMs + PLANE_RETRY_MS;
    switch (outcome) {
      case DataPlane.Outcome.Up up -> {
        if (up.connection() != spdk.connection()) {
          return;
        }
        mode.capabilities(up.methods());
        mode.reset(up.incarnation(), nowMs);
        mode.found(up.nullBdevs());
        verified = false;
        plane = up;
        planStale = true;
        statusLine.tell(State.VERIFYING, "data plane " + up.incarnation() + ", " + up.version());
      }
      case DataPlane.Outcome.Away(String why) ->
          statusLine.tell(
              State.WAITING, "data plane: " + why + "; " + spdk.address().whatToCheck());
      case DataPlane.Outcome.Unfit(String why) -> {
        planeRetryAtMs = nowMs + TICK_MS;
        statusLine.tell(State.STOPPED, why);
      }
    }
  }

  /** The connection is gone: everything known of the process is void. */
  void disconnected(long connection) {
    post(() -> {
      DataPlane.Outcome.Up up = plane;
      if (up != null && up.connection() == connection) {
        plane = null;
        planStale = true;
        planeRetryAtMs = clock.nowMs();
        statusLine.tell(State.WAITING, "the data plane went away; " + spdk.address().whatToCheck());
      }
    });
  }

  private void look(long nowMs) {
    DataPlane.Outcome.Up up = plane;
    if (up == null || looking || !mode.needsLook()) {
      return;
    }
    looking = true;
    lookingSinceMs = nowMs;
    Mode.Look look = mode.look();
    lookRun.start(look, failure -> looked(look, up, failure));
  }

  private boolean isSilent(long nowMs) {
    return looking && nowMs - lookingSinceMs >= SILENT_AFTER_MS && !lookRun.isAnswered();
  }

  private void looked(Mode.Look look, DataPlane.Outcome.Up up, @Nullable RpcResult<?> failure) {
    looking = false;
    if (plane == up) {
      boolean wasSilent = clock.nowMs() - lookingSinceMs >= SILENT_AFTER_MS;
      planStale |= look.merge(clock.nowMs()) || wasSilent || !isSettled();
    }
    if (failure != null && plane == up) {
      statusLine.tell(verified ? State.READY : State.VERIFYING, "a look failed: " + failure);
    }
  }

  /** The last plan left nothing to be done or waited for: only news can make another one. */
  private boolean isSettled() {
    return verified
        && lastPlan.work().isEmpty()
        && lastPlan.blocked().isEmpty()
        && lastPlan.requeue().equals(Requeue.NEVER);
  }

  /** Plans, records, sends. */
  private void act(AgentSession held, NodeView rows, long nowMs) throws IOException {
    DataPlane.Outcome.Up up = plane;
    boolean plans = up != null && mode.isSeen();
    List<Work> ready = List.of();
    if (plans) {
      lastPlan = mode.plan(rows, nowMs, underWay.actions());
      int most = underWay.size() < MAX_CHAINS ? MAX_WORKS_PER_TRANSACTION : 0;
      ready = backoffs.ready(lastPlan, underWay.objects(), most, nowMs);
      long wantedAtMs = Math.max(lastPlan.requeue().atMs(), nowMs + MIN_REQUEUE_MS);
      requeueAtMs = Math.min(wantedAtMs, backoffs.nextTryMs(nowMs));
      LOG.trace("agent {} plans:\n{}", config.nodeName(), lastPlan);
      if (!verified && ready.isEmpty() && underWay.isEmpty() && mode.isVerified(lastPlan)) {
        verified = true;
        statusLine.tell(State.READY, "data plane " + (up == null ? "" : up.incarnation()));
      }
    }
    if (up != null
        && statusLine.last().state() != State.READY
        && (verified || statusLine.last().state() != State.VERIFYING)) {
      statusLine.tell(verified ? State.READY : State.VERIFYING, "data plane " + up.incarnation());
    }
    List<AgentWrite> more = publications(rows.node(), nowMs, plans);
    boolean due = nowMs >= finishAtMs;
    if (ready.isEmpty() && more.isEmpty() && !due) {
      return;
    }
    if (!ready.isEmpty()) {
      lease.ensure(held, nowMs, nodeRows.settings());
    }
    finishAtMs = Long.MAX_VALUE;
    Set<Long> volumes = nodeRows.changedBy(ready, rows);
    Journal.Outcome outcome = journal.write(held, ready, more, volumes);
    NodeRows.Read read = nodeRows.written(outcome.rows(), volumes, nowMs);
    planStale |= read == NodeRows.Read.NEWS;
    if (read == NodeRows.Read.WENT_BACK) {
      stop(nowMs);
      outcome.works().forEach(r -> journal.ended(r.intentId(), "not sent: " + nodeRows.wentBack()));
      return;
    }
    for (Journal.Recorded r : outcome.works()) {
      r.applied().forEach(mode::committed);
      if (r.refusal() != null) {
        nodeRows.stale();
        String why = "refused: " + r.refusal();
        if (backoffs.failed(r.work().object(), why, nowMs, clock.instant())) {
          LOG.info("agent {}: {} {}", config.nodeName(), r.work().object(), why);
        }
      } else if (!r.work().actions().isEmpty() && up != null) {
        underWay.send(r, rows, () -> plane == up, lease::isHeld);
      }
    }
    publications.told(more, nowMs);
    planStale |= nodeRows.told(more);
  }

  private List<AgentWrite> publications(Node row, long nowMs, boolean planned) {
    var seen = Publications.seen(plane, isSilent(nowMs), verified);
    List<AgentWrite> more = new ArrayList<>(publications.due(seen, row, nowMs));
    if (planned) {
      more.addAll(publications.due(lastPlan, backoffs, underWay.isEmpty(), nowMs, clock.instant()));
    }
    return more;
  }

  private void answerRequests(AgentSession held) {
    String text =
        plane != null && mode.isSeen()
            ? lastPlan.text()
            : "no plan: " + statusLine.last().state() + ": " + statusLine.last().detail();
    Publications.answer(held, text, sent.get());
  }

  /** Whether there is nothing to do and nothing under way; asked on this thread. */
  boolean isIdle() {
    boolean planned = plane != null && mode.isSeen() && !looking && !mode.needsLook();
    return planned
        && underWay.isEmpty()
        && lastPlan.work().isEmpty()
        && !planStale
        && nodeRows.isFresh();
  }

  boolean isPlaneUp() {
    return plane != null;
  }

  @Nullable AgentSession session() {
    return lease.session();
  }

  /** Ends {@link #run} after the present cycle. */
  void end() {
    ending = true;
    post(() -> {});
  }

  /** After the loop ended, on any thread: the last outcomes, the sequence, the lease. */
  void release() {
    AgentSession held = lease.session();
    try {
      sequence.save();
      if (held != null) {
        journal.write(held, List.of(), List.of(), Set.of());
        held.release();
      }
    } catch (IOException | StoreUnavailableException | LeaseLostException e) {
      LOG.info("agent {}: left without giving the lease back: {}", config.nodeName(), e.toString());
    }
    statusLine.tell(State.CLOSED, "");
  }
}
