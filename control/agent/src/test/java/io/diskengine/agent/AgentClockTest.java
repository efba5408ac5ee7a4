package io.diskengine.agent;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.agent.AgentClock.SystemClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class AgentClockTest {
  @Test
  void timeSinceBootIsTheFirstNumberOfUptime() throws IOException {
    byte[] line = "3799.69 18365.27\n".getBytes(US_ASCII);
    assertThat(SystemClock.milliseconds(line, line.length)).isEqualTo(3_799_690);
    assertThatThrownBy(() -> SystemClock.milliseconds(line, 4)).hasMessage("not a time: 3799");
  }

  @Test
  void eachReadIsNew() throws IOException {
    SystemClock clock = new SystemClock();
    for (int i = 0; i < 3; i++) {
      long beforeMs = uptimeMs();
      long nowMs = clock.bootMs();
      assertThat(nowMs).isBetween(beforeMs, uptimeMs());
      while (uptimeMs() == nowMs) {
        Thread.onSpinWait();
      }
    }
  }

  private static long uptimeMs() throws IOException {
    String seconds = Files.readString(Path.of("/proc/uptime")).split(" ")[0];
    return Math.round(Double.parseDouble(seconds) * 1_000);
  }
}
