package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.diskengine.engine.nvmf.WireClient.Pdu;
import io.diskengine.engine.reactor.Kernels;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Each field of each PDU wrong in turn: the target says which with a C2HTermReq, ends that
 * connection, and goes on to serve another one.
 */
class MalformedPduTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;

  // fatal error status of the TermReq (NVMe/TCP 1.0, 3.6.2.5)
  private static final int FIELD = 1;
  private static final int SEQUENCE = 2;
  private static final int HEADER_DIGEST = 3;
  private static final int OUT_OF_RANGE = 4;
  private static final int LIMIT = 5;

  private static TargetFixture fixture;
  private static InetSocketAddress address;
  private static WireClient survivor;
  private static WireClient survivorIo;

  @BeforeAll
  static void start() throws IOException {
    fixture = new TargetFixture(Kernels.Choice.AUTO);
    address = fixture.address(fixture.export());
    survivor = WireClient.admin(address, NQN, HOST);
    survivorIo = survivor.queue(address, NQN, HOST, 1, 31);
  }

  @AfterAll
  static void stop() throws IOException {
    survivorIo.close();
    survivor.close();
    fixture.close();
  }

  /** Changes one thing in a PDU that is right. */
  private interface Damage {
    void apply(ByteBuffer pdu);
  }

  private record Case(int fes, int fei, Damage damage) {}

  private static ByteBuffer icReq() {
    return WireClient.buffer(128).put(2, (byte) 128).putInt(4, 128);
  }

  @TestFactory
  Stream<DynamicTest> icReqWithAWrongFieldIsAnsweredByTermReq() {
    Map<String, Case> cases = new LinkedHashMap<>();
    cases.put("type of the other side", new Case(FIELD, 0, p -> p.put(0, (byte) 1)));
    cases.put("type that does not exist", new Case(FIELD, 0, p -> p.put(0, (byte) 0x42)));
    cases.put("hlen", new Case(FIELD, 2, p -> p.put(2, (byte) 120)));
    cases.put("plen too short", new Case(FIELD, 4, p -> p.putInt(4, 120)));
    cases.put("plen too long", new Case(FIELD, 4, p -> p.putInt(4, 1 << 30)));
    cases.put("pfv", new Case(FIELD, 8, p -> p.put(8, (byte) 1)));
    cases.put("hpda", new Case(FIELD, 10, p -> p.put(10, (byte) 32)));
    cases.put(
        "capsule first",
        new Case(SEQUENCE, 0, p -> p.put(0, (byte) 4).put(2, (byte) 72).putInt(4, 72)));
    return cases.entrySet().stream()
        .map(e ->
            dynamicTest(
                e.getKey(),
                () -> {
                  try (WireClient client = new WireClient(address)) {
                    ByteBuffer pdu = icReq();
                    e.getValue().damage().apply(pdu);
                    client.out.write(pdu.array());
                    expectTermReq(client, e.getValue(), pdu);
                  }
                }));
  }

  @TestFactory
  Stream<DynamicTest> capsuleWithAWrongFieldIsAnsweredByTermReq() {
    Map<String, Case> cases = new LinkedHashMap<>();
    cases.put("type that does not exist", new Case(FIELD, 0, p -> p.put(0, (byte) 8)));
    cases.put("type of the other side", new Case(FIELD, 0, p -> p.put(0, (byte) 7)));
    cases.put("second ICReq", new Case(SEQUENCE, 0, MalformedPduTest::toIcReq));
    cases.put("header digest out of the blue", new Case(FIELD, 1, p -> p.put(1, (byte) 1)));
    cases.put("data digest out of the blue", new Case(FIELD, 1, p -> p.put(1, (byte) 2)));
    cases.put("hlen", new Case(FIELD, 2, p -> p.put(2, (byte) 64)));
    cases.put("pdo before the header's end", new Case(FIELD, 3, p -> p.put(3, (byte) 68)));
    cases.put("pdo not aligned", new Case(FIELD, 3, p -> p.put(3, (byte) 74)));
    cases.put("plen shorter than the header", new Case(FIELD, 4, p -> p.putInt(4, 71)));
    cases.put("plen enormous", new Case(LIMIT, 0, p -> p.putInt(4, -1)));
    cases.put("plen more than a capsule has", new Case(LIMIT, 0, p -> p.putInt(4, 72 + 8196)));
    return damaged(cases, false);
  }

  private static void toIcReq(ByteBuffer pdu) {
    pdu.put(0, (byte) 0).put(2, (byte) 128).put(3, (byte) 0).putInt(4, 128);
  }

  private static Stream<DynamicTest> damaged(Map<String, Case> cases, boolean digests) {
    return cases.entrySet().stream()
        .map(e ->
            dynamicTest(
                e.getKey(),
                () -> {
                  try (WireClient admin = WireClient.admin(address, NQN, HOST, digests, digests);
                      WireClient client = admin.queue(address, NQN, HOST, 1, 31)) {
                    ByteBuffer header = WireClient.buffer(72);
                    ByteBuffer sqe = WireClient.inCapsule(client.writeSqe(0, 1), 512);
                    header.position(8).put(sqe.array());
                    ByteBuffer pdu =
                        ByteBuffer.wrap(client.pdu(4, 0, header.array(), new byte[512]))
                            .order(ByteOrder.LITTLE_ENDIAN);
                    e.getValue().damage().apply(pdu);
                    client.out.write(pdu.array());
                    expectTermReq(client, e.getValue(), pdu);
                  }
                }));
  }

  @Test
  void wrongHeaderDigestEndsTheConnection() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST, true, true);
        WireClient client = admin.queue(address, NQN, HOST, 1, 31)) {
      ByteBuffer header = WireClient.buffer(72);
      header.position(8).put(client.sqe(0, 1).array());
      byte[] pdu = client.pdu(4, 0, header.array(), new byte[0]);
      int digest = WireClient.crc(pdu, 0, 72);
      pdu[73] ^= 1;
      client.out.write(pdu);
      expectTermReq(client, new Case(HEADER_DIGEST, digest, p -> {}), ByteBuffer.wrap(pdu));
    }
  }

  @Test
  void wrongDataDigestFailsTheCommandOnly() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST, false, true);
        WireClient client = admin.queue(address, NQN, HOST, 1, 31)) {
      ByteBuffer header = WireClient.buffer(72);
      ByteBuffer sqe = WireClient.inCapsule(client.writeSqe(40, 1), 512);
      header.position(8).put(sqe.array());
      byte[] data = new byte[512];
      data[0] = 77;
      byte[] pdu = client.pdu(4, 0, header.array(), data);
      pdu[pdu.length - 1] ^= 1;
      client.out.write(pdu);
      assertThat(client.answer().status()).isEqualTo(0x22); // transient transport error
      assertThat(client.read(40, 1)[0]).isZero();
    }
  }

  /** Each gets the R2T of a write of 8 KiB and answers it wrongly. */
  @TestFactory
  Stream<DynamicTest> h2cDataThatDoesNotAnswerTheR2tIsAnsweredByTermReq() {
    Map<String, Case> cases = new LinkedHashMap<>();
    cases.put("cccid", new Case(FIELD, 8, p -> p.putShort(8, (short) 0x7777)));
    cases.put("ttag of no command", new Case(FIELD, 10, p -> p.putShort(10, (short) 99)));
    cases.put("ttag far away", new Case(FIELD, 10, p -> p.putShort(10, (short) 0xffff)));
    cases.put("datao behind", new Case(OUT_OF_RANGE, 0, p -> p.putInt(12, 512)));
    cases.put("datao negative", new Case(OUT_OF_RANGE, 0, p -> p.putInt(12, -512)));
    cases.put("datal", new Case(FIELD, 16, p -> p.putInt(16, 512)));
    cases.put("last too early", new Case(FIELD, 1, p -> p.put(1, (byte) 4)));
    cases.put("no data", new Case(FIELD, 4, p -> p.putInt(4, 24)));
    cases.put("enormous", new Case(LIMIT, 0, p -> p.putInt(4, 1 << 20)));
    return cases.entrySet().stream()
        .map(e ->
            dynamicTest(
                e.getKey(),
                () -> {
                  try (WireClient admin = WireClient.admin(address, NQN, HOST);
                      WireClient client = admin.queue(address, NQN, HOST, 1, 31)) {
                    client.send(WireClient.transport(client.writeSqe(0, 16), 8192));
                    Pdu r2t = client.receive();
                    assertThat(r2t.type()).isEqualTo(9);
                    assertThat(r2t.header().getInt(16)).isEqualTo(8192);
                    ByteBuffer header = WireClient.buffer(24);
                    header.putInt(8, r2t.header().getInt(8)).putInt(16, 4096);
                    ByteBuffer pdu =
                        ByteBuffer.wrap(client.pdu(6, 0, header.array(), new byte[4096]))
                            .order(ByteOrder.LITTLE_ENDIAN);
                    e.getValue().damage().apply(pdu);
                    client.out.write(pdu.array());
                    expectTermReq(client, e.getValue(), pdu);
                  }
                }));
  }

  @Test
  void h2cDataNobodyAskedForIsAnsweredByTermReq() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST);
        WireClient client = admin.queue(address, NQN, HOST, 1, 31)) {
      ByteBuffer header = WireClient.buffer(24).putInt(16, 512);
      byte[] pdu = client.pdu(6, 4, header.array(), new byte[512]);
      client.out.write(pdu);
      expectTermReq(client, new Case(FIELD, 10, p -> {}), ByteBuffer.wrap(pdu));
    }
  }

  @Test
  void termReqOfTheHostEndsTheConnectionQuietly() throws IOException {
    try (WireClient admin = WireClient.admin(address, NQN, HOST)) {
      admin.out.write(
          WireClient.buffer(24).put(0, (byte) 2).put(2, (byte) 24).putInt(4, 24).array());
      assertThat(admin.closedByTarget()).isTrue();
    }
    othersAreServed();
  }

  private static void expectTermReq(WireClient client, Case expected, ByteBuffer sent)
      throws IOException {
    Pdu pdu = client.receive();
    assertThat(pdu.type()).isEqualTo(3);
    assertThat(pdu.header().getShort(8)).as("fatal error status").isEqualTo((short) expected.fes());
    assertThat(pdu.header().getInt(10)).as("fatal error information").isEqualTo(expected.fei());
    assertThat(pdu.data()).isNotEmpty();
    assertThat(HexFormat.of().formatHex(sent.array()))
        .startsWith(HexFormat.of().formatHex(pdu.data()));
    client.socket.shutdownOutput();
    assertThat(client.closedByTarget()).isTrue();
    othersAreServed();
  }

  private static void othersAreServed() throws IOException {
    assertThat(survivor.identify(1, 0).status()).isZero();
    assertThat(survivorIo.read(0, 8)).hasSize(4096);
  }

  /** The bytes of the exchange, spelled out (NVMe/TCP 1.0, 3.6.2; NVMe-oF 1.1, 3.3). */
  @Test
  void connectExchangeIsByteForByteAsSpecified() throws IOException {
    try (WireClient client = new WireClient(address)) {
      client.out.write(HexFormat.of().parseHex("00008000" + "80000000" + "00".repeat(120)));
      assertThat(hex(client, 128))
          .isEqualTo(
              "01008000" + "80000000" + "0000" + "00" + "00" + "00000200" + "00".repeat(112));
      String capsule = "04004848" + "48040000";
      String sqe =
          "7f402b00"
              + "01000000"
              + "00".repeat(16) // Connect, cid 2Bh
              + "0000000000000000"
              + "00040000"
              + "000000"
              + "01" // 1024 bytes in the capsule
              + "0000"
              + "0000"
              + "1f00"
              + "00"
              + "00"
              + "c0d40100"
              + "00".repeat(12); // KATO 120 s
      client.out.write(HexFormat.of().parseHex(capsule + sqe));
      client.out.write(WireClient.connectData(0xffff, NQN, HOST));
      String response = hex(client, 24);
      assertThat(response.substring(0, 16)).isEqualTo("05001800" + "18000000");
      assertThat(response.substring(16, 20)).isNotEqualTo("0000"); // the controller's identifier
      assertThat(response.substring(20))
          .isEqualTo("0000" + "00000000" + "0100" + "0000" + "2b00" + "0000");
    }
  }

  private static String hex(WireClient client, int bytes) throws IOException {
    return HexFormat.of().formatHex(client.in.readNBytes(bytes));
  }
}
