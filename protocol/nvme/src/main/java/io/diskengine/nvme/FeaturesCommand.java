package io.diskengine.nvme;

/** Get Features and Set Features (NVMe Base 2.0, 5.15 and 5.27). */
public final class FeaturesCommand {
  public static final int SIZE = 64;

  /** Feature identifiers. */
  public static final int ARBITRATION = 0x01;

  public static final int POWER_MANAGEMENT = 0x02;

  public static final int LBA_RANGE_TYPE = 0x03;

  public static final int TEMPERATURE_THRESHOLD = 0x04;

  public static final int ERROR_RECOVERY = 0x05;

  public static final int VOLATILE_WRITE_CACHE = 0x06;

  public static final int NUMBER_OF_QUEUES = 0x07;

  public static final int INTERRUPT_COALESCING = 0x08;

  public static final int INTERRUPT_VECTOR_CONFIGURATION = 0x09;

  public static final int WRITE_ATOMICITY = 0x0a;

  public static final int ASYNC_EVENT_CONFIGURATION = 0x0b;

  public static final int AUTONOMOUS_POWER_STATE_TRANSITION = 0x0c;

  public static final int HOST_MEM_BUFFER = 0x0d;

  public static final int TIMESTAMP = 0x0e;

  public static final int KEEP_ALIVE_TIMER = 0x0f;

  public static final int HOST_BEHAVIOR_SUPPORT = 0x16;

  public static final int SANITIZE_CONFIG = 0x17;

  public static final int SOFTWARE_PROGRESS_MARKER = 0x80;

  public static final int HOST_IDENTIFIER = 0x81;

  public static final int HOST_RESERVE_MASK = 0x82;

  public static final int HOST_RESERVE_PERSIST = 0x83;

  public static final int NAMESPACE_WRITE_PROTECTION_CONFIG = 0x84;

  public static final int SELECT_CURRENT = 0;

  public static final int SELECT_DEFAULT = 1;

  public static final int SELECT_SAVED = 2;

  public static final int SELECT_SUPPORTED = 3;

  /** Feature identifier. */
  public static final int FID = 40;

  /** Which value Get Features asks for. */
  public static final int SEL = 41;

  public static final int SAVE_BYTE = 43;

  /** The feature's value (dword 11). */
  public static final int VALUE = 44;

  private FeaturesCommand() {}

  public static int fid(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + FID);
  }

  public static void fid(long sqe, int v) {
    NativeMemory.putByte(sqe + FID, (byte) v);
  }

  public static int sel(long sqe) {
    return Bits.get8(sqe + SEL, 0, 3);
  }

  public static void sel(long sqe, int v) {
    Bits.put8(sqe + SEL, 0, 3, v);
  }

  public static int saveByte(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + SAVE_BYTE);
  }

  public static void saveByte(long sqe, int v) {
    NativeMemory.putByte(sqe + SAVE_BYTE, (byte) v);
  }

  /** Set Features: save the value. */
  public static boolean sv(long sqe) {
    return Bits.test8(sqe + SAVE_BYTE, 7);
  }

  public static void sv(long sqe, boolean v) {
    Bits.set8(sqe + SAVE_BYTE, 7, v);
  }

  public static int value(long sqe) {
    return NativeMemory.getInt(sqe + VALUE);
  }

  public static void value(long sqe, int v) {
    NativeMemory.putInt(sqe + VALUE, v);
  }
}
