package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.LvolSync;
import io.diskengine.model.Sizes;
import io.diskengine.testkit.guest.FioResult;
import io.diskengine.testkit.guest.GuestJob;
import io.diskengine.testkit.guest.GuestSpec;
import io.diskengine.testkit.guest.GuestVm;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A storage node that lives on but cannot be reached: its data plane is in a network of its own,
 * whose cable is cut. Nobody closes a connection, nobody answers; its agent goes on to say that all
 * is well. The guest loses nothing, and nothing was written to the node behind the cut.
 */
@Tag("guest")
@Timeout(420)
@NullUnmarked
class GuestPartitionTest {
  /** TCP user timeout or keep-alive, grace time, and what dropping takes. */
  private static final double LONGEST_IO_MS = 11_000;

  @TempDir Path dir;

  private static long inSync(EngineCluster c) {
    return c.volume("v1").lvols().stream().filter(l -> l.sync() == LvolSync.IN_SYNC).count();
  }

  @Test
  void storageNodeBehindACutNetworkFor30Seconds() throws Exception {
    Duration outage = GuestLoad.outage(30);
    try (NetworkNode network = new NetworkNode(1);
        EngineCluster c = new EngineCluster(dir).in("sn2", network).startAll()) {
      c.create("v1", 2, 256 * Sizes.MIB);
      Path socket = c.vhostSocket(c.attach("v1"));
      try (GuestVm guest =
          GuestVm.boot(GuestSpec.named("partition").withCpus(1).withDisk(socket))) {
        GuestLoad.writeFiles(guest);
        GuestJob load = GuestLoad.start(guest, outage.plusSeconds(20));
        long startedNs = System.nanoTime();
        network.cut();
        try {
          c.await("the leg to be out", () -> inSync(c) == 1);
          System.out.printf(
              Locale.ROOT, "partition: out after %.1f s%n", (System.nanoTime() - startedNs) / 1e9);
          Thread.sleep(Math.max(0, outage.minusNanos(System.nanoTime() - startedNs).toMillis()));
        } finally {
          network.mend();
        }
        FioResult result = GuestLoad.await(guest, load, outage.plusSeconds(90));
        GuestLoad.report("partition", result);
        assertThat(result.clean()).as(result.toString()).isTrue();
        assertThat(result.maxLatencyNs() / 1e6).as("longest I/O, ms").isLessThan(LONGEST_IO_MS);
        c.await("both legs", () -> inSync(c) == 2);
        c.engines.get("sn1").kill();
        c.await("the other leg to be out", () -> inSync(c) == 1);
        GuestLoad.checkFiles(guest); // read from the leg that was away
        guest.poweroff();
      }
    }
  }
}
