package io.diskengine.engine.reactor;

import java.util.Arrays;

/** Results that wait to be reaped, oldest first; bounded by the operations in flight. */
final class CompletionQueue {
  private long[] userData = new long[64];
  private int[] results = new int[64];
  private int head;
  private int tail;

  void add(long data, int result) {
    if (tail - head == userData.length) {
      grow();
    }
    int at = tail++ & userData.length - 1;
    userData[at] = data;
    results[at] = result;
  }

  boolean isEmpty() {
    return head == tail;
  }

  int size() {
    return tail - head;
  }

  /** Of the oldest; only when not empty. */
  long userData() {
    return userData[head & userData.length - 1];
  }

  int result() {
    return results[head & userData.length - 1];
  }

  void advance() {
    head++;
  }

  private void grow() {
    int length = userData.length;
    int at = head & length - 1;
    long[] data = Arrays.copyOf(Arrays.copyOfRange(userData, at, at + length), length * 2);
    int[] result = Arrays.copyOf(Arrays.copyOfRange(results, at, at + length), length * 2);
    System.arraycopy(userData, 0, data, length - at, at);
    System.arraycopy(results, 0, result, length - at, at);
    userData = data;
    results = result;
    tail = length;
    head = 0;
  }
}
