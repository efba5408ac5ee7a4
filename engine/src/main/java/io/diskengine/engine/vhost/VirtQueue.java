package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.reactor.OpCompletion;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.NativeMemory;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One split virtqueue of a session (Virtio 1.2, 2.7), on the session's reactor. Requests are taken
 * while it runs; each ends in the used ring once.
 */
final class VirtQueue {
  private static final Logger LOG = LoggerFactory.getLogger(VirtQueue.class);
  private static final int BATCH = 64;
  private static final int USED_ELEM_BYTES = 8;
  private static final int NO_NOTIFY = 1;
  private static final int NO_INTERRUPT = 1;

  private final VhostSession session;
  private final Reactor reactor;
  private final int index;
  private final long eventBytes;

  private int size;
  private long descUser;
  private long availUser;
  private long usedUser;
  private long desc;
  private long avail;
  private long used;
  private int lastAvail;
  private int usedIdx;
  private int signalledUsed;
  private int kickFd = -1;
  private int callFd = -1;
  private int errFd = -1;
  private boolean enabled;
  private boolean running;
  private boolean broken;
  private @Nullable BlkRequest[] requests = new BlkRequest[0];
  private int inFlight;
  private long counter;
  private boolean kickArmed;
  private long kickHandle;
  private @Nullable Runnable drained;

  VirtQueue(VhostSession session, Reactor reactor, int index, long eventBytes) {
    this.session = session;
    this.reactor = reactor;
    this.index = index;
    this.eventBytes = eventBytes;
  }

  // ---- set up by messages; each returns false for what cannot be right

  boolean size(int entries) {
    if (running
        || entries < 1
        || entries > VirtioBlk.MAX_QUEUE_SIZE
        || Integer.bitCount(entries) != 1) {
      return false;
    }
    size = entries;
    return true;
  }

  boolean addresses(long descAddress, long usedAddress, long availAddress) {
    descUser = descAddress;
    usedUser = usedAddress;
    availUser = availAddress;
    return session.memory() == null || translate();
  }

  boolean base(int availIndex) {
    lastAvail = availIndex & 0xffff;
    return !running;
  }

  /** Where the rings lie in the present guest memory. */
  private boolean translate() {
    GuestMemory memory = session.memory();
    if (memory == null || size == 0) {
      return false;
    }
    desc = memory.ofUser(descUser, 16L * size);
    avail = memory.ofUser(availUser, 4 + 2L * size + 2);
    used = memory.ofUser(usedUser, 4 + (long) USED_ELEM_BYTES * size + 2);
    return desc != 0 && avail != 0 && used != 0 && (avail & 1) == 0 && (used & 3) == 0;
  }

  /** The guest's memory was mapped anew: find the rings again. */
  boolean remap() {
    return descUser == 0 || size == 0 || translate();
  }

  void kickFd(int fd) {
    disarmKick();
    closeFd(kickFd);
    kickFd = fd;
  }

  /**
   * Where the guest is interrupted from now on. It is rung at once: when QEMU masks or unmasks an
   * interrupt it looks for pending ones and then sends the new descriptor, and what was written to
   * the old one in between would be lost. One interrupt too many does no harm.
   */
  void callFd(int fd) {
    closeFd(callFd);
    callFd = fd;
    if (fd >= 0) {
      session.ring(fd);
    }
  }

  void errFd(int fd) {
    closeFd(errFd);
    errFd = fd;
  }

  void enable(boolean on) {
    enabled = on;
  }

  // ---- running

  /** The first kick descriptor starts the ring; requests of a dead backend come first. */
  boolean start(@Nullable InflightRegion inflight) {
    if (running) {
      armKick();
      return true;
    }
    if (!translate()) {
      return false;
    }
    requests = new BlkRequest[size];
    running = true;
    broken = false;
    usedIdx = NativeMemory.getShortAcquire(used + 2) & 0xffff;
    signalledUsed = usedIdx;
    List<Integer> unfinished = inflight == null ? List.of() : unfinished(inflight);
    if (inflight != null) {
      lastAvail = usedIdx + unfinished.size() & 0xffff;
    }
    if (!unfinished.isEmpty()) {
      LOG.atInfo()
          .addKeyValue("controller", session.name())
          .addKeyValue("queue", index)
          .addKeyValue("requests", unfinished.size())
          .log("requests of the previous backend are submitted again");
    }
    unfinished.forEach(this::begin);
    armKick();
    return true;
  }

  private List<Integer> unfinished(InflightRegion inflight) {
    inflight.recover(index, usedIdx);
    List<Integer> heads = new ArrayList<>();
    for (int head = 0; head < size; head++) {
      if (inflight.inFlight(index, head)) {
        heads.add(head);
        counter = Math.max(counter, inflight.counter(index, head) + 1);
      }
    }
    heads.sort(Comparator.comparingLong(head -> inflight.counter(index, head)));
    return heads;
  }

  int poll() {
    if (!running || !enabled || broken || !session.taking()) {
      return signal();
    }
    int available = NativeMemory.getShortAcquire(avail + 2) & 0xffff;
    int waiting = available - lastAvail & 0xffff;
    if (waiting > size) {
      fail("the avail index is " + waiting + " ahead of a ring of " + size);
      return 0;
    }
    int done = 0;
    while (done < waiting && done < BATCH && !broken) {
      int head = NativeMemory.getUnsignedShort(avail + 4 + 2L * (lastAvail & size - 1));
      lastAvail = lastAvail + 1 & 0xffff;
      begin(head);
      done++;
    }
    return done + signal();
  }

  private void begin(int head) {
    BlkRequest request = head < size ? request(head) : null;
    if (request == null || request.inFlight) {
      fail("descriptor " + head + " is out of range or in flight already");
      return;
    }
    InflightRegion inflight = tracking();
    if (inflight != null) {
      inflight.begin(index, head, counter++);
    }
    inFlight++;
    GuestMemory memory = session.memory();
    if (memory == null || !request.start(memory, desc, size)) {
      request.abandon();
      inFlight--;
      fail("the chain of descriptor " + head + " is malformed");
    }
  }

  private @Nullable InflightRegion tracking() {
    InflightRegion inflight = session.inflight();
    return inflight != null && inflight.covers(index, size) ? inflight : null;
  }

  private BlkRequest request(int head) {
    BlkRequest request = requests[head];
    if (request == null) {
      GuestMemory memory = session.memory();
      if (memory == null) {
        throw new IllegalStateException("a ring runs without guest memory");
      }
      request = new BlkRequest(this, head, memory);
      requests[head] = request;
    }
    return request;
  }

  /** The ring cannot be trusted any more: nothing further is taken from it. */
  private void fail(String reason) {
    broken = true;
    LOG.atWarn()
        .addKeyValue("controller", session.name())
        .addKeyValue("queue", index)
        .addKeyValue("reason", reason)
        .log("virtqueue stopped: the guest's driver broke it");
    if (errFd >= 0) {
      session.ring(errFd);
    }
  }

  /** A request ended with {@code status}; {@code written} bytes of its buffers were filled. */
  void ended(int head, long statusAddress, int status, int written) {
    inFlight--;
    try {
      NativeMemory.putByte(statusAddress, (byte) status);
      publish(head, written);
    } catch (InternalError truncated) {
      session.memoryGone(truncated);
    }
    if (inFlight == 0 && drained != null) {
      Runnable then = drained;
      drained = null;
      signal();
      then.run();
    }
  }

  private void publish(int head, int written) {
    long elem = used + 4 + (long) USED_ELEM_BYTES * (usedIdx & size - 1);
    NativeMemory.putInt(elem, head);
    NativeMemory.putInt(elem + 4, written);
    InflightRegion inflight = tracking();
    if (inflight != null) {
      inflight.ending(index, head);
    }
    usedIdx = usedIdx + 1 & 0xffff;
    NativeMemory.putShortRelease(used + 2, (short) usedIdx);
    if (inflight != null) {
      NativeMemory.fullFence();
      inflight.ended(index, head, usedIdx);
    }
  }

  /** Tells the guest of what ended since the last time, if it wants to know. */
  private int signal() {
    if (signalledUsed == usedIdx || !running) {
      return 0;
    }
    int old = signalledUsed;
    signalledUsed = usedIdx;
    NativeMemory.fullFence();
    boolean wanted;
    if (session.eventIdx()) {
      int event = NativeMemory.getUnsignedShort(avail + 4 + 2L * size);
      wanted = (usedIdx - event - 1 & 0xffff) < (usedIdx - old & 0xffff);
    } else {
      wanted = (NativeMemory.getShort(avail) & NO_INTERRUPT) == 0;
    }
    if (wanted && callFd >= 0) {
      session.ring(callFd);
    }
    return 1;
  }

  // ---- sleeping: the guest kicks only while the reactor sleeps

  /** False when a request came in meanwhile. */
  boolean prepareToSleep() {
    if (!running || !enabled || broken || !session.taking()) {
      return true;
    }
    if (session.eventIdx()) {
      NativeMemory.putShort(used + 4 + (long) USED_ELEM_BYTES * size, (short) lastAvail);
    } else {
      NativeMemory.putShort(used, (short) 0);
    }
    NativeMemory.fullFence();
    return (NativeMemory.getShortAcquire(avail + 2) & 0xffff) == lastAvail;
  }

  void awake() {
    if (running && !session.eventIdx()) {
      NativeMemory.putShort(used, (short) NO_NOTIFY);
    }
  }

  private void armKick() {
    if (kickFd >= 0 && !kickArmed) {
      kickArmed = true;
      int fd = kickFd;
      kickHandle = reactor.pollFd(fd, FileCalls.POLLIN, kicked(fd));
    }
  }

  private OpCompletion kicked(int fd) {
    return new OpCompletion() {
      @Override
      public void completed(int result) {
        if (fd != kickFd || !running) {
          closeFd(fd == kickFd ? -1 : fd);
          return;
        }
        FileCalls.read(fd, eventBytes, 8);
        kickHandle = reactor.pollFd(fd, FileCalls.POLLIN, this);
      }
    };
  }

  /** The outstanding poll keeps the descriptor until it returned; it then closes it. */
  private void disarmKick() {
    if (kickArmed) {
      kickArmed = false;
      kickFd = -1;
      reactor.cancel(kickHandle);
    }
  }

  // ---- stopping

  /** Takes no more; {@code then} when nothing is in flight. */
  void stop(Runnable then) {
    enabled = false;
    if (inFlight == 0) {
      signal();
      then.run();
    } else {
      drained = then;
    }
  }

  /** After {@link #stop}: the ring is gone. Returns where the guest goes on. */
  int release() {
    running = false;
    disarmKick();
    closeFd(kickFd);
    closeFd(callFd);
    closeFd(errFd);
    kickFd = -1;
    callFd = -1;
    errFd = -1;
    return lastAvail;
  }

  int inFlight() {
    return inFlight;
  }

  private static void closeFd(int fd) {
    if (fd >= 0) {
      FileCalls.close(fd);
    }
  }

  // ---- what a request asks of its device

  boolean deviceUsable() {
    return session.deviceUsable();
  }

  boolean readOnly() {
    return session.readOnly();
  }

  boolean writeThrough() {
    return session.writeThrough();
  }

  int blockSizeBytes() {
    return session.blockSizeBytes();
  }

  byte[] deviceId() {
    return session.deviceId();
  }

  void submit(BdevIo io) {
    session.submit(io);
  }
}
