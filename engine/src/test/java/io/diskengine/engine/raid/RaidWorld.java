package io.diskengine.engine.raid;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Two reactors with the RAID module, without automatic examination: as the engine runs it. */
final class RaidWorld implements AutoCloseable {
  static final int BLOCK = 512;
  static final int DATA_BYTES = 1 << 20;

  /** Data behind the superblock of the usual leg. */
  static final int DATA_BLOCKS = 1024;

  static final int LEG_BYTES = DATA_BYTES + DATA_BLOCKS * BLOCK;
  static final UUID RAID_UUID = uuid(0xdd);

  final SteppedReactors reactors;
  final BdevLayer layer;
  final RaidModule module;
  private final long seed;

  RaidWorld(long seed) {
    this(seed, AcknowledgeRule.ON_ALL_TRUSTED_LEGS);
  }

  RaidWorld(long seed, AcknowledgeRule rule) {
    this.seed = seed;
    reactors = new SteppedReactors(seed);
    layer = reactors.layer();
    module = new RaidModule(layer, rule);
    layer.addModule(module);
    layer.autoExamine(false);
  }

  static UUID uuid(int low) {
    return new UUID(0xa100000000004000L, 0x8000000000000000L | low);
  }

  MemoryDisk disk(int index) {
    return disk(index, new byte[LEG_BYTES]);
  }

  /** A registered disk {@code leg<index>} over a medium. */
  MemoryDisk disk(int index, byte[] medium) {
    return disk("leg" + index, uuid(0xd0 + index), medium);
  }

  MemoryDisk disk(String name, UUID uuid, byte[] medium) {
    MemoryDisk disk = new MemoryDisk(name, uuid, BLOCK, medium, seed * 31 + name.hashCode());
    reactors.home(() -> layer.register(disk));
    return disk;
  }

  /** What a request ended with. */
  int call(Call call) {
    int[] errno = {1};
    reactors.home(() -> {
      try {
        call.start(e -> errno[0] = e);
      } catch (BdevException e) {
        errno[0] = e.errno();
      }
    });
    reactors.runUntil(() -> errno[0] != 1);
    return errno[0];
  }

  /** A request with an errno for an answer. */
  interface Call {
    void start(io.diskengine.engine.bdev.Done done) throws BdevException;
  }

  int create(String... legs) {
    RaidSpec spec = new RaidSpec("r0", "raid1", 0, List.of(legs), true, RAID_UUID);
    return call(done -> module.create(spec, done));
  }

  int add(String leg) {
    return call(done -> module.addBase(raid(), leg, done));
  }

  int remove(String leg) {
    return call(done -> module.removeBase(leg, done));
  }

  int delete(boolean clearSuperblock) {
    return call(done -> module.delete(raid(), clearSuperblock, done));
  }

  int unregister(MemoryDisk disk) {
    return call(done -> layer.unregister(disk, done));
  }

  /** Examines devices one after the other, each to its end. */
  void examine(String... names) {
    for (String name : names) {
      boolean[] done = {false};
      reactors.home(() -> {
        layer.examine(name);
        layer.waitForExamine(() -> done[0] = true);
      });
      reactors.runUntil(() -> done[0]);
    }
  }

  Raid raid() {
    Raid raid = module.find("r0");
    if (raid == null) {
      throw new AssertionError("there is no r0");
    }
    return raid;
  }

  @Nullable Raid raidOrNull() {
    return module.find("r0");
  }

  Map<String, Object> description() {
    return raid().description();
  }

  /** State, discovered and operational, as {@code online 2/2}. */
  String summary() {
    Map<String, Object> d = description();
    return d.get("state")
        + " "
        + d.get("num_base_bdevs_discovered")
        + "/"
        + d.get("num_base_bdevs_operational");
  }

  void awaitSummary(String expected) {
    reactors.runUntil(() -> summary().equals(expected));
  }

  void awaitRebuilt() {
    reactors.runUntil(() -> !description().containsKey("process"));
  }

  TestIo open() {
    return new TestIo(reactors, "r0");
  }

  static RaidSuperblock superblock(MemoryDisk disk) {
    RaidSuperblock found = RaidSuperblock.decode(disk.medium());
    if (found == null) {
      throw new AssertionError("no superblock on " + disk);
    }
    return found;
  }

  /** Sequence number and states of the members, as {@code 2 [CONFIGURED, MISSING]}. */
  static String record(MemoryDisk disk) {
    RaidSuperblock found = superblock(disk);
    return found.sequence()
        + " "
        + found.members().stream().map(RaidSuperblock.Member::state).toList();
  }

  @Override
  public void close() {
    reactors.close();
  }
}
