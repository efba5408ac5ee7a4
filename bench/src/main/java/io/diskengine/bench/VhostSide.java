package io.diskengine.bench;

import io.diskengine.nvme.NativeMemory;
import io.diskengine.spdkrpc.VhostMethods;
import io.diskengine.testkit.vhost.VhostFrontend;
import java.nio.file.Path;

/** A bdev through vhost-user-blk: one ring, driven as a guest's driver that polls would. */
final class VhostSide implements Side, AutoCloseable {
  private static final int RING_SIZE = 512;
  private static final long GUEST_BYTES = 16 << 20;
  private static final int LONGEST_SLEEP_MS = 10;

  private final ClosedLoop loop = new ClosedLoop();
  private final EngineProcess engine;
  private final Path socket;
  private final String name;
  private boolean sleeps;

  private VhostSide(EngineProcess engine, Path socket, String name) {
    this.engine = engine;
    this.socket = socket;
    this.name = name;
  }

  /** Makes a controller and writes all of the bdev once. */
  static VhostSide create(EngineProcess engine, String bdev) {
    String name = "vhost-" + bdev.replace('/', '-');
    engine
        .spdk()
        .call(VhostMethods.createBlk(new VhostMethods.CreateBlk(name, bdev)))
        .orElseThrow();
    VhostSide side = new VhostSide(engine, engine.vhostSocket(name), bdev + " by vhost");
    side.fill();
    return side;
  }

  /** Makes a controller of a bdev that is claimed: it can be read only. */
  static VhostSide createReadOnly(EngineProcess engine, String bdev) {
    String name = "vhost-" + bdev.replace('/', '-');
    Stacks.call(
        engine,
        "vhost_create_blk_controller",
        "{'ctrlr':'%s','dev_name':'%s','readonly':true}".formatted(name, bdev));
    return new VhostSide(engine, engine.vhostSocket(name), bdev + " by vhost");
  }

  /**
   * From now on the guest sleeps until it is interrupted, as a real one does: beside anything else
   * that wants the CPUs, one that polls and yields measures how long it is kept from them.
   */
  VhostSide sleeping() {
    sleeps = true;
    return this;
  }

  private void fill() {
    Workload fill = Workload.of(128, true, 8);
    try (Guest guest = new Guest(socket, fill, false)) {
      ClosedLoop.fill(guest, fill);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Sample run(Workload workload, long durationNs) {
    try (Guest guest = new Guest(socket, workload, sleeps)) {
      return loop.run(guest, workload, durationNs, engine::cpuNs);
    }
  }

  @Override
  public void close() {
    engine.spdk().call(VhostMethods.delete(socket.getFileName().toString())).orElseThrow();
  }

  /** Slot i has the descriptors 3i (header), 3i + 1 (data), 3i + 2 (status). */
  private static final class Guest implements IoPath {
    private static final int SECTOR_BYTES = 512;
    private static final int NEXT = 1;
    private static final int DEVICE_WRITES = 2;

    private final Workload workload;
    private final boolean sleeps;
    private final VhostFrontend frontend;
    private final VhostFrontend.Ring ring;
    private final long headers;
    private final long statuses;

    Guest(Path socket, Workload workload, boolean sleeps) {
      this.workload = workload;
      this.sleeps = sleeps;
      // As a guest does: without the feature every write would have to be durable by itself.
      frontend =
          VhostFrontend.connect(socket, GUEST_BYTES).start(1, RING_SIZE, VhostFrontend.FLUSH);
      ring = frontend.ring(0);
      int depth = workload.depth();
      long headerAddress = frontend.allocateGuest(16L * depth);
      long statusAddress = frontend.allocateGuest(depth);
      headers = frontend.local(headerAddress);
      statuses = frontend.local(statusAddress);
      int direction = workload.write() ? 0 : DEVICE_WRITES;
      for (int i = 0; i < depth; i++) {
        long data = frontend.allocateGuest(workload.bytes());
        NativeMemory.fill(frontend.local(data), workload.bytes(), (byte) (i + 1));
        NativeMemory.putInt(headers + 16L * i, workload.write() ? 1 : 0);
        ring.desc(3 * i, headerAddress + 16L * i, 16, NEXT, 3 * i + 1);
        ring.desc(3 * i + 1, data, workload.bytes(), NEXT | direction, 3 * i + 2);
        ring.desc(3 * i + 2, statusAddress + i, 1, DEVICE_WRITES, 0);
      }
    }

    @Override
    public void queue(int slot, long place) {
      NativeMemory.putLong(headers + 16L * slot + 8, place * (workload.bytes() / SECTOR_BYTES));
      ring.offer(3 * slot);
    }

    @Override
    public void flush() {
      ring.kick();
    }

    @Override
    public void poll() {
      if (sleeps) {
        ring.sleepUntilCalled(LONGEST_SLEEP_MS);
      }
    }

    @Override
    public int next() {
      int head = ring.poll();
      if (head < 0) {
        return -1;
      }
      int slot = head / 3;
      if (NativeMemory.getByte(statuses + slot) != 0) {
        throw new IllegalStateException("status " + NativeMemory.getByte(statuses + slot));
      }
      return slot;
    }

    @Override
    public void close() {
      frontend.close();
    }
  }
}
