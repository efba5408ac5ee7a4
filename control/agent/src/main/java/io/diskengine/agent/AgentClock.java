package io.diskengine.agent;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

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
    private static final String UPTIME = "/proc/uptime";
    private static final int LINE_BYTES = 64;

    private final byte[] line = new byte[LINE_BYTES]; // guarded by this
    private @Nullable RandomAccessFile uptime; // guarded by this

    @Override
    public long nowMs() {
      return System.nanoTime() / 1_000_000;
    }

    /** Asked before each request that changes something: the file stays open. */
    @Override
    public synchronized long bootMs() {
      try {
        RandomAccessFile file = uptime;
        if (file == null) {
          file = new RandomAccessFile(UPTIME, "r");
          uptime = file;
        }
        file.seek(0);
        return milliseconds(line, file.read(line));
      } catch (IOException e) {
        throw new UncheckedIOException(UPTIME + " cannot be read", e);
      }
    }

    /** The first number of the line: seconds with two decimals. */
    static long milliseconds(byte[] line, int length) throws IOException {
      long hundredths = 0;
      for (int i = 0; i < length; i++) {
        if (line[i] == ' ') {
          return hundredths * 10;
        }
        if (line[i] != '.') {
          hundredths = hundredths * 10 + line[i] - '0';
        }
      }
      throw new IOException("not a time: " + new String(line, 0, length, US_ASCII));
    }

    @Override
    public Instant instant() {
      return Instant.now();
    }
  }
}
