package io.diskengine.nvme;

/** One element of a native {@code struct iovec} array: base address at 0, length at 8, 16 bytes. */
public final class Iovec {
  public static final int BASE = 0;
  public static final int LENGTH = 8;
  public static final int SIZE = 16;

  private Iovec() {}

  public static long base(long iovec) {
    return NativeMemory.getLong(iovec + BASE);
  }

  public static void base(long iovec, long v) {
    NativeMemory.putLong(iovec + BASE, v);
  }

  /** Bytes. */
  public static long length(long iovec) {
    return NativeMemory.getLong(iovec + LENGTH);
  }

  public static void length(long iovec, long v) {
    NativeMemory.putLong(iovec + LENGTH, v);
  }

  /** The address of element {@code index} of an array. */
  public static long at(long iovecs, int index) {
    return iovecs + (long) index * SIZE;
  }

  public static void set(long iovecs, int index, long base, long length) {
    base(at(iovecs, index), base);
    length(at(iovecs, index), length);
  }

  /** Bytes of {@code count} elements together. */
  public static long totalBytes(long iovecs, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
      sum += length(at(iovecs, i));
    }
    return sum;
  }
}
