package io.diskengine.engine.linux;

import io.diskengine.nvme.NativeMemory;

/** {@code struct msghdr}, 56 bytes: name 0, namelen 8, iov 16, iovlen 24, control 32, 40, flags. */
public final class MessageHeader {
  public static final int BYTES = 56;

  private MessageHeader() {}

  public static void iov(long header, long iov, int count) {
    NativeMemory.putLong(header + 16, iov);
    NativeMemory.putLong(header + 24, count);
  }

  static void control(long header, long control, long lengthBytes) {
    NativeMemory.putLong(header + 32, control);
    NativeMemory.putLong(header + 40, lengthBytes);
  }

  static long controlBytes(long header) {
    return NativeMemory.getLong(header + 40);
  }

  static int flags(long header) {
    return NativeMemory.getInt(header + 48);
  }
}
