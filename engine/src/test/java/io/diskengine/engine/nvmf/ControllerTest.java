package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.MallocBdev;
import io.diskengine.engine.nvmf.WireClient.Answer;
import io.diskengine.nvme.Nqn;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a host sees of its controller: Connect's checks, properties, events, pages, its end. */
class ControllerTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;
  private static final int INVALID_PARAM = 0x182;
  private static final int INVALID_HOST = 0x184;
  private static final int SEQUENCE_ERROR = 0x0c;
  private static final int INVALID_FIELD = 2;
  private static final int INVALID_NAMESPACE = 0x0b;

  private final TargetFixture fixture =
      new TargetFixture(
          TargetFixture.options(512, 128),
          new TransportOptions(128, 4, 4096, 131_072, 64, true, 1, 0, 1, 100));
  private final Subsystem subsystem = fixture.export();
  private final InetSocketAddress address = fixture.address(subsystem);

  @AfterEach
  void stop() {
    fixture.close();
  }

  private Answer connect(int qid, int sqsize, int cntlid, String nqn, String host)
      throws IOException {
    try (WireClient client = new WireClient(address)) {
      client.initialize(false, false);
      return client.connect(qid, sqsize, cntlid, nqn, host, 0);
    }
  }

  private static void assertInvalid(Answer answer, int offset, int attribute) {
    assertThat(answer.status()).isEqualTo(INVALID_PARAM);
    assertThat(answer.result()).isEqualTo(offset | attribute << 16);
  }

  @Test
  void connectChecksWhatItIsTold() throws IOException {
    assertInvalid(connect(0, 31, 0xffff, NQN + "x", HOST), 256, 1);
    assertThat(connect(0, 31, 0xffff, NQN, HOST + "x").status()).isEqualTo(INVALID_HOST);
    assertInvalid(connect(0, 31, 7, NQN, HOST), 16, 1);
    assertInvalid(connect(0, 0, 0xffff, NQN, HOST), 44, 0);
    assertInvalid(connect(0, 64, 0xffff, NQN, HOST), 44, 0);
    assertInvalid(connect(1, 31, 999, NQN, HOST), 16, 1);
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 127)) {
      assertInvalid(connect(2, 128, admin.cntlid, NQN, HOST), 44, 0);
      assertInvalid(connect(5, 31, admin.cntlid, NQN, HOST), 42, 0);
      assertThat(connect(1, 31, admin.cntlid, NQN, HOST).status()).isEqualTo(0x101);
      fixture.run(() -> subsystem.allowAnyHost(true));
      assertInvalid(connect(2, 31, admin.cntlid, NQN, HOST + "x"), 512, 1);
      assertThat(io.call(io.sqe(0x7f, 1)).status()).isEqualTo(SEQUENCE_ERROR); // Connect again
    }
  }

  @Test
  void commandsBeforeConnectAndBeforeEnableAreOutOfSequence() throws IOException {
    try (WireClient client = new WireClient(address)) {
      client.initialize(false, false);
      assertThat(client.identify(1, 0).status()).isEqualTo(SEQUENCE_ERROR);
      assertThat(client.propertyGet(0, true).status()).isEqualTo(SEQUENCE_ERROR);
      Answer connected = client.connect(0, 31, 0xffff, NQN, HOST, 0);
      assertThat(connected.status()).isZero();
      assertThat(client.identify(1, 0).status()).isEqualTo(SEQUENCE_ERROR);
      assertInvalid(connect(1, 31, (int) connected.result(), NQN, HOST), 42, 0);
    }
  }

  @Test
  void propertiesFollowTheControllersLife() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      long cap = admin.propertyGet(0, true).result();
      assertThat(cap & 0xffff).as("MQES").isEqualTo(127);
      assertThat(admin.propertyGet(8, false).result()).as("VS").isEqualTo(0x20000);
      assertThat(admin.propertyGet(8, true).status()).isEqualTo(INVALID_FIELD);
      assertThat(admin.propertyGet(0x40, false).status()).isEqualTo(INVALID_FIELD);
      assertThat(admin.propertySet(0x14, 0x460001 | 1 << 14)).isZero(); // shutdown
      assertThat(io.closedByTarget()).isTrue();
      fixture.eventually(() -> subsystem.controllers().getFirst().ioQueues() == 0);
      assertThat(admin.propertyGet(0x1c, false).result()).as("CSTS").isEqualTo(8);
      assertThat(admin.propertySet(0x14, 0x460000)).isZero();
      assertThat(admin.propertySet(0x14, 0x460001)).isZero();
      assertThat(admin.propertyGet(0x1c, false).result() & 1).isEqualTo(1);
    }
  }

  @Test
  void silentHostsControllerGoesWhenItsKeepAliveTimeIsOver() throws Exception {
    try (WireClient client = new WireClient(address)) {
      client.initialize(false, false);
      Answer connected = client.connect(0, 31, 0xffff, NQN, HOST, 300);
      client.cntlid = (int) connected.result();
      assertThat(client.propertySet(0x14, 0x460001)).isZero();
      for (int i = 0; i < 4; i++) {
        Thread.sleep(150);
        assertThat(client.call(client.sqe(0x18, 0)).status()).isZero();
      }
      long silentNs = System.nanoTime();
      assertThat(client.closedByTarget()).isTrue();
      assertThat(System.nanoTime() - silentNs).isGreaterThan(250_000_000);
      fixture.eventually(() -> subsystem.controllers().isEmpty());
    }
  }

  // ---- namespaces

  private static int event(Answer answer) {
    return (int) answer.result();
  }

  @Test
  void namespacesThatComeGoAndGrowAreToldByEvents() throws Exception {
    UUID uuid = UUID.fromString("33333333-2222-4333-8444-555555555555");
    MallocBdev second = new MallocBdev("M1", uuid, 4096, 1024);
    fixture.run(() -> fixture.layer.register(second));
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      admin.send(admin.sqe(0x0c, 0));
      assertThat(fixture.add(subsystem, "M1")).isEqualTo(2);
      assertThat(event(admin.answer())).isEqualTo(0x04_00_02);
      assertThat(ints(admin.logPage(4, 4096, 0))[0]).isEqualTo(2);
      assertThat(ints(admin.identify(2, 0))).startsWith(1, 2, 0);
      assertThat(ints(admin.identify(2, 1))).startsWith(2, 0);

      fixture.run(() -> fixture.layer.resize(second, 2048));
      admin.send(admin.sqe(0x0c, 0));
      assertThat(event(admin.answer())).isEqualTo(0x04_00_02);
      assertThat(ints(admin.logPage(4, 4096, 0))[0]).isEqualTo(2);
      Answer grown = admin.identify(0, 2);
      assertThat(wrap(grown.data()).getLong(0)).isEqualTo(2048);
      assertThat(grown.data()[128 + 2]).isEqualTo((byte) 12); // LBADS

      admin.send(admin.sqe(0x0c, 0));
      TargetFixture.await(
          fixture.<Integer>begin(done -> fixture.layer.unregister(second, done::complete)));
      assertThat(event(admin.answer())).isEqualTo(0x04_00_02);
      assertThat(ints(admin.identify(2, 0))).startsWith(1, 0);
      assertThat(wrap(admin.identify(0, 2).data()).getLong(0)).isZero();
      assertThat(admin.identify(3, 2).status()).isEqualTo(INVALID_NAMESPACE);
      assertThat(admin.identify(0, 33).status()).isEqualTo(INVALID_NAMESPACE);
      assertThat(io.call(io.sqe(0, 2)).status()).isEqualTo(INVALID_NAMESPACE);
      assertThat(io.call(io.sqe(0, 1)).status()).isZero();
      assertThat(admin.identify(3, 1).data()[0]).isEqualTo((byte) 2); // NGUID first
    }
  }

  @Test
  void removalOfANamespaceWaitsForItsIoAndRefusesFurther() throws Exception {
    HeldBdev held = new HeldBdev("H1", 1024);
    fixture.run(() -> fixture.layer.register(held));
    assertThat(fixture.add(subsystem, "H1")).isEqualTo(2);
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      held.holding = true;
      io.send(WireClient.inCapsule(io.writeSqe(0, 1).putInt(4, 2), 512), new byte[512]);
      fixture.eventually(() -> held.heldIos.get() == 1);
      var removed =
          fixture.<Boolean>begin(
              done -> assertThat(subsystem.removeNamespace(2, () -> done.complete(true))).isTrue());
      int status;
      do { // until the removal has come to this connection's reactor
        status = io.call(io.sqe(0x7e, 2)).status();
      } while (status == 1);
      assertThat(status).isEqualTo(INVALID_NAMESPACE);
      assertThat(removed).isNotDone();
      assertThat(fixture.<Boolean>home(() -> subsystem.removeNamespace(2, () -> {}))).isFalse();
      held.release(fixture);
      assertThat(io.answer().status()).isZero();
      assertThat(TargetFixture.await(removed)).isTrue();
    }
  }

  @Test
  void statusOfTheDeviceIsTheStatusOfTheCommand() throws Exception {
    HeldBdev bdev = new HeldBdev("H1", 1024);
    fixture.run(() -> fixture.layer.register(bdev));
    fixture.add(subsystem, "H1");
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      for (int status : new int[] {0x81, 0x280, 0x281, 0x06}) {
        bdev.status = status;
        Answer answer = io.call(io.readSqe(0, 1).putInt(4, 2));
        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.dnr()).isFalse();
        assertThat(answer.data()).isEmpty();
      }
      assertThat(io.call(io.readSqe(16384, 1)).status()).isEqualTo(0x80); // out of range
      assertThat(io.call(io.readSqe(-1, 1)).status()).isEqualTo(0x80);
      Answer compare = io.call(WireClient.inCapsule(io.sqe(5, 1), 512), new byte[512]);
      assertThat(compare.status()).isEqualTo(1);
      assertThat(compare.dnr()).isTrue();
      ByteBuffer tooLong = WireClient.transport(io.writeSqe(0, 512), 256 << 10);
      assertThat(io.call(tooLong).status()).isEqualTo(INVALID_FIELD);
      ByteBuffer tooShort = WireClient.transport(io.readSqe(0, 8), 512);
      assertThat(io.call(tooShort).status()).isEqualTo(0x0f);
      ByteBuffer prp = io.readSqe(0, 1).put(1, (byte) 0);
      assertThat(io.call(prp).status()).isEqualTo(INVALID_FIELD);
    }
  }

  @Test
  void zeroesAndDeallocatedRangesReadAsZeros() throws Exception {
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      byte[] data = new byte[4096];
      java.util.Arrays.fill(data, (byte) 7);
      assertThat(io.writeInCapsule(0, data)).isZero();
      assertThat(io.call(io.sqe(8, 1).putLong(40, 1).putInt(48, 0)).status()).isZero();
      ByteBuffer ranges = WireClient.buffer(32);
      ranges.putInt(4, 1).putLong(8, 3).putInt(20, 2).putLong(24, 5);
      ByteBuffer dsm = WireClient.inCapsule(io.sqe(9, 1).putInt(40, 1).putInt(44, 4), 32);
      assertThat(io.call(dsm, ranges.array()).status()).isZero();
      byte[] read = io.read(0, 8);
      for (int block = 0; block < 8; block++) {
        boolean zero = block == 1 || block == 3 || block == 5 || block == 6;
        assertThat(read[block * 512]).as("block " + block).isEqualTo((byte) (zero ? 0 : 7));
      }
      ByteBuffer outside = WireClient.inCapsule(io.sqe(9, 1).putInt(40, 0).putInt(44, 4), 16);
      ranges.putInt(4, 1).putLong(8, 16384);
      assertThat(io.call(outside, ranges.array()).status()).isEqualTo(0x80);
    }
  }

  // ---- events and features

  @Test
  void fourEventRequestsMayWaitAndCanBeAborted() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
      ByteBuffer first = admin.sqe(0x0c, 0);
      admin.send(first);
      for (int i = 0; i < 3; i++) {
        admin.send(admin.sqe(0x0c, 0));
      }
      assertThat(admin.call(admin.sqe(0x0c, 0)).status()).isEqualTo(0x105);
      admin.send(admin.sqe(8, 0).putInt(40, WireClient.cid(first) << 16));
      assertThat(admin.answer().status()).isEqualTo(7);
      assertThat(admin.answer().result()).isZero();
      Answer nothing = admin.call(admin.sqe(8, 0).putInt(40, 0x7fff << 16));
      assertThat(nothing.result()).isEqualTo(1);
    }
  }

  @Test
  void abortEndsACommandAtTheDevice() throws Exception {
    HeldBdev held = new HeldBdev("H1", 1024);
    fixture.run(() -> fixture.layer.register(held));
    fixture.add(subsystem, "H1");
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
      held.holding = true;
      ByteBuffer read = io.readSqe(0, 1).putInt(4, 2);
      io.send(read);
      fixture.eventually(() -> held.heldIos.get() == 1);
      Answer aborted = admin.call(admin.sqe(8, 0).putInt(40, WireClient.cid(read) << 16 | 1));
      assertThat(aborted.result()).isZero();
      assertThat(io.answer().status()).isEqualTo(7);
    }
  }

  @Test
  void featuresAnswerWhatLinuxAsks() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
      ByteBuffer queues = admin.sqe(9, 0).putInt(40, 7).putInt(44, 0x0001_0001);
      assertThat(admin.call(queues).result()).isEqualTo(0x0003_0003);
      ByteBuffer events = admin.sqe(9, 0).putInt(40, 0x0b).putInt(44, 0x100);
      assertThat(admin.call(events).status()).isZero();
      assertThat(admin.call(admin.sqe(0x0a, 0).putInt(40, 0x0b)).result()).isEqualTo(0x100);
      assertThat(admin.call(admin.sqe(9, 0).putInt(40, 0x0f).putInt(44, 450)).status()).isZero();
      assertThat(admin.call(admin.sqe(0x0a, 0).putInt(40, 0x0f)).result()).isEqualTo(500);
      assertThat(admin.call(admin.sqe(9, 0).putInt(40, 0x0f)).status()).isZero();
      assertThat(admin.call(admin.sqe(0x0a, 0).putInt(40, 6)).result()).isEqualTo(1);
      assertThat(admin.call(admin.sqe(0x0a, 0).putInt(40, 0x55)).status()).isEqualTo(INVALID_FIELD);
      ByteBuffer hostId = WireClient.transport(admin.sqe(0x0a, 0), 16);
      Answer id = admin.call(hostId.putInt(40, 0x81).putInt(44, 1));
      assertThat(id.data()).startsWith(1, 2, 3).endsWith(15, 16);
    }
  }

  @Test
  void identifyControllerSaysWhatTheTransportIsMadeWith() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
      ByteBuffer data = wrap(admin.identify(1, 0).data());
      assertThat(data.get(77)).as("MDTS").isEqualTo((byte) 5);
      assertThat(data.getShort(78)).as("CNTLID").isEqualTo((short) admin.cntlid);
      assertThat(data.getInt(80)).as("VER").isEqualTo(0x20000);
      assertThat(data.getInt(92)).as("OAES").isEqualTo(0x100);
      assertThat(data.get(111)).as("CNTRLTYPE").isEqualTo((byte) 1);
      assertThat(data.getShort(320)).as("KAS").isEqualTo((short) 1);
      assertThat(data.get(512)).as("SQES").isEqualTo((byte) 0x66);
      assertThat(data.getInt(516)).as("NN").isEqualTo(32);
      assertThat(data.getShort(520)).as("ONCS").isEqualTo((short) 0x0c);
      assertThat(data.get(525)).as("VWC").isEqualTo((byte) 5);
      assertThat(data.getInt(1792)).as("IOCCSZ").isEqualTo((64 + 4096) / 16);
      assertThat(new String(data.array(), 768, 256, StandardCharsets.UTF_8).trim()).isEqualTo(NQN);
      for (int lid : new int[] {1, 2, 3, 4, 5}) {
        assertThat(admin.logPage(lid, 512, 0).status()).as("log page " + lid).isZero();
      }
      assertThat(admin.logPage(0x0c, 512, 0).status()).isEqualTo(INVALID_FIELD);
      assertThat(admin.logPage(2, 512, 516).status()).isEqualTo(INVALID_FIELD);
    }
  }

  // ---- discovery

  @Test
  void discoveryShowsAHostWhatItMayConnectToAndTellsOfChanges() throws Exception {
    String nqn2 = NQN + ":two";
    Subsystem two =
        fixture.home(() -> fixture.target.createSubsystem(TargetFixture.subsystem(nqn2)));
    fixture.run(() -> two.addListener(subsystem.listeners().getFirst().address(), 1));
    try (WireClient client = new WireClient(address)) {
      client.initialize(false, false);
      assertThat(client.connect(0, 31, 0xffff, Nqn.DISCOVERY, HOST, 60_000).status()).isZero();
      assertThat(client.propertySet(0x14, 0x460001)).isZero();
      assertThat(client.identify(1, 0).data()[111]).isEqualTo((byte) 2);
      ByteBuffer page = wrap(client.logPage(0x70, 4096, 0).data());
      assertThat(page.getLong(8)).as("NUMREC").isEqualTo(1);
      long generation = page.getLong(0);
      assertThat(text(page, 1024 + 256)).isEqualTo(NQN);
      assertThat(text(page, 1024 + 512)).isEqualTo("127.0.0.1");
      assertThat(page.get(1024)).as("TRTYPE").isEqualTo((byte) 3);
      assertThat(page.get(1024 + 2)).as("SUBTYPE").isEqualTo((byte) 2);

      client.send(client.sqe(0x0c, 0));
      fixture.run(() -> two.addHost(HOST));
      assertThat(event(client.answer())).isEqualTo(0x70_f0_02);
      page = wrap(client.logPage(0x70, 4096, 0).data());
      assertThat(page.getLong(8)).isEqualTo(2);
      assertThat(page.getLong(0)).isGreaterThan(generation);
      assertThat(text(wrap(client.logPage(0x70, 1024, 2048).data()), 256)).isEqualTo(nqn2);
      assertThat(client.identify(2, 0).status()).isEqualTo(INVALID_FIELD);
    }
  }

  // ---- the end

  @Test
  void listenerAndSubsystemTakeTheirControllersWithThem() throws Exception {
    try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
      NvmfAddress at = fixture.home(() -> subsystem.listeners().getFirst().address());
      assertThat(
              TargetFixture.await(
                  fixture.<Boolean>begin(done ->
                      assertThat(subsystem.removeListener(at, () -> done.complete(true)))
                          .isTrue())))
          .isTrue();
      assertThat(admin.closedByTarget()).isTrue();
      assertThat(fixture.controllers(subsystem)).isZero();
      assertThat(fixture.home(() -> subsystem.removeListener(at, () -> {}))).isFalse();
    }
    fixture.run(() -> subsystem.addListener(new NvmfAddress("IPv4", "127.0.0.1", "0"), 1));
    InetSocketAddress again = fixture.address(subsystem);
    try (WireClient admin = WireClient.admin(again, NQN, HOST);
        WireClient io = admin.queue(again, NQN, HOST, 1, 31)) {
      TargetFixture.await(
          fixture.<Boolean>begin(
              done -> fixture.target.deleteSubsystem(subsystem, () -> done.complete(true))));
      assertThat(admin.closedByTarget()).isTrue();
      assertThat(io.closedByTarget()).isTrue();
      assertThat(fixture.home(() -> fixture.target.subsystem(NQN))).isEmpty();
      fixture.run(
          () -> fixture.layer.open("M0", true, BdevEvents.NONE).close()); // no claim is left
    }
  }

  @Test
  void adminQueueThatEndsTakesTheIoQueuesWithIt() throws Exception {
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient io = admin.queue(address, NQN, HOST, 1, 31);
        WireClient io2 = admin.queue(address, NQN, HOST, 2, 31)) {
      io2.close();
      fixture.eventually(() -> subsystem.controllers().getFirst().ioQueues() == 1);
      assertThat(io.call(io.sqe(0, 1)).status()).isZero();
      admin.close();
      assertThat(io.closedByTarget()).isTrue();
      fixture.eventually(() -> subsystem.controllers().isEmpty());
    }
  }

  private static ByteBuffer wrap(byte[] data) {
    return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static int[] ints(Answer answer) {
    int[] ints = new int[answer.data().length / 4];
    wrap(answer.data()).asIntBuffer().get(ints);
    return ints;
  }

  private static String text(ByteBuffer page, int at) {
    return new String(page.array(), at, 256, StandardCharsets.UTF_8).trim();
  }
}
