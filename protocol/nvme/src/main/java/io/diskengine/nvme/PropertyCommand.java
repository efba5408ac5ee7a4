package io.diskengine.nvme;

/**
 * Property Get and Property Set (NVMe-oF 1.1, 3.4 and 3.5). Property Get answers with the value in
 * dw0 and dw1 of the completion ({@link #result}).
 */
public final class PropertyCommand {
  public static final int SIZE = 64;

  public static final int SIZE_4 = 0;

  public static final int SIZE_8 = 1;

  public static final int ATTRIB = 40;

  /** Offset of the property, see {@link ControllerProperty}. */
  public static final int OFST = 44;

  /** Property Set: the value; a 4-byte property uses the lower half. */
  public static final int VALUE = 48;

  private PropertyCommand() {}

  public static int attrib(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + ATTRIB);
  }

  public static void attrib(long sqe, int v) {
    NativeMemory.putByte(sqe + ATTRIB, (byte) v);
  }

  /** {@link #SIZE_4} or {@link #SIZE_8}. */
  public static int size(long sqe) {
    return Bits.get8(sqe + ATTRIB, 0, 3);
  }

  public static void size(long sqe, int v) {
    Bits.put8(sqe + ATTRIB, 0, 3, v);
  }

  public static int ofst(long sqe) {
    return NativeMemory.getInt(sqe + OFST);
  }

  public static void ofst(long sqe, int v) {
    NativeMemory.putInt(sqe + OFST, v);
  }

  public static long value(long sqe) {
    return NativeMemory.getLong(sqe + VALUE);
  }

  public static void value(long sqe, long v) {
    NativeMemory.putLong(sqe + VALUE, v);
  }

  /** The value that a Property Get answered. */
  public static long result(long cqe) {
    return NativeMemory.getLong(cqe);
  }

  public static void result(long cqe, long v) {
    NativeMemory.putLong(cqe, v);
  }
}
