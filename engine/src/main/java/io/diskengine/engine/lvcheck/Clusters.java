package io.diskengine.engine.lvcheck;

import java.util.BitSet;

/** Which blob has which cluster. Memory follows the clusters in use. */
final class Clusters {
  private static final int CHUNK = 1 << 12;

  private final int[][] chunks;
  private final int count;

  Clusters(int count) {
    this.count = count;
    this.chunks = new int[(count + CHUNK - 1) / CHUNK][];
  }

  int count() {
    return count;
  }

  /** Takes the cluster for a blob; the number of who had it before, or -1. */
  int claim(int cluster, int blob) {
    int[] chunk = chunks[cluster / CHUNK];
    if (chunk == null) {
      chunk = new int[CHUNK];
      chunks[cluster / CHUNK] = chunk;
    }
    int before = chunk[cluster % CHUNK] - 1;
    if (before < 0) {
      chunk[cluster % CHUNK] = blob + 1;
    }
    return before;
  }

  BitSet used() {
    BitSet used = new BitSet();
    for (int i = 0; i < chunks.length; i++) {
      for (int j = 0; chunks[i] != null && j < CHUNK; j++) {
        if (chunks[i][j] != 0) {
          used.set(i * CHUNK + j);
        }
      }
    }
    return used;
  }
}
