package io.diskengine.engine.bdev;

/**
 * How an I/O ended (contract 3): an NVMe status as {@code sct << 8 | sc} (0 is success), or one of
 * the internal codes below zero that never leave the bdev layer.
 */
public final class IoStatus {
  public static final int SUCCESS = 0;
  public static final int INVALID_OPCODE = 0x01;
  public static final int INTERNAL_DEVICE_ERROR = 0x06;
  public static final int ABORTED_BY_REQUEST = 0x07;
  public static final int ABORTED_SQ_DELETION = 0x08;
  public static final int INVALID_NAMESPACE = 0x0b;
  public static final int LBA_OUT_OF_RANGE = 0x80;
  public static final int CAPACITY_EXCEEDED = 0x81;
  public static final int NAMESPACE_NOT_READY = 0x82;
  public static final int WRITE_FAULT = 0x280;
  public static final int UNRECOVERED_READ_ERROR = 0x281;
  public static final int ACCESS_DENIED = 0x286;
  public static final int INTERNAL_PATH_ERROR = 0x300;
  public static final int ABORTED_BY_HOST = 0x371;

  /** The device has no resources now; the channel submits the I/O again later. */
  public static final int NOMEM = -12;

  private IoStatus() {}

  /** The status for a failed file operation, {@code errno} being negative. */
  public static int ofErrno(int errno, IoType type) {
    return switch (errno) {
      case -28, -122 -> CAPACITY_EXCEEDED;
      case -11, -12 -> NOMEM;
      case -95 -> INVALID_OPCODE;
      default -> type == IoType.READ ? UNRECOVERED_READ_ERROR : WRITE_FAULT;
    };
  }
}
