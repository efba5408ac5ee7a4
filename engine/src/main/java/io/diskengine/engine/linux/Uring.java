package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/**
 * The two rings of one io_uring instance (io_uring(7), linux/io_uring.h), used by one thread: the
 * one that first calls {@link #enable}. Nothing is allocated per operation.
 */
public final class Uring implements AutoCloseable {
  public static final int OP_READV = 1;
  public static final int OP_WRITEV = 2;
  public static final int OP_FSYNC = 3;
  public static final int OP_POLL_ADD = 6;
  public static final int OP_SENDMSG = 9;
  public static final int OP_ACCEPT = 13;
  public static final int OP_ASYNC_CANCEL = 14;
  public static final int OP_CONNECT = 16;
  public static final int OP_FALLOCATE = 17;
  public static final int OP_READ = 22;
  public static final int OP_WRITE = 23;
  public static final int OP_SEND = 26;
  public static final int OP_RECV = 27;

  public static final int FSYNC_DATASYNC = 1;
  public static final int ASYNC_CANCEL_ALL = 1;
  public static final int ASYNC_CANCEL_ANY = 4;

  private static final int SETUP_CQSIZE = 1 << 3;
  private static final int SETUP_CLAMP = 1 << 4;
  private static final int SETUP_R_DISABLED = 1 << 6;
  private static final int SETUP_SUBMIT_ALL = 1 << 7;
  private static final int SETUP_COOP_TASKRUN = 1 << 8;
  private static final int SETUP_TASKRUN_FLAG = 1 << 9;
  private static final int SETUP_SINGLE_ISSUER = 1 << 12;
  private static final int SETUP_DEFER_TASKRUN = 1 << 13;

  private static final int SETUP_BASE = SETUP_CQSIZE | SETUP_CLAMP | SETUP_R_DISABLED;

  /** Best first: Linux 6.1, 5.19, older. */
  private static final int[] SETUP_FLAGS = {
    SETUP_BASE | SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_TASKRUN_FLAG,
    SETUP_BASE | SETUP_SUBMIT_ALL | SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG,
    SETUP_BASE
  };

  private static final int FEAT_SINGLE_MMAP = 1;
  private static final int FEAT_NODROP = 1 << 1;
  private static final int FEAT_SUBMIT_STABLE = 1 << 2;
  private static final int FEAT_FAST_POLL = 1 << 5;
  private static final int FEAT_EXT_ARG = 1 << 8;
  private static final int FEATURES =
      FEAT_SINGLE_MMAP | FEAT_NODROP | FEAT_SUBMIT_STABLE | FEAT_FAST_POLL | FEAT_EXT_ARG;

  private static final int ENTER_GETEVENTS = 1;
  private static final int ENTER_EXT_ARG = 1 << 3;
  private static final int SQ_CQ_OVERFLOW = 1 << 1;
  private static final int SQ_TASKRUN = 1 << 2;
  private static final int REGISTER_ENABLE_RINGS = 12;

  private static final long OFF_SQ_RING = 0;
  private static final long OFF_SQES = 0x1000_0000L;
  private static final int SQE_BYTES = 64;
  private static final int CQE_BYTES = 16;

  // offsets in struct io_uring_params, 120 bytes
  private static final int PARAMS_BYTES = 120;
  private static final int P_CQ_ENTRIES = 4;
  private static final int P_FLAGS = 8;
  private static final int P_FEATURES = 20;
  private static final int P_SQ_OFF = 40; // head, tail, mask, entries, flags, dropped, array
  private static final int P_CQ_OFF = 80; // head, tail, mask, entries, overflow, cqes

  private final int fd;
  private final long rings;
  private final long ringsBytes;
  private final long sqes;
  private final long sqesBytes;
  private final long sqHeadAt;
  private final long sqTailAt;
  private final long sqFlagsAt;
  private final int sqEntries;
  private final int sqMask;
  private final long cqHeadAt;
  private final long cqTailAt;
  private final int cqMask;
  private final long cqes;
  private final Arena arena = Arena.ofShared();
  private final long timeoutArg; // struct io_uring_getevents_arg, then struct __kernel_timespec

  private int sqTail;
  private int sqHead;
  private int cqHead;

  /** What became of {@link #open}. */
  public sealed interface Opened {
    record Ready(Uring uring) implements Opened {}

    record Refused(String reason) implements Opened {}
  }

  /** A disabled ring with (about) these sizes, or why this system gives none. */
  public static Opened open(int sqEntries, int cqEntries) {
    try (Arena scratch = Arena.ofConfined()) {
      long params = scratch.allocate(PARAMS_BYTES, 8).address();
      int fd = -Errno.EINVAL;
      for (int flags : SETUP_FLAGS) {
        NativeMemory.zero(params, PARAMS_BYTES);
        NativeMemory.putInt(params + P_FLAGS, flags);
        NativeMemory.putInt(params + P_CQ_ENTRIES, cqEntries);
        fd = Syscall.call(Syscall.IO_URING_SETUP, sqEntries, params);
        if (fd != -Errno.EINVAL) {
          break;
        }
      }
      if (fd < 0) {
        return new Opened.Refused("io_uring_setup: " + Errno.text(fd));
      }
      int missing = FEATURES & ~NativeMemory.getInt(params + P_FEATURES);
      if (missing != 0) {
        FileCalls.close(fd);
        return new Opened.Refused("io_uring lacks features 0x" + Integer.toHexString(missing));
      }
      return new Opened.Ready(new Uring(fd, params));
    }
  }

  private Uring(int fd, long params) {
    this.fd = fd;
    this.sqEntries = NativeMemory.getInt(params);
    int cqEntries = NativeMemory.getInt(params + P_CQ_ENTRIES);
    int arrayOffset = NativeMemory.getInt(params + P_SQ_OFF + 24);
    int cqesOffset = NativeMemory.getInt(params + P_CQ_OFF + 20);
    this.ringsBytes = Math.max(arrayOffset + 4L * sqEntries, cqesOffset + 16L * cqEntries);
    this.sqesBytes = (long) sqEntries * SQE_BYTES;
    this.rings = map(ringsBytes, OFF_SQ_RING);
    this.sqes = map(sqesBytes, OFF_SQES);
    this.sqHeadAt = rings + NativeMemory.getInt(params + P_SQ_OFF);
    this.sqTailAt = rings + NativeMemory.getInt(params + P_SQ_OFF + 4);
    this.sqMask = NativeMemory.getInt(rings + NativeMemory.getInt(params + P_SQ_OFF + 8));
    this.sqFlagsAt = rings + NativeMemory.getInt(params + P_SQ_OFF + 16);
    this.cqHeadAt = rings + NativeMemory.getInt(params + P_CQ_OFF);
    this.cqTailAt = rings + NativeMemory.getInt(params + P_CQ_OFF + 4);
    this.cqMask = NativeMemory.getInt(rings + NativeMemory.getInt(params + P_CQ_OFF + 8));
    this.cqes = rings + cqesOffset;
    for (int i = 0; i < sqEntries; i++) {
      NativeMemory.putInt(rings + arrayOffset + 4L * i, i);
    }
    this.timeoutArg = arena.allocate(24 + 16, 8).address();
    NativeMemory.putLong(timeoutArg + 16, timeoutArg + 24);
  }

  private long map(long length, long offset) {
    long address =
        MemoryCalls.mmap(
            0,
            length,
            MemoryCalls.PROT_READ | MemoryCalls.PROT_WRITE,
            MemoryCalls.MAP_SHARED | MemoryCalls.MAP_POPULATE,
            fd,
            offset);
    if (address < 0) {
      throw new OutOfMemoryError("mapping an io_uring: " + Errno.text((int) address));
    }
    return address;
  }

  /** Binds the ring to the calling thread, which alone may enter it. 0 or -errno. */
  public int enable() {
    return Syscall.call(Syscall.IO_URING_REGISTER, fd, REGISTER_ENABLE_RINGS, 0, 0);
  }

  public int sqEntries() {
    return sqEntries;
  }

  // ---- submission

  public boolean sqFull() {
    return sqTail - sqHead == sqEntries;
  }

  /** Entries that the kernel has not taken yet. */
  public int pending() {
    return sqTail - sqHead;
  }

  /** Index of the entry that {@link #put} fills next, for memory kept per entry. */
  public int nextSlot() {
    return sqTail & sqMask;
  }

  /** Fills the next submission entry; the queue must not be full. Names are those of the SQE. */
  public void put(int op, int file, long off, long addr, int len, int opFlags, long userData) {
    long sqe = sqes + (long) (sqTail & sqMask) * SQE_BYTES;
    NativeMemory.putLong(sqe, op | (long) file << 32); // opcode, flags, ioprio, fd
    NativeMemory.putLong(sqe + 8, off);
    NativeMemory.putLong(sqe + 16, addr);
    NativeMemory.putLong(sqe + 24, len & 0xffff_ffffL | (long) opFlags << 32);
    NativeMemory.putLong(sqe + 32, userData);
    NativeMemory.putLong(sqe + 40, 0);
    NativeMemory.putLong(sqe + 48, 0);
    NativeMemory.putLong(sqe + 56, 0);
    sqTail++;
  }

  /** Hands pending entries over and runs the ring's deferred work; does not wait. */
  public int submit() {
    return enter(0, ENTER_GETEVENTS, 0, 0);
  }

  /** {@link #submit}, then waits for one completion up to {@code timeoutNs} (below 0: for ever). */
  public int submitAndWait(long timeoutNs) {
    if (timeoutNs < 0) {
      return enter(1, ENTER_GETEVENTS, 0, 0);
    }
    NativeMemory.putLong(timeoutArg + 24, timeoutNs / 1_000_000_000L);
    NativeMemory.putLong(timeoutArg + 32, timeoutNs % 1_000_000_000L);
    return enter(1, ENTER_GETEVENTS | ENTER_EXT_ARG, timeoutArg, 24);
  }

  private int enter(int minComplete, int flags, long arg, int argBytes) {
    NativeMemory.putIntRelease(sqTailAt, sqTail);
    int pending = sqTail - sqHead;
    int result =
        (int) Syscall.call(Syscall.IO_URING_ENTER, fd, pending, minComplete, flags, arg, argBytes);
    sqHead = NativeMemory.getIntAcquire(sqHeadAt);
    return result;
  }

  /** The kernel holds completions back until it is entered. */
  public boolean wantsEnter() {
    return (NativeMemory.getIntAcquire(sqFlagsAt) & (SQ_TASKRUN | SQ_CQ_OVERFLOW)) != 0;
  }

  // ---- completion

  public boolean cqEmpty() {
    return cqHead == NativeMemory.getIntAcquire(cqTailAt);
  }

  /** Of the oldest completion; only when not {@link #cqEmpty}. */
  public long userData() {
    return NativeMemory.getLong(cqes + (long) (cqHead & cqMask) * CQE_BYTES);
  }

  public int result() {
    return NativeMemory.getInt(cqes + (long) (cqHead & cqMask) * CQE_BYTES + 8);
  }

  /** Gives the oldest completion's place back. */
  public void advance() {
    NativeMemory.putIntRelease(cqHeadAt, ++cqHead);
  }

  /** Operations in flight are cancelled some time later: end them first. */
  @Override
  public void close() {
    MemoryCalls.munmap(sqes, sqesBytes);
    MemoryCalls.munmap(rings, ringsBytes);
    FileCalls.close(fd);
    arena.close();
  }
}
