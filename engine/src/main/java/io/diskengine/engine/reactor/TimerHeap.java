package io.diskengine.engine.reactor;

import java.util.Arrays;

/** Binary min-heap of timers by deadline; each timer knows its place, so removal is O(log n). */
final class TimerHeap {
  private Timer[] heap = new Timer[64];
  private int size;

  void add(Timer timer, long deadlineNs) {
    if (timer.heapIndex >= 0) {
      remove(timer);
    }
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, size * 2);
    }
    timer.deadlineNs = deadlineNs;
    place(timer, size++);
    up(timer.heapIndex);
  }

  void remove(Timer timer) {
    int at = timer.heapIndex;
    if (at < 0) {
      return;
    }
    timer.heapIndex = -1;
    Timer last = heap[--size];
    heap[size] = null;
    if (last != timer) {
      place(last, at);
      up(at);
      down(last.heapIndex);
    }
  }

  int size() {
    return size;
  }

  /** Meaningful only when not empty. */
  long firstDeadlineNs() {
    return heap[0].deadlineNs;
  }

  int expire(long nowNs, int most) {
    int done = 0;
    while (size > 0 && done < most && heap[0].deadlineNs - nowNs <= 0) {
      Timer timer = heap[0];
      remove(timer);
      timer.expired();
      done++;
    }
    return done;
  }

  private void place(Timer timer, int at) {
    heap[at] = timer;
    timer.heapIndex = at;
  }

  private void up(int start) {
    int at = start;
    Timer timer = heap[at];
    while (at > 0) {
      int parent = (at - 1) >>> 1;
      if (heap[parent].deadlineNs - timer.deadlineNs <= 0) {
        break;
      }
      place(heap[parent], at);
      at = parent;
    }
    place(timer, at);
  }

  private void down(int start) {
    int at = start;
    Timer timer = heap[at];
    for (int child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && heap[child + 1].deadlineNs - heap[child].deadlineNs < 0) {
        child++;
      }
      if (timer.deadlineNs - heap[child].deadlineNs <= 0) {
        break;
      }
      place(heap[child], at);
      at = child;
    }
    place(timer, at);
  }
}
