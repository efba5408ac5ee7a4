package io.diskengine.nvme;

/** Command set independent Identify Namespace (NVMe Base 2.0, Figure 280), CNS 08h. */
public final class IdentifyNamespaceIndependent {
  public static final int SIZE = 4096;

  public static final int NSFEAT_GUID_NEVER_REUSED = 0x08;

  public static final int NSFEAT_ROTATIONAL = 0x10;

  public static final int NSTAT_READY = 0x01;

  public static final int NSFEAT = 0;

  public static final int NMIC = 1;

  public static final int RESCAP = 2;

  public static final int FPI = 3;

  /** ANA group identifier. */
  public static final int ANAGRPID = 4;

  public static final int NSATTR = 8;

  public static final int NVMSETID = 10;

  public static final int ENDGID = 12;

  /** Namespace status: bit 0 ready. */
  public static final int NSTAT = 14;

  private IdentifyNamespaceIndependent() {}

  public static int nsfeat(long data) {
    return NativeMemory.getUnsignedByte(data + NSFEAT);
  }

  public static void nsfeat(long data, int v) {
    NativeMemory.putByte(data + NSFEAT, (byte) v);
  }

  public static int nmic(long data) {
    return NativeMemory.getUnsignedByte(data + NMIC);
  }

  public static void nmic(long data, int v) {
    NativeMemory.putByte(data + NMIC, (byte) v);
  }

  public static int rescap(long data) {
    return NativeMemory.getUnsignedByte(data + RESCAP);
  }

  public static void rescap(long data, int v) {
    NativeMemory.putByte(data + RESCAP, (byte) v);
  }

  public static int fpi(long data) {
    return NativeMemory.getUnsignedByte(data + FPI);
  }

  public static void fpi(long data, int v) {
    NativeMemory.putByte(data + FPI, (byte) v);
  }

  public static long anagrpid(long data) {
    return NativeMemory.getUnsignedInt(data + ANAGRPID);
  }

  public static void anagrpid(long data, long v) {
    NativeMemory.putInt(data + ANAGRPID, (int) v);
  }

  public static int nsattr(long data) {
    return NativeMemory.getUnsignedByte(data + NSATTR);
  }

  public static void nsattr(long data, int v) {
    NativeMemory.putByte(data + NSATTR, (byte) v);
  }

  public static int nvmsetid(long data) {
    return NativeMemory.getUnsignedShort(data + NVMSETID);
  }

  public static void nvmsetid(long data, int v) {
    NativeMemory.putShort(data + NVMSETID, (short) v);
  }

  public static int endgid(long data) {
    return NativeMemory.getUnsignedShort(data + ENDGID);
  }

  public static void endgid(long data, int v) {
    NativeMemory.putShort(data + ENDGID, (short) v);
  }

  public static int nstat(long data) {
    return NativeMemory.getUnsignedByte(data + NSTAT);
  }

  public static void nstat(long data, int v) {
    NativeMemory.putByte(data + NSTAT, (byte) v);
  }
}
