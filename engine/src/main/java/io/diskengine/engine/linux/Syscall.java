package io.diskengine.engine.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The one door to the kernel: glibc's variadic {@code syscall(2)} with up to six words. Pointers
 * are raw addresses; a failure is a negative errno. Using system calls rather than libc's wrappers
 * keeps the structures the kernel's own ({@code statx} rather than {@code struct stat}).
 */
public final class Syscall {
  private static final boolean X86 = isX86();

  static final int READ = number(0, 63);
  static final int WRITE = number(1, 64);
  static final int CLOSE = number(3, 57);
  static final int MMAP = number(9, 222);
  static final int MUNMAP = number(11, 215);
  static final int IOCTL = number(16, 29);
  static final int PREAD64 = number(17, 67);
  static final int PWRITE64 = number(18, 68);
  static final int MADVISE = number(28, 233);
  static final int SOCKET = number(41, 198);
  static final int CONNECT = number(42, 203);
  static final int SENDTO = number(44, 206);
  static final int RECVFROM = number(45, 207);
  static final int SENDMSG = number(46, 211);
  static final int RECVMSG = number(47, 212);
  static final int SHUTDOWN = number(48, 210);
  static final int BIND = number(49, 200);
  static final int LISTEN = number(50, 201);
  static final int GETSOCKNAME = number(51, 204);
  static final int GETPEERNAME = number(52, 205);
  static final int SOCKETPAIR = number(53, 199);
  static final int SETSOCKOPT = number(54, 208);
  static final int GETSOCKOPT = number(55, 209);
  static final int KILL = number(62, 129);
  static final int FCNTL = number(72, 25);
  static final int FLOCK = number(73, 32);
  static final int FSYNC = number(74, 82);
  static final int FDATASYNC = number(75, 83);
  static final int FTRUNCATE = number(77, 46);
  static final int PRCTL = number(157, 167);
  static final int CLOCK_GETTIME = number(228, 113);
  static final int EPOLL_CTL = number(233, 21);
  static final int OPENAT = number(257, 56);
  static final int FCHOWNAT = number(260, 54);
  static final int UNLINKAT = number(263, 35);
  static final int FCHMODAT = number(268, 53);
  static final int PPOLL = number(271, 73);
  static final int EPOLL_PWAIT = number(281, 22);
  static final int FALLOCATE = number(285, 47);
  static final int ACCEPT4 = number(288, 242);
  static final int EVENTFD2 = number(290, 19);
  static final int EPOLL_CREATE1 = number(291, 20);
  static final int PREADV = number(295, 69);
  static final int MEMFD_CREATE = number(319, 279);
  static final int PWRITEV2 = number(328, 287);
  static final int STATX = number(332, 291);
  static final int IO_URING_SETUP = 425;
  static final int IO_URING_ENTER = 426;
  static final int IO_URING_REGISTER = 427;
  static final int EPOLL_PWAIT2 = 441;

  private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /** One errno cell per thread that ever made a call. */
  private static final ThreadLocal<MemorySegment> CAPTURED =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));

  private static final MethodHandle SYSCALL =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().find("syscall").orElseThrow(),
              FunctionDescriptor.of(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                  JAVA_LONG),
              Linker.Option.firstVariadicArg(1),
              Linker.Option.captureCallState("errno"));

  private Syscall() {}

  /** The result of the call, or a negative errno. */
  static long call(int number, long a, long b, long c, long d, long e, long f) {
    MemorySegment captured = CAPTURED.get();
    try {
      long result = (long) SYSCALL.invokeExact(captured, (long) number, a, b, c, d, e, f);
      return result == -1 ? -(long) (int) ERRNO.get(captured, 0L) : result;
    } catch (Throwable bug) {
      throw new AssertionError("system call " + number, bug);
    }
  }

  static int call(int number, long a) {
    return (int) call(number, a, 0, 0, 0, 0, 0);
  }

  static int call(int number, long a, long b) {
    return (int) call(number, a, b, 0, 0, 0, 0);
  }

  static int call(int number, long a, long b, long c) {
    return (int) call(number, a, b, c, 0, 0, 0);
  }

  static int call(int number, long a, long b, long c, long d) {
    return (int) call(number, a, b, c, d, 0, 0);
  }

  static int call(int number, long a, long b, long c, long d, long e) {
    return (int) call(number, a, b, c, d, e, 0);
  }

  static boolean isX86() {
    return switch (System.getProperty("os.arch", "")) {
      case "amd64", "x86_64" -> true;
      case "aarch64" -> false;
      case String other ->
          throw new UnsupportedOperationException("no Linux system call numbers for " + other);
    };
  }

  /** The value on x86-64, or the one of the generic table (AArch64). */
  static int number(int x86, int generic) {
    return X86 ? x86 : generic;
  }
}
