package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;

/**
 * A store on a disk that remembers everything, the operations that tests know, and the story: each
 * operation with when it began, when it was acknowledged, and what the store was afterwards.
 */
final class CrashScene implements AutoCloseable {
  static final int BLOCK = 512;
  static final int CLUSTER = 8 << 10;
  static final int CLUSTER_BLOCKS = CLUSTER / BLOCK;
  static final String STORE = "lvs0";
  static final String GOLDEN = "golden";
  private static final UUID GOLDEN_UUID = new UUID(7, 7);
  private static final long DISK_BYTES = 64 * CLUSTER;
  private static final long SLOWEST_NS = 40_000;

  /** From which state of the store an operation starts. */
  enum Start {
    /** The store is open and has been changed since. */
    IN_USE,
    /** Just opened after a clean close: the first change leaves the clean state. */
    LOADED_CLEAN,
    /** Just opened after its process was killed. */
    RECOVERED
  }

  /**
   * One acknowledged operation.
   *
   * @param flushed all data written before it began is on the medium with its acknowledgement
   * @param parallel several operations at once, of which any may have come first
   */
  record Step(
      String what,
      int beganAt,
      int acknowledgedAt,
      boolean flushed,
      boolean parallel,
      StoreState after) {}

  final List<Step> steps = new ArrayList<>();
  private final Map<String, TestIo> open = new HashMap<>();
  private final Random random;
  private DiskBdev disk;
  private StoreRig rig;
  private boolean recording;
  private long nextValue = 1;

  CrashScene(long seed) {
    random = new Random(seed);
    byte[] rubbish = new byte[(int) DISK_BYTES];
    random.nextBytes(rubbish);
    DiskImage image = new DiskImage(DISK_BYTES);
    image.write(0, rubbish, 0, rubbish.length);
    rig = new StoreRig(random.nextLong());
    addGolden(rig);
    disk = disk(image);
    rig.add(disk);
  }

  /** A store is opened after a power failure: its recovery is the first part of the story. */
  CrashScene(long seed, DiskImage medium) {
    random = new Random(seed);
    rig = new StoreRig(random.nextLong());
    addGolden(rig);
    disk = disk(medium);
    recording = true;
    steps.add(new Step("recovery", 0, 0, true, false, look()));
    rig.add(disk);
  }

  /** A disk beside the store's for external snapshots; nobody ever writes it. */
  static void addGolden(StoreRig rig) {
    DiskImage image = new DiskImage(4 * CLUSTER);
    ByteBuffer data = ByteBuffer.allocate(4 * CLUSTER);
    while (data.hasRemaining()) {
      data.putLong(-1 - data.position() / BLOCK);
    }
    image.write(0, data.array(), 0, 4 * CLUSTER);
    rig.add(new DiskBdev(GOLDEN, GOLDEN_UUID, BLOCK, image));
  }

  private DiskBdev disk(DiskImage image) {
    return new DiskBdev("disk0", BLOCK, image, new Random(random.nextLong()), SLOWEST_NS);
  }

  DiskBdev disk() {
    return disk;
  }

  StoreRig rig() {
    return rig;
  }

  Random random() {
    return random;
  }

  /** Where the metadata area ends: CLUSTERS pages behind super block and three masks. */
  long metadataEnd() {
    return (4 + DISK_BYTES / CLUSTER) * MetadataPage.SIZE;
  }

  /** The story begins: what is so far counts as on the medium. */
  void begin(Start start) {
    quiet();
    recording = false;
    if (start == Start.LOADED_CLEAN) {
      unload();
    }
    if (start == Start.IN_USE) {
      disk.checkpoint();
    } else {
      reopen();
    }
    recording = true;
    steps.clear();
    steps.add(new Step("start", 0, 0, true, false, look()));
  }

  /** The process is killed and another one opens the store. */
  private void reopen() {
    open.clear();
    rig.close();
    disk = disk(disk.image().copy());
    rig = new StoreRig(random.nextLong());
    addGolden(rig);
    rig.add(disk);
  }

  /** The lvols there are now. */
  List<String> lvols() {
    LvolStore store = rig.lvols.store(STORE);
    return store == null ? List.of() : store.lvols().stream().map(Lvol::name).toList();
  }

  long freeClusters() {
    return rig.store(STORE).freeClusters();
  }

  int clusters(String name) {
    return (int) (rig.lvol(STORE + "/" + name).sizeBytes() / CLUSTER);
  }

  /** Until nothing is under way on the disk any more. */
  void quiet() {
    rig.reactors.runUntil(disk::idle);
    rig.reactors.settle();
    rig.reactors.runUntil(disk::idle);
  }

  /** What another process would find now. */
  private StoreState look() {
    try (StoreRig other = new StoreRig(1)) {
      addGolden(other);
      other.add(new DiskBdev("disk0", BLOCK, disk.image().copy()));
      return StoreState.of(other);
    }
  }

  // ---- operations: each is a step of the story

  /** Something that returns when it was acknowledged. */
  void step(String what, Runnable operation) {
    step(what, false, false, operation);
  }

  private void step(String what, boolean flushes, boolean parallel, Runnable operation) {
    int began = disk.moments();
    operation.run();
    if (recording) {
      steps.add(new Step(what, began, disk.moments(), flushes, parallel, look()));
    }
  }

  void createStore() {
    step(
        "create store",
        () ->
            good(
                rig.createStore("disk0", LvolStoreOptions.named(STORE).clusterSizeBytes(CLUSTER))));
  }

  void deleteStore() {
    step(
        "delete store",
        () -> {
          closeAll();
          good(rig.run(done -> rig.lvols.deleteStore(rig.store(STORE), done)));
        });
  }

  /** Closes the store so that its next load is a clean one. */
  void unload() {
    step(
        "unload",
        () -> {
          closeAll();
          good(rig.unload());
        });
  }

  void create(String name, int clusters, boolean thin) {
    step(
        "create " + name, () -> good(rig.createLvol(STORE, name, (long) clusters * CLUSTER, thin)));
  }

  void delete(String name) {
    step(
        "delete " + name,
        () -> {
          close(name);
          good(rig.deleteLvol(STORE + "/" + name));
        });
  }

  void snapshot(String name, String snapshot) {
    step("snapshot " + name, () -> good(rig.snapshot(STORE + "/" + name, snapshot)));
  }

  void cloneOf(String snapshot, String name) {
    step("clone " + snapshot, () -> good(rig.clone(STORE + "/" + snapshot, name)));
  }

  void cloneBdev(String name) {
    step("clone bdev", () -> good(rig.cloneBdev(STORE, GOLDEN, name)));
  }

  void resize(String name, int clusters) {
    step(
        "resize " + name,
        () -> {
          close(name);
          good(rig.resize(STORE + "/" + name, (long) clusters * CLUSTER));
        });
  }

  void inflate(String name) {
    step("inflate " + name, () -> good(rig.inflate(STORE + "/" + name)));
  }

  void decouple(String name) {
    step("decouple " + name, () -> good(rig.decouple(STORE + "/" + name)));
  }

  void setParent(String name, String parent) {
    step("parent " + name, () -> good(rig.setParent(STORE + "/" + name, STORE + "/" + parent)));
  }

  void setParentBdev(String name) {
    step("parent bdev " + name, () -> good(rig.setParentBdev(STORE + "/" + name, GOLDEN)));
  }

  void rename(String name, String newName) {
    step(
        "rename " + name,
        () -> {
          close(name);
          good(rig.rename(STORE + "/" + name, newName));
        });
  }

  void renameStore(String newName) {
    step("rename store", () -> good(rig.renameStore(STORE, newName)));
  }

  void setReadOnly(String name) {
    step("read-only " + name, () -> good(rig.setReadOnly(STORE + "/" + name)));
  }

  /** The disk shows only so much of itself. */
  void diskSize(int clusters) {
    rig.reactors.home(() -> rig.reactors.layer().resize(disk, (long) clusters * CLUSTER_BLOCKS));
  }

  void grow() {
    step(
        "grow",
        () -> {
          diskSize((int) (DISK_BYTES / CLUSTER));
          good(rig.grow(STORE));
        });
  }

  /** Every block gets a value of its own, the same in all its words. */
  void write(String name, int firstBlock, int blocks) {
    step(
        "write " + name + " " + firstBlock + "+" + blocks,
        () -> good(io(name).write(random.nextInt(2), firstBlock, content(blocks))));
  }

  void unmap(String name, int firstBlock, int blocks) {
    step(
        "unmap " + name + " " + firstBlock + "+" + blocks,
        () -> good(io(name).run(random.nextInt(2), c -> c.unmap(firstBlock, blocks))));
  }

  void writeZeroes(String name, int firstBlock, int blocks) {
    step(
        "zero " + name + " " + firstBlock + "+" + blocks,
        () -> good(io(name).run(random.nextInt(2), c -> c.writeZeroes(firstBlock, blocks))));
  }

  void flush(String name) {
    step("flush " + name, true, false, () -> good(io(name).run(random.nextInt(2), c -> c.flush())));
  }

  /** First writes of the first block of several clusters, all under way at once. */
  void writeMany(String name, int... clusters) {
    step(
        "write clusters of " + name,
        false,
        true,
        () -> {
          List<TestIo.Call> calls = new ArrayList<>();
          for (int cluster : clusters) {
            calls.add(io(name).startWrite(random.nextInt(2), cluster * CLUSTER_BLOCKS, content(1)));
          }
          calls.forEach(c -> rig.reactors.runUntil(c::done));
          calls.forEach(c -> good(c.status()));
        });
  }

  /** Several lvols created, all under way at once. */
  void createMany(int clusters, boolean thin, String... names) {
    step(
        "create " + List.of(names),
        false,
        true,
        () -> {
          int[] left = {names.length};
          rig.reactors.home(() -> {
            for (String name : names) {
              rig.store(STORE)
                  .createLvol(
                      name,
                      (long) clusters * CLUSTER,
                      thin,
                      ClearMethod.DEFAULT,
                      (errno, lvol) -> {
                        good(errno);
                        left[0]--;
                      });
            }
          });
          rig.reactors.runUntil(() -> left[0] == 0);
        });
  }

  private byte[] content(int blocks) {
    ByteBuffer data = ByteBuffer.allocate(blocks * BLOCK);
    for (int i = 0; i < blocks; i++) {
      long value = nextValue++;
      for (int at = 0; at < BLOCK; at += Long.BYTES) {
        data.putLong(value);
      }
    }
    return data.array();
  }

  private TestIo io(String name) {
    return open.computeIfAbsent(name, n -> new TestIo(rig.reactors, STORE + "/" + n));
  }

  /** Lets go of an lvol before an operation that wants it unused. */
  void close(String name) {
    TestIo io = open.remove(name);
    if (io != null) {
      io.close();
    }
  }

  private void closeAll() {
    List.copyOf(open.keySet()).forEach(this::close);
  }

  static void good(int status) {
    assertThat(status).isZero();
  }

  @Override
  public void close() {
    rig.close();
  }
}
