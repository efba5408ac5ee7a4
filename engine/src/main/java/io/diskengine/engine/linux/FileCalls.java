package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/** Calls on files, block devices and event descriptors. All return 0, a count or -errno. */
public final class FileCalls {
  public static final int O_RDONLY = 0;
  public static final int O_WRONLY = 1;
  public static final int O_RDWR = 2;
  public static final int O_CREAT = 0x40;
  public static final int O_EXCL = 0x80;
  public static final int O_TRUNC = 0x200;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_DSYNC = 0x1000;
  public static final int O_CLOEXEC = 0x80000;

  /** Differs between the architectures (asm/fcntl.h). */
  public static final int O_DIRECT = Syscall.number(0x4000, 0x10000);

  public static final int RWF_DSYNC = 2;

  public static final int FALLOC_FL_KEEP_SIZE = 1;
  public static final int FALLOC_FL_PUNCH_HOLE = 2;
  public static final int FALLOC_FL_ZERO_RANGE = 0x10;

  public static final int LOCK_SH = 1;
  public static final int LOCK_EX = 2;
  public static final int LOCK_NB = 4;
  public static final int LOCK_UN = 8;

  public static final int POLLIN = 1;
  public static final int POLLOUT = 4;
  public static final int POLLERR = 8;
  public static final int POLLHUP = 0x10;
  public static final int POLLRDHUP = 0x2000;

  public static final int EFD_NONBLOCK = O_NONBLOCK;

  // linux/fs.h, _IOC encodings are the same on both architectures
  private static final long BLKSSZGET = 0x1268;
  private static final long BLKDISCARD = 0x1277;
  private static final long BLKPBSZGET = 0x127b;
  private static final long BLKZEROOUT = 0x127f;
  private static final long BLKGETSIZE64 = 0x80081272L;

  private static final int AT_FDCWD = -100;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int F_OFD_SETLK = 37;
  private static final short F_WRLCK = 1;

  private FileCalls() {}

  /** What {@code statx(2)} says. */
  public record FileStatus(
      int mode, int uid, int gid, long inode, long sizeBytes, int deviceMajor, int deviceMinor) {
    public boolean isBlockDevice() {
      return (mode & 0xf000) == 0x6000;
    }

    public boolean isRegularFile() {
      return (mode & 0xf000) == 0x8000;
    }
  }

  /** Result of {@link #status}: the answer, or only a negative errno. */
  public sealed interface StatusResult {
    record Ok(FileStatus status) implements StatusResult {}

    record Failed(int errno) implements StatusResult {}
  }

  /** A descriptor (close-on-exec), or -errno. */
  public static int open(String path, int flags, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(path).address();
      return Syscall.call(Syscall.OPENAT, AT_FDCWD, name, flags | O_CLOEXEC, mode);
    }
  }

  public static int close(int fd) {
    return Syscall.call(Syscall.CLOSE, fd);
  }

  public static StatusResult status(int fd) {
    return statx(fd, "", AT_EMPTY_PATH);
  }

  public static StatusResult status(String path) {
    return statx(AT_FDCWD, path, 0);
  }

  private static StatusResult statx(int directory, String path, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      long at = arena.allocate(256, 8).address();
      int result =
          Syscall.call(
              Syscall.STATX,
              directory,
              arena.allocateFrom(path).address(),
              flags,
              STATX_BASIC_STATS,
              at);
      if (result < 0) {
        return new StatusResult.Failed(result);
      }
      // struct statx, linux/stat.h
      return new StatusResult.Ok(
          new FileStatus(
              NativeMemory.getUnsignedShort(at + 28),
              NativeMemory.getInt(at + 20),
              NativeMemory.getInt(at + 24),
              NativeMemory.getLong(at + 32),
              NativeMemory.getLong(at + 40),
              NativeMemory.getInt(at + 136),
              NativeMemory.getInt(at + 140)));
    }
  }

  /** Bytes of a regular file or a block device. */
  public static long sizeBytes(int fd) {
    return switch (status(fd)) {
      case StatusResult.Failed(int errno) -> errno;
      case StatusResult.Ok(FileStatus status) when status.isBlockDevice() ->
          ioctlLong(fd, BLKGETSIZE64);
      case StatusResult.Ok(FileStatus status) -> status.sizeBytes();
    };
  }

  /** BLKSSZGET: the logical block size of a block device in bytes. */
  public static int logicalBlockBytes(int fd) {
    return (int) ioctlLong(fd, BLKSSZGET);
  }

  /** BLKPBSZGET: the physical block size of a block device in bytes. */
  public static int physicalBlockBytes(int fd) {
    return (int) ioctlLong(fd, BLKPBSZGET);
  }

  public static int discard(int fd, long offsetBytes, long lengthBytes) {
    return ioctlRange(fd, BLKDISCARD, offsetBytes, lengthBytes);
  }

  public static int zeroOut(int fd, long offsetBytes, long lengthBytes) {
    return ioctlRange(fd, BLKZEROOUT, offsetBytes, lengthBytes);
  }

  private static long ioctlLong(int fd, long request) {
    try (Arena arena = Arena.ofConfined()) {
      long value = arena.allocate(8, 8).address();
      int result = Syscall.call(Syscall.IOCTL, fd, request, value);
      return result < 0 ? result : NativeMemory.getLong(value);
    }
  }

  private static int ioctlRange(int fd, long request, long offsetBytes, long lengthBytes) {
    try (Arena arena = Arena.ofConfined()) {
      long range = arena.allocate(16, 8).address();
      NativeMemory.putLong(range, offsetBytes);
      NativeMemory.putLong(range + 8, lengthBytes);
      return Syscall.call(Syscall.IOCTL, fd, request, range);
    }
  }

  public static int read(int fd, long address, int lengthBytes) {
    return Syscall.call(Syscall.READ, fd, address, lengthBytes);
  }

  public static int write(int fd, long address, int lengthBytes) {
    return Syscall.call(Syscall.WRITE, fd, address, lengthBytes);
  }

  public static int pread(int fd, long address, int lengthBytes, long offsetBytes) {
    return Syscall.call(Syscall.PREAD64, fd, address, lengthBytes, offsetBytes);
  }

  public static int pwrite(int fd, long address, int lengthBytes, long offsetBytes) {
    return Syscall.call(Syscall.PWRITE64, fd, address, lengthBytes, offsetBytes);
  }

  public static int preadv(int fd, long iov, int count, long offsetBytes) {
    return Syscall.call(Syscall.PREADV, fd, iov, count, offsetBytes);
  }

  /** {@code flags} are {@code RWF_*}. */
  public static int pwritev2(int fd, long iov, int count, long offsetBytes, int flags) {
    return (int) Syscall.call(Syscall.PWRITEV2, fd, iov, count, offsetBytes, 0, flags);
  }

  public static int fsync(int fd) {
    return Syscall.call(Syscall.FSYNC, fd);
  }

  public static int fdatasync(int fd) {
    return Syscall.call(Syscall.FDATASYNC, fd);
  }

  public static int ftruncate(int fd, long lengthBytes) {
    return Syscall.call(Syscall.FTRUNCATE, fd, lengthBytes);
  }

  public static int fallocate(int fd, int mode, long offsetBytes, long lengthBytes) {
    return Syscall.call(Syscall.FALLOCATE, fd, mode, offsetBytes, lengthBytes);
  }

  public static int unlink(String path) {
    try (Arena arena = Arena.ofConfined()) {
      return Syscall.call(Syscall.UNLINKAT, AT_FDCWD, arena.allocateFrom(path).address(), 0);
    }
  }

  public static int chmod(String path, int mode) {
    try (Arena arena = Arena.ofConfined()) {
      return Syscall.call(Syscall.FCHMODAT, AT_FDCWD, arena.allocateFrom(path).address(), mode);
    }
  }

  /** An id of -1 is left as it is. */
  public static int chown(String path, int uid, int gid) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(path).address();
      return Syscall.call(Syscall.FCHOWNAT, AT_FDCWD, name, uid, gid, 0);
    }
  }

  /** {@code operation} is a sum of {@code LOCK_*}; the lock belongs to the open file. */
  public static int flock(int fd, int operation) {
    return Syscall.call(Syscall.FLOCK, fd, operation);
  }

  /** F_OFD_SETLK: an exclusive lock of the whole file for this open file; -EAGAIN when held. */
  public static int ofdLock(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      // struct flock: l_type at 0, l_whence 2, l_start 8, l_len 16, l_pid 24
      long lock = arena.allocate(32, 8).address();
      NativeMemory.putShort(lock, F_WRLCK);
      return Syscall.call(Syscall.FCNTL, fd, F_OFD_SETLK, lock);
    }
  }

  /**
   * The process that took the {@link #flock} of a file, from {@code /proc/locks}; empty when there
   * is none or it is in another pid namespace.
   */
  public static OptionalInt lockHolderPid(String path) {
    if (!(status(path) instanceof StatusResult.Ok(FileStatus status))) {
      return OptionalInt.empty();
    }
    String inode = ":" + status.inode();
    try {
      // "1: FLOCK  ADVISORY  WRITE 4711 fe:00:27 0 EOF"; a waiter's line has "->" in word 2
      for (String line : Files.readAllLines(Path.of("/proc/locks"))) {
        String[] words = line.trim().split("\\s+");
        if (words.length >= 6 && words[1].equals("FLOCK") && words[5].endsWith(inode)) {
          int pid = Integer.parseInt(words[4]);
          return pid > 0 ? OptionalInt.of(pid) : OptionalInt.empty();
        }
      }
    } catch (IOException e) {
      return OptionalInt.empty();
    }
    return OptionalInt.empty();
  }

  public static int setNonBlocking(int fd, boolean on) {
    int flags = Syscall.call(Syscall.FCNTL, fd, F_GETFL, 0);
    if (flags < 0) {
      return flags;
    }
    int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return Syscall.call(Syscall.FCNTL, fd, F_SETFL, wanted);
  }

  /** A close-on-exec eventfd; {@code flags} is 0 or {@link #EFD_NONBLOCK}. */
  public static int eventfd(int flags) {
    return Syscall.call(Syscall.EVENTFD2, 0, flags | O_CLOEXEC);
  }

  /** The ready {@code POLL*} bits of {@code events} now (0 when there are none), or -errno. */
  public static int pollNow(int fd, int events) {
    return poll(fd, events, 0);
  }

  /** {@link #pollNow}, after a wait of at most {@code timeoutNs} for one of them. */
  public static int poll(int fd, int events, long timeoutNs) {
    try (Arena arena = Arena.ofConfined()) {
      // struct pollfd: fd at 0, events 4, revents 6; then a timespec
      long poll = arena.allocate(24, 8).address();
      NativeMemory.putInt(poll, fd);
      NativeMemory.putShort(poll + 4, (short) events);
      NativeMemory.putLong(poll + 8, timeoutNs / 1_000_000_000L);
      NativeMemory.putLong(poll + 16, timeoutNs % 1_000_000_000L);
      int result = Syscall.call(Syscall.PPOLL, poll, 1, poll + 8, 0, 0);
      return result <= 0 ? result : NativeMemory.getUnsignedShort(poll + 6);
    }
  }
}
