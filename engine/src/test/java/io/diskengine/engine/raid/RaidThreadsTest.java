package io.diskengine.engine.raid;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevIoOwner;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.bdev.ErrorBdev;
import io.diskengine.engine.bdev.ErrorBdev.Fault;
import io.diskengine.engine.bdev.ErrorBdev.Injection;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.ReactorGroup;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** raid1 on two reactor threads, its legs in memory. */
@Timeout(60)
class RaidThreadsTest {
  private static final int BLOCK = 512;
  private static final int BLOCKS = 1024;
  private static final int DEPTH = 8;

  private final ConcurrentLinkedQueue<Throwable> bugs = new ConcurrentLinkedQueue<>();
  private final ReactorGroup group =
      ReactorGroup.create(ReactorOptions.of(2), (reactor, bug) -> bugs.add(bug));
  private final BdevLayer layer = new BdevLayer(group.reactors());
  private final RaidModule module = new RaidModule(layer);
  private final Arena arena = Arena.ofShared();
  private final List<ErrorBdev> legs = new ArrayList<>();

  @AfterEach
  void close() {
    group.close();
    arena.close();
  }

  private interface Body<T> {
    T run() throws Exception;
  }

  private static <T> T on(Reactor reactor, Body<T> body) throws Exception {
    CompletableFuture<T> done = new CompletableFuture<>();
    assertTrue(
        reactor.execute(() -> {
          try {
            done.complete(body.run());
          } catch (Exception e) {
            done.completeExceptionally(e);
          }
        }));
    return done.get(20, TimeUnit.SECONDS);
  }

  private int request(Body<Boolean> body, CompletableFuture<Integer> errno) throws Exception {
    on(group.home(), body);
    return errno.get(20, TimeUnit.SECONDS);
  }

  private BdevDesc start() throws Exception {
    group.start();
    CompletableFuture<Integer> created = new CompletableFuture<>();
    Done done = created::complete;
    on(
        group.home(),
        () -> {
          layer.autoExamine(false);
          for (int i = 0; i < 2; i++) {
            MallocBdev base = new MallocBdev("m" + i, RaidWorld.uuid(i), BLOCK, 2048 + BLOCKS);
            layer.register(base);
            legs.add(ErrorBdev.create(layer, base, null));
          }
          RaidSpec spec =
              new RaidSpec("r0", "raid1", 0, List.of("EE_m0", "EE_m1"), true, RaidWorld.RAID_UUID);
          module.create(spec, done);
          return true;
        });
    assertEquals(0, created.get(20, TimeUnit.SECONDS));
    return on(group.home(), () -> layer.open("r0", true, (BdevEvents) removed -> {}));
  }

  /** Writes blocks of its own half again and again, each time with the next version. */
  private final class Writer implements BdevIoOwner {
    final BdevDesc desc;
    final Reactor reactor;
    final int firstBlock;
    final Random random;
    final long iovs = arena.allocate(DEPTH * (long) Iovec.SIZE, 16).address();
    final long buffers = arena.allocate(DEPTH * (long) BLOCK, 4096).address();
    final BdevIo[] ios = new BdevIo[DEPTH];
    final long[] versions = new long[BLOCKS / 2];
    final boolean[] busy = new boolean[BLOCKS / 2];
    final CompletableFuture<Boolean> ended = new CompletableFuture<>();
    BdevChannel channel;
    long remaining;
    int inFlight;
    int failures;

    @SuppressWarnings("NullAway.Init") // the channel comes with start()
    Writer(BdevDesc desc, Reactor reactor, long seed) {
      this.desc = desc;
      this.reactor = reactor;
      this.firstBlock = reactor.index() * BLOCKS / 2;
      this.random = new Random(seed);
      for (int i = 0; i < DEPTH; i++) {
        ios[i] = new BdevIo(this);
        Iovec.set(iovs, i, buffers + (long) i * BLOCK, BLOCK);
      }
    }

    void start(long count) {
      remaining = count;
      channel = desc.openChannel();
      for (int i = 0; i < DEPTH; i++) {
        next(i);
      }
    }

    void next(int index) {
      int block = random.nextInt(busy.length);
      while (busy[block]) {
        block = (block + 1) % busy.length;
      }
      busy[block] = true;
      inFlight++;
      remaining--;
      NativeMemory.putLong(buffers + (long) index * BLOCK, ++versions[block]);
      desc.submit(channel, ios[index].write(Iovec.at(iovs, index), 1, firstBlock + block, 1));
    }

    @Override
    public void completed(BdevIo io) {
      int index = 0;
      while (ios[index] != io) {
        index++;
      }
      busy[(int) io.offsetBlocks() - firstBlock] = false;
      failures += io.status() == 0 ? 0 : 1;
      inFlight--;
      if (remaining > 0) {
        next(index);
      } else if (inFlight == 0) {
        channel.release();
        ended.complete(true);
      }
    }
  }

  @Test
  void legsFailLeaveAndReturnUnderWritesFromTwoThreads() throws Exception {
    BdevDesc desc = start();
    List<Writer> writers = new ArrayList<>();
    for (Reactor reactor : group.reactors()) {
      Writer writer = new Writer(desc, reactor, 7 + reactor.index());
      writers.add(writer);
      on(
          reactor,
          () -> {
            writer.start(8_000);
            return true;
          });
    }
    Random random = new Random(5);
    for (int round = 0; round < 6; round++) {
      int victim = random.nextInt(2);
      if (round % 2 == 0) {
        CompletableFuture<Integer> removed = new CompletableFuture<>();
        assertEquals(
            0,
            request(
                () -> {
                  module.removeBase("EE_m" + victim, removed::complete);
                  return true;
                },
                removed));
      } else {
        on(
            group.home(),
            () -> {
              legs.get(victim).inject(IoType.WRITE, Injection.of(Fault.FAILURE, 1));
              return true;
            });
        CompletableFuture<Integer> noticed = new CompletableFuture<>();
        request(() -> writeOnce(desc, noticed), noticed);
      }
      awaitOperational(1);
      on(
          group.home(),
          () -> {
            legs.get(victim).clear();
            return true;
          });
      CompletableFuture<Integer> added = new CompletableFuture<>();
      request(
          () -> {
            addWhenFree("EE_m" + victim, added);
            return true;
          },
          added);
      awaitRebuilt();
    }
    for (Writer writer : writers) {
      writer.ended.get(30, TimeUnit.SECONDS);
      assertEquals(0, writer.failures);
    }
    assertTrue(bugs.isEmpty(), bugs::toString);
    checkLegs(writers);
  }

  /** The device is free once the last I/O of its former life has come back. */
  private void addWhenFree(String leg, CompletableFuture<Integer> added) throws Exception {
    Raid raid = module.find("r0");
    if (raid == null || layer.find(leg) instanceof ErrorBdev e && e.claimedBy() != null) {
      group
          .home()
          .execute(() -> {
            try {
              addWhenFree(leg, added);
            } catch (Exception e) {
              added.completeExceptionally(e);
            }
          });
    } else {
      module.addBase(raid, leg, added::complete);
    }
  }

  private boolean writeOnce(BdevDesc desc, CompletableFuture<Integer> noticed) {
    BdevChannel channel = desc.openChannel();
    long memory = arena.allocate(4096 + BLOCK, 4096).address();
    Iovec.set(memory, 0, memory + 4096, BLOCK);
    desc.submit(
        channel,
        new BdevIo(
                done -> {
                  channel.release();
                  noticed.complete(done.status());
                })
            .write(memory, 1, BLOCKS - 1, 1));
    return true;
  }

  private void awaitOperational(int count) throws Exception {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    String now = on(group.home(), this::description);
    while (!now.contains("num_base_bdevs_operational=" + count + ",")) {
      assertTrue(System.nanoTime() < deadlineNs, now);
      now = on(group.home(), this::description);
    }
  }

  private void awaitRebuilt() throws Exception {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (on(group.home(), this::description).contains("process=")) {
      assertTrue(System.nanoTime() < deadlineNs, "the rebuild does not end");
    }
    awaitOperational(2);
  }

  private String description() {
    Raid raid = module.find("r0");
    return raid == null ? "" : raid.description().toString();
  }

  private void checkLegs(List<Writer> writers) throws Exception {
    for (String name : List.of("m0", "m1")) {
      long memory = arena.allocate(4096 + (long) BLOCKS * BLOCK, 4096).address();
      CompletableFuture<Integer> read = new CompletableFuture<>();
      assertEquals(
          0,
          request(
              () -> {
                BdevDesc desc = layer.open(name, false, BdevEvents.NONE);
                BdevChannel channel = desc.openChannel();
                Iovec.set(memory, 0, memory + 4096, (long) BLOCKS * BLOCK);
                desc.submit(
                    channel,
                    new BdevIo(io -> read.complete(io.status())).read(memory, 1, 2048, BLOCKS));
                return true;
              },
              read));
      for (Writer writer : writers) {
        for (int i = 0; i < writer.versions.length; i++) {
          int block = writer.firstBlock + i;
          if (block != BLOCKS - 1) {
            long found = NativeMemory.getLong(memory + 4096 + (long) block * BLOCK);
            assertEquals(writer.versions[i], found, name + " block " + block);
          }
        }
      }
    }
  }

  @Test
  void steadyStateAllocatesNothing() throws Exception {
    BdevDesc desc = start();
    Reactor reactor = group.reactors().get(1);
    Writer warmUp = new Writer(desc, reactor, 1);
    on(
        reactor,
        () -> {
          warmUp.start(30_000);
          return true;
        });
    warmUp.ended.get(30, TimeUnit.SECONDS);
    long thread = on(reactor, () -> Thread.currentThread().threadId());
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    Writer measured = new Writer(desc, reactor, 2);
    long writes = 30_000;
    long before = threads.getThreadAllocatedBytes(thread);
    on(
        reactor,
        () -> {
          measured.start(writes);
          return true;
        });
    measured.ended.get(30, TimeUnit.SECONDS);
    long perWrite = (threads.getThreadAllocatedBytes(thread) - before) / writes;
    assertTrue(perWrite < 8, perWrite + " bytes are allocated per write");
    assertTrue(bugs.isEmpty(), bugs::toString);
  }
}
