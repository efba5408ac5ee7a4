package io.diskengine.nvme;

/**
 * Bit fields inside one little-endian integer: {@code width} bits from bit {@code shift} up. A
 * value that is too wide loses its upper bits; neighbouring bits stay as they are.
 */
final class Bits {
  private Bits() {}

  static int get8(long address, int shift, int width) {
    return NativeMemory.getUnsignedByte(address) >>> shift & mask(width);
  }

  static void put8(long address, int shift, int width, int v) {
    int mask = mask(width);
    int rest = NativeMemory.getUnsignedByte(address) & ~(mask << shift);
    NativeMemory.putByte(address, (byte) (rest | (v & mask) << shift));
  }

  static boolean test8(long address, int bit) {
    return (NativeMemory.getUnsignedByte(address) >>> bit & 1) != 0;
  }

  static void set8(long address, int bit, boolean v) {
    put8(address, bit, 1, v ? 1 : 0);
  }

  static int get16(long address, int shift, int width) {
    return NativeMemory.getUnsignedShort(address) >>> shift & mask(width);
  }

  static void put16(long address, int shift, int width, int v) {
    int mask = mask(width);
    int rest = NativeMemory.getUnsignedShort(address) & ~(mask << shift);
    NativeMemory.putShort(address, (short) (rest | (v & mask) << shift));
  }

  static boolean test16(long address, int bit) {
    return (NativeMemory.getUnsignedShort(address) >>> bit & 1) != 0;
  }

  static void set16(long address, int bit, boolean v) {
    put16(address, bit, 1, v ? 1 : 0);
  }

  static int get32(long address, int shift, int width) {
    return NativeMemory.getInt(address) >>> shift & mask(width);
  }

  static void put32(long address, int shift, int width, int v) {
    int mask = mask(width);
    int rest = NativeMemory.getInt(address) & ~(mask << shift);
    NativeMemory.putInt(address, rest | (v & mask) << shift);
  }

  static boolean test32(long address, int bit) {
    return (NativeMemory.getInt(address) >>> bit & 1) != 0;
  }

  static void set32(long address, int bit, boolean v) {
    put32(address, bit, 1, v ? 1 : 0);
  }

  static long get64(long address, int shift, int width) {
    return NativeMemory.getLong(address) >>> shift & mask64(width);
  }

  static void put64(long address, int shift, int width, long v) {
    long mask = mask64(width);
    long rest = NativeMemory.getLong(address) & ~(mask << shift);
    NativeMemory.putLong(address, rest | (v & mask) << shift);
  }

  static boolean test64(long address, int bit) {
    return (NativeMemory.getLong(address) >>> bit & 1) != 0;
  }

  static void set64(long address, int bit, boolean v) {
    put64(address, bit, 1, v ? 1 : 0);
  }

  private static int mask(int width) {
    return -1 >>> (32 - width);
  }

  private static long mask64(int width) {
    return -1L >>> (64 - width);
  }
}
