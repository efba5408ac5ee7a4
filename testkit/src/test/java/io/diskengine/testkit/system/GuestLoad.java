package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.guest.FioResult;
import io.diskengine.testkit.guest.GuestJob;
import io.diskengine.testkit.guest.GuestVm;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * What a guest does while something of the system is taken away: files with checksums on a
 * filesystem, and fio with verification.
 */
final class GuestLoad {
  /**
   * How long each fault lasts in the runs by hand ({@code ./diskengine chaos}); else what the test
   * says.
   */
  private static final String SECONDS = "diskengine.chaos.seconds";

  private static final int KEPT_FILES = 12;

  /** More than starting fio itself reads from the disk. */
  private static final int READS_OF_FIO = 500;

  private static final Duration FIO_STARTS_WITHIN = Duration.ofSeconds(60);

  private GuestLoad() {}

  /** How long a fault lasts. */
  static Duration outage(int seconds) {
    return Duration.ofSeconds(Integer.getInteger(SECONDS, seconds));
  }

  static void writeFiles(GuestVm guest) {
    guest
        .run(
            """
            mkfs.ext4 -q /dev/vda && mount /dev/vda /mnt && cd /mnt || exit 1
            for i in $(seq %d); do dd if=/dev/urandom of=kept$i bs=64k count=16 2>/dev/null; done
            md5sum kept* > sums && sync
            """
                .formatted(KEPT_FILES))
        .ok();
  }

  static void checkFiles(GuestVm guest) {
    String sums = guest.run("cd /mnt && md5sum -c sums").ok().output();
    assertThat(sums.lines().filter(line -> line.endsWith(": OK"))).hasSize(KEPT_FILES);
  }

  /**
   * Returns when fio's I/O flows. Its file is there before: fio would lay it out first, and what
   * stalls meanwhile is in none of its figures.
   */
  static GuestJob start(GuestVm guest, Duration runtime) throws InterruptedException {
    guest.run("dd if=/dev/zero of=/mnt/fio bs=1M count=48 conv=fsync 2>&1").ok();
    long before = reads(guest);
    GuestJob load =
        guest.startFio(
            "--filename=/mnt/fio --rw=randrw --bs=4k --iodepth=8 --size=48M --verify=crc32c"
                + " --time_based --runtime="
                + runtime.toSeconds());
    long untilNs = System.nanoTime() + FIO_STARTS_WITHIN.toNanos();
    while (reads(guest) <= before + READS_OF_FIO) {
      assertThat(System.nanoTime()).as("fio's I/O within " + FIO_STARTS_WITHIN).isLessThan(untilNs);
      Thread.sleep(20);
    }
    return load;
  }

  /** Read requests that the guest's disk has answered. */
  private static long reads(GuestVm guest) {
    String stat = guest.run("cat /sys/block/vda/stat").ok().output().strip();
    return Long.parseLong(stat.split(" +")[0]);
  }

  /** The load's result; when it does not end, what the guest is stuck in. */
  static FioResult await(GuestVm guest, GuestJob load, Duration within) {
    try {
      return load.awaitFio(within);
    } catch (AssertionError e) {
      StringBuilder state = new StringBuilder();
      for (String about : List.of("info registers -a", "info lapic 0")) {
        String command = "{\"command-line\":\"" + about + "\"}";
        state.append(guest.qmp("human-monitor-command", command)).append('\n');
      }
      throw new AssertionError("the guest is stuck:\n" + state, e);
    }
  }

  static void report(String what, FioResult result) {
    System.out.printf(
        Locale.ROOT,
        "%s: %d I/Os, %d errors, %d verify failures, longest I/O %.0f ms%n",
        what,
        result.ios(),
        result.errors(),
        result.verifyFailures(),
        result.maxLatencyNs() / 1e6);
  }
}
