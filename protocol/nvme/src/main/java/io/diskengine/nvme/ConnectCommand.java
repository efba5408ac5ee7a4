package io.diskengine.nvme;

/** Connect (NVMe-oF 1.1, 3.3); the data is {@link ConnectData}. */
public final class ConnectCommand {
  public static final int SIZE = 64;

  /** Record format; 0. */
  public static final int RECFMT = 40;

  /** Queue identifier; 0 is the admin queue. */
  public static final int QID = 42;

  /** Submission queue size, 0's based. */
  public static final int SQSIZE = 44;

  /** Connect attributes. */
  public static final int CATTR = 46;

  /** Keep alive timeout, milliseconds; 0 is none. */
  public static final int KATO = 48;

  private ConnectCommand() {}

  public static int recfmt(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + RECFMT);
  }

  public static void recfmt(long sqe, int v) {
    NativeMemory.putShort(sqe + RECFMT, (short) v);
  }

  public static int qid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + QID);
  }

  public static void qid(long sqe, int v) {
    NativeMemory.putShort(sqe + QID, (short) v);
  }

  public static int sqsize(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + SQSIZE);
  }

  public static void sqsize(long sqe, int v) {
    NativeMemory.putShort(sqe + SQSIZE, (short) v);
  }

  public static int cattr(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + CATTR);
  }

  public static void cattr(long sqe, int v) {
    NativeMemory.putByte(sqe + CATTR, (byte) v);
  }

  public static int prioclass(long sqe) {
    return Bits.get8(sqe + CATTR, 0, 2);
  }

  public static void prioclass(long sqe, int v) {
    Bits.put8(sqe + CATTR, 0, 2, v);
  }

  /** Submission queue flow control is disabled. */
  public static boolean dissqfc(long sqe) {
    return Bits.test8(sqe + CATTR, 2);
  }

  public static void dissqfc(long sqe, boolean v) {
    Bits.set8(sqe + CATTR, 2, v);
  }

  /** Individual I/O queue deletion. */
  public static boolean indivioqels(long sqe) {
    return Bits.test8(sqe + CATTR, 3);
  }

  public static void indivioqels(long sqe, boolean v) {
    Bits.set8(sqe + CATTR, 3, v);
  }

  public static long kato(long sqe) {
    return NativeMemory.getUnsignedInt(sqe + KATO);
  }

  public static void kato(long sqe, long v) {
    NativeMemory.putInt(sqe + KATO, (int) v);
  }
}
