package io.diskengine.engine.linux;

import java.lang.foreign.Arena;

/** Mapped memory, by raw address. Its owner unmaps it when nothing is in flight (contract 10). */
public final class MemoryCalls {
  public static final int PROT_NONE = 0;
  public static final int PROT_READ = 1;
  public static final int PROT_WRITE = 2;

  public static final int MAP_SHARED = 1;
  public static final int MAP_PRIVATE = 2;
  public static final int MAP_FIXED = 0x10;
  public static final int MAP_ANONYMOUS = 0x20;
  public static final int MAP_NORESERVE = 0x4000;
  public static final int MAP_POPULATE = 0x8000;

  public static final int MADV_DONTNEED = 4;
  public static final int MADV_HUGEPAGE = 14;
  public static final int MADV_DONTDUMP = 16;

  private MemoryCalls() {}

  /** The address of the mapping, or -errno (addresses are below 2^63). */
  public static long mmap(long address, long length, int prot, int flags, int fd, long offset) {
    return Syscall.call(Syscall.MMAP, address, length, prot, flags, fd, offset);
  }

  /** Private zeroed memory, without a promise of swap for untouched pages; fails by exception. */
  public static long mapAnonymous(long length) {
    long address =
        mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address < 0) {
      throw new OutOfMemoryError("mmap of " + length + " bytes: " + Errno.text((int) address));
    }
    return address;
  }

  public static int munmap(long address, long length) {
    return Syscall.call(Syscall.MUNMAP, address, length);
  }

  public static int madvise(long address, long length, int advice) {
    return Syscall.call(Syscall.MADVISE, address, length, advice);
  }

  /** A close-on-exec memory file of size 0, or -errno. */
  public static int memfdCreate(String name) {
    try (Arena arena = Arena.ofConfined()) {
      return Syscall.call(Syscall.MEMFD_CREATE, arena.allocateFrom(name).address(), 1);
    }
  }
}
