package io.diskengine.nvme;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Accessors over raw native addresses: every buffer of the data path is an address and a length.
 *
 * <p>There is no bounds check here but "not negative"; a length that came from a peer is checked
 * where it enters, once. An address that is not mapped kills the process. Nothing is allocated.
 *
 * <p>Plain accessors are little-endian (the order of NVMe, virtio 1.0 and io_uring on every
 * platform that we run on) and need no alignment; {@code Be} variants are big-endian. Acquire,
 * release and volatile accessors need natural alignment and are for memory that another thread, a
 * guest or the kernel reads and writes: rings, virtqueues.
 */
public final class NativeMemory {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private static final VarHandle SHORT = unaligned(ValueLayout.JAVA_SHORT_UNALIGNED, false);
  private static final VarHandle INT = unaligned(ValueLayout.JAVA_INT_UNALIGNED, false);
  private static final VarHandle LONG = unaligned(ValueLayout.JAVA_LONG_UNALIGNED, false);
  private static final VarHandle SHORT_BE = unaligned(ValueLayout.JAVA_SHORT_UNALIGNED, true);
  private static final VarHandle INT_BE = unaligned(ValueLayout.JAVA_INT_UNALIGNED, true);
  private static final VarHandle LONG_BE = unaligned(ValueLayout.JAVA_LONG_UNALIGNED, true);
  private static final VarHandle BYTE = exact(ValueLayout.JAVA_BYTE);
  private static final VarHandle ALIGNED_SHORT = unaligned(ValueLayout.JAVA_SHORT, false);
  private static final VarHandle ALIGNED_INT = unaligned(ValueLayout.JAVA_INT, false);
  private static final VarHandle ALIGNED_LONG = unaligned(ValueLayout.JAVA_LONG, false);

  private NativeMemory() {}

  private static VarHandle unaligned(ValueLayout layout, boolean bigEndian) {
    return exact(layout.withOrder(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN));
  }

  private static VarHandle exact(ValueLayout layout) {
    return layout.varHandle().withInvokeExactBehavior();
  }

  public static byte getByte(long address) {
    return (byte) BYTE.get(ALL, address);
  }

  /** The byte at {@code address}, 0 to 255. */
  public static int getUnsignedByte(long address) {
    return getByte(address) & 0xff;
  }

  public static void putByte(long address, byte value) {
    BYTE.set(ALL, address, value);
  }

  public static short getShort(long address) {
    return (short) SHORT.get(ALL, address);
  }

  /** The 16-bit integer at {@code address}, 0 to 65535. */
  public static int getUnsignedShort(long address) {
    return getShort(address) & 0xffff;
  }

  public static void putShort(long address, short value) {
    SHORT.set(ALL, address, value);
  }

  public static int getInt(long address) {
    return (int) INT.get(ALL, address);
  }

  /** The 32-bit integer at {@code address}, 0 to 2^32 - 1. */
  public static long getUnsignedInt(long address) {
    return getInt(address) & 0xffff_ffffL;
  }

  public static void putInt(long address, int value) {
    INT.set(ALL, address, value);
  }

  public static long getLong(long address) {
    return (long) LONG.get(ALL, address);
  }

  public static void putLong(long address, long value) {
    LONG.set(ALL, address, value);
  }

  public static short getShortBe(long address) {
    return (short) SHORT_BE.get(ALL, address);
  }

  public static void putShortBe(long address, short value) {
    SHORT_BE.set(ALL, address, value);
  }

  public static int getIntBe(long address) {
    return (int) INT_BE.get(ALL, address);
  }

  public static void putIntBe(long address, int value) {
    INT_BE.set(ALL, address, value);
  }

  public static long getLongBe(long address) {
    return (long) LONG_BE.get(ALL, address);
  }

  public static void putLongBe(long address, long value) {
    LONG_BE.set(ALL, address, value);
  }

  public static short getShortAcquire(long address) {
    return (short) ALIGNED_SHORT.getAcquire(ALL, address);
  }

  public static void putShortRelease(long address, short value) {
    ALIGNED_SHORT.setRelease(ALL, address, value);
  }

  public static short getShortVolatile(long address) {
    return (short) ALIGNED_SHORT.getVolatile(ALL, address);
  }

  public static void putShortVolatile(long address, short value) {
    ALIGNED_SHORT.setVolatile(ALL, address, value);
  }

  public static int getIntAcquire(long address) {
    return (int) ALIGNED_INT.getAcquire(ALL, address);
  }

  public static void putIntRelease(long address, int value) {
    ALIGNED_INT.setRelease(ALL, address, value);
  }

  public static int getIntVolatile(long address) {
    return (int) ALIGNED_INT.getVolatile(ALL, address);
  }

  public static void putIntVolatile(long address, int value) {
    ALIGNED_INT.setVolatile(ALL, address, value);
  }

  public static boolean compareAndSetInt(long address, int expected, int value) {
    return ALIGNED_INT.compareAndSet(ALL, address, expected, value);
  }

  public static long getLongAcquire(long address) {
    return (long) ALIGNED_LONG.getAcquire(ALL, address);
  }

  public static void putLongRelease(long address, long value) {
    ALIGNED_LONG.setRelease(ALL, address, value);
  }

  public static long getLongVolatile(long address) {
    return (long) ALIGNED_LONG.getVolatile(ALL, address);
  }

  public static void putLongVolatile(long address, long value) {
    ALIGNED_LONG.setVolatile(ALL, address, value);
  }

  public static boolean compareAndSetLong(long address, long expected, long value) {
    return ALIGNED_LONG.compareAndSet(ALL, address, expected, value);
  }

  /** Orders every load and store before it against every one after it (virtio's {@code mb()}). */
  public static void fullFence() {
    VarHandle.fullFence();
  }

  /** Copies {@code length} bytes; the ranges may overlap. */
  public static void copy(long source, long destination, long length) {
    MemorySegment.copy(ALL, source, ALL, destination, length);
  }

  public static void copy(byte[] source, int offset, long destination, int length) {
    MemorySegment.copy(source, offset, ALL, ValueLayout.JAVA_BYTE, destination, length);
  }

  public static void copy(long source, byte[] destination, int offset, int length) {
    MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, source, destination, offset, length);
  }

  /** A new array with the {@code length} bytes at {@code address}; not for the data path. */
  public static byte[] bytes(long address, int length) {
    byte[] bytes = new byte[length];
    copy(address, bytes, 0, length);
    return bytes;
  }

  public static void fill(long address, long length, byte value) {
    // A slice does not escape, so that compiled code allocates nothing.
    ALL.asSlice(address, length).fill(value);
  }

  public static void zero(long address, long length) {
    fill(address, length, (byte) 0);
  }

  /** Whether all {@code length} bytes are zero; true for an empty range. */
  public static boolean isZero(long address, long length) {
    long end = address + length;
    long at = address;
    for (; end - at >= 32; at += 32) {
      if ((getLong(at) | getLong(at + 8) | getLong(at + 16) | getLong(at + 24)) != 0) {
        return false;
      }
    }
    for (; at < end; at++) {
      if (getByte(at) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether two ranges of {@code length} bytes hold the same bytes. */
  public static boolean equal(long left, long right, long length) {
    return MemorySegment.mismatch(ALL, left, left + length, ALL, right, right + length) < 0;
  }
}
