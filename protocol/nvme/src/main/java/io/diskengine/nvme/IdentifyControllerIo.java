package io.diskengine.nvme;

/**
 * Identify Controller from byte 512 on (NVMe Base 2.0, Figure 275): queues, I/O commands, the
 * subsystem's name and, from 1792, fabrics. Takes the address of the whole structure, as {@link
 * IdentifyController} does.
 */
public final class IdentifyControllerIo {
  public static final int ONCS_COMPARE = 0x01;

  public static final int ONCS_WRITE_UNCORRECTABLE = 0x02;

  public static final int ONCS_DATASET_MANAGEMENT = 0x04;

  public static final int ONCS_WRITE_ZEROES = 0x08;

  public static final int ONCS_SAVE_SELECT = 0x10;

  public static final int ONCS_RESERVATIONS = 0x20;

  public static final int ONCS_TIMESTAMP = 0x40;

  public static final int ONCS_VERIFY = 0x80;

  public static final int ONCS_COPY = 0x100;

  public static final int FUSES_COMPARE_AND_WRITE = 0x01;

  public static final int VWC_PRESENT = 0x01;

  /** Flush with the broadcast NSID. */
  public static final int VWC_FLUSH_BROADCAST_NOT_SUPPORTED = 0x04;

  public static final int VWC_FLUSH_BROADCAST_SUPPORTED = 0x06;

  public static final int SGLS_SUPPORTED = 0x1;

  public static final int SGLS_SUPPORTED_DWORD_ALIGNED = 0x2;

  public static final int SGLS_KEYED = 0x4;

  public static final int SGLS_BIT_BUCKET = 0x10000;

  public static final int SGLS_METADATA_POINTER = 0x20000;

  public static final int SGLS_OVERSIZED = 0x40000;

  public static final int SGLS_METADATA_ADDRESS = 0x80000;

  /** In-capsule data: the address is an offset. */
  public static final int SGLS_OFFSET = 0x100000;

  /** Transport SGL data blocks. */
  public static final int SGLS_TRANSPORT = 0x200000;

  /** Of {@code fcatt}. */
  public static final int CTRATTR_STATIC_CONTROLLER_MODEL = 0x01;

  public static final int OFCS_DISCONNECT = 0x01;

  /** Submission queue entry size: log2 of maximum in bits 7:4, of minimum in bits 3:0. */
  public static final int SQES = 512;

  /** Completion queue entry size, likewise. */
  public static final int CQES = 513;

  /** Most outstanding commands per queue. */
  public static final int MAXCMD = 514;

  /** Number of namespaces. */
  public static final int NN = 516;

  /** Optional NVM commands. */
  public static final int ONCS = 520;

  /** Fused operations. */
  public static final int FUSES = 522;

  /** Format NVM attributes. */
  public static final int FNA = 524;

  /** Volatile write cache. */
  public static final int VWC = 525;

  /** Atomic write unit normal, logical blocks, 0's based. */
  public static final int AWUN = 526;

  /** Atomic write unit power fail, logical blocks, 0's based. */
  public static final int AWUPF = 528;

  public static final int NVSCC = 530;

  /** Namespace write protection. */
  public static final int NWPC = 531;

  /** Atomic compare and write unit, logical blocks, 0's based. */
  public static final int ACWU = 532;

  /** Copy formats. */
  public static final int OCFS = 534;

  /** SGL support. */
  public static final int SGLS = 536;

  /** Most allowed namespaces. */
  public static final int MNAN = 540;

  /** NVM subsystem qualified name. */
  public static final int SUBNQN = 768;

  public static final int SUBNQN_SIZE = 256;

  /** I/O queue command capsule size, 16-byte units. */
  public static final int IOCCSZ = 1792;

  /** I/O queue response capsule size, 16-byte units. */
  public static final int IORCSZ = 1796;

  /** In-capsule data offset, 16-byte units. */
  public static final int ICDOFF = 1800;

  /** Fabrics controller attributes. */
  public static final int FCATT = 1802;

  /** Most SGL data block descriptors in a capsule. */
  public static final int MSDBD = 1803;

  /** Optional fabrics commands. */
  public static final int OFCS = 1804;

  /** Power state descriptors, 32 of 32 bytes. */
  public static final int PSD = 2048;

  private IdentifyControllerIo() {}

  public static int sqes(long data) {
    return NativeMemory.getUnsignedByte(data + SQES);
  }

  public static void sqes(long data, int v) {
    NativeMemory.putByte(data + SQES, (byte) v);
  }

  public static int cqes(long data) {
    return NativeMemory.getUnsignedByte(data + CQES);
  }

  public static void cqes(long data, int v) {
    NativeMemory.putByte(data + CQES, (byte) v);
  }

  public static int maxcmd(long data) {
    return NativeMemory.getUnsignedShort(data + MAXCMD);
  }

  public static void maxcmd(long data, int v) {
    NativeMemory.putShort(data + MAXCMD, (short) v);
  }

  public static long nn(long data) {
    return NativeMemory.getUnsignedInt(data + NN);
  }

  public static void nn(long data, long v) {
    NativeMemory.putInt(data + NN, (int) v);
  }

  public static int oncs(long data) {
    return NativeMemory.getUnsignedShort(data + ONCS);
  }

  public static void oncs(long data, int v) {
    NativeMemory.putShort(data + ONCS, (short) v);
  }

  public static int fuses(long data) {
    return NativeMemory.getUnsignedShort(data + FUSES);
  }

  public static void fuses(long data, int v) {
    NativeMemory.putShort(data + FUSES, (short) v);
  }

  public static int fna(long data) {
    return NativeMemory.getUnsignedByte(data + FNA);
  }

  public static void fna(long data, int v) {
    NativeMemory.putByte(data + FNA, (byte) v);
  }

  public static int vwc(long data) {
    return NativeMemory.getUnsignedByte(data + VWC);
  }

  public static void vwc(long data, int v) {
    NativeMemory.putByte(data + VWC, (byte) v);
  }

  public static int awun(long data) {
    return NativeMemory.getUnsignedShort(data + AWUN);
  }

  public static void awun(long data, int v) {
    NativeMemory.putShort(data + AWUN, (short) v);
  }

  public static int awupf(long data) {
    return NativeMemory.getUnsignedShort(data + AWUPF);
  }

  public static void awupf(long data, int v) {
    NativeMemory.putShort(data + AWUPF, (short) v);
  }

  public static int nvscc(long data) {
    return NativeMemory.getUnsignedByte(data + NVSCC);
  }

  public static void nvscc(long data, int v) {
    NativeMemory.putByte(data + NVSCC, (byte) v);
  }

  public static int nwpc(long data) {
    return NativeMemory.getUnsignedByte(data + NWPC);
  }

  public static void nwpc(long data, int v) {
    NativeMemory.putByte(data + NWPC, (byte) v);
  }

  public static int acwu(long data) {
    return NativeMemory.getUnsignedShort(data + ACWU);
  }

  public static void acwu(long data, int v) {
    NativeMemory.putShort(data + ACWU, (short) v);
  }

  public static int ocfs(long data) {
    return NativeMemory.getUnsignedShort(data + OCFS);
  }

  public static void ocfs(long data, int v) {
    NativeMemory.putShort(data + OCFS, (short) v);
  }

  public static int sgls(long data) {
    return NativeMemory.getInt(data + SGLS);
  }

  public static void sgls(long data, int v) {
    NativeMemory.putInt(data + SGLS, v);
  }

  public static long mnan(long data) {
    return NativeMemory.getUnsignedInt(data + MNAN);
  }

  public static void mnan(long data, long v) {
    NativeMemory.putInt(data + MNAN, (int) v);
  }

  public static String subnqn(long data) {
    return Text.terminated(data + SUBNQN, SUBNQN_SIZE);
  }

  public static void subnqn(long data, String v) {
    Text.putTerminated(data + SUBNQN, SUBNQN_SIZE, v);
  }

  public static long ioccsz(long data) {
    return NativeMemory.getUnsignedInt(data + IOCCSZ);
  }

  public static void ioccsz(long data, long v) {
    NativeMemory.putInt(data + IOCCSZ, (int) v);
  }

  public static long iorcsz(long data) {
    return NativeMemory.getUnsignedInt(data + IORCSZ);
  }

  public static void iorcsz(long data, long v) {
    NativeMemory.putInt(data + IORCSZ, (int) v);
  }

  public static int icdoff(long data) {
    return NativeMemory.getUnsignedShort(data + ICDOFF);
  }

  public static void icdoff(long data, int v) {
    NativeMemory.putShort(data + ICDOFF, (short) v);
  }

  public static int fcatt(long data) {
    return NativeMemory.getUnsignedByte(data + FCATT);
  }

  public static void fcatt(long data, int v) {
    NativeMemory.putByte(data + FCATT, (byte) v);
  }

  public static int msdbd(long data) {
    return NativeMemory.getUnsignedByte(data + MSDBD);
  }

  public static void msdbd(long data, int v) {
    NativeMemory.putByte(data + MSDBD, (byte) v);
  }

  public static int ofcs(long data) {
    return NativeMemory.getUnsignedShort(data + OFCS);
  }

  public static void ofcs(long data, int v) {
    NativeMemory.putShort(data + OFCS, (short) v);
  }
}
