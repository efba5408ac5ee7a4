package io.diskengine.engine.lvcheck;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** A uuid as text with a NUL behind it. */
final class UuidText {
  static final int BYTES = 37;
  private static final Pattern UUID =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

  private UuidText() {}

  static boolean isValid(byte[] value) {
    return value.length == BYTES
        && value[BYTES - 1] == 0
        && UUID.matcher(new String(value, 0, BYTES - 1, StandardCharsets.ISO_8859_1)).matches();
  }
}
