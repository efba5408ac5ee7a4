package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Durable writes of the same bytes to several legs, and flushes. A leg that leaves the array
 * meanwhile, perhaps because it hangs, is not waited for. Home reactor.
 */
final class LegWrites {
  private static final int ALIGNMENT = 4096;
  private static final int POOLED_BYTES = 4096;
  private static final int MOST_POOLED = 16;

  /** Is told which legs have the bytes and which failed; those that left are in neither. */
  interface Written {
    void written(List<Leg> complete, List<Leg> failed);
  }

  private final ArrayDeque<MemorySegment> pool = new ArrayDeque<>();
  private final List<Group> running = new ArrayList<>();

  void write(byte[] content, long offsetBytes, List<Leg> legs, Written done) {
    if (legs.isEmpty()) {
      done.written(List.of(), List.of());
      return;
    }
    Group group = new Group(content, legs, done);
    long iov = group.memory.address();
    group.submit((leg, io) -> {
      int blockSize = leg.bdev().blockSizeBytes();
      io.write(iov, 1, offsetBytes / blockSize, content.length / blockSize).durable();
    });
  }

  /**
   * What the legs completed so far is on their media; legs that cannot flush keep it there anyway.
   */
  void flush(List<Leg> legs, Written done) {
    List<Leg> flushed = new ArrayList<>(legs);
    flushed.removeIf(leg -> !leg.bdev().ioTypeSupported(IoType.FLUSH));
    if (flushed.isEmpty()) {
      done.written(List.of(), List.of());
    } else {
      new Group(new byte[0], flushed, done).submit((leg, io) -> io.flush());
    }
  }

  void legLeft(Leg leg) {
    for (Group group : List.copyOf(running)) {
      group.left(leg);
    }
  }

  private MemorySegment memory(int bytes) {
    MemorySegment pooled = bytes == POOLED_BYTES ? pool.poll() : null;
    return pooled == null ? Arena.ofAuto().allocate(ALIGNMENT + (long) bytes, ALIGNMENT) : pooled;
  }

  /** One write: the iovec entry and behind it the bytes that all legs get. */
  private final class Group {
    private final MemorySegment memory;
    private final Written done;
    private final List<Leg> awaited;
    private final List<Leg> complete = new ArrayList<>();
    private final List<Leg> failed = new ArrayList<>();
    private int inFlight;

    Group(byte[] content, List<Leg> legs, Written done) {
      this.done = done;
      awaited = new ArrayList<>(legs);
      inFlight = legs.size();
      memory = memory(content.length);
      long buffer = memory.address() + ALIGNMENT;
      NativeMemory.copy(content, 0, buffer, content.length);
      Iovec.set(memory.address(), 0, buffer, content.length);
    }

    void submit(BiConsumer<Leg, BdevIo> prepare) {
      running.add(this);
      for (Leg leg : List.copyOf(awaited)) {
        BdevIo io = new BdevIo(done -> ended(leg, done.status()));
        prepare.accept(leg, io);
        leg.submitHome(io);
      }
    }

    void ended(Leg leg, int status) {
      if (--inFlight == 0
          && memory.byteSize() == ALIGNMENT + POOLED_BYTES
          && pool.size() < MOST_POOLED) {
        pool.push(memory);
      }
      if (awaited.remove(leg)) {
        (status == IoStatus.SUCCESS ? complete : failed).add(leg);
        check();
      }
      leg.homeCompleted();
    }

    void left(Leg leg) {
      if (awaited.remove(leg)) {
        check();
      }
    }

    private void check() {
      if (awaited.isEmpty() && running.remove(this)) {
        done.written(complete, failed);
      }
    }
  }
}
