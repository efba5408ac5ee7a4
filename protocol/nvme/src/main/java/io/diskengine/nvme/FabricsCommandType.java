package io.diskengine.nvme;

/** Fabrics command types: byte 4 of a command with opcode 7Fh (NVMe-oF 1.1, Figure 14). */
public final class FabricsCommandType {
  public static final int PROPERTY_SET = 0x00;
  public static final int CONNECT = 0x01;
  public static final int PROPERTY_GET = 0x04;
  public static final int AUTHENTICATION_SEND = 0x05;
  public static final int AUTHENTICATION_RECV = 0x06;
  public static final int DISCONNECT = 0x08;

  private FabricsCommandType() {}

  /** SPDK's text for a fabrics command type. */
  public static String text(int fctype) {
    return switch (fctype) {
      case PROPERTY_SET -> "PROPERTY SET";
      case CONNECT -> "CONNECT";
      case PROPERTY_GET -> "PROPERTY GET";
      case AUTHENTICATION_SEND -> "AUTHENTICATION SEND";
      case AUTHENTICATION_RECV -> "AUTHENTICATION RECV";
      case DISCONNECT -> "DISCONNECT";
      default -> "RESERVED / VENDOR SPECIFIC";
    };
  }
}
