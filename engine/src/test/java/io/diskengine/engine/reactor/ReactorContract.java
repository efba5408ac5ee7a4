package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.nvme.Iovec;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two reactors on threads of their own; run for each kernel of this system. */
abstract class ReactorContract {
  private static final int PATIENCE_S = 20;

  @TempDir Path directory;
  private final List<Throwable> bugs = new ArrayList<>();
  private ReactorGroup group;
  private Reactor first;
  private Reactor second;

  abstract Kernels.Choice choice();

  @BeforeEach
  void start() {
    ReactorOptions options = ReactorOptions.of(2).withKernel(choice());
    group = ReactorGroup.create(options, (reactor, bug) -> bugs.add(bug));
    first = group.home();
    second = group.reactors().get(1);
    group.start();
  }

  @AfterEach
  void stop() {
    group.close();
    assertThat(bugs).isEmpty();
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(PATIENCE_S, TimeUnit.SECONDS);
  }

  @Test
  void hammeringReactorsLoseNothingAndKeepTheOrder() throws Exception {
    int count = 200_000;
    CompletableFuture<Long> atFirst = counted(first, second, count);
    CompletableFuture<Long> atSecond = counted(second, first, count);
    assertThat(get(atFirst)).isZero();
    assertThat(get(atSecond)).isZero();
  }

  /** Sends numbered tasks in bursts; completes with how many came out of order. */
  private static CompletableFuture<Long> counted(Reactor from, Reactor to, int count) {
    CompletableFuture<Long> done = new CompletableFuture<>();
    long[] state = new long[2]; // next expected, misplaced; touched by `to` only
    Runnable burst =
        new Runnable() {
          int sent;

          @Override
          public void run() {
            for (int i = 0; i < 1000 && sent < count; i++) {
              int number = sent++;
              from.send(
                  to,
                  Task.of(() -> {
                    state[1] += number == state[0]++ ? 0 : 1;
                    if (state[0] == count) {
                      done.complete(state[1]);
                    }
                  }));
            }
            if (sent < count) {
              from.defer(Task.of(this));
            }
          }
        };
    while (!from.execute(burst)) {
      Thread.yield(); // the other direction may have filled the mailbox
    }
    return done;
  }

  @Test
  void sleepingReactorsUseAlmostNoProcessor() throws Exception {
    CompletableFuture<Long> id0 = new CompletableFuture<>();
    CompletableFuture<Long> id1 = new CompletableFuture<>();
    first.execute(() -> id0.complete(Thread.currentThread().threadId()));
    second.execute(() -> id1.complete(Thread.currentThread().threadId()));
    var threads = ManagementFactory.getThreadMXBean();
    long[] ids = {get(id0), get(id1)};
    Thread.sleep(50); // until both have spun and sleep
    long before = threads.getThreadCpuTime(ids[0]) + threads.getThreadCpuTime(ids[1]);
    long turns = first.turns();
    Thread.sleep(300);
    long used = threads.getThreadCpuTime(ids[0]) + threads.getThreadCpuTime(ids[1]) - before;
    assertThat(used).as("ns of CPU in 300 ms by two reactors").isLessThan(6_000_000);
    assertThat(first.turns() - turns).isLessThan(100);
  }

  @Test
  void aMessageEndsASleepAtOnce() throws Exception {
    long[] tookNs = new long[50];
    for (int i = 0; i < tookNs.length; i++) {
      TimeUnit.MICROSECONDS.sleep(500); // longer than the spin
      CompletableFuture<Long> ran = new CompletableFuture<>();
      long sent = System.nanoTime();
      first.execute(() -> ran.complete(System.nanoTime()));
      tookNs[i] = get(ran) - sent;
    }
    Arrays.sort(tookNs);
    assertThat(tookNs[tookNs.length / 2]).as("median ns").isLessThan(20_000_000);
  }

  @Test
  void aTimerEndsASleepInTime() throws Exception {
    CompletableFuture<Long> lateNs = new CompletableFuture<>();
    first.execute(() -> {
      long deadlineNs = first.nowNs() + 5_000_000;
      Timer timer = Timer.of(() -> lateNs.complete(System.nanoTime() - deadlineNs));
      first.schedule(timer, 5_000_000);
    });
    assertThat(get(lateNs)).isBetween(0L, 2_000_000_000L);
  }

  @Test
  void ioCompletesOnTheReactorThatSubmittedIt() throws Exception {
    CompletableFuture<List<Reactor>> where = new CompletableFuture<>();
    List<Reactor> seen = new ArrayList<>();
    first.execute(() -> {
      InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
      int listener = first.kernel().listen(any, 1);
      InetSocketAddress at = first.kernel().localAddress(listener);
      first.accept(
          listener,
          server -> {
            seen.add(Reactor.current());
            first.kernel().close(server);
            first.kernel().close(listener);
            where.complete(seen);
          });
      first.send(
          second,
          Task.of(() -> {
            int client = second.kernel().streamSocket(at, null);
            second.connect(
                client,
                at,
                result -> {
                  assertThat(Reactor.current()).isSameAs(second);
                  second.kernel().close(client);
                });
          }));
    });
    assertThat(get(where)).containsExactly(first);
  }

  @Test
  void filesAreReadWithoutAllocatingPerOperation() throws Exception {
    Path file = directory.resolve("file");
    Files.write(file, new byte[1 << 20]);
    try (Arena arena = Arena.ofShared()) {
      long allocated = Long.MAX_VALUE;
      // compiled code allocates nothing; how soon all of it is compiled depends on the machine
      for (int round = 0; round < 15 && allocated > ReadLoop.READS / 2; round++) {
        CompletableFuture<long[]> measured = new CompletableFuture<>();
        first.execute(() -> new ReadLoop(first, file, arena, measured).start());
        long[] result = get(measured);
        assertThat(result[1]).as("failed reads").isZero();
        allocated = result[0];
      }
      assertThat(allocated)
          .as("bytes allocated by %d reads", ReadLoop.READS)
          .isLessThanOrEqualTo(ReadLoop.READS / 2);
    }
  }

  /** Reads at depth 8; what the reactor's thread allocates is measured after the start. */
  private static final class ReadLoop {
    static final int READS = 100_000;
    private static final int STARTED = 1000;
    private static final int DEPTH = 8;

    final com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    final Reactor reactor;
    final int fd;
    final CompletableFuture<long[]> measured;
    final List<Read> reads = new ArrayList<>();
    int completed;
    long failures;
    long allocatedAtStart;

    ReadLoop(Reactor reactor, Path file, Arena arena, CompletableFuture<long[]> measured) {
      this.reactor = reactor;
      this.measured = measured;
      this.fd = reactor.kernel().openFile(file.toString(), FileCalls.O_RDONLY, 0);
      for (int i = 0; i < DEPTH; i++) {
        reads.add(new Read(arena));
      }
    }

    void start() {
      reads.forEach(Read::submit);
    }

    final class Read implements Reactor.FileOp {
      final long iov;

      Read(Arena arena) {
        iov = arena.allocate(16, 8).address();
        Iovec.set(iov, 0, arena.allocate(4096, 4096).address(), 4096);
      }

      void submit() {
        reactor.readv(fd, iov, 1, (completed & 255) * 4096L, this);
      }

      @Override
      public void completed(int result) {
        failures += result == 4096 ? 0 : 1;
        if (++completed == STARTED) {
          allocatedAtStart = threads.getCurrentThreadAllocatedBytes();
        }
        if (completed == STARTED + READS) {
          long used = threads.getCurrentThreadAllocatedBytes() - allocatedAtStart;
          measured.complete(new long[] {used, failures});
        }
        if (completed <= STARTED + READS - DEPTH) {
          submit();
        } else if (completed == STARTED + READS) {
          reactor.kernel().close(fd);
        }
      }
    }
  }

  @Test
  void closingTheGroupEndsOperationsInFlight() throws Exception {
    CompletableFuture<Integer> listening = new CompletableFuture<>();
    AtomicLong completions = new AtomicLong();
    first.execute(() -> {
      InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
      int listener = first.kernel().listen(any, 1);
      first.accept(listener, fd -> completions.incrementAndGet());
      first.defer(Task.of(() -> listening.complete(listener)));
    });
    int listener = get(listening);
    long before = System.nanoTime();
    group.close();
    assertThat(System.nanoTime() - before).isLessThan(5_000_000_000L);
    assertThat(completions).hasValue(0);
    assertThat(FileCalls.close(listener)).isZero();
  }
}
