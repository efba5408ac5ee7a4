package io.diskengine.testkit.vhost;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import io.diskengine.nvme.NativeMemory;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.BdevMethods.CreateMalloc;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.spdkrpc.VhostMethods;
import io.diskengine.spdkrpc.VhostMethods.CreateBlk;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The engine's vhost-user-blk against a front-end that drives the rings itself. */
@Timeout(60)
class VhostFrontendTest {
  private static final int BLOCK = 4096;
  private static final long MEMORY = 8 << 20;

  @TempDir Path folder;
  private Engine engine;
  private SpdkRpcClient spdk;

  @BeforeEach
  void startEngine() throws Exception {
    String rpc = folder.resolve("rpc").toString();
    engine = Engine.start(new EngineOptions(rpc, folder, false, ReactorOptions.of(2)));
    spdk = SpdkRpcClient.connect(rpc);
    for (String name : new String[] {"a", "b"}) {
      spdk.call(BdevMethods.createMalloc(new CreateMalloc("M" + name, 1024, BLOCK))).orElseThrow();
      spdk.call(VhostMethods.createBlk(new CreateBlk(name, "M" + name))).orElseThrow();
    }
  }

  @AfterEach
  void stopEngine() {
    spdk.close();
    engine.close();
  }

  private VhostFrontend frontend(String controller, long features) {
    return VhostFrontend.connect(folder.resolve(controller), MEMORY).start(2, 128, features);
  }

  /** Builds header, one data descriptor and status at head 0; returns the status' address. */
  private static long chain(
      VhostFrontend guest, int ring, int type, long sector, long data, int length) {
    long header = guest.allocateGuest(16);
    NativeMemory.putInt(guest.local(header), type);
    NativeMemory.putInt(guest.local(header) + 4, 0);
    NativeMemory.putLong(guest.local(header) + 8, sector);
    long status = guest.allocateGuest(1);
    NativeMemory.putByte(guest.local(status), (byte) 0x55);
    VhostFrontend.Ring queue = guest.ring(ring);
    boolean deviceWrites = type == 0 || type == 8;
    queue.desc(0, header, 16, 1, length == 0 ? 2 : 1);
    if (length > 0) {
      queue.desc(1, data, length, 1 | (deviceWrites ? 2 : 0), 2);
    }
    queue.desc(2, status, 1, 2, 0);
    return status;
  }

  private static int request(
      VhostFrontend guest, int ring, int type, long sector, long data, int length) {
    long status = chain(guest, ring, type, sector, data, length);
    VhostFrontend.Ring queue = guest.ring(ring);
    queue.offer(0);
    queue.kick();
    assertThat(queue.await(10_000)).isEqualTo(0);
    return NativeMemory.getByte(guest.local(status));
  }

  private static void assertServes(VhostFrontend guest) {
    long data = guest.allocateGuest(BLOCK);
    NativeMemory.fill(guest.local(data), BLOCK, (byte) 7);
    assertThat(request(guest, 0, 1, 8, data, BLOCK)).isZero();
    NativeMemory.fill(guest.local(data), BLOCK, (byte) 0);
    assertThat(request(guest, 1, 0, 8, data, BLOCK)).isZero();
    assertThat(NativeMemory.getByte(guest.local(data) + 1234)).isEqualTo((byte) 7);
  }

  @Test
  void everyRequestTypeDoesItsWorkOnBothQueues() {
    try (VhostFrontend guest = frontend("a", VhostFrontend.FLUSH | 1L << 13 | 1L << 14)) {
      assertServes(guest);
      long data = guest.allocateGuest(BLOCK);
      assertThat(request(guest, 0, 4, 0, 0, 0)).isZero();
      assertThat(request(guest, 0, 8, 0, data, 20)).isZero();
      assertThat(new String(NativeMemory.bytes(guest.local(data), 2), StandardCharsets.US_ASCII))
          .isEqualTo("Ma");
      for (int type : new int[] {11, 13}) {
        NativeMemory.fill(guest.local(data), BLOCK, (byte) 9);
        assertThat(request(guest, 0, 1, 16, data, BLOCK)).isZero();
        NativeMemory.putLong(guest.local(data), 16);
        NativeMemory.putInt(guest.local(data) + 8, 8);
        NativeMemory.putInt(guest.local(data) + 12, 0);
        assertThat(request(guest, 1, type, 0, data, 16)).isZero();
        assertThat(request(guest, 1, 0, 16, data, BLOCK)).isZero();
        assertThat(NativeMemory.isZero(guest.local(data), BLOCK)).isTrue();
      }
    }
  }

  @Test
  void configurationSpaceDescribesTheDevice() {
    try (VhostFrontend guest = frontend("a", 0)) {
      byte[] config = guest.config();
      assertThat(config[0] & 0xff | (config[1] & 0xff) << 8).isEqualTo(1024 * BLOCK / 512);
      assertThat(config[21]).isEqualTo((byte) (BLOCK >> 8));
      assertThat(config[34]).isEqualTo((byte) 16);
    }
  }

  @Test
  void wrongRequestsGetAnErrorStatusAndTheRingGoesOn() {
    try (VhostFrontend guest = frontend("a", 0)) {
      long data = guest.allocateGuest(2 * BLOCK);
      assertThat(request(guest, 0, 0, 1024 * 8, data, BLOCK)).as("past the end").isEqualTo(1);
      assertThat(request(guest, 0, 0, -8, data, BLOCK)).as("sector 2^64 - 8").isEqualTo(1);
      assertThat(request(guest, 0, 0, 3, data, BLOCK)).as("unaligned sector").isEqualTo(1);
      assertThat(request(guest, 0, 0, 0, data, 512)).as("part of a block").isEqualTo(1);
      assertThat(request(guest, 0, 0, 0, 0, 0)).as("no data").isEqualTo(1);
      assertThat(request(guest, 0, 99, 0, data, BLOCK)).as("unknown type").isEqualTo(2);
      assertServes(guest);
    }
  }

  @Test
  void newCallDescriptorIsRungAtOnceSoThatNoInterruptIsLost() {
    try (VhostFrontend guest = frontend("a", VhostFrontend.FLUSH)) {
      VhostFrontend.Ring ring = guest.ring(0);
      assertThat(ring.awaitCall(10_000)).as("rung when the ring was set up").isTrue();
      for (int i = 0; i < 3; i++) {
        ring.replaceCall();
        assertThat(ring.awaitCall(10_000)).as("rung with nothing in the ring").isTrue();
        guest.config(); // answered after everything that was sent before
        assertThat(ring.called()).as("rung once").isFalse();
      }
      assertThat(request(guest, 0, 4, 0, 0, 0)).isZero();
      assertThat(ring.awaitCall(10_000)).as("the new descriptor is the one in use").isTrue();
    }
  }

  @Test
  void withEventIndexNoCompletionIsMissed() {
    try (VhostFrontend guest = frontend("a", VhostFrontend.FLUSH)) {
      assertThat(guest.ring(0).awaitCall(10_000)).as("rung when the ring was set up").isTrue();
      for (int i = 0; i < 200; i++) {
        assertThat(request(guest, i & 1, 4, 0, 0, 0)).isZero();
      }
      assertThat(guest.ring(0).awaitCall(10_000)).isTrue();
    }
  }

  // ---- hostile rings: the ring stops, everybody else is served as before

  static Stream<Arguments> hostileRings() {
    return Stream.of(
        hostile("avail index far ahead", (guest, ring) -> ring.breakAvailIdx(30_000)),
        hostile("head out of range", (guest, ring) -> ring.offer(128)),
        hostile(
            "chain that never ends",
            (guest, ring) -> {
              ring.desc(0, VhostFrontend.GUEST_BASE, 16, 1, 1);
              ring.desc(1, VhostFrontend.GUEST_BASE, 16, 1, 0);
              ring.offer(0);
            }),
        hostile(
            "address outside the guest's memory",
            (guest, ring) -> {
              chain(guest, 0, 0, 0, 0xdead_beef_0000L, BLOCK);
              ring.offer(0);
            }),
        hostile(
            "length beyond the end of memory",
            (guest, ring) -> {
              chain(guest, 0, 0, 0, VhostFrontend.GUEST_BASE + MEMORY - 512, BLOCK);
              ring.offer(0);
            }),
        hostile(
            "next out of range",
            (guest, ring) -> {
              ring.desc(0, VhostFrontend.GUEST_BASE, 16, 1, 5000);
              ring.offer(0);
            }),
        hostile(
            "indirect table of odd length",
            (guest, ring) -> {
              ring.desc(0, VhostFrontend.GUEST_BASE, 17, 4, 0);
              ring.offer(0);
            }),
        hostile(
            "indirect table in an indirect table",
            (guest, ring) -> {
              long table = guest.allocateGuest(32);
              NativeMemory.putLong(guest.local(table), table);
              NativeMemory.putInt(guest.local(table) + 8, 16);
              NativeMemory.putShort(guest.local(table) + 12, (short) 4);
              ring.desc(0, table, 16, 4, 0);
              ring.offer(0);
            }),
        hostile(
            "nothing for the device to write",
            (guest, ring) -> {
              ring.desc(0, VhostFrontend.GUEST_BASE, 16, 0, 0);
              ring.offer(0);
            }),
        hostile(
            "readable after writable",
            (guest, ring) -> {
              ring.desc(0, VhostFrontend.GUEST_BASE, 16, 1 | 2, 1);
              ring.desc(1, VhostFrontend.GUEST_BASE, 16, 0, 0);
              ring.offer(0);
            }));
  }

  private static Arguments hostile(
      String what, BiConsumer<VhostFrontend, VhostFrontend.Ring> doing) {
    return Arguments.of(what, doing);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostileRings")
  void hostileRingHarmsOnlyItself(String what, BiConsumer<VhostFrontend, VhostFrontend.Ring> doing)
      throws Exception {
    try (VhostFrontend guest = frontend("a", 0);
        VhostFrontend other = frontend("b", 0)) {
      doing.accept(guest, guest.ring(0));
      guest.ring(0).kick();
      assertServes(other);
      assertThat(guest.ring(0).await(50)).as(what).isNull();
    }
    try (VhostFrontend again = frontend("a", 0)) {
      assertServes(again);
    }
  }

  @Test
  void truncatedGuestMemoryEndsItsSessionAndNothingElse() throws Exception {
    try (VhostFrontend guest = frontend("a", 0);
        VhostFrontend other = frontend("b", 0)) {
      assertServes(guest);
      guest.truncateMemory(0);
      guest.ring(0).wake(); // a backend that sleeps looks at no memory
      assertThat(guest.closedByPeer(10_000)).isTrue();
      assertServes(other);
    }
    try (VhostFrontend again = frontend("a", 0)) {
      assertServes(again);
    }
  }

  // ---- nonsense on the socket closes that connection

  static Stream<Arguments> nonsense() {
    return Stream.of(
        Arguments.of("payload too long", words(1, 1, 1 << 20)),
        Arguments.of("negative payload", words(1, 1, -1)),
        Arguments.of("wrong version", words(1, 2, 0)),
        Arguments.of("unknown request", words(77, 1, 8, 0, 0)),
        Arguments.of(
            "memory table without descriptors", words(5, 1, 40, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
        Arguments.of("a hundred regions", words(5, 1, 8, 100, 0)),
        Arguments.of("ring 300", words(8, 1, 8, 300, 128)),
        Arguments.of("ring of 3 entries", words(8, 1, 8, 0, 3)),
        Arguments.of("ring of 0 entries", words(8, 1, 8, 0, 0)),
        Arguments.of("ring addresses cut short", words(9, 1, 8, 0, 0)),
        Arguments.of("kick without memory", words(12, 1, 8, 256, 0)),
        Arguments.of("features that were not offered", words(2, 1, 8, -1, -1)),
        Arguments.of("in-flight region without descriptor", words(32, 1, 24, 0, 0, 0, 0, 0, 0)),
        Arguments.of("configuration beyond its end", words(24, 1, 12, 250, 60, 0)));
  }

  private static byte[] words(int... words) {
    java.nio.ByteBuffer bytes =
        java.nio.ByteBuffer.allocate(4 * words.length).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    for (int word : words) {
      bytes.putInt(word);
    }
    return bytes.array();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("nonsense")
  void nonsenseClosesTheConnection(String what, byte[] bytes) throws Exception {
    try (VhostFrontend guest = VhostFrontend.connect(folder.resolve("a"), MEMORY);
        VhostFrontend other = frontend("b", 0)) {
      guest.sendRaw(bytes);
      assertThat(guest.closedByPeer(10_000)).as(what).isTrue();
      assertServes(other);
    }
    try (VhostFrontend again = frontend("a", 0)) {
      assertServes(again);
    }
  }

  @Test
  void memoryTableThatPromisesMoreThanItsFileIsRefused() throws Exception {
    try (VhostFrontend guest = VhostFrontend.connect(folder.resolve("a"), MEMORY)) {
      guest.negotiate(0);
      guest.setMemTable(2 * MEMORY);
      assertThat(guest.closedByPeer(10_000)).isTrue();
    }
  }

  // ---- life of a controller

  @Test
  void socketIsForItsGroupOnly() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("a"))))
        .isEqualTo("rw-rw----");
  }

  @Test
  void connectedControllerIsNotDeletedAndAnIdleOneIs() {
    try (VhostFrontend guest = frontend("a", 0)) {
      assertServes(guest);
      assertThat(spdk.call(VhostMethods.delete("a")))
          .isEqualTo(new RpcResult.Rejected<>(-32602, "Device or resource busy"));
      assertServes(guest);
    }
    spdk.call(VhostMethods.delete("b")).orElseThrow();
    assertThat(Files.exists(folder.resolve("b"))).isFalse();
  }

  @Test
  void deviceRemovedUnderAGuestFailsItsRequestsAndKeepsTheController() {
    try (VhostFrontend guest = frontend("a", 0)) {
      assertServes(guest);
      spdk.call(BdevMethods.deleteMalloc("Ma")).orElseThrow();
      long data = guest.allocateGuest(BLOCK);
      assertThat(request(guest, 0, 0, 0, data, BLOCK)).isEqualTo(1);
      var controller = spdk.call(VhostMethods.controller("a")).orElseThrow().getFirst();
      assertThat(controller.block().orElseThrow().bdev()).isNull();
    }
  }

  @Test
  void stoppedRingSaysWhereItGoesOn() {
    try (VhostFrontend guest = frontend("a", 0)) {
      for (int i = 0; i < 5; i++) {
        request(guest, 0, 4, 0, 0, 0);
      }
      assertThat(guest.stop(0)).isEqualTo(5);
    }
  }
}
