package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.AioBdev;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.lvcheck.Report;
import io.diskengine.engine.sim.SimFile;
import io.diskengine.engine.sim.SimWorld;
import io.diskengine.engine.sim.SparseBytes;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The whole way down: lvols on an aio bdev on the simulated kernel's file, whose power is lost
 * after every prefix of its writes and flushes. What flushes promise is fdatasync's doing here.
 */
class LvolPowerLossSimulationTest {
  private static final int BLOCK = 512;
  private static final int CLUSTER = 16 << 10;
  private static final long DISK = 64L * CLUSTER;
  private static final long SECOND_NS = 1_000_000_000L;
  private static final int SEEDS_PER_MOMENT = 3;

  /** One acknowledged fact, and how many changes of the file there were when it came. */
  private record Fact(int changes, String lvol, boolean there, int block, byte value) {}

  private final Arena arena = Arena.ofAuto();
  private final List<Fact> facts = new ArrayList<>();
  private SimWorld world;
  private SimFile file;
  private BdevLayer layer;
  private LvolModule lvols;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void acknowledgedIsOnTheMediumAfterEveryPrefixOfTheFilesChanges(long seed) throws Exception {
    try (SimWorld running = new SimWorld(seed, 2)) {
      world = running;
      file = running.file("/disk");
      file.resize(DISK);
      layer = new BdevLayer(running.reactors(0));
      lvols = new LvolModule(layer);
      home(() ->
          layer.register(
              AioBdev.open(
                  "disk0",
                  new AioBdev.Options("/disk", BLOCK, false, true, UUID.randomUUID()),
                  running.reactors(0).getFirst().kernel())));
      file.record();
      history(new Random(seed));
      int tried = 0;
      for (int changes = 1; changes <= file.recorded().size(); changes++) {
        for (int i = 0; i < SEEDS_PER_MOMENT; i++) {
          check(file.crashImage(changes, seed * 1000 + i), changes);
          tried++;
        }
      }
      System.out.println("seed " + seed + ": power lost " + tried + " times on a simulated file");
    }
  }

  private void history(Random random) throws Exception {
    assertThat(
            run(done ->
                lvols.createStore(
                    "disk0",
                    LvolStoreOptions.named("lvs0").clusterSizeBytes(CLUSTER),
                    (errno, store) -> done.done(errno))))
        .isZero();
    fact("", true, -1, (byte) 0);
    for (int i = 0; i < 4; i++) {
      create("v" + i, 2 + random.nextInt(3), i % 2 == 0);
    }
    for (int i = 0; i < 12; i++) {
      writeAndFlush("v" + random.nextInt(4), random.nextInt(64), (byte) (1 + i));
    }
    LvolStore store = lvols.store("lvs0");
    assertThat(run(done -> store.deleteLvol(store.lvol("v1"), done))).isZero();
    fact("v1", false, -1, (byte) 0);
    create("v4", 2, false);
    writeAndFlush("v4", 3, (byte) 99);
    assertThat(run(lvols::unload)).isZero();
  }

  private void create(String name, int clusters, boolean thin) throws Exception {
    assertThat(
            run(done ->
                lvols
                    .store("lvs0")
                    .createLvol(
                        name,
                        (long) clusters * CLUSTER,
                        thin,
                        ClearMethod.DEFAULT,
                        (errno, lvol) -> done.done(errno))))
        .isZero();
    fact(name, true, -1, (byte) 0);
  }

  private void writeAndFlush(String name, int block, byte value) throws Exception {
    assertThat(io(name, (io, iov) -> io.write(iov, 1, block, 1), value)).isZero();
    assertThat(io(name, (io, iov) -> io.flush(), value)).isZero();
    fact(name, true, block, value);
  }

  private void fact(String lvol, boolean there, int block, byte value) {
    facts.add(new Fact(file.recorded().size(), lvol, there, block, value));
  }

  private interface Prepare {
    void prepare(BdevIo io, long iov);
  }

  private int io(String name, Prepare prepare, byte value) throws Exception {
    int[] status = {StoreRig.PENDING};
    long iov = arena.allocate(4096, 4096).address();
    long buffer = arena.allocate(BLOCK, 4096).address();
    NativeMemory.copy(filled(value), 0, buffer, BLOCK);
    Iovec.set(iov, 0, buffer, BLOCK);
    BdevIo io = new BdevIo(done -> status[0] = done.status());
    BdevDesc[] desc = new BdevDesc[1];
    BdevChannel[] channel = new BdevChannel[1];
    home(() -> {
      desc[0] = layer.open("lvs0/" + name, true, BdevEvents.NONE);
      channel[0] = desc[0].openChannel();
      prepare.prepare(io, iov);
      desc[0].submit(channel[0], io);
    });
    world.await("I/O of " + name, () -> status[0] != StoreRig.PENDING, 10 * SECOND_NS);
    home(() -> {
      channel[0].release();
      desc[0].close();
    });
    return status[0];
  }

  private static byte[] filled(byte value) {
    byte[] block = new byte[BLOCK];
    Arrays.fill(block, value);
    return block;
  }

  private interface Body {
    void run() throws BdevException;
  }

  private void home(Body body) {
    boolean[] ran = {false};
    world
        .reactors(0)
        .getFirst()
        .execute(() -> {
          try {
            body.run();
          } catch (BdevException e) {
            throw new AssertionError(e);
          }
          ran[0] = true;
        });
    world.await("a turn", () -> ran[0], SECOND_NS);
  }

  private interface Operation {
    void start(Done done) throws BdevException;
  }

  private int run(Operation operation) {
    int[] errno = {StoreRig.PENDING};
    home(() -> operation.start(e -> errno[0] = e));
    world.await("an operation", () -> errno[0] != StoreRig.PENDING, 60 * SECOND_NS);
    return errno[0];
  }

  // ---- afterwards

  private void check(SparseBytes bytes, int changes) {
    String where = "seed " + world.seed() + ", after change " + changes;
    DiskImage medium = new DiskImage(DISK);
    byte[] all = bytes.read(0, (int) DISK);
    medium.write(0, all, 0, all.length);
    Set<String> there = new HashSet<>();
    Set<String> gone = new HashSet<>();
    for (Fact fact : facts) {
      if (fact.changes <= changes) {
        (fact.there ? there : gone).add(fact.lvol);
      }
    }
    // A deletion is under way before its acknowledgement.
    there.remove("v1");
    if (!there.remove("")) {
      return;
    }
    Report report = SoundStore.check(medium, where);
    Set<String> names = new HashSet<>();
    report.lvols().forEach(lvol -> names.add(lvol.name()));
    assertThat(names.containsAll(there)).as(where + ": " + names + " of " + there).isTrue();
    assertThat(Collections.disjoint(names, gone)).as(where + ": " + names).isTrue();
    try (StoreRig rig = new StoreRig(1)) {
      rig.add(new DiskBdev("disk0", BLOCK, medium));
      assertThat(rig.lvols.stores()).as(where).hasSize(1);
      for (String name : there) {
        content(rig, name, changes, where);
      }
      assertThat(rig.unload()).isZero();
      SoundStore.check(medium, where + ", closed again");
    }
  }

  /** Blocks hold what was flushed last, or what was being written since. */
  private void content(StoreRig rig, String name, int changes, String where) {
    List<byte[]> content = new ArrayList<>();
    long size = rig.lvol("lvs0/" + name).sizeBytes();
    rig.read("lvs0/" + name, 0, size, (bytes, count) -> content.add(bytes.clone()));
    for (int block = 0; block < size / BLOCK; block++) {
      byte flushed = 0;
      Set<Byte> possible = new HashSet<>();
      for (Fact fact : facts) {
        if (fact.lvol.equals(name) && fact.block == block && fact.changes <= changes) {
          flushed = fact.value;
          possible.clear();
        } else if (fact.lvol.equals(name) && fact.block == block) {
          possible.add(fact.value);
        }
      }
      possible.add(flushed);
      assertThat(possible)
          .as(where + ", " + name + " block " + block)
          .contains(content.getFirst()[block * BLOCK]);
    }
  }
}
