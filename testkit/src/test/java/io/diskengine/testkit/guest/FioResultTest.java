package io.diskengine.testkit.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Reports in the shape of fio 3.33, shortened to the fields that are read. */
class FioResultTest {
  private static FioResult parse(int exitCode, String output) {
    return FioResult.parse(new CommandResult("fio", exitCode, output, Duration.ZERO));
  }

  @Test
  void longestIoIsTheMaximumOverJobsAndDirections() {
    FioResult result =
        parse(
            0,
            """
            fio: some note
            @@fio-json
            {"fio version":"fio-3.33","jobs":[
             {"error":0,"read":{"iops":10.5,"total_ios":7,"lat_ns":{"max":500}},
              "write":{"iops":1.5,"total_ios":2,"lat_ns":{"max":4300000000}}},
             {"error":0,"read":{"iops":2.0,"total_ios":1,"lat_ns":{"max":9}},"sync":{"total_ios":0,"lat_ns":{"max":0}}}]}
            """);
    assertThat(result.clean()).isTrue();
    assertThat(result.maxLatencyNs()).isEqualTo(4_300_000_000L);
    assertThat(result.ios()).isEqualTo(10);
    assertThat(result.readIops()).isEqualTo(12.5);
    assertThat(result.writeIops()).isEqualTo(1.5);
  }

  @Test
  void verifyFailuresAndErrorsAreCounted() {
    FioResult result =
        parse(
            1,
            """
            verify: bad header rand_seed 1, wanted 2 at file /dev/vda offset 40960, length 4096 (requested block: offset=40960, length=4096)
            @@fio-json
            crc32c: verify failed at file /dev/vda offset 8192, length 4096 (requested block: offset=8192, length=4096)
            {"jobs":[{"error":84,"total_err":2,"first_error":84}]}
            """);
    assertThat(result.clean()).isFalse();
    assertThat(result.verifyFailures()).isEqualTo(2);
    assertThat(result.errors()).isEqualTo(2);
  }

  @Test
  void runWithoutAReportIsAnErrorThatShowsWhatFioSaid() {
    assertThatThrownBy(() -> parse(1, "fio: engine libaio not loadable"))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("not loadable");
  }
}
