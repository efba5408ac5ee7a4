package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;

/** Signals and clocks. */
public final class ProcessCalls {
  public static final int SIGINT = 2;
  public static final int SIGKILL = 9;
  public static final int SIGTERM = 15;
  public static final int SIGCONT = 18;
  public static final int SIGSTOP = 19;

  private static final int PR_SET_PDEATHSIG = 1;
  private static final int CLOCK_BOOTTIME = 7;

  private ProcessCalls() {}

  /**
   * This process gets {@code signal} when the <em>thread</em> that started it ends. The caller must
   * compare its parent's pid afterwards: the parent may have died before.
   */
  public static int dieWithParent(int signal) {
    return Syscall.call(Syscall.PRCTL, PR_SET_PDEATHSIG, signal, 0, 0, 0);
  }

  public static int kill(long pid, int signal) {
    return Syscall.call(Syscall.KILL, pid, signal);
  }

  /** Nanoseconds since boot, suspended time included. */
  public static long bootTimeNs() {
    try (Arena arena = Arena.ofConfined()) {
      long time = arena.allocate(16, 8).address();
      int result = Syscall.call(Syscall.CLOCK_GETTIME, CLOCK_BOOTTIME, time);
      if (result < 0) {
        throw new IllegalStateException("clock_gettime(CLOCK_BOOTTIME): " + Errno.text(result));
      }
      return NativeMemory.getLong(time) * 1_000_000_000L + NativeMemory.getLong(time + 8);
    }
  }
}
