package io.diskengine.testkit.sim;

import io.diskengine.model.VmMappingState;
import io.diskengine.testkit.spdk.FakeIo;
import io.diskengine.testkit.spdk.FakeVhosts;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A virtual machine with one disk: writes blocks with values that are never repeated, reads them
 * back, and sends again what was unanswered when the data plane is back, as QEMU does.
 */
public final class SimGuest implements FakeVhosts.Session {
  private static final int MAX_PAUSE_MS = 120;
  private static final int RECONNECT_MS = 1_000;
  private static final int DEPTH = 4;

  private final SimWorld world;
  private final SimNode node;
  private final SimVolume volume;
  private final long vmMapping;
  private final String controller;
  private final List<Request> outstanding = new ArrayList<>();
  private boolean connected;
  private boolean stopping;
  private boolean gone;

  private boolean lostRaid;

  /** The volume was taken away from its node: its requests fail from now on, or wait. */
  private boolean cutOff;

  /** One request of the guest. */
  private static final class Request {
    final int block;
    final long value;
    final long sinceMs;
    int attempt;

    Request(int block, long value, long sinceMs) {
      this.block = block;
      this.value = value;
      this.sinceMs = sinceMs;
    }

    boolean isWrite() {
      return value != 0;
    }
  }

  SimGuest(SimWorld world, SimNode node, SimVolume volume, long vmMapping) {
    this(world, node, volume, vmMapping, 0);
  }

  private SimGuest(SimWorld world, SimNode node, SimVolume volume, long vmMapping, long bootMs) {
    this.world = world;
    this.node = node;
    this.volume = volume;
    this.vmMapping = vmMapping;
    this.controller = world.rows().vms.at(vmMapping).controllerName();
    volume.guests.add(this);
    if (bootMs == 0) {
      tick();
    } else {
      world.scheduler.after(bootMs, this::tick);
    }
  }

  boolean isGone() {
    return gone;
  }

  boolean isConnected() {
    return connected;
  }

  /** A bad disk ended its RAID: errors until it is connected anew. */
  boolean lostRaid() {
    return lostRaid && hasNoRaid();
  }

  void hasLostRaid() {
    lostRaid = hasNoRaid();
  }

  boolean hasNoRaid() {
    return connected && "".equals(node.spdk.vhosts().device(controller));
  }

  boolean isOn(SimNode other) {
    return node == other;
  }

  long vmMapping() {
    return vmMapping;
  }

  boolean isFor(String volumeName) {
    return volume.name.equals(volumeName);
  }

  /** The same machine, booted again. */
  SimGuest again(long bootMs) {
    SimGuest next = new SimGuest(world, node, volume, vmMapping, bootMs);
    if (stopping) {
      next.stop();
    }
    return next;
  }

  /** Nobody will show it its disk again: what it waits for never comes. */
  private boolean isDetached() {
    var vm = world.rows().vms.get(vmMapping);
    return vm == null || vm.state() == VmMappingState.DETACHED;
  }

  void cutOff() {
    cutOff = true;
    stopping = true;
  }

  boolean isCutOff() {
    return cutOff;
  }

  /** The disk is unplugged when nothing is outstanding any more. */
  void stop() {
    stopping = true;
  }

  /** SIGKILL of QEMU: what was unanswered may or may not be on the disk. */
  void kill() {
    if (gone) {
      return;
    }
    gone = true;
    for (Request r : outstanding) {
      if (r.isWrite()) {
        volume.lost(r.block, r.value);
      }
    }
    outstanding.clear();
    if (connected) {
      connected = false;
      node.spdk.vhosts().disconnect(controller, this);
    }
    world.log("guest of " + volume.name + " is killed");
  }

  private void tick() {
    if (gone) {
      return;
    }
    if (!connected) {
      connect();
    }
    if (!connected && (cutOff || (stopping && isDetached()))) {
      kill();
      return;
    }
    if (stopping && outstanding.isEmpty()) {
      gone = true;
      if (connected) {
        connected = false;
        node.spdk.vhosts().disconnect(controller, this);
      }
      world.log("guest of " + volume.name + " is unplugged");
      return;
    }
    if (connected && !stopping && !world.isQuiet() && outstanding.size() < DEPTH) {
      ask();
    }
    boolean asks = connected && !world.isQuiet();
    world.scheduler.after(
        asks ? 1 + world.scheduler.random().nextInt(MAX_PAUSE_MS) : RECONNECT_MS, this::tick);
  }

  private void connect() {
    var vm = world.rows().vms.get(vmMapping);
    boolean there = vm != null && vm.state() == VmMappingState.ATTACHED;
    if (vm == null || (!there && outstanding.isEmpty())) {
      return;
    }
    if (node.spdk.vhosts().connect(controller, this)) {
      connected = true;
      resized();
      List.copyOf(outstanding).forEach(this::send);
    }
  }

  /** It reads the capacity of its disk. */
  @Override
  public void resized() {
    world.laws.shown(volume, node.spdk.vhosts().capacityBytes(controller));
  }

  @Override
  public void disconnected() {
    connected = false;
  }

  private void ask() {
    int block = world.scheduler.random().nextInt(SimVolume.BLOCKS);
    if (outstanding.stream().anyMatch(r -> r.block == block)) {
      return;
    }
    boolean write = world.scheduler.random().nextInt(3) > 0;
    Request r = new Request(block, write ? volume.nextValue() : 0, world.scheduler.nowMs());
    outstanding.add(r);
    if (write) {
      volume.writing(block, r.value);
    }
    send(r);
  }

  private void send(Request r) {
    int attempt = ++r.attempt;
    @Nullable Object content = r.isWrite() ? r.value : null;
    node.spdk
        .vhosts()
        .submit(controller, new FakeIo(r.block, content, done -> answered(r, attempt, done)));
  }

  private void answered(Request r, int attempt, FakeIo.Done done) {
    if (gone || r.attempt != attempt || !outstanding.remove(r)) {
      return;
    }
    world.stalled(world.scheduler.nowMs() - r.sinceMs);
    if (!done.ok()) {
      if (r.isWrite()) {
        volume.lost(r.block, r.value);
      }
      if (!cutOff) {
        world.guestFailed(this, volume, r.isWrite() ? "write" : "read");
      }
    } else if (cutOff) {
      world.laws.answeredAfterwards(this, volume, r.isWrite());
      if (r.isWrite()) {
        // One leg had taken it before the cut, the other was given up (decision 0029).
        volume.lost(r.block, r.value);
      }
    } else if (r.isWrite()) {
      volume.acknowledged(r.block, r.value);
    } else {
      String wrong = volume.read(r.block, done.content());
      if (wrong != null) {
        world.laws.readWrong(volume, wrong, done.leg());
      }
    }
  }

  @Override
  public String toString() {
    return "guest of " + volume.name + " on " + node.name;
  }
}
