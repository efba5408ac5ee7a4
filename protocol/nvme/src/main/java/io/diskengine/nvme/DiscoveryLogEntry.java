package io.diskengine.nvme;

/**
 * Discovery log page entry (NVMe-oF 1.1, Figure 34). Text fields are padded with spaces but for the
 * NQN.
 */
public final class DiscoveryLogEntry {
  public static final int SIZE = 1024;

  public static final int TRTYPE_RDMA = 0x1;

  public static final int TRTYPE_FC = 0x2;

  public static final int TRTYPE_TCP = 0x3;

  public static final int TRTYPE_INTRA_HOST = 0xfe;

  public static final int ADRFAM_IPV4 = 0x1;

  public static final int ADRFAM_IPV6 = 0x2;

  public static final int ADRFAM_IB = 0x3;

  public static final int ADRFAM_FC = 0x4;

  public static final int ADRFAM_INTRA_HOST = 0xfe;

  /** Referral to another discovery service. */
  public static final int SUBTYPE_DISCOVERY = 0x1;

  public static final int SUBTYPE_NVME = 0x2;

  /** This discovery subsystem. */
  public static final int SUBTYPE_DISCOVERY_CURRENT = 0x3;

  public static final int TREQ_NOT_SPECIFIED = 0;

  public static final int TREQ_REQUIRED = 1;

  public static final int TREQ_NOT_REQUIRED = 2;

  public static final int CNTLID_DYNAMIC = 0xffff;

  public static final int EFLAGS_DUPRETINFO = 0x1;

  /** Explicit persistent connections are supported. */
  public static final int EFLAGS_EPCSD = 0x2;

  /** Of {@code tsas} with TCP. */
  public static final int SECTYPE_NONE = 0;

  public static final int SECTYPE_TLS_1_2 = 1;

  public static final int SECTYPE_TLS_1_3 = 2;

  /** Transport type. */
  public static final int TRTYPE = 0;

  /** Address family. */
  public static final int ADRFAM = 1;

  /** Subsystem type. */
  public static final int SUBTYPE = 2;

  /** Transport requirements: secure channel in bits 1:0. */
  public static final int TREQ = 3;

  /** NVM subsystem port. */
  public static final int PORTID = 4;

  /** Controller identifier, FFFFh with the dynamic model. */
  public static final int CNTLID = 6;

  /** Admin queue's greatest submission queue size. */
  public static final int ASQSZ = 8;

  /** Entry flags. */
  public static final int EFLAGS = 10;

  /** Transport service identifier: the port number in decimal. */
  public static final int TRSVCID = 32;

  public static final int TRSVCID_SIZE = 32;

  /** NVM subsystem qualified name. */
  public static final int SUBNQN = 256;

  public static final int SUBNQN_SIZE = 256;

  /** Transport address. */
  public static final int TRADDR = 512;

  public static final int TRADDR_SIZE = 256;

  /** TCP: security type, the first byte of the transport specific address subtype. */
  public static final int TSAS_SECTYPE = 768;

  private DiscoveryLogEntry() {}

  public static int trtype(long entry) {
    return NativeMemory.getUnsignedByte(entry + TRTYPE);
  }

  public static void trtype(long entry, int v) {
    NativeMemory.putByte(entry + TRTYPE, (byte) v);
  }

  public static int adrfam(long entry) {
    return NativeMemory.getUnsignedByte(entry + ADRFAM);
  }

  public static void adrfam(long entry, int v) {
    NativeMemory.putByte(entry + ADRFAM, (byte) v);
  }

  public static int subtype(long entry) {
    return NativeMemory.getUnsignedByte(entry + SUBTYPE);
  }

  public static void subtype(long entry, int v) {
    NativeMemory.putByte(entry + SUBTYPE, (byte) v);
  }

  public static int treq(long entry) {
    return NativeMemory.getUnsignedByte(entry + TREQ);
  }

  public static void treq(long entry, int v) {
    NativeMemory.putByte(entry + TREQ, (byte) v);
  }

  public static int portid(long entry) {
    return NativeMemory.getUnsignedShort(entry + PORTID);
  }

  public static void portid(long entry, int v) {
    NativeMemory.putShort(entry + PORTID, (short) v);
  }

  public static int cntlid(long entry) {
    return NativeMemory.getUnsignedShort(entry + CNTLID);
  }

  public static void cntlid(long entry, int v) {
    NativeMemory.putShort(entry + CNTLID, (short) v);
  }

  public static int asqsz(long entry) {
    return NativeMemory.getUnsignedShort(entry + ASQSZ);
  }

  public static void asqsz(long entry, int v) {
    NativeMemory.putShort(entry + ASQSZ, (short) v);
  }

  public static int eflags(long entry) {
    return NativeMemory.getUnsignedShort(entry + EFLAGS);
  }

  public static void eflags(long entry, int v) {
    NativeMemory.putShort(entry + EFLAGS, (short) v);
  }

  public static String trsvcid(long entry) {
    return Text.padded(entry + TRSVCID, TRSVCID_SIZE);
  }

  public static void trsvcid(long entry, String v) {
    Text.putPadded(entry + TRSVCID, TRSVCID_SIZE, v);
  }

  public static String subnqn(long entry) {
    return Text.terminated(entry + SUBNQN, SUBNQN_SIZE);
  }

  public static void subnqn(long entry, String v) {
    Text.putTerminated(entry + SUBNQN, SUBNQN_SIZE, v);
  }

  public static String traddr(long entry) {
    return Text.padded(entry + TRADDR, TRADDR_SIZE);
  }

  public static void traddr(long entry, String v) {
    Text.putPadded(entry + TRADDR, TRADDR_SIZE, v);
  }

  public static int tsasSectype(long entry) {
    return NativeMemory.getUnsignedByte(entry + TSAS_SECTYPE);
  }

  public static void tsasSectype(long entry, int v) {
    NativeMemory.putByte(entry + TSAS_SECTYPE, (byte) v);
  }
}
