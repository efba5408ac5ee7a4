package io.diskengine.engine.lvcheck;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Little-endian numbers in byte arrays. */
final class Bytes {
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  static int u8(byte[] from, int at) {
    return from[at] & 0xff;
  }

  static int u16(byte[] from, int at) {
    return (short) SHORT.get(from, at) & 0xffff;
  }

  static long u32(byte[] from, int at) {
    return (int) INT.get(from, at) & 0xffff_ffffL;
  }

  static int i32(byte[] from, int at) {
    return (int) INT.get(from, at);
  }

  static long i64(byte[] from, int at) {
    return (long) LONG.get(from, at);
  }

  static void put32(byte[] into, int at, int value) {
    INT.set(into, at, value);
  }

  static void put64(byte[] into, int at, long value) {
    LONG.set(into, at, value);
  }

  static boolean isZero(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  /** CRC-32C of the first {@code length} bytes. */
  static int crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return (int) crc.getValue();
  }

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
