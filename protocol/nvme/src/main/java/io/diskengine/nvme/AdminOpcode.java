package io.diskengine.nvme;

/** Opcodes of the admin queue (NVMe Base 2.0, Figure 138). FABRIC is also valid on I/O queues. */
public final class AdminOpcode {
  public static final int DELETE_IO_SQ = 0x00;
  public static final int CREATE_IO_SQ = 0x01;
  public static final int GET_LOG_PAGE = 0x02;
  public static final int DELETE_IO_CQ = 0x04;
  public static final int CREATE_IO_CQ = 0x05;
  public static final int IDENTIFY = 0x06;
  public static final int ABORT = 0x08;
  public static final int SET_FEATURES = 0x09;
  public static final int GET_FEATURES = 0x0a;
  public static final int ASYNC_EVENT_REQUEST = 0x0c;
  public static final int NS_MANAGEMENT = 0x0d;
  public static final int FIRMWARE_COMMIT = 0x10;
  public static final int FIRMWARE_IMAGE_DOWNLOAD = 0x11;
  public static final int DEVICE_SELF_TEST = 0x14;
  public static final int NS_ATTACHMENT = 0x15;
  public static final int KEEP_ALIVE = 0x18;
  public static final int DIRECTIVE_SEND = 0x19;
  public static final int DIRECTIVE_RECEIVE = 0x1a;
  public static final int VIRTUALIZATION_MANAGEMENT = 0x1c;
  public static final int NVME_MI_SEND = 0x1d;
  public static final int NVME_MI_RECEIVE = 0x1e;
  public static final int DOORBELL_BUFFER_CONFIG = 0x7c;
  public static final int FABRIC = 0x7f;
  public static final int FORMAT_NVM = 0x80;
  public static final int SECURITY_SEND = 0x81;
  public static final int SECURITY_RECEIVE = 0x82;
  public static final int SANITIZE = 0x84;
  public static final int GET_LBA_STATUS = 0x86;
  public static final int VENDOR_SPECIFIC_START = 0xc0;

  private AdminOpcode() {}

  /** Bits 1:0 of every opcode: which way data moves. */
  public static final int TRANSFER_NONE = 0;

  public static final int TRANSFER_HOST_TO_CONTROLLER = 1;
  public static final int TRANSFER_CONTROLLER_TO_HOST = 2;
  public static final int TRANSFER_BIDIRECTIONAL = 3;

  public static int transfer(int opcode) {
    return opcode & 3;
  }

  /** SPDK's text for an opcode. */
  public static String text(int opcode) {
    return switch (opcode) {
      case DELETE_IO_SQ -> "DELETE IO SQ";
      case CREATE_IO_SQ -> "CREATE IO SQ";
      case GET_LOG_PAGE -> "GET LOG PAGE";
      case DELETE_IO_CQ -> "DELETE IO CQ";
      case CREATE_IO_CQ -> "CREATE IO CQ";
      case IDENTIFY -> "IDENTIFY";
      case ABORT -> "ABORT";
      case SET_FEATURES -> "SET FEATURES";
      case GET_FEATURES -> "GET FEATURES";
      case ASYNC_EVENT_REQUEST -> "ASYNC EVENT REQUEST";
      case NS_MANAGEMENT -> "NAMESPACE MANAGEMENT";
      case FIRMWARE_COMMIT -> "FIRMWARE COMMIT";
      case FIRMWARE_IMAGE_DOWNLOAD -> "FIRMWARE IMAGE DOWNLOAD";
      case DEVICE_SELF_TEST -> "DEVICE SELF-TEST";
      case NS_ATTACHMENT -> "NAMESPACE ATTACHMENT";
      case KEEP_ALIVE -> "KEEP ALIVE";
      case DIRECTIVE_SEND -> "DIRECTIVE SEND";
      case DIRECTIVE_RECEIVE -> "DIRECTIVE RECEIVE";
      case VIRTUALIZATION_MANAGEMENT -> "VIRTUALIZATION MANAGEMENT";
      case NVME_MI_SEND -> "NVME-MI SEND";
      case NVME_MI_RECEIVE -> "NVME-MI RECEIVE";
      case DOORBELL_BUFFER_CONFIG -> "DOORBELL BUFFER CONFIG";
      case FABRIC -> "FABRIC";
      case FORMAT_NVM -> "FORMAT NVM";
      case SECURITY_SEND -> "SECURITY SEND";
      case SECURITY_RECEIVE -> "SECURITY RECEIVE";
      case SANITIZE -> "SANITIZE";
      case GET_LBA_STATUS -> "GET LBA STATUS";
      default -> "ADMIN COMMAND";
    };
  }
}
