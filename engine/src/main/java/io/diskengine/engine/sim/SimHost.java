package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.reactor.BufferReserve;
import io.diskengine.engine.reactor.IoBufferPool;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One machine of the world with one process: reactors that share descriptors and memory. */
final class SimHost {
  private static final int FIRST_DESCRIPTOR = 3;
  private static final int SMALL_BUFFERS = 512;
  private static final int LARGE_BUFFERS = 64;

  private final SimWorld world;
  private final int index;
  private final int reactorCount;
  private final TreeMap<Integer, SimDescriptor> descriptors = new TreeMap<>();
  private List<Reactor> reactors = List.of();
  private @Nullable BufferReserve buffers;

  /** False after a loss of power: nothing answers. A killed process leaves its host powered. */
  boolean powered = true;

  boolean paused;

  SimHost(SimWorld world, int index, int reactorCount) {
    this.world = world;
    this.index = index;
    this.reactorCount = reactorCount;
  }

  void boot() {
    if (!reactors.isEmpty()) {
      throw new IllegalStateException("host " + index + " runs already");
    }
    powered = true;
    paused = false;
    BufferReserve reserve = BufferReserve.map(SMALL_BUFFERS, LARGE_BUFFERS);
    buffers = reserve;
    List<Reactor> booted = new ArrayList<>();
    for (int i = 0; i < reactorCount; i++) {
      IoBufferPool pool = new IoBufferPool(reserve);
      booted.add(new Reactor(i, new SimKernel(this), pool, world::fault));
    }
    reactors = List.copyOf(booted);
  }

  /** Ends the process; peers see resets and ends of streams, unless the power is off. */
  void stop() {
    reactors.forEach(r -> r.kernel().close());
    reactors = List.of();
    List<SimDescriptor> open = List.copyOf(descriptors.values());
    descriptors.clear();
    open.forEach(SimDescriptor::closed);
    if (buffers != null) {
      buffers.unmap();
      buffers = null;
    }
  }

  List<SimFile> openFiles() {
    List<SimFile> files = new ArrayList<>();
    for (SimDescriptor descriptor : descriptors.values()) {
      if (descriptor instanceof SimDescriptor.OpenFile open && !files.contains(open.file)) {
        files.add(open.file);
      }
    }
    return files;
  }

  boolean runs() {
    return !paused && !reactors.isEmpty();
  }

  SimWorld world() {
    return world;
  }

  int index() {
    return index;
  }

  List<Reactor> reactors() {
    return reactors;
  }

  // ---- descriptors: the lowest free number, as POSIX wants it

  int add(SimDescriptor descriptor) {
    int fd = FIRST_DESCRIPTOR;
    for (Map.Entry<Integer, SimDescriptor> entry : descriptors.entrySet()) {
      if (entry.getKey() != fd) {
        break;
      }
      fd++;
    }
    descriptors.put(fd, descriptor);
    return fd;
  }

  @Nullable SimDescriptor descriptor(int fd) {
    return descriptors.get(fd);
  }

  int close(int fd) {
    SimDescriptor descriptor = descriptors.get(fd);
    if (descriptor == null) {
      return -Errno.EBADF;
    }
    if (descriptor.outstanding > 0) {
      throw new IllegalStateException(
          "descriptor %d closed under %d operations".formatted(fd, descriptor.outstanding));
    }
    descriptors.remove(fd);
    descriptor.closed();
    return 0;
  }
}
