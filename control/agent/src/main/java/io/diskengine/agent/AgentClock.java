package io.diskengine.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;

/** The times an agent uses. */
public interface AgentClock {
  AgentClock SYSTEM = new SystemClock();

  /** Monotonic, for intervals. */
  long nowMs();

  /** Monotonic and running while the machine is suspended: a lease must not outlive a sleep. */
  long bootMs();

  /** For people. */
  Instant instant();

  /** This machine's clocks. */
  final class SystemClock implements AgentClock {
    private static final Path UPTIME = Path.of("/proc/uptime");

    @Override
    public long nowMs() {
      return System.nanoTime() / 1_000_000;
    }

    @Override
    public long bootMs() {
      try {
        String text = Files.readString(UPTIME);
        return Math.round(Double.parseDouble(text.substring(0, text.indexOf(' '))) * 1_000);
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(UPTIME + " cannot be read", e);
      }
    }

    @Override
    public Instant instant() {
      return Instant.now();
    }
  }
}
