package io.diskengine.api;

import io.diskengine.store.ControllerStore;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.StoreUnavailableException;
import io.diskengine.store.VolumeDetails;
import io.diskengine.store.VolumeStatus;
import io.diskengine.store.Wake;
import io.diskengine.store.WakeUps;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for changes of volumes and for plan answers. One thread reads, once for every wake-up, what
 * waiters of those volumes wait for: many waiters cost one query, none cost nothing.
 */
final class Watch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Watch.class);
  private static final int WAITERS_PER_PAUSE_MS = 4;
  private static final int MAX_PAUSE_MS = 25;
  private static final Wake PLAN = new Wake(false, true, Set.of());
  private static final Duration STOP_LIMIT = Duration.ofSeconds(2);

  /** {@code done} gets null when the volume is not there any more. */
  private record Waiter(
      long volumeId,
      Predicate<@Nullable VolumeStatus> done,
      CompletableFuture<Optional<VolumeDetails>> future) {}

  private record PlanWaiter(long requestId, CompletableFuture<String> answer) {}

  private final ControllerStore store;
  private final Set<Waiter> waiters = ConcurrentHashMap.newKeySet();
  private final Set<PlanWaiter> planWaiters = ConcurrentHashMap.newKeySet();
  private final LinkedBlockingQueue<Wake> wakes = new LinkedBlockingQueue<>();
  private final WakeUps wakeUps;
  private final Thread thread;
  private volatile boolean closed;

  /**
   * @param alsoOnWake told about every change, on a thread that must not be held up
   */
  Watch(ControllerStore store, Runnable alsoOnWake) {
    this.store = store;
    thread = Thread.ofPlatform().daemon().name("watch").start(this::run);
    wakeUps =
        store.listen(wake -> {
          wakes.add(wake);
          alsoOnWake.run();
        });
  }

  /**
   * The volume when {@code done} had become true (empty: it is not there any more), or null when
   * that was not within {@code maxWait}.
   */
  @Nullable Optional<VolumeDetails> await(
      VolumeDetails from, Duration maxWait, Predicate<@Nullable VolumeStatus> done) {
    if (done.test(VolumeStatus.of(from))) {
      return Optional.of(from);
    }
    Waiter waiter = new Waiter(from.volume().id(), done, new CompletableFuture<>());
    Wake before = new Wake(false, false, Set.of(waiter.volumeId()));
    return awaitIn(waiters, waiter, before, waiter.future(), maxWait);
  }

  /** The agent's answer, or null when none came within {@code maxWait}. */
  @Nullable String awaitPlan(long requestId, Duration maxWait) {
    PlanWaiter waiter = new PlanWaiter(requestId, new CompletableFuture<>());
    String answer = awaitIn(planWaiters, waiter, PLAN, waiter.answer(), maxWait);
    // Who asks several nodes in turn has little time left for the last: its answer may be there.
    return answer != null
        ? answer
        : store.planRequest(requestId).map(PlanRequest::answer).orElse(null);
  }

  /**
   * @param before what may have happened before the waiter was there
   */
  private <W, T> @Nullable T awaitIn(
      Set<W> all, W waiter, Wake before, CompletableFuture<T> future, Duration maxWait) {
    if (maxWait.isZero() || closed) {
      return null;
    }
    all.add(waiter);
    wakes.add(before);
    try {
      return future.get(maxWait.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } catch (CancellationException e) {
      return null; // closed
    } catch (ExecutionException e) {
      throw new AssertionError("a wait never fails", e);
    } finally {
      all.remove(waiter);
    }
  }

  private void run() {
    while (!closed) {
      try {
        List<Wake> news = new ArrayList<>(List.of(wakes.take()));
        wakes.drainTo(news);
        if (!closed) {
          look(news);
          // Under load one look serves many wakes; a lone waiter is never held up.
          Thread.sleep(Math.min(MAX_PAUSE_MS, waiters.size() / WAITERS_PER_PAUSE_MS));
        }
      } catch (InterruptedException e) {
        return;
      } catch (StoreUnavailableException e) {
        // The listener wakes us again when PostgreSQL is back; waiters have their time limits.
        LOG.atWarn().log("waiting for PostgreSQL: {}", e.getMessage());
      } catch (RuntimeException e) {
        LOG.atError().setCause(e).log("a look at what others wait for failed");
      }
    }
  }

  private void look(List<Wake> news) {
    boolean all = news.stream().anyMatch(Wake::all);
    // Only those that were there before the read: its answer is newer than what each one did.
    List<Waiter> present =
        waiters.stream()
            .filter(w -> all || news.stream().anyMatch(n -> n.volumes().contains(w.volumeId())))
            .toList();
    if (!present.isEmpty()) {
      Set<Long> ids = present.stream().map(Waiter::volumeId).collect(Collectors.toSet());
      Map<Long, VolumeStatus> now =
          store.statuses(ids).stream()
              .collect(Collectors.toMap(VolumeStatus::volumeId, Function.identity()));
      answer(present.stream().filter(w -> w.done().test(now.get(w.volumeId()))).toList());
    }
    if (!all && news.stream().noneMatch(Wake::planAsked)) {
      return;
    }
    for (PlanWaiter waiter : planWaiters) {
      store
          .planRequest(waiter.requestId())
          .ifPresent(r -> {
            if (r.answer() != null) {
              waiter.answer().complete(r.answer());
            }
          });
    }
  }

  private void answer(List<Waiter> done) {
    if (done.isEmpty()) {
      return;
    }
    Set<Long> ids = done.stream().map(Waiter::volumeId).collect(Collectors.toSet());
    Map<Long, VolumeDetails> now =
        store.volumes(ids).stream()
            .collect(Collectors.toMap(d -> d.volume().id(), Function.identity()));
    done.forEach(w -> w.future().complete(Optional.ofNullable(now.get(w.volumeId()))));
  }

  /** Ends every wait as if its time were over. A look that is under way ends by itself. */
  @Override
  public void close() {
    closed = true;
    wakeUps.close();
    waiters.forEach(w -> w.future().cancel(false));
    planWaiters.forEach(w -> w.answer().cancel(false));
    wakes.add(Wake.ALL);
    try {
      if (!thread.join(STOP_LIMIT)) {
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
