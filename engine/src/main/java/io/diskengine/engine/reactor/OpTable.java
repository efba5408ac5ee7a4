package io.diskengine.engine.reactor;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The operations that a reactor has in the kernel. An operation's handle is its slot (low 32 bits)
 * and the slot's generation (high 32 bits), so that a late completion never meets a reused slot
 * (contract 6).
 */
final class OpTable {
  private @Nullable OpCompletion[] completions;
  private int[] generations;
  private long[] submittedAtNs;
  private int[] freeNext;
  private int freeHead = -1;
  private int inFlight;

  OpTable(int capacity) {
    completions = new OpCompletion[capacity];
    generations = new int[capacity];
    submittedAtNs = new long[capacity];
    freeNext = new int[capacity];
    link(0, capacity);
  }

  long add(OpCompletion completion, long nowNs) {
    if (freeHead < 0) {
      grow();
    }
    int slot = freeHead;
    freeHead = freeNext[slot];
    completions[slot] = completion;
    submittedAtNs[slot] = nowNs;
    inFlight++;
    return (long) generations[slot] << 32 | slot;
  }

  /** The completion of a live handle, which is then free again; null for a stale one. */
  @Nullable OpCompletion remove(long handle) {
    int slot = (int) handle;
    if (slot < 0 || slot >= completions.length || generations[slot] != (int) (handle >>> 32)) {
      return null;
    }
    OpCompletion completion = completions[slot];
    completions[slot] = null;
    generations[slot] = generations[slot] + 1 & Integer.MAX_VALUE;
    freeNext[slot] = freeHead;
    freeHead = slot;
    inFlight--;
    return completion;
  }

  int inFlight() {
    return inFlight;
  }

  /** When the oldest operation in flight was submitted; {@code nowNs} when there is none. */
  long oldestNs(long nowNs) {
    long oldest = nowNs;
    for (int slot = 0; slot < completions.length; slot++) {
      if (completions[slot] != null && submittedAtNs[slot] - oldest < 0) {
        oldest = submittedAtNs[slot];
      }
    }
    return oldest;
  }

  private void grow() {
    int old = completions.length;
    completions = Arrays.copyOf(completions, old * 2);
    generations = Arrays.copyOf(generations, old * 2);
    submittedAtNs = Arrays.copyOf(submittedAtNs, old * 2);
    freeNext = Arrays.copyOf(freeNext, old * 2);
    link(old, old * 2);
  }

  private void link(int from, int to) {
    for (int slot = to - 1; slot >= from; slot--) {
      freeNext[slot] = freeHead;
      freeHead = slot;
    }
  }
}
