package io.diskengine.nvme;

/** Identify (NVMe Base 2.0, 5.17); the data is always 4096 bytes. */
public final class IdentifyCommand {
  public static final int SIZE = 64;

  public static final int DATA_SIZE = 4096;

  public static final int CNS_NAMESPACE = 0x00;

  public static final int CNS_CONTROLLER = 0x01;

  public static final int CNS_ACTIVE_NAMESPACE_LIST = 0x02;

  public static final int CNS_NAMESPACE_ID_DESCRIPTORS = 0x03;

  /** Namespace data of the command set CSI. */
  public static final int CNS_NAMESPACE_COMMAND_SET = 0x05;

  /** Controller data of the command set CSI. */
  public static final int CNS_CONTROLLER_COMMAND_SET = 0x06;

  public static final int CNS_ACTIVE_NAMESPACE_LIST_COMMAND_SET = 0x07;

  /** Namespace data that no command set owns. */
  public static final int CNS_NAMESPACE_INDEPENDENT = 0x08;

  public static final int CNS_ALLOCATED_NAMESPACE_LIST = 0x10;

  public static final int CNS_ALLOCATED_NAMESPACE = 0x11;

  public static final int CNS_ATTACHED_CONTROLLER_LIST = 0x12;

  public static final int CNS_CONTROLLER_LIST = 0x13;

  public static final int CNS_IO_COMMAND_SETS = 0x1c;

  public static final int CSI_NVM = 0x0;

  public static final int CSI_KV = 0x1;

  public static final int CSI_ZNS = 0x2;

  /** Controller or namespace structure. */
  public static final int CNS = 40;

  /** Controller identifier. */
  public static final int CNTID = 42;

  /** CNS-specific identifier. */
  public static final int NVMSETID = 44;

  /** Command set identifier. */
  public static final int CSI = 47;

  private IdentifyCommand() {}

  public static int cns(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + CNS);
  }

  public static void cns(long sqe, int v) {
    NativeMemory.putByte(sqe + CNS, (byte) v);
  }

  public static int cntid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + CNTID);
  }

  public static void cntid(long sqe, int v) {
    NativeMemory.putShort(sqe + CNTID, (short) v);
  }

  public static int nvmsetid(long sqe) {
    return NativeMemory.getUnsignedShort(sqe + NVMSETID);
  }

  public static void nvmsetid(long sqe, int v) {
    NativeMemory.putShort(sqe + NVMSETID, (short) v);
  }

  public static int csi(long sqe) {
    return NativeMemory.getUnsignedByte(sqe + CSI);
  }

  public static void csi(long sqe, int v) {
    NativeMemory.putByte(sqe + CSI, (byte) v);
  }
}
