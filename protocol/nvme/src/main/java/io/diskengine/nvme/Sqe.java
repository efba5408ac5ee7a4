package io.diskengine.nvme;

/**
 * Submission queue entry, the fields that all commands share (NVMe Base 2.0, 3.3.3.1, Figure 86);
 * the views named {@code ...Command} read the command-specific dwords of the same 64 bytes.
 *
 * <pre>
 *   0 opcode | 1 fuse, psdt | 2 command identifier
 *   4 nsid   | 8 cdw2, cdw3 | 16 metadata pointer
 *  24 data pointer: SGL descriptor ({@link Sgl}) on fabrics
 *  40 cdw10 ... 60 cdw15
 * </pre>
 */
public final class Sqe {
  public static final int SIZE = 64;

  public static final int FUSE_NONE = 0;

  public static final int FUSE_FIRST = 1;

  public static final int FUSE_SECOND = 2;

  public static final int PSDT_PRP = 0;

  /** SGLs for data, metadata in one contiguous buffer; required on fabrics. */
  public static final int PSDT_SGL_MPTR_CONTIGUOUS = 1;

  public static final int PSDT_SGL_MPTR_SGL = 2;

  /** All namespaces. */
  public static final int NSID_BROADCAST = 0xffffffff;

  public static final int OPCODE = 0;

  /** Fused operation in bits 1:0, PRP or SGL for Data Transfer in bits 7:6. */
  public static final int FLAGS = 1;

  /** Command identifier. */
  public static final int CID = 2;

  /** Namespace identifier. */
  public static final int NSID = 4;

  public static final int CDW2 = 8;

  public static final int CDW3 = 12;

  /** Metadata pointer. */
  public static final int MPTR = 16;

  /** The data pointer: one {@link Sgl} descriptor. */
  public static final int SGL1 = 24;

  public static final int CDW10 = 40;

  public static final int CDW11 = 44;

  public static final int CDW12 = 48;

  public static final int CDW13 = 52;

  public static final int CDW14 = 56;

  public static final int CDW15 = 60;

  private Sqe() {}

  public static int opcode(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + OPCODE);
  }

  public static void opcode(long sqe, int v) {
    NativeMemory.putByte(sqe + OPCODE, (byte) v);
  }

  public static int flags(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + FLAGS);
  }

  public static void flags(long sqe, int v) {
    NativeMemory.putByte(sqe + FLAGS, (byte) v);
  }

  public static int fuse(long sqe) {
    return Bits.get8(sqe + FLAGS, 0, 2);
  }

  public static void fuse(long sqe, int v) {
    Bits.put8(sqe + FLAGS, 0, 2, v);
  }

  public static int psdt(long sqe) {
    return Bits.get8(sqe + FLAGS, 6, 2);
  }

  public static void psdt(long sqe, int v) {
    Bits.put8(sqe + FLAGS, 6, 2, v);
  }

  public static int cid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + CID);
  }

  public static void cid(long sqe, int v) {
    NativeMemory.putShort(sqe + CID, (short) v);
  }

  public static int nsid(long sqe) {
    return NativeMemory.getInt(sqe + NSID);
  }

  public static void nsid(long sqe, int v) {
    NativeMemory.putInt(sqe + NSID, v);
  }

  public static int cdw2(long sqe) {
    return NativeMemory.getInt(sqe + CDW2);
  }

  public static void cdw2(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW2, v);
  }

  public static int cdw3(long sqe) {
    return NativeMemory.getInt(sqe + CDW3);
  }

  public static void cdw3(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW3, v);
  }

  public static long mptr(long sqe) {
    return NativeMemory.getLong(sqe + MPTR);
  }

  public static void mptr(long sqe, long v) {
    NativeMemory.putLong(sqe + MPTR, v);
  }

  public static int cdw10(long sqe) {
    return NativeMemory.getInt(sqe + CDW10);
  }

  public static void cdw10(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW10, v);
  }

  public static int cdw11(long sqe) {
    return NativeMemory.getInt(sqe + CDW11);
  }

  public static void cdw11(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW11, v);
  }

  public static int cdw12(long sqe) {
    return NativeMemory.getInt(sqe + CDW12);
  }

  public static void cdw12(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW12, v);
  }

  public static int cdw13(long sqe) {
    return NativeMemory.getInt(sqe + CDW13);
  }

  public static void cdw13(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW13, v);
  }

  public static int cdw14(long sqe) {
    return NativeMemory.getInt(sqe + CDW14);
  }

  public static void cdw14(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW14, v);
  }

  public static int cdw15(long sqe) {
    return NativeMemory.getInt(sqe + CDW15);
  }

  public static void cdw15(long sqe, int v) {
    NativeMemory.putInt(sqe + CDW15, v);
  }

  /** Writes a zeroed entry with opcode, cid, nsid and the SGL form that fabrics require. */
  public static void init(long sqe, int opcode, int cid, int nsid) {
    NativeMemory.zero(sqe, SIZE);
    opcode(sqe, opcode);
    psdt(sqe, PSDT_SGL_MPTR_CONTIGUOUS);
    cid(sqe, cid);
    nsid(sqe, nsid);
  }
}
