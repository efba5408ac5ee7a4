package io.diskengine.nvme;

/**
 * Identify Namespace of the NVM command set (NVM Command Set 1.0, Figure 100), CNS 05h, CSI 0: only
 * about end-to-end protection. All zeros is the truth for a namespace without metadata.
 */
public final class IdentifyNvmNamespace {
  public static final int SIZE = 4096;

  /** Logical block storage tag mask. */
  public static final int LBSTM = 0;

  /** Protection information capabilities. */
  public static final int PIC = 8;

  /** Extended LBA formats, 64 of 4 bytes. */
  public static final int ELBAF = 12;

  private IdentifyNvmNamespace() {}

  public static long lbstm(long data) {
    return NativeMemory.getLong(data + LBSTM);
  }

  public static void lbstm(long data, long v) {
    NativeMemory.putLong(data + LBSTM, v);
  }

  public static int pic(long data) {
    return NativeMemory.getUnsignedByte(data + PIC);
  }

  public static void pic(long data, int v) {
    NativeMemory.putByte(data + PIC, (byte) v);
  }
}
