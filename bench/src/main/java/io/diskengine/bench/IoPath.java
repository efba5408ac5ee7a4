package io.diskengine.bench;

/** One way to an answer, driven by one thread. A slot is free again when it was handed out. */
interface IoPath extends AutoCloseable {
  /** Prepares an operation; {@code place} counts in units of the workload's length. */
  void queue(int slot, long place);

  /** Sends what was queued. */
  void flush();

  /** Takes in what has come; {@link #next} then hands it out. May block if the path does. */
  void poll();

  /** A slot whose operation is done, or -1. A failed operation is an exception. */
  int next();

  @Override
  void close();
}
