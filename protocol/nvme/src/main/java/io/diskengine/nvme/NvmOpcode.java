package io.diskengine.nvme;

/** Opcodes of the NVM command set (NVM Command Set 1.0, Figure 20; NVMe Base 2.0, Figure 390). */
public final class NvmOpcode {
  public static final int FLUSH = 0x00;
  public static final int WRITE = 0x01;
  public static final int READ = 0x02;
  public static final int WRITE_UNCORRECTABLE = 0x04;
  public static final int COMPARE = 0x05;
  public static final int WRITE_ZEROES = 0x08;
  public static final int DATASET_MANAGEMENT = 0x09;
  public static final int VERIFY = 0x0c;
  public static final int RESERVATION_REGISTER = 0x0d;
  public static final int RESERVATION_REPORT = 0x0e;
  public static final int RESERVATION_ACQUIRE = 0x11;
  public static final int IO_MANAGEMENT_RECEIVE = 0x12;
  public static final int RESERVATION_RELEASE = 0x15;
  public static final int COPY = 0x19;
  public static final int IO_MANAGEMENT_SEND = 0x1d;

  private NvmOpcode() {}

  /** SPDK's text for an opcode. */
  public static String text(int opcode) {
    return switch (opcode) {
      case FLUSH -> "FLUSH";
      case WRITE -> "WRITE";
      case READ -> "READ";
      case WRITE_UNCORRECTABLE -> "WRITE UNCORRECTABLE";
      case COMPARE -> "COMPARE";
      case WRITE_ZEROES -> "WRITE ZEROES";
      case DATASET_MANAGEMENT -> "DATASET MANAGEMENT";
      case VERIFY -> "VERIFY";
      case RESERVATION_REGISTER -> "RESERVATION REGISTER";
      case RESERVATION_REPORT -> "RESERVATION REPORT";
      case RESERVATION_ACQUIRE -> "RESERVATION ACQUIRE";
      case IO_MANAGEMENT_RECEIVE -> "IO MANAGEMENT RECEIVE";
      case RESERVATION_RELEASE -> "RESERVATION RELEASE";
      case COPY -> "COPY";
      case IO_MANAGEMENT_SEND -> "IO MANAGEMENT SEND";
      default -> "IO COMMAND";
    };
  }
}
