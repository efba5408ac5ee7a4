package io.diskengine.engine.lvcheck;

import java.util.BitSet;

/** Sets of numbers for people: {@code 1-3, 7}. */
final class Ranges {
  private static final int MOST = 20;

  private Ranges() {}

  static String of(BitSet set) {
    StringBuilder text = new StringBuilder();
    int count = 0;
    for (int from = set.nextSetBit(0); from >= 0; ) {
      int end = set.nextClearBit(from);
      if (++count > MOST) {
        return text.append(", ...").toString();
      }
      text.append(text.isEmpty() ? "" : ", ").append(from);
      if (end - from > 1) {
        text.append('-').append(end - 1);
      }
      from = set.nextSetBit(end);
    }
    return text.toString();
  }
}
