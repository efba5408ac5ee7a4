package io.diskengine.nvme;

/**
 * A command's status as an int: {@code sct << 8 | sc}, bits 10:0, optionally with {@link #DNR} and
 * {@link #MORE} where the status field has them (NVMe Base 2.0, 3.3.3.2.1; NVM Command Set 1.0;
 * NVMe-oF 1.1, 3.3). Codes and texts are SPDK's, so that messages read the same. An unknown code is
 * a value like any other.
 */
public final class NvmeStatus {
  public static final int SCT_GENERIC = 0;
  public static final int SCT_COMMAND_SPECIFIC = 1;
  public static final int SCT_MEDIA_ERROR = 2;
  public static final int SCT_PATH = 3;
  public static final int SCT_VENDOR_SPECIFIC = 7;

  /** Status code type and status code without the flags. */
  public static final int CODE_MASK = 0x7ff;

  /** Bits 12:11, Command Retry Delay: which of Identify Controller's CRDT1 to 3 to wait; 0 none. */
  public static final int CRD_SHIFT = 11;

  /** More: the error information log has more about it. */
  public static final int MORE = 0x2000;

  /** Do Not Retry: the same command to the same controller would fail again. */
  public static final int DNR = 0x4000;

  // Generic command status.
  public static final int SUCCESS = 0x000;
  public static final int INVALID_OPCODE = 0x001;
  public static final int INVALID_FIELD = 0x002;
  public static final int COMMAND_ID_CONFLICT = 0x003;
  public static final int DATA_TRANSFER_ERROR = 0x004;
  public static final int ABORTED_POWER_LOSS = 0x005;
  public static final int INTERNAL_DEVICE_ERROR = 0x006;
  public static final int ABORTED_BY_REQUEST = 0x007;
  public static final int ABORTED_SQ_DELETION = 0x008;
  public static final int ABORTED_FAILED_FUSED = 0x009;
  public static final int ABORTED_MISSING_FUSED = 0x00a;
  public static final int INVALID_NAMESPACE_OR_FORMAT = 0x00b;
  public static final int COMMAND_SEQUENCE_ERROR = 0x00c;
  public static final int INVALID_SGL_SEG_DESCRIPTOR = 0x00d;
  public static final int INVALID_NUM_SGL_DESCRIPTORS = 0x00e;
  public static final int DATA_SGL_LENGTH_INVALID = 0x00f;
  public static final int METADATA_SGL_LENGTH_INVALID = 0x010;
  public static final int SGL_DESCRIPTOR_TYPE_INVALID = 0x011;
  public static final int INVALID_CONTROLLER_MEM_BUF = 0x012;
  public static final int INVALID_PRP_OFFSET = 0x013;
  public static final int ATOMIC_WRITE_UNIT_EXCEEDED = 0x014;
  public static final int OPERATION_DENIED = 0x015;
  public static final int INVALID_SGL_OFFSET = 0x016;
  public static final int HOSTID_INCONSISTENT_FORMAT = 0x018;
  public static final int KEEP_ALIVE_EXPIRED = 0x019;
  public static final int KEEP_ALIVE_INVALID = 0x01a;
  public static final int ABORTED_PREEMPT = 0x01b;
  public static final int SANITIZE_FAILED = 0x01c;
  public static final int SANITIZE_IN_PROGRESS = 0x01d;
  public static final int SGL_DATA_BLOCK_GRANULARITY_INVALID = 0x01e;
  public static final int COMMAND_INVALID_IN_CMB = 0x01f;
  public static final int COMMAND_NAMESPACE_IS_PROTECTED = 0x020;
  public static final int COMMAND_INTERRUPTED = 0x021;
  public static final int COMMAND_TRANSIENT_TRANSPORT_ERROR = 0x022;
  public static final int COMMAND_PROHIBITED_BY_LOCKDOWN = 0x023;
  public static final int ADMIN_COMMAND_MEDIA_NOT_READY = 0x024;
  public static final int FDP_DISABLED = 0x029;
  public static final int INVALID_PLACEMENT_HANDLE_LIST = 0x02a;
  public static final int LBA_OUT_OF_RANGE = 0x080;
  public static final int CAPACITY_EXCEEDED = 0x081;
  public static final int NAMESPACE_NOT_READY = 0x082;
  public static final int RESERVATION_CONFLICT = 0x083;
  public static final int FORMAT_IN_PROGRESS = 0x084;
  public static final int INVALID_VALUE_SIZE = 0x085;
  public static final int INVALID_KEY_SIZE = 0x086;
  public static final int KV_KEY_DOES_NOT_EXIST = 0x087;
  public static final int UNRECOVERED_ERROR = 0x088;
  public static final int KEY_EXISTS = 0x089;

  // Command specific status. Its meaning depends on the opcode: 80h and above are the I/O command
  // set's for I/O commands, and the FABRIC_ ones for fabrics commands.
  public static final int COMPLETION_QUEUE_INVALID = 0x100;
  public static final int INVALID_QUEUE_IDENTIFIER = 0x101;
  public static final int INVALID_QUEUE_SIZE = 0x102;
  public static final int ABORT_COMMAND_LIMIT_EXCEEDED = 0x103;
  public static final int ASYNC_EVENT_REQUEST_LIMIT_EXCEEDED = 0x105;
  public static final int INVALID_FIRMWARE_SLOT = 0x106;
  public static final int INVALID_FIRMWARE_IMAGE = 0x107;
  public static final int INVALID_INTERRUPT_VECTOR = 0x108;
  public static final int INVALID_LOG_PAGE = 0x109;
  public static final int INVALID_FORMAT = 0x10a;
  public static final int FIRMWARE_REQ_CONVENTIONAL_RESET = 0x10b;
  public static final int INVALID_QUEUE_DELETION = 0x10c;
  public static final int FEATURE_ID_NOT_SAVEABLE = 0x10d;
  public static final int FEATURE_NOT_CHANGEABLE = 0x10e;
  public static final int FEATURE_NOT_NAMESPACE_SPECIFIC = 0x10f;
  public static final int FIRMWARE_REQ_NVM_RESET = 0x110;
  public static final int FIRMWARE_REQ_RESET = 0x111;
  public static final int FIRMWARE_REQ_MAX_TIME_VIOLATION = 0x112;
  public static final int FIRMWARE_ACTIVATION_PROHIBITED = 0x113;
  public static final int OVERLAPPING_RANGE = 0x114;
  public static final int NAMESPACE_INSUFFICIENT_CAPACITY = 0x115;
  public static final int NAMESPACE_ID_UNAVAILABLE = 0x116;
  public static final int NAMESPACE_ALREADY_ATTACHED = 0x118;
  public static final int NAMESPACE_IS_PRIVATE = 0x119;
  public static final int NAMESPACE_NOT_ATTACHED = 0x11a;
  public static final int THINPROVISIONING_NOT_SUPPORTED = 0x11b;
  public static final int CONTROLLER_LIST_INVALID = 0x11c;
  public static final int DEVICE_SELF_TEST_IN_PROGRESS = 0x11d;
  public static final int BOOT_PARTITION_WRITE_PROHIBITED = 0x11e;
  public static final int INVALID_CONTROLLER_ID = 0x11f;
  public static final int INVALID_SECONDARY_CONTROLLER_STATE = 0x120;
  public static final int INVALID_NUM_CONTROLLER_RESOURCES = 0x121;
  public static final int INVALID_RESOURCE_ID = 0x122;
  public static final int SANITIZE_PROHIBITED = 0x123;
  public static final int ANA_GROUP_IDENTIFIER_INVALID = 0x124;
  public static final int ANA_ATTACH_FAILED = 0x125;
  public static final int INSUFFICIENT_CAPACITY = 0x126;
  public static final int NAMESPACE_ATTACH_LIMIT_EXCEEDED = 0x127;
  public static final int PROHIBIT_CMD_EXEC_NOT_SUPPORTED = 0x128;
  public static final int IOCS_NOT_SUPPORTED = 0x129;
  public static final int IOCS_NOT_ENABLED = 0x12a;
  public static final int IOCS_COMBINATION_REJECTED = 0x12b;
  public static final int INVALID_IOCS = 0x12c;
  public static final int IDENTIFIER_UNAVAILABLE = 0x12d;
  public static final int STREAM_RESOURCE_ALLOCATION_FAILED = 0x17f;
  public static final int CONFLICTING_ATTRIBUTES = 0x180;
  public static final int INVALID_PROTECTION_INFO = 0x181;
  public static final int ATTEMPTED_WRITE_TO_RO_RANGE = 0x182;
  public static final int COMMAND_SIZE_LIMIT_EXCEEDED = 0x183;
  public static final int ZONED_BOUNDARY_ERROR = 0x1b8;
  public static final int ZONE_IS_FULL = 0x1b9;
  public static final int ZONE_IS_READ_ONLY = 0x1ba;
  public static final int ZONE_IS_OFFLINE = 0x1bb;
  public static final int ZONE_INVALID_WRITE = 0x1bc;
  public static final int TOO_MANY_ACTIVE_ZONES = 0x1bd;
  public static final int TOO_MANY_OPEN_ZONES = 0x1be;
  public static final int INVALID_ZONE_STATE_TRANSITION = 0x1bf;

  // Command specific status of fabrics commands (opcode 7Fh).
  public static final int FABRIC_INCOMPATIBLE_FORMAT = 0x180;
  public static final int FABRIC_CONTROLLER_BUSY = 0x181;
  public static final int FABRIC_INVALID_PARAM = 0x182;
  public static final int FABRIC_RESTART_DISCOVERY = 0x183;
  public static final int FABRIC_INVALID_HOST = 0x184;
  public static final int FABRIC_LOG_RESTART_DISCOVERY = 0x190;
  public static final int FABRIC_AUTH_REQUIRED = 0x191;

  // Media and data integrity errors.
  public static final int WRITE_FAULTS = 0x280;
  public static final int UNRECOVERED_READ_ERROR = 0x281;
  public static final int GUARD_CHECK_ERROR = 0x282;
  public static final int APPLICATION_TAG_CHECK_ERROR = 0x283;
  public static final int REFERENCE_TAG_CHECK_ERROR = 0x284;
  public static final int COMPARE_FAILURE = 0x285;
  public static final int ACCESS_DENIED = 0x286;
  public static final int DEALLOCATED_OR_UNWRITTEN_BLOCK = 0x287;
  public static final int END_TO_END_STORAGE_TAG_CHECK_ERROR = 0x288;

  // Path related status.
  public static final int INTERNAL_PATH_ERROR = 0x300;
  public static final int ASYMMETRIC_ACCESS_PERSISTENT_LOSS = 0x301;
  public static final int ASYMMETRIC_ACCESS_INACCESSIBLE = 0x302;
  public static final int ASYMMETRIC_ACCESS_TRANSITION = 0x303;
  public static final int CONTROLLER_PATH_ERROR = 0x360;
  public static final int HOST_PATH_ERROR = 0x370;
  public static final int ABORTED_BY_HOST = 0x371;

  private NvmeStatus() {}

  public static int of(int sct, int sc) {
    return (sct & 7) << 8 | (sc & 0xff);
  }

  public static int sct(int status) {
    return status >>> 8 & 7;
  }

  public static int sc(int status) {
    return status & 0xff;
  }

  /** Without DNR, MORE and CRD. */
  public static int code(int status) {
    return status & CODE_MASK;
  }

  public static boolean isSuccess(int status) {
    return code(status) == SUCCESS;
  }

  /** The path failed, not the command: another path may do it (status code type 3h). */
  public static boolean isPathError(int status) {
    return sct(status) == SCT_PATH;
  }

  /** The path's asymmetric namespace access state refuses I/O. */
  public static boolean isAnaError(int status) {
    return switch (code(status)) {
      case ASYMMETRIC_ACCESS_PERSISTENT_LOSS,
          ASYMMETRIC_ACCESS_INACCESSIBLE,
          ASYMMETRIC_ACCESS_TRANSITION ->
          true;
      default -> false;
    };
  }

  /**
   * Whether to send such a command to the same controller again, as SPDK's host driver does: DNR is
   * clear and the condition passes by itself, or the path failed inside the controller. COMMAND
   * INTERRUPTED and TRANSIENT TRANSPORT ERROR, which the specification defines so, are ours to add.
   */
  public static boolean isRetryable(int status) {
    if ((status & DNR) != 0) {
      return false;
    }
    return switch (code(status)) {
      case NAMESPACE_NOT_READY,
          FORMAT_IN_PROGRESS,
          COMMAND_INTERRUPTED,
          COMMAND_TRANSIENT_TRANSPORT_ERROR,
          INTERNAL_PATH_ERROR ->
          true;
      default -> false;
    };
  }

  /** SPDK's text for a status of an admin or I/O command, such as "LBA OUT OF RANGE". */
  public static String text(int status) {
    return switch (sct(status)) {
      case SCT_GENERIC -> genericText(code(status));
      case SCT_COMMAND_SPECIFIC -> commandSpecificText(code(status));
      case SCT_MEDIA_ERROR -> mediaText(code(status));
      case SCT_PATH -> pathText(code(status));
      case SCT_VENDOR_SPECIFIC -> "VENDOR SPECIFIC";
      default -> "RESERVED";
    };
  }

  /** SPDK's text for a status of a fabrics command, such as "INVALID HOST". */
  public static String fabricText(int status) {
    return switch (code(status)) {
      case FABRIC_INCOMPATIBLE_FORMAT -> "INCOMPATIBLE FORMAT";
      case FABRIC_CONTROLLER_BUSY -> "CONTROLLER BUSY";
      case FABRIC_INVALID_PARAM -> "INVALID PARAM";
      case FABRIC_RESTART_DISCOVERY -> "RESTART DISCOVERY";
      case FABRIC_INVALID_HOST -> "INVALID HOST";
      case FABRIC_LOG_RESTART_DISCOVERY -> "LOG RESTART DISCOVERY";
      case FABRIC_AUTH_REQUIRED -> "AUTH REQUIRED";
      default -> sct(status) == SCT_COMMAND_SPECIFIC ? "FABRIC COMMAND SPECIFIC" : text(status);
    };
  }

  /** Text and codes as SPDK prints them: "LBA OUT OF RANGE (00/80)". */
  public static String describe(int status) {
    return "%s (%02x/%02x)".formatted(text(status), sct(status), sc(status));
  }

  private static String genericText(int code) {
    return switch (code) {
      case SUCCESS -> "SUCCESS";
      case INVALID_OPCODE -> "INVALID OPCODE";
      case INVALID_FIELD -> "INVALID FIELD";
      case COMMAND_ID_CONFLICT -> "COMMAND ID CONFLICT";
      case DATA_TRANSFER_ERROR -> "DATA TRANSFER ERROR";
      case ABORTED_POWER_LOSS -> "ABORTED - POWER LOSS";
      case INTERNAL_DEVICE_ERROR -> "INTERNAL DEVICE ERROR";
      case ABORTED_BY_REQUEST -> "ABORTED - BY REQUEST";
      case ABORTED_SQ_DELETION -> "ABORTED - SQ DELETION";
      case ABORTED_FAILED_FUSED -> "ABORTED - FAILED FUSED";
      case ABORTED_MISSING_FUSED -> "ABORTED - MISSING FUSED";
      case INVALID_NAMESPACE_OR_FORMAT -> "INVALID NAMESPACE OR FORMAT";
      case COMMAND_SEQUENCE_ERROR -> "COMMAND SEQUENCE ERROR";
      case INVALID_SGL_SEG_DESCRIPTOR -> "INVALID SGL SEGMENT DESCRIPTOR";
      case INVALID_NUM_SGL_DESCRIPTORS -> "INVALID NUMBER OF SGL DESCRIPTORS";
      case DATA_SGL_LENGTH_INVALID -> "DATA SGL LENGTH INVALID";
      case METADATA_SGL_LENGTH_INVALID -> "METADATA SGL LENGTH INVALID";
      case SGL_DESCRIPTOR_TYPE_INVALID -> "SGL DESCRIPTOR TYPE INVALID";
      case INVALID_CONTROLLER_MEM_BUF -> "INVALID CONTROLLER MEMORY BUFFER";
      case INVALID_PRP_OFFSET -> "INVALID PRP OFFSET";
      case ATOMIC_WRITE_UNIT_EXCEEDED -> "ATOMIC WRITE UNIT EXCEEDED";
      case OPERATION_DENIED -> "OPERATION DENIED";
      case INVALID_SGL_OFFSET -> "INVALID SGL OFFSET";
      case HOSTID_INCONSISTENT_FORMAT -> "HOSTID INCONSISTENT FORMAT";
      case KEEP_ALIVE_EXPIRED -> "KEEP ALIVE EXPIRED";
      case KEEP_ALIVE_INVALID -> "KEEP ALIVE INVALID";
      case ABORTED_PREEMPT -> "ABORTED - PREEMPT AND ABORT";
      case SANITIZE_FAILED -> "SANITIZE FAILED";
      case SANITIZE_IN_PROGRESS -> "SANITIZE IN PROGRESS";
      case SGL_DATA_BLOCK_GRANULARITY_INVALID -> "DATA BLOCK GRANULARITY INVALID";
      case COMMAND_INVALID_IN_CMB -> "COMMAND NOT SUPPORTED FOR QUEUE IN CMB";
      case COMMAND_NAMESPACE_IS_PROTECTED -> "COMMAND NAMESPACE IS PROTECTED";
      case COMMAND_INTERRUPTED -> "COMMAND INTERRUPTED";
      case COMMAND_TRANSIENT_TRANSPORT_ERROR -> "COMMAND TRANSIENT TRANSPORT ERROR";
      case COMMAND_PROHIBITED_BY_LOCKDOWN -> "COMMAND PROHIBITED BY LOCKDOWN";
      case ADMIN_COMMAND_MEDIA_NOT_READY -> "ADMIN COMMAND MEDIA NOT READY";
      case FDP_DISABLED -> "FDP DISABLED";
      case INVALID_PLACEMENT_HANDLE_LIST -> "INVALID PLACEMENT HANDLE LIST";
      case LBA_OUT_OF_RANGE -> "LBA OUT OF RANGE";
      case CAPACITY_EXCEEDED -> "CAPACITY EXCEEDED";
      case NAMESPACE_NOT_READY -> "NAMESPACE NOT READY";
      case RESERVATION_CONFLICT -> "RESERVATION CONFLICT";
      case FORMAT_IN_PROGRESS -> "FORMAT IN PROGRESS";
      case INVALID_VALUE_SIZE -> "INVALID VALUE SIZE";
      case INVALID_KEY_SIZE -> "INVALID KEY SIZE";
      case KV_KEY_DOES_NOT_EXIST -> "KV KEY DOES NOT EXIST";
      case UNRECOVERED_ERROR -> "UNRECOVERED ERROR";
      case KEY_EXISTS -> "KEY EXISTS";
      default -> "GENERIC";
    };
  }

  private static String commandSpecificText(int code) {
    return switch (code) {
      case COMPLETION_QUEUE_INVALID -> "INVALID COMPLETION QUEUE";
      case INVALID_QUEUE_IDENTIFIER -> "INVALID QUEUE IDENTIFIER";
      case INVALID_QUEUE_SIZE -> "INVALID QUEUE SIZE";
      case ABORT_COMMAND_LIMIT_EXCEEDED -> "ABORT CMD LIMIT EXCEEDED";
      case ASYNC_EVENT_REQUEST_LIMIT_EXCEEDED -> "ASYNC LIMIT EXCEEDED";
      case INVALID_FIRMWARE_SLOT -> "INVALID FIRMWARE SLOT";
      case INVALID_FIRMWARE_IMAGE -> "INVALID FIRMWARE IMAGE";
      case INVALID_INTERRUPT_VECTOR -> "INVALID INTERRUPT VECTOR";
      case INVALID_LOG_PAGE -> "INVALID LOG PAGE";
      case INVALID_FORMAT -> "INVALID FORMAT";
      case FIRMWARE_REQ_CONVENTIONAL_RESET -> "FIRMWARE REQUIRES CONVENTIONAL RESET";
      case INVALID_QUEUE_DELETION -> "INVALID QUEUE DELETION";
      case FEATURE_ID_NOT_SAVEABLE -> "FEATURE ID NOT SAVEABLE";
      case FEATURE_NOT_CHANGEABLE -> "FEATURE NOT CHANGEABLE";
      case FEATURE_NOT_NAMESPACE_SPECIFIC -> "FEATURE NOT NAMESPACE SPECIFIC";
      case FIRMWARE_REQ_NVM_RESET -> "FIRMWARE REQUIRES NVM RESET";
      case FIRMWARE_REQ_RESET -> "FIRMWARE REQUIRES RESET";
      case FIRMWARE_REQ_MAX_TIME_VIOLATION -> "FIRMWARE REQUIRES MAX TIME VIOLATION";
      case FIRMWARE_ACTIVATION_PROHIBITED -> "FIRMWARE ACTIVATION PROHIBITED";
      case OVERLAPPING_RANGE -> "OVERLAPPING RANGE";
      case NAMESPACE_INSUFFICIENT_CAPACITY -> "NAMESPACE INSUFFICIENT CAPACITY";
      case NAMESPACE_ID_UNAVAILABLE -> "NAMESPACE ID UNAVAILABLE";
      case NAMESPACE_ALREADY_ATTACHED -> "NAMESPACE ALREADY ATTACHED";
      case NAMESPACE_IS_PRIVATE -> "NAMESPACE IS PRIVATE";
      case NAMESPACE_NOT_ATTACHED -> "NAMESPACE NOT ATTACHED";
      case THINPROVISIONING_NOT_SUPPORTED -> "THINPROVISIONING NOT SUPPORTED";
      case CONTROLLER_LIST_INVALID -> "CONTROLLER LIST INVALID";
      case DEVICE_SELF_TEST_IN_PROGRESS -> "DEVICE SELF-TEST IN PROGRESS";
      case BOOT_PARTITION_WRITE_PROHIBITED -> "BOOT PARTITION WRITE PROHIBITED";
      case INVALID_CONTROLLER_ID -> "INVALID CONTROLLER ID";
      case INVALID_SECONDARY_CONTROLLER_STATE -> "INVALID SECONDARY CONTROLLER STATE";
      case INVALID_NUM_CONTROLLER_RESOURCES -> "INVALID NUMBER OF CONTROLLER RESOURCES";
      case INVALID_RESOURCE_ID -> "INVALID RESOURCE IDENTIFIER";
      case SANITIZE_PROHIBITED -> "SANITIZE PROHIBITED";
      case ANA_GROUP_IDENTIFIER_INVALID -> "ANA GROUP IDENTIFIER INVALID";
      case ANA_ATTACH_FAILED -> "ANA ATTACH FAILED";
      case INSUFFICIENT_CAPACITY -> "INSUFFICIENT CAPACITY";
      case NAMESPACE_ATTACH_LIMIT_EXCEEDED -> "NAMESPACE ATTACH LIMIT EXCEEDED";
      case PROHIBIT_CMD_EXEC_NOT_SUPPORTED -> "PROHIBIT COMMAND EXEC NOT SUPPORTED";
      case IOCS_NOT_SUPPORTED -> "IOCS NOT SUPPORTED";
      case IOCS_NOT_ENABLED -> "IOCS NOT ENABLED";
      case IOCS_COMBINATION_REJECTED -> "IOCS COMBINATION REJECTED";
      case INVALID_IOCS -> "INVALID IOCS";
      case IDENTIFIER_UNAVAILABLE -> "IDENTIFIER UNAVAILABLE";
      case STREAM_RESOURCE_ALLOCATION_FAILED -> "STREAM RESOURCE ALLOCATION FAILED";
      case CONFLICTING_ATTRIBUTES -> "CONFLICTING ATTRIBUTES";
      case INVALID_PROTECTION_INFO -> "INVALID PROTECTION INFO";
      case ATTEMPTED_WRITE_TO_RO_RANGE -> "WRITE TO RO RANGE";
      case COMMAND_SIZE_LIMIT_EXCEEDED -> "CMD SIZE LIMIT SIZE EXCEEDED";
      case ZONED_BOUNDARY_ERROR -> "ZONED BOUNDARY ERROR";
      case ZONE_IS_FULL -> "ZONE IS FULL";
      case ZONE_IS_READ_ONLY -> "ZONE IS READ ONLY";
      case ZONE_IS_OFFLINE -> "ZONE IS OFFLINE";
      case ZONE_INVALID_WRITE -> "ZONE INVALID WRITE";
      case TOO_MANY_ACTIVE_ZONES -> "TOO MANY ACTIVE ZONES";
      case TOO_MANY_OPEN_ZONES -> "TOO MANY OPEN ZONES";
      case INVALID_ZONE_STATE_TRANSITION -> "INVALID ZONE STATE TRANSITION";
      default -> "COMMAND SPECIFIC";
    };
  }

  private static String mediaText(int code) {
    return switch (code) {
      case WRITE_FAULTS -> "WRITE FAULTS";
      case UNRECOVERED_READ_ERROR -> "UNRECOVERED READ ERROR";
      case GUARD_CHECK_ERROR -> "GUARD CHECK ERROR";
      case APPLICATION_TAG_CHECK_ERROR -> "APPLICATION TAG CHECK ERROR";
      case REFERENCE_TAG_CHECK_ERROR -> "REFERENCE TAG CHECK ERROR";
      case COMPARE_FAILURE -> "COMPARE FAILURE";
      case ACCESS_DENIED -> "ACCESS DENIED";
      case DEALLOCATED_OR_UNWRITTEN_BLOCK -> "DEALLOCATED OR UNWRITTEN BLOCK";
      case END_TO_END_STORAGE_TAG_CHECK_ERROR -> "END TO END STORAGE TAG CHECK ERROR";
      default -> "MEDIA ERROR";
    };
  }

  private static String pathText(int code) {
    return switch (code) {
      case INTERNAL_PATH_ERROR -> "INTERNAL PATH ERROR";
      case ASYMMETRIC_ACCESS_PERSISTENT_LOSS -> "ASYMMETRIC ACCESS PERSISTENT LOSS";
      case ASYMMETRIC_ACCESS_INACCESSIBLE -> "ASYMMETRIC ACCESS INACCESSIBLE";
      case ASYMMETRIC_ACCESS_TRANSITION -> "ASYMMETRIC ACCESS TRANSITION";
      case CONTROLLER_PATH_ERROR -> "CONTROLLER PATH ERROR";
      case HOST_PATH_ERROR -> "HOST PATH ERROR";
      case ABORTED_BY_HOST -> "ABORTED BY HOST";
      default -> "PATH ERROR";
    };
  }
}
