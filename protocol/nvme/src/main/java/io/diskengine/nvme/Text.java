package io.diskengine.nvme;

import java.nio.charset.StandardCharsets;

/**
 * Text in fixed fields (NVMe Base 2.0, 1.4.2): ASCII padded with spaces, or UTF-8 ended by a NUL.
 * Text that is too long is cut to the field; callers that must not lose bytes check before.
 */
final class Text {
  private Text() {}

  /** Without trailing spaces and NULs, which some devices pad with. */
  static String padded(long address, int size) {
    int length = size;
    while (length > 0 && isPadding(NativeMemory.getByte(address + length - 1))) {
      length--;
    }
    return string(address, length);
  }

  private static boolean isPadding(byte b) {
    return b == ' ' || b == 0;
  }

  static void putPadded(long address, int size, String text) {
    put(address, size, text, (byte) ' ');
  }

  /** Up to the first NUL, or the whole field when there is none. */
  static String terminated(long address, int size) {
    int length = 0;
    while (length < size && NativeMemory.getByte(address + length) != 0) {
      length++;
    }
    return string(address, length);
  }

  /** Keeps at least one NUL. */
  static void putTerminated(long address, int size, String text) {
    put(address, size - 1, text, (byte) 0);
    NativeMemory.putByte(address + size - 1, (byte) 0);
  }

  private static void put(long address, int size, String text, byte padding) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, size);
    NativeMemory.fill(address, size, padding);
    NativeMemory.copy(bytes, 0, address, length);
  }

  private static String string(long address, int length) {
    return new String(NativeMemory.bytes(address, length), StandardCharsets.UTF_8);
  }
}
