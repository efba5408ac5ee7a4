package io.diskengine.nvme;

/** A 128-bit little-endian counter as a long: a greater value reads as {@link Long#MAX_VALUE}. */
final class Counter128 {
  private Counter128() {}

  static long get(long address) {
    long low = NativeMemory.getLong(address);
    return low < 0 || NativeMemory.getLong(address + 8) != 0 ? Long.MAX_VALUE : low;
  }

  static void put(long address, long v) {
    NativeMemory.putLong(address, v);
    NativeMemory.putLong(address + 8, 0);
  }
}
