package io.diskengine.testkit.vhost;

import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.MemoryCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.UnixMessage;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The front-end's side of vhost-user-blk, as QEMU and a guest's driver would play it: shared
 * memory, the handshake, split virtqueues. Guest-physical addresses start at {@link #GUEST_BASE};
 * ring memory comes first, data after it. Source: QEMU's docs/interop/vhost-user.rst, Virtio 1.2.
 */
public final class VhostFrontend implements AutoCloseable {
  public static final long GUEST_BASE = 0x1000_0000L;
  public static final long EVENT_IDX = 1L << 29;
  public static final long FLUSH = 1L << 9;
  private static final long USER_BASE = 0x7000_0000_0000L;
  private static final int HEADER = 12;
  private static final long PROTOCOL_FEATURES_BIT = 1L << 30;

  private final Arena arena = Arena.ofShared();
  private final UnixMessage messages = new UnixMessage(arena, 8);
  private final long buffer = arena.allocate(2048, 8).address();
  private final int socket;
  private final int memoryFd;
  private final long memoryBytes;
  private final long memory;
  private final List<Ring> rings = new ArrayList<>();
  private long nextFree;
  private int receivedFd = -1;
  private int inflightFd = -1;
  private long inflightBytes;

  private VhostFrontend(int socket, int memoryFd, long memoryBytes) {
    this.socket = socket;
    this.memoryFd = memoryFd;
    this.memoryBytes = memoryBytes;
    this.memory =
        MemoryCalls.mmap(
            0,
            memoryBytes,
            MemoryCalls.PROT_READ | MemoryCalls.PROT_WRITE,
            MemoryCalls.MAP_SHARED,
            memoryFd,
            0);
  }

  /** Connects with {@code memoryBytes} of new guest memory; nothing is negotiated yet. */
  public static VhostFrontend connect(Path path, long memoryBytes) {
    int memoryFd = MemoryCalls.memfdCreate("guest-memory");
    check(FileCalls.ftruncate(memoryFd, memoryBytes));
    return new VhostFrontend(connect(path), memoryFd, memoryBytes);
  }

  private static int connect(Path path) {
    int socket =
        check(
            SocketCalls.socket(
                SocketCalls.AF_UNIX, SocketCalls.SOCK_STREAM | SocketCalls.SOCK_CLOEXEC));
    check(SocketCalls.connect(socket, UnixDomainSocketAddress.of(path)));
    return socket;
  }

  /** Negotiates and starts {@code queues} rings of {@code size}, as QEMU does. */
  public VhostFrontend start(int queues, int size, long features) {
    negotiate(features);
    setMemTable(memoryBytes);
    newInflight(queues, size);
    for (int i = 0; i < queues; i++) {
      Ring ring = new Ring(i, size, allocate(ringBytes(size), 4096));
      rings.add(ring);
      ring.setUp(0);
    }
    return this;
  }

  /**
   * A new connection to a backend that died or was replaced, with the same memory, rings and
   * in-flight region.
   */
  public VhostFrontend reconnect(Path path, long features) {
    VhostFrontend next = new VhostFrontend(connect(path), memoryFd, memoryBytes);
    next.nextFree = nextFree;
    next.inflightFd = inflightFd;
    next.inflightBytes = inflightBytes;
    next.negotiate(features);
    next.setMemTable(memoryBytes);
    next.setInflight(rings.size(), rings.getFirst().size);
    for (Ring old : rings) {
      Ring ring = next.new Ring(old.index, old.size, old.offset);
      ring.adopt(old);
      next.rings.add(ring);
      ring.setUp(ring.usedIdx());
    }
    FileCalls.close(socket);
    return next;
  }

  public void negotiate(long features) {
    long offered = ask(1);
    send(3, 0);
    long protocol = ask(15);
    putLong(0, protocol & ~(1L << 5));
    send(16, 8);
    putLong(0, offered & (features | 1L << 32 | 1L << 28 | PROTOCOL_FEATURES_BIT));
    send(2, 8);
  }

  /** Announces one region of {@code announcedBytes}, which may be more than there is. */
  public void setMemTable(long announcedBytes) {
    NativeMemory.putInt(payload(0), 1);
    NativeMemory.putInt(payload(4), 0);
    putLong(8, GUEST_BASE);
    putLong(16, announcedBytes);
    putLong(24, USER_BASE);
    putLong(32, 0);
    send(5, 40, memoryFd);
  }

  private void newInflight(int queues, int size) {
    NativeMemory.fill(payload(0), 24, (byte) 0);
    NativeMemory.putShort(payload(16), (short) queues);
    NativeMemory.putShort(payload(18), (short) size);
    send(31, 24);
    receive();
    inflightFd = receivedFd;
    inflightBytes = NativeMemory.getLong(payload(0));
    setInflight(queues, size);
  }

  private void setInflight(int queues, int size) {
    putLong(0, inflightBytes);
    putLong(8, 0);
    NativeMemory.putInt(payload(16), 0);
    NativeMemory.putShort(payload(16), (short) queues);
    NativeMemory.putShort(payload(18), (short) size);
    NativeMemory.putInt(payload(20), 0);
    send(32, 24, inflightFd);
  }

  /** The device's configuration space (struct virtio_blk_config), 60 bytes. */
  public byte[] config() {
    NativeMemory.fill(payload(0), 12 + 60, (byte) 0);
    NativeMemory.putInt(payload(4), 60);
    send(24, 12 + 60);
    receive();
    return NativeMemory.bytes(payload(12), 60);
  }

  /** Stops a ring, after its requests; the index where it would go on. */
  public int stop(int ring) {
    NativeMemory.putInt(payload(0), ring);
    NativeMemory.putInt(payload(4), 0);
    send(11, 8);
    receive();
    return NativeMemory.getInt(payload(4));
  }

  public Ring ring(int index) {
    return rings.get(index);
  }

  // ---- memory

  /** Guest memory for data; its guest-physical address. */
  public long allocateGuest(long bytes) {
    return GUEST_BASE + allocate(bytes, 4096);
  }

  /** Where a guest-physical address lies in this process. */
  public long local(long guestAddress) {
    return memory + guestAddress - GUEST_BASE;
  }

  /** Cuts the memory's file under the backend. */
  public void truncateMemory(long bytes) {
    check(FileCalls.ftruncate(memoryFd, bytes));
  }

  private long allocate(long bytes, long alignment) {
    long at = (nextFree + alignment - 1) / alignment * alignment;
    if (at + bytes > memoryBytes) {
      throw new IllegalStateException("guest memory is used up");
    }
    nextFree = at + bytes;
    return at;
  }

  private static long ringBytes(int size) {
    return 16L * size + 4096 + 6 + 2L * size + 4096 + 6 + 8L * size;
  }

  // ---- messages

  private long ask(int request) {
    send(request, 0);
    receive();
    return NativeMemory.getLong(payload(0));
  }

  private long payload(int offset) {
    return buffer + HEADER + offset;
  }

  private void putLong(int offset, long value) {
    NativeMemory.putLong(payload(offset), value);
  }

  private void send(int request, int payloadBytes, int... fds) {
    NativeMemory.putInt(buffer, request);
    NativeMemory.putInt(buffer + 4, 1);
    NativeMemory.putInt(buffer + 8, payloadBytes);
    check(messages.send(socket, buffer, HEADER + payloadBytes, 0, fds));
  }

  /** Sends bytes as they are, for tests of what a backend does with nonsense. */
  public void sendRaw(byte[] bytes) {
    NativeMemory.copy(bytes, 0, buffer, bytes.length);
    check(messages.send(socket, buffer, bytes.length, 0));
  }

  private void receive() {
    check(messages.receive(socket, buffer, HEADER, 0));
    int bytes = NativeMemory.getInt(buffer + 8);
    receivedFd = messages.descriptorCount() > 0 ? messages.descriptor(0) : -1;
    int got = bytes == 0 ? 0 : SocketCalls.recv(socket, payload(0), bytes, 0);
    if (got != bytes) {
      throw new IllegalStateException("the backend closed the connection");
    }
  }

  /** True when the backend has closed the connection; waits for at most {@code timeoutMs}. */
  public boolean closedByPeer(int timeoutMs) throws InterruptedException {
    for (int waited = 0; waited <= timeoutMs; waited += 2) {
      int got = SocketCalls.recv(socket, buffer, 1, SocketCalls.MSG_DONTWAIT);
      if (got == 0 || got < 0 && got != -11) {
        return true;
      }
      Thread.sleep(2);
    }
    return false;
  }

  private static int check(int result) {
    if (result < 0) {
      throw new IllegalStateException("errno " + -result);
    }
    return result;
  }

  @Override
  public void close() {
    FileCalls.close(socket);
    for (Ring ring : rings) {
      FileCalls.close(ring.kickFd);
      FileCalls.close(ring.callFd);
    }
    FileCalls.close(memoryFd);
    if (inflightFd >= 0) {
      FileCalls.close(inflightFd);
    }
    MemoryCalls.munmap(memory, memoryBytes);
    arena.close();
  }

  /** One split virtqueue, filled and emptied by the caller's thread. */
  public final class Ring {
    private final int index;
    private final int size;
    private final long offset;
    private final long availOffset;
    private final long usedOffset;
    private final int kickFd = check(FileCalls.eventfd(FileCalls.EFD_NONBLOCK));
    private int callFd = check(FileCalls.eventfd(FileCalls.EFD_NONBLOCK));
    private final long event = arena.allocate(16, 8).address();
    private int availIdx;
    private int usedSeen;

    Ring(int index, int size, long offset) {
      this.index = index;
      this.size = size;
      this.offset = offset;
      this.availOffset = offset + 16L * size;
      this.usedOffset = (availOffset + 6 + 2L * size + 4095) / 4096 * 4096;
      NativeMemory.putLong(event, 1);
    }

    private void adopt(Ring old) {
      availIdx = old.availIdx;
      usedSeen = old.usedSeen;
    }

    private void setUp(int base) {
      NativeMemory.putInt(payload(0), index);
      NativeMemory.putInt(payload(4), size);
      send(8, 8);
      NativeMemory.putInt(payload(4), base);
      send(10, 8);
      NativeMemory.putInt(payload(4), 0);
      putLong(8, USER_BASE + offset);
      putLong(16, USER_BASE + usedOffset);
      putLong(24, USER_BASE + availOffset);
      putLong(32, 0);
      send(9, 40);
      putLong(0, index);
      send(13, 8, callFd);
      putLong(0, index);
      send(12, 8, kickFd);
      NativeMemory.putInt(payload(0), index);
      NativeMemory.putInt(payload(4), 1);
      send(18, 8);
    }

    public int size() {
      return size;
    }

    /** Writes descriptor {@code i}. Flags: 1 next, 2 device writes, 4 indirect. */
    public void desc(int i, long guestAddress, int length, int flags, int next) {
      long at = memory + offset + 16L * i;
      NativeMemory.putLong(at, guestAddress);
      NativeMemory.putInt(at + 8, length);
      NativeMemory.putShort(at + 12, (short) flags);
      NativeMemory.putShort(at + 14, (short) next);
    }

    /** Makes a chain available. */
    public void offer(int head) {
      long avail = memory + availOffset;
      NativeMemory.putShort(avail + 4 + 2L * (availIdx & size - 1), (short) head);
      availIdx = availIdx + 1 & 0xffff;
      NativeMemory.putShortRelease(avail + 2, (short) availIdx);
    }

    /** Sets the avail index to what a broken driver may write. */
    public void breakAvailIdx(int value) {
      NativeMemory.putShortRelease(memory + availOffset + 2, (short) value);
    }

    /** Kicks if the backend sleeps; without EVENT_IDX. */
    public void kick() {
      NativeMemory.fullFence();
      if ((NativeMemory.getShort(memory + usedOffset) & 1) == 0) {
        FileCalls.write(kickFd, event, 8);
      }
    }

    /** Kicks whether or not the backend asks for it; touches no guest memory. */
    public void wake() {
      FileCalls.write(kickFd, event, 8);
    }

    int usedIdx() {
      return NativeMemory.getShortAcquire(memory + usedOffset + 2) & 0xffff;
    }

    /** The head of the next finished chain, or -1. */
    public int poll() {
      if (usedIdx() == usedSeen) {
        return -1;
      }
      long elem = memory + usedOffset + 4 + 8L * (usedSeen & size - 1);
      usedSeen = usedSeen + 1 & 0xffff;
      return NativeMemory.getInt(elem);
    }

    /** The head of the next finished chain, or null when none came in time. */
    public @Nullable Integer await(int timeoutMs) {
      long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
      for (int head = poll(); ; head = poll()) {
        if (head >= 0) {
          return head;
        }
        if (System.nanoTime() > deadline) {
          return null;
        }
        Thread.yield();
      }
    }

    /** Names another eventfd for interrupts, as QEMU does when one is masked or unmasked. */
    public void replaceCall() {
      FileCalls.close(callFd);
      callFd = check(FileCalls.eventfd(FileCalls.EFD_NONBLOCK));
      putLong(0, index);
      send(13, 8, callFd);
    }

    /** Waits for a signal of the backend; false when none came in time. */
    public boolean awaitCall(int timeoutMs) {
      long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
      while (!called()) {
        if (System.nanoTime() > deadline) {
          return false;
        }
        Thread.yield();
      }
      return true;
    }

    /** Sleeps until the backend signals, as a guest's processor does; at most {@code timeoutMs}. */
    public void sleepUntilCalled(int timeoutMs) {
      if (usedIdx() == usedSeen) {
        FileCalls.poll(callFd, FileCalls.POLLIN, timeoutMs * 1_000_000L);
      }
      called();
    }

    /** True when the backend has signalled since the last call. */
    public boolean called() {
      return FileCalls.read(callFd, event + 8, 8) == 8;
    }
  }
}
