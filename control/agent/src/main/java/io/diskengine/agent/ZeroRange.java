package io.diskengine.agent;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * Whether a file's filesystem can zero a range, as ext4 and xfs can and tmpfs cannot. SPDK's aio
 * bdev that was made with {@code fallocate} zeroes by nothing else, and where it cannot, an lvol
 * that is deleted is gone from SPDK's memory, not from the disk, and comes back with the next load.
 */
final class ZeroRange {
  private static final int O_RDWR = 2;
  private static final int O_CLOEXEC = 0x80000;
  private static final int KEEP_SIZE = 1;
  private static final int ZERO_RANGE = 16;
  private static final int BLOCK = 4096;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MethodHandle OPEN =
      function(
          "open",
          FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle FALLOCATE =
      function(
          "fallocate",
          FunctionDescriptor.of(
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_INT,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));
  private static final MethodHandle CLOSE =
      function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

  private ZeroRange() {}

  private static MethodHandle function(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), descriptor, options);
  }

  /**
   * Tries it on a block beyond the end, which stays where it is. No is the answer too when the file
   * cannot be opened.
   */
  static boolean isPossible(Path file, long sizeBytes) {
    long beyond = (sizeBytes + BLOCK - 1) / BLOCK * BLOCK;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment path = arena.allocateFrom(file.toString());
      int fd = (int) OPEN.invokeExact(path, O_RDWR | O_CLOEXEC);
      if (fd < 0) {
        return false;
      }
      int result = (int) FALLOCATE.invokeExact(fd, ZERO_RANGE | KEEP_SIZE, beyond, (long) BLOCK);
      int _ = (int) CLOSE.invokeExact(fd);
      return result == 0;
    } catch (Throwable e) {
      throw new IllegalStateException("fallocate cannot be called", e);
    }
  }
}
