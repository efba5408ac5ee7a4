package io.diskengine.agent;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The highest cluster sequence this node was shown (law 13): a database that shows less went back
 * in time. Written no more often than once a second.
 */
final class SequenceFile {
  private static final long WRITE_EVERY_MS = 1_000;

  private final AgentMachine machine;
  private final Path file;
  private long highest;
  private long written;
  private long writtenAtMs = Long.MIN_VALUE / 2;

  SequenceFile(AgentMachine machine, Path stateDir) throws IOException {
    this.machine = machine;
    file = stateDir.resolve("cluster-sequence");
    highest = machine.readState(file).map(text -> Long.parseLong(text.strip())).orElse(0L);
    written = highest;
  }

  /** False when {@code sequence} is less than what was seen before. */
  boolean accept(long sequence, long nowMs) throws IOException {
    if (sequence < highest) {
      return false;
    }
    highest = sequence;
    saveIfDue(nowMs);
    return true;
  }

  /** What was shown last is on disk within a second or two, also when nothing is shown any more. */
  void saveIfDue(long nowMs) throws IOException {
    if (highest > written && nowMs - writtenAtMs >= WRITE_EVERY_MS) {
      writtenAtMs = nowMs;
      save();
    }
  }

  void save() throws IOException {
    if (highest > written) {
      machine.writeState(file, highest + "\n");
      written = highest;
    }
  }

  long highest() {
    return highest;
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
