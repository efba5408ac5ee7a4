package io.diskengine.nvme;

/**
 * Whether a received NVMe/TCP header can be believed (NVMe/TCP 1.0, 3.5 and 3.6): the one place
 * where lengths and offsets of a peer are checked. An answer is {@link #OK}, or the fatal error
 * status and information of the TermReq to send.
 */
public final class PduCheck {
  public static final long OK = 0;

  private PduCheck() {}

  /** Fatal error status of an answer, see {@link TermReq}. */
  public static int fes(long answer) {
    return (int) answer & 0xffff;
  }

  /** Fatal error information of an answer. */
  public static int fei(long answer) {
    return (int) (answer >>> 32);
  }

  /**
   * Checks the common header, as soon as its {@value PduHeader#SIZE} bytes are there. That the type
   * fits the connection's state is the caller's to check.
   *
   * @param fromHost whether a host sent it
   * @param digests negotiated: {@link PduHeader#HDGSTF} and {@link PduHeader#DDGSTF}
   * @param alignment what data offsets are multiples of, bytes: (pda + 1) * 4
   * @param maxDataBytes most data that one PDU may carry
   */
  public static long commonHeader(
      long pdu, boolean fromHost, int digests, int alignment, long maxDataBytes) {
    int type = PduHeader.type(pdu);
    int hlen = PduHeader.expectedHlen(type);
    if (hlen < 0 || !isSentBy(type, fromHost)) {
      return invalidField(PduHeader.TYPE);
    }
    if (PduHeader.hlen(pdu) != hlen) {
      return invalidField(PduHeader.HLEN);
    }
    long plen = PduHeader.plen(pdu);
    return switch (type) {
      case PduHeader.IC_REQ, PduHeader.IC_RESP -> plen == hlen ? OK : invalidField(PduHeader.PLEN);
      case PduHeader.H2C_TERM_REQ, PduHeader.C2H_TERM_REQ ->
          plen >= hlen && plen <= TermReq.MAX_PLEN ? OK : invalidField(PduHeader.PLEN);
      default -> transferHeader(pdu, type, digests, alignment, maxDataBytes);
    };
  }

  private static long transferHeader(
      long pdu, int type, int digests, int alignment, long maxDataBytes) {
    int flags = PduHeader.flags(pdu);
    if ((flags & PduHeader.HDGSTF) != (digests & PduHeader.HDGSTF)) {
      return invalidField(PduHeader.FLAGS);
    }
    int headerEnd = headerEnd(pdu);
    long plen = PduHeader.plen(pdu);
    boolean mayCarryData =
        type == PduHeader.CAPSULE_CMD || type == PduHeader.H2C_DATA || type == PduHeader.C2H_DATA;
    if (plen == headerEnd) {
      boolean mustCarryData = type == PduHeader.H2C_DATA || type == PduHeader.C2H_DATA;
      return mustCarryData ? invalidField(PduHeader.PLEN) : OK;
    }
    if (plen < headerEnd || !mayCarryData) {
      return invalidField(PduHeader.PLEN);
    }
    if ((flags & PduHeader.DDGSTF) != (digests & PduHeader.DDGSTF)) {
      return invalidField(PduHeader.FLAGS);
    }
    int pdo = PduHeader.pdo(pdu);
    if (pdo < headerEnd || pdo % alignment != 0) {
      return invalidField(PduHeader.PDO);
    }
    long dataBytes = plen - pdo - dataDigestBytes(flags);
    if (dataBytes <= 0) {
      return invalidField(PduHeader.PLEN);
    }
    return dataBytes > maxDataBytes ? answer(TermReq.DATA_TRANSFER_LIMIT_EXCEEDED, 0) : OK;
  }

  /**
   * Checks a whole H2CData or C2HData header that passed {@link #commonHeader}: DATAL is what the
   * PDU carries. That it belongs to a command and stays inside its data is the caller's to check.
   */
  public static long dataHeader(long pdu) {
    // H2CData and C2HData have DATAL at the same place.
    if (H2cData.datal(pdu) != dataBytes(pdu)) {
      return invalidField(H2cData.DATAL);
    }
    boolean successIsLast =
        (PduHeader.flags(pdu) & (PduHeader.SUCCESS | PduHeader.LAST_PDU)) != PduHeader.SUCCESS;
    return PduHeader.type(pdu) == PduHeader.H2C_DATA || successIsLast
        ? OK
        : invalidField(PduHeader.FLAGS);
  }

  /** Length of header and header digest of a PDU that passed, bytes. */
  public static int headerEnd(long pdu) {
    boolean digest = (PduHeader.flags(pdu) & PduHeader.HDGSTF) != 0 && hasDigests(pdu);
    return PduHeader.hlen(pdu) + (digest ? Crc32c.DIGEST_SIZE : 0);
  }

  /** Bytes of data of a PDU that passed, without padding and digest; 0 when it has none. */
  public static long dataBytes(long pdu) {
    long plen = PduHeader.plen(pdu);
    if (!hasDigests(pdu)) {
      return plen - PduHeader.hlen(pdu);
    }
    return plen == headerEnd(pdu)
        ? 0
        : plen - PduHeader.pdo(pdu) - dataDigestBytes(PduHeader.flags(pdu));
  }

  private static int dataDigestBytes(int flags) {
    return (flags & PduHeader.DDGSTF) != 0 ? Crc32c.DIGEST_SIZE : 0;
  }

  private static boolean hasDigests(long pdu) {
    return PduHeader.type(pdu) >= PduHeader.CAPSULE_CMD;
  }

  private static boolean isSentBy(int type, boolean fromHost) {
    return switch (type) {
      case PduHeader.IC_REQ, PduHeader.H2C_TERM_REQ, PduHeader.CAPSULE_CMD, PduHeader.H2C_DATA ->
          fromHost;
      default -> !fromHost;
    };
  }

  private static long invalidField(int offset) {
    return answer(TermReq.INVALID_HEADER_FIELD, offset);
  }

  private static long answer(int fes, int fei) {
    return fes | (long) fei << 32;
  }
}
