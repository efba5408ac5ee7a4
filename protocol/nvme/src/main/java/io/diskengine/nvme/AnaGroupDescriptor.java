package io.diskengine.nvme;

/**
 * ANA group descriptor (NVMe Base 2.0, Figure 222); {@code nnsid} namespace identifiers of 4 bytes
 * follow.
 */
public final class AnaGroupDescriptor {
  public static final int SIZE = 32;

  public static final int OPTIMIZED = 0x1;

  public static final int NON_OPTIMIZED = 0x2;

  public static final int INACCESSIBLE = 0x3;

  public static final int PERSISTENT_LOSS = 0x4;

  public static final int CHANGE = 0xf;

  /** ANA group identifier. */
  public static final int AGID = 0;

  /** Namespace identifiers that follow. */
  public static final int NNSID = 4;

  /** Change count. */
  public static final int CHGCNT = 8;

  public static final int STATE_BYTE = 16;

  private AnaGroupDescriptor() {}

  public static long agid(long group) {
    return NativeMemory.getUnsignedInt(group + AGID);
  }

  public static void agid(long group, long v) {
    NativeMemory.putInt(group + AGID, (int) v);
  }

  public static long nnsid(long group) {
    return NativeMemory.getUnsignedInt(group + NNSID);
  }

  public static void nnsid(long group, long v) {
    NativeMemory.putInt(group + NNSID, (int) v);
  }

  public static long chgcnt(long group) {
    return NativeMemory.getLong(group + CHGCNT);
  }

  public static void chgcnt(long group, long v) {
    NativeMemory.putLong(group + CHGCNT, v);
  }

  public static int stateByte(long group) {
    return NativeMemory.getUnsignedByte(group + STATE_BYTE);
  }

  public static void stateByte(long group, int v) {
    NativeMemory.putByte(group + STATE_BYTE, (byte) v);
  }

  public static int state(long group) {
    return Bits.get8(group + STATE_BYTE, 0, 4);
  }

  public static void state(long group, int v) {
    Bits.put8(group + STATE_BYTE, 0, 4, v);
  }

  public static int nsid(long group, int index) {
    return NativeMemory.getInt(group + SIZE + 4L * index);
  }

  public static void nsid(long group, int index, int v) {
    NativeMemory.putInt(group + SIZE + 4L * index, v);
  }

  /** The address behind this descriptor and its namespace identifiers. */
  public static long next(long group) {
    return group + SIZE + 4 * nnsid(group);
  }

  /** SPDK's name of a state, as in {@code nvmf_subsystem_get_listeners}. */
  public static String text(int state) {
    return switch (state) {
      case OPTIMIZED -> "optimized";
      case NON_OPTIMIZED -> "non_optimized";
      case INACCESSIBLE -> "inaccessible";
      case PERSISTENT_LOSS -> "persistent_loss";
      case CHANGE -> "change";
      default -> "invalid";
    };
  }
}
