package io.diskengine.testkit.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.VhostMethods;
import io.diskengine.testkit.conformance.Implementation;
import io.diskengine.testkit.guest.FioResult;
import io.diskengine.testkit.guest.GuestJob;
import io.diskengine.testkit.guest.GuestSpec;
import io.diskengine.testkit.guest.GuestVm;
import io.diskengine.testkit.process.ChildProcess;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The main job: a guest on a volume of two replicas writes a filesystem and files with checksums
 * and runs fio with verification while something of the system is taken away. No error, no wrong
 * byte, a bounded stall; {@code why} names the leg; the leg is rebuilt, and a second guest reads
 * every checksum with the other storage node gone. With the built-in engine as the data planes, and
 * with a real {@code spdk_tgt} when {@link Implementation#SPDK_TGT} names one.
 */
@ParameterizedClass
@MethodSource("dataPlanes")
@Tag("guest")
@Timeout(420)
@TestMethodOrder(MethodOrderer.MethodName.class)
class GuestSurvivesTest {
  private static final JsonMapper JSON = new JsonMapper();

  /** Probe deadline 5 s + grace time 3 s + 3 s. */
  private static final double LONGEST_IO_MS = 11_000;

  private static final Duration WHY_WITHIN = Duration.ofSeconds(5);
  private static final Duration PROBE_DEADLINE = Duration.ofSeconds(5);
  private static final Duration LEASE = Duration.ofSeconds(30);
  private static final Duration REBUILT_WITHIN = Duration.ofSeconds(120);
  private static Path home;
  private static Path smallFilesystem;
  private static UpSystem system;

  private String volume = "";
  private String victim = "";
  private String other = "";
  private String leg = "";

  @SuppressWarnings("NullAway.Init") // JUnit sets the parameter
  GuestSurvivesTest() {}

  /** What runs as data planes, by its options of {@code up}. */
  record DataPlanes(String name, List<String> options) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<DataPlanes> dataPlanes() {
    DataPlanes engine = new DataPlanes("engine", List.of());
    String spdkTgt = System.getProperty(Implementation.SPDK_TGT, "");
    if (spdkTgt.isEmpty()) {
      System.out.println("GuestSurvivesTest: not run on spdk_tgt, give --spdk-tgt PATH");
      return List.of(engine);
    }
    String arguments =
        System.getenv()
            .getOrDefault(Implementation.SPDK_TGT_ARGS, Implementation.DEFAULT_SPDK_TGT_ARGS);
    return List.of(
        engine,
        new DataPlanes("spdk_tgt", List.of("--spdk-tgt", spdkTgt, "--spdk-tgt-args", arguments)));
  }

  @Parameter DataPlanes dataPlanes;

  @BeforeParameterizedClassInvocation
  static void startSystem(DataPlanes dataPlanes) throws Exception {
    home = Files.createTempDirectory("de");
    smallFilesystem = Files.createDirectory(home.resolve("small"));
    ChildProcess.run(
        Duration.ofSeconds(10),
        List.of("mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", smallFilesystem.toString()));
    Path disks = Files.createDirectories(home.resolve("up/disks"));
    Path image = smallFilesystem.resolve("sn2.img");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(64L << 30);
    }
    Files.createSymbolicLink(disks.resolve("sn2.img"), image);
    system = UpSystem.start(home.resolve("up"), dataPlanes.options().toArray(String[]::new));
  }

  @AfterParameterizedClassInvocation
  static void stopSystem() {
    if (system != null) {
      system.close();
    }
    ChildProcess.run(Duration.ofSeconds(10), List.of("umount", smallFilesystem.toString()));
  }

  /** What is taken away, and given back. */
  private interface Fault {
    void begin() throws Exception;

    void end() throws Exception;

    /** Makes the guest do something that meets the fault. */
    default void provoke(GuestVm guest) {}
  }

  @Test
  void storageEngineKilledAndDownFor30Seconds(TestInfo test) throws Exception {
    createVolume(test, "killed", "sn1");
    survive(
        GuestLoad.outage(30),
        WHY_WITHIN,
        new Fault() {
          @Override
          public void begin() {
            system.hold(victim + "-engine");
            system.kill(victim + "-engine");
          }

          @Override
          public void end() {
            system.release(victim + "-engine");
          }
        });
  }

  @Test
  void storageEngineStoppedFor60Seconds(TestInfo test) throws Exception {
    createVolume(test, "stopped", "sn1");
    survive(
        GuestLoad.outage(60),
        PROBE_DEADLINE.plus(WHY_WITHIN),
        new Fault() {
          @Override
          public void begin() {
            system.stop(victim + "-engine");
          }

          @Override
          public void end() {
            system.cont(victim + "-engine");
          }
        });
  }

  @Test
  void storageEngineLosesItsListenerWithItsAgentHeld(TestInfo test) throws Exception {
    createVolume(test, "listener", "sn2");
    survive(
        GuestLoad.outage(30),
        WHY_WITHIN,
        new Fault() {
          @Override
          public void begin() throws Exception {
            system.hold(victim + "-agent");
            system.kill(victim + "-agent");
            JsonNode replica = replica(victim);
            int port = system.nvmfPort() + (victim.equals("sn1") ? 0 : 1);
            try (SpdkRpcClient spdk = SpdkRpcClient.connect(system.rpcSocket(victim).toString())) {
              spdk.call(
                      RpcRequest.raw(
                          "nvmf_subsystem_remove_listener",
                          JSON.readTree(
                              """
                              {"nqn":"%s","listen_address":{"trtype":"TCP","adrfam":"IPv4",
                               "traddr":"127.0.0.1","trsvcid":"%d"}}\
                              """
                                  .formatted(replica.get("nqn").stringValue(), port))))
                  .orElseThrow();
            }
          }

          @Override
          public void end() {
            system.release(victim + "-agent");
          }
        });
  }

  @Test
  void backingFileOfAStorageNodeHasNoSpace(TestInfo test) throws Exception {
    createVolume(test, "nospace", "sn2");
    Path balloon = smallFilesystem.resolve("balloon");
    survive(
        GuestLoad.outage(20),
        WHY_WITHIN.plus(WHY_WITHIN),
        new Fault() {
          @Override
          public void begin() {
            long free = smallFilesystem.toFile().getUsableSpace() / 4096 * 4096;
            ChildProcess.run(
                Duration.ofSeconds(20),
                List.of("fallocate", "-l", Long.toString(free), balloon.toString()));
          }

          @Override
          public void provoke(GuestVm guest) {
            guest
                .run("dd if=/dev/zero of=/mnt/more bs=1M count=64 conv=fsync 2>&1; rm /mnt/more")
                .ok();
          }

          @Override
          public void end() throws Exception {
            Files.delete(balloon);
          }
        });
  }

  @Test
  void baremetalEngineKilledAndBack(TestInfo test) throws Exception {
    createVolume(test, "baremetal", "sn1");
    try (GuestVm guest = boot("writer")) {
      GuestLoad.writeFiles(guest);
      Duration runtime = GuestLoad.outage(30);
      GuestJob load = GuestLoad.start(guest, runtime);
      long loadNs = System.nanoTime();
      do {
        Thread.sleep(5_000);
        long startedNs = System.nanoTime();
        system.kill("bm1-engine");
        awaitAttached();
        System.out.printf(
            Locale.ROOT, "%s: attached again after %.1f s%n", volume, secondsSince(startedNs));
      } while (secondsSince(loadNs) < runtime.toSeconds() - 15);
      FioResult result = GuestLoad.await(guest, load, runtime.plusSeconds(90));
      GuestLoad.report("baremetal engine killed", result);
      assertThat(result.clean()).as(result.toString()).isTrue();
      GuestLoad.checkFiles(guest);
      guest.poweroff();
    }
    awaitInSync();
    removeVolume();
  }

  /** No I/O goes through them: the guest notices nothing. */
  @Test
  void controlProcessesKilledInTurn(TestInfo test) throws Exception {
    createVolume(test, "control", "sn1");
    try (GuestVm guest = boot("writer")) {
      GuestLoad.writeFiles(guest);
      Duration runtime = GuestLoad.outage(30);
      GuestJob load = GuestLoad.start(guest, runtime);
      long loadNs = System.nanoTime();
      do {
        for (String name : List.of("controller", "sn1-agent", "sn2-agent", "bm1-agent")) {
          system.kill(name);
          system.pid(name);
          Thread.sleep(2_000);
        }
      } while (secondsSince(loadNs) < runtime.toSeconds() - 15);
      FioResult result = GuestLoad.await(guest, load, runtime.plusSeconds(90));
      GuestLoad.report("control processes killed", result);
      assertThat(result.clean()).as(result.toString()).isTrue();
      GuestLoad.checkFiles(guest);
      guest.poweroff();
    }
    awaitInSync();
    // An agent that was killed gets its lease again when that of the dead one has expired.
    system.await(
        "the detach of " + volume,
        LEASE.plusSeconds(10),
        () -> system.command("volume", "detach", volume).exitCode() == 0);
    removeVolume();
  }

  @Test
  void upStoppedInOrderAndStartedAgain(TestInfo test) throws Exception {
    createVolume(test, "stopstart", "sn1");
    long epoch = show().get("epoch").longValue();
    surviveAbsenceOfEverything(
        () -> assertThat(system.shutDown()).isLessThan(Duration.ofSeconds(20)));
    assertThat(show().get("epoch").longValue()).as("nothing was rebuilt").isEqualTo(epoch);
    removeVolume();
  }

  @Test
  void upKilledWithAllItsProcessesAndStartedAgain(TestInfo test) throws Exception {
    createVolume(test, "killall", "sn1");
    surviveAbsenceOfEverything(system::killAll);
    awaitInSync();
    removeVolume();
  }

  /** The guest waits for the next {@code up} and goes on, without an error. */
  private void surviveAbsenceOfEverything(Runnable end) throws Exception {
    try (GuestVm guest = boot("writer")) {
      GuestLoad.writeFiles(guest);
      GuestJob load = GuestLoad.start(guest, Duration.ofSeconds(30));
      Thread.sleep(5_000);
      end.run();
      system.restart();
      awaitAttached();
      FioResult result = GuestLoad.await(guest, load, Duration.ofSeconds(120));
      GuestLoad.report(volume, result);
      assertThat(result.clean()).as(result.toString()).isTrue();
      GuestLoad.checkFiles(guest);
      guest.poweroff();
    }
  }

  // ---- the scenario

  private void survive(Duration outage, Duration whyWithin, Fault fault) throws Exception {
    try (GuestVm guest = boot("writer")) {
      GuestLoad.writeFiles(guest);
      GuestJob load = GuestLoad.start(guest, outage.plusSeconds(20));
      Thread.sleep(5_000);
      long startedNs = System.nanoTime();
      fault.begin();
      try {
        fault.provoke(guest);
        awaitWhy(startedNs, whyWithin);
        Duration left = outage.minusNanos(System.nanoTime() - startedNs);
        Thread.sleep(Math.max(0, left.toMillis()));
      } finally {
        fault.end(); // whatever was seen: the next test starts with everything
      }
      FioResult result = GuestLoad.await(guest, load, outage.plusSeconds(60));
      GuestLoad.report(volume, result);
      assertThat(result.clean()).as(result.toString()).isTrue();
      assertThat(result.maxLatencyNs() / 1e6).as("longest I/O, ms").isLessThan(LONGEST_IO_MS);
      awaitInSync();
      GuestLoad.checkFiles(guest);
      guest.run("umount /mnt").ok();
      guest.poweroff();
    }
    readWithTheOtherNodeGone();
    removeVolume();
  }

  /** The files are read from the leg that was away. */
  private void readWithTheOtherNodeGone() {
    system.hold(other + "-engine");
    system.kill(other + "-engine");
    try (GuestVm guest = boot("reader")) {
      guest.run("mount /dev/vda /mnt").ok();
      GuestLoad.checkFiles(guest);
      guest.poweroff();
    } finally {
      system.release(other + "-engine");
    }
    awaitInSync();
  }

  private void awaitWhy(long startedNs, Duration within) {
    String[] said = {""};
    try {
      system.await(
          "why to name the leg",
          within.plusSeconds(20),
          () -> {
            said[0] = system.command("why", volume).out();
            return said[0]
                .lines()
                .anyMatch(l ->
                    l.contains(leg)
                        && (l.contains("OUT") || l.contains("dropped after the grace time"))
                        && l.contains("since 20"));
          });
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("why said:\n" + said[0], e);
    }
    double took = secondsSince(startedNs);
    System.out.printf(Locale.ROOT, "%s: why after %.1f s:%n%s", volume, took, said[0]);
    assertThat(took).as("seconds until why named the leg").isLessThan(within.toMillis() / 1e3);
  }

  private static double secondsSince(long startedNs) {
    return (System.nanoTime() - startedNs) / 1e9;
  }

  // ---- the volume

  private void createVolume(TestInfo test, String name, String loses) {
    System.out.println("--- " + dataPlanes + ": " + test.getDisplayName());
    volume = name;
    victim = loses;
    other = loses.equals("sn1") ? "sn2" : "sn1";
    system.command("volume", "create", volume, "--size", "256MiB").ok();
    system.command("volume", "attach", volume, "--node", "bm1").ok();
    leg = replica(victim).get("name").stringValue();
  }

  private void removeVolume() {
    system.detach(volume);
    system.command("volume", "delete", volume).ok();
  }

  private JsonNode show() {
    return JSON.readTree(system.command("volume", "show", volume, "--output", "json").ok().out());
  }

  private JsonNode replica(String node) {
    for (JsonNode replica : show().get("placement")) {
      if (replica.get("node").stringValue().equals(node)) {
        return replica;
      }
    }
    throw new AssertionError("no replica of " + volume + " on " + node);
  }

  private GuestVm boot(String name) {
    Path socket = Path.of(show().get("attachment").get("socketPath").stringValue());
    return GuestVm.boot(GuestSpec.named(name).withCpus(1).withDisk(socket));
  }

  private void awaitInSync() {
    long startedNs = System.nanoTime();
    system.await(
        "both legs of " + volume + " to be in sync",
        REBUILT_WITHIN,
        () -> {
          int inSync = 0;
          for (JsonNode replica : show().get("placement")) {
            inSync += replica.get("sync").stringValue().equals("IN_SYNC") ? 1 : 0;
          }
          return inSync == 2;
        });
    System.out.printf(Locale.ROOT, "%s: in sync after %.1f s%n", volume, secondsSince(startedNs));
  }

  private void awaitAttached() {
    system.await(
        volume + " to be attached",
        Duration.ofSeconds(60),
        () -> {
          try (SpdkRpcClient spdk = SpdkRpcClient.connect(system.rpcSocket("bm1").toString())) {
            return spdk.call(VhostMethods.controllers())
                .okValue()
                .map(all -> !all.isEmpty())
                .orElse(false);
          }
        });
  }
}
