package io.diskengine.nvme;

/**
 * Commands supported and effects log page (NVMe Base 2.0, 5.16.1.6): 256 dwords for admin opcodes,
 * 256 for I/O opcodes.
 */
public final class CommandEffectsLogPage {
  public static final int SIZE = 4096;

  /** Command supported. */
  public static final int CSUPP = 0x1;

  /** Changes logical blocks. */
  public static final int LBCC = 0x2;

  /** Changes namespace capabilities. */
  public static final int NCC = 0x4;

  /** Changes the namespace inventory. */
  public static final int NIC = 0x8;

  /** Changes controller capabilities. */
  public static final int CCC = 0x10;

  public static final int ADMIN = 0;

  public static final int IO = 1024;

  private CommandEffectsLogPage() {}

  public static int adminEffects(long page, int opcode) {
    return NativeMemory.getInt(page + ADMIN + 4L * opcode);
  }

  public static void adminEffects(long page, int opcode, int v) {
    NativeMemory.putInt(page + ADMIN + 4L * opcode, v);
  }

  public static int ioEffects(long page, int opcode) {
    return NativeMemory.getInt(page + IO + 4L * opcode);
  }

  public static void ioEffects(long page, int opcode, int v) {
    NativeMemory.putInt(page + IO + 4L * opcode, v);
  }
}
