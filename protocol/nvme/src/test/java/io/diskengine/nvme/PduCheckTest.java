package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PduCheckTest {
  private static final int BOTH = PduHeader.HDGSTF | PduHeader.DDGSTF;
  private static final long MAX_DATA = 8192;

  private final Arena arena = Arena.ofConfined();
  private final long pdu = arena.allocate(128).address();

  @AfterEach
  void free() {
    arena.close();
  }

  private long check(int type, int flags, int hlen, int pdo, long plen, int digests) {
    PduHeader.init(pdu, type, flags, hlen, pdo, plen);
    boolean fromHost = (type & 1) == 0;
    return PduCheck.commonHeader(pdu, fromHost, digests, 4, MAX_DATA);
  }

  private static long invalid(int offset) {
    return TermReq.INVALID_HEADER_FIELD | (long) offset << 32;
  }

  @Test
  void wellFormedHeadersPass() {
    assertEquals(PduCheck.OK, check(PduHeader.IC_REQ, 0, 128, 0, 128, BOTH));
    assertEquals(PduCheck.OK, check(PduHeader.IC_RESP, 0, 128, 0, 128, BOTH));
    assertEquals(PduCheck.OK, check(PduHeader.H2C_TERM_REQ, 0, 24, 0, 24, BOTH));
    assertEquals(PduCheck.OK, check(PduHeader.C2H_TERM_REQ, 0, 24, 0, 152, 0));
    assertEquals(PduCheck.OK, check(PduHeader.CAPSULE_CMD, 0, 72, 0, 72, 0));
    assertEquals(PduCheck.OK, check(PduHeader.CAPSULE_CMD, 1, 72, 0, 76, BOTH));
    assertEquals(PduCheck.OK, check(PduHeader.CAPSULE_CMD, 3, 72, 76, 76 + 512 + 4, BOTH));
    assertEquals(512, PduCheck.dataBytes(pdu));
    assertEquals(76, PduCheck.headerEnd(pdu));
    assertEquals(PduCheck.OK, check(PduHeader.CAPSULE_RESP, 0, 24, 0, 24, 0));
    assertEquals(PduCheck.OK, check(PduHeader.H2C_DATA, 4, 24, 24, 24 + 8192, 0));
    assertEquals(8192, PduCheck.dataBytes(pdu));
    assertEquals(PduCheck.OK, check(PduHeader.C2H_DATA, 2 | 4, 24, 32, 32 + 10 + 4, 2));
    assertEquals(10, PduCheck.dataBytes(pdu));
    PduHeader.init(pdu, PduHeader.R2T, 1, 24, 0, 28);
    assertEquals(PduCheck.OK, PduCheck.commonHeader(pdu, false, BOTH, 4, MAX_DATA));
    assertEquals(0, PduCheck.dataBytes(pdu));
  }

  @Test
  void aTypeThatDoesNotExistOrComesFromTheWrongSideIsInvalid() {
    assertEquals(invalid(0), check(0x08, 0, 24, 0, 24, 0));
    assertEquals(invalid(0), check(0xff, 0, 24, 0, 24, 0));
    for (int type = 0; type < 10; type++) {
      int hlen = PduHeader.expectedHlen(type);
      PduHeader.init(pdu, type, 0, hlen, 0, hlen);
      boolean byHost = type == 0 || type == 2 || type == 4 || type == 6;
      assertEquals(invalid(0), PduCheck.commonHeader(pdu, !byHost, 0, 4, MAX_DATA), "type " + type);
    }
  }

  @Test
  void lengthsThatContradictTheTypeAreInvalid() {
    assertEquals(invalid(2), check(PduHeader.CAPSULE_CMD, 0, 64, 0, 72, 0));
    assertEquals(invalid(4), check(PduHeader.CAPSULE_CMD, 0, 72, 0, 71, 0));
    assertEquals(invalid(4), check(PduHeader.IC_REQ, 0, 128, 0, 129, 0));
    assertEquals(invalid(4), check(PduHeader.H2C_TERM_REQ, 0, 24, 0, 153, 0));
    assertEquals(invalid(4), check(PduHeader.H2C_TERM_REQ, 0, 24, 0, 23, 0));
    assertEquals(invalid(4), check(PduHeader.CAPSULE_RESP, 0, 24, 24, 28, 0));
    assertEquals(invalid(4), check(PduHeader.H2C_DATA, 0, 24, 24, 24, 0));
    assertEquals(invalid(4), check(PduHeader.H2C_DATA, 2, 24, 24, 28, 2));
    assertEquals(invalid(4), check(PduHeader.H2C_DATA, 0, 24, 32, 30, 0));
  }

  @Test
  void digestFlagsAreWhatWasNegotiated() {
    assertEquals(invalid(1), check(PduHeader.CAPSULE_CMD, 0, 72, 0, 76, 1));
    assertEquals(invalid(1), check(PduHeader.CAPSULE_CMD, 1, 72, 0, 76, 0));
    assertEquals(invalid(1), check(PduHeader.H2C_DATA, 0, 24, 24, 32, 2));
    assertEquals(invalid(1), check(PduHeader.H2C_DATA, 2, 24, 24, 32, 0));
  }

  @Test
  void dataStartsBehindTheHeaderAndAligned() {
    assertEquals(invalid(3), check(PduHeader.H2C_DATA, 0, 24, 20, 64, 0));
    assertEquals(invalid(3), check(PduHeader.H2C_DATA, 0, 24, 26, 64, 0));
    assertEquals(invalid(3), check(PduHeader.CAPSULE_CMD, 0, 72, 0, 76, 0));
    assertEquals(invalid(3), check(PduHeader.CAPSULE_CMD, 1, 72, 72, 100, 1));
  }

  @Test
  void moreDataThanAllowedExceedsTheLimit() {
    long answer = check(PduHeader.H2C_DATA, 0, 24, 24, 24 + MAX_DATA + 1, 0);
    assertEquals(TermReq.DATA_TRANSFER_LIMIT_EXCEEDED, PduCheck.fes(answer));
    answer = check(PduHeader.H2C_DATA, 0, 24, 24, 0xffff_ffffL, 0);
    assertEquals(TermReq.DATA_TRANSFER_LIMIT_EXCEEDED, PduCheck.fes(answer));
  }

  @Test
  void dataLengthIsWhatThePduCarries() {
    check(PduHeader.H2C_DATA, 0, 24, 24, 24 + 512, 0);
    H2cData.datal(pdu, 512);
    assertEquals(PduCheck.OK, PduCheck.dataHeader(pdu));
    H2cData.datal(pdu, 508);
    assertEquals(invalid(H2cData.DATAL), PduCheck.dataHeader(pdu));
  }

  @Test
  void successWithoutLastPduIsInvalid() {
    check(PduHeader.C2H_DATA, PduHeader.SUCCESS, 24, 24, 24 + 512, 0);
    C2hData.datal(pdu, 512);
    assertEquals(invalid(PduHeader.FLAGS), PduCheck.dataHeader(pdu));
    PduHeader.flags(pdu, PduHeader.SUCCESS | PduHeader.LAST_PDU);
    assertEquals(PduCheck.OK, PduCheck.dataHeader(pdu));
  }

  @Test
  void whateverPassesHasItsDataInsideThePdu() {
    long seed = System.nanoTime();
    System.out.println("whateverPassesHasItsDataInsideThePdu seed " + seed);
    Random random = new Random(seed);
    int passed = 0;
    for (int i = 0; i < 200_000; i++) {
      int type = random.nextInt(11);
      int hlen = random.nextInt(8) == 0 ? random.nextInt(256) : PduHeader.expectedHlen(type);
      long plen = random.nextInt(8) == 0 ? random.nextInt() & 0xffff_ffffL : random.nextInt(9000);
      PduHeader.init(pdu, type, random.nextInt(16), hlen, random.nextInt(256), plen);
      int digests = random.nextInt(4);
      if (PduCheck.commonHeader(pdu, random.nextBoolean(), digests, 4, MAX_DATA) == PduCheck.OK) {
        passed++;
        long dataBytes = PduCheck.dataBytes(pdu);
        assertTrue(dataBytes >= 0 && dataBytes <= MAX_DATA);
        assertTrue(PduCheck.headerEnd(pdu) + dataBytes <= plen);
        assertTrue(dataBytes == 0 || type < 4 || PduHeader.pdo(pdu) + dataBytes <= plen);
      }
    }
    assertTrue(passed > 100, "passed " + passed);
  }
}
