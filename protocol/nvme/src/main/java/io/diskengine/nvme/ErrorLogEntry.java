package io.diskengine.nvme;

/**
 * Entry of the error information log page (NVMe Base 2.0, Figure 206); the newest entry is first.
 */
public final class ErrorLogEntry {
  public static final int SIZE = 64;

  /** Unique number of the error; 0 is no entry. */
  public static final int ERROR_COUNT = 0;

  public static final int SQID = 8;

  public static final int CID = 10;

  /** Status field of the completion with the phase bit. */
  public static final int STATUS_FIELD = 12;

  /** Byte in bits 7:0, bit in bits 10:8; FFFFh is none. */
  public static final int PARAMETER_ERROR_LOCATION = 14;

  public static final int LBA = 16;

  public static final int NSID = 24;

  public static final int VENDOR_SPECIFIC = 28;

  public static final int TRTYPE = 29;

  public static final int COMMAND_SPECIFIC = 32;

  public static final int TRTYPE_SPECIFIC = 40;

  private ErrorLogEntry() {}

  public static long errorCount(long entry) {
    return NativeMemory.getLong(entry + ERROR_COUNT);
  }

  public static void errorCount(long entry, long v) {
    NativeMemory.putLong(entry + ERROR_COUNT, v);
  }

  public static int sqid(long entry) {
    return NativeMemory.getUnsignedShort(entry + SQID);
  }

  public static void sqid(long entry, int v) {
    NativeMemory.putShort(entry + SQID, (short) v);
  }

  public static int cid(long entry) {
    return NativeMemory.getUnsignedShort(entry + CID);
  }

  public static void cid(long entry, int v) {
    NativeMemory.putShort(entry + CID, (short) v);
  }

  public static int statusField(long entry) {
    return NativeMemory.getUnsignedShort(entry + STATUS_FIELD);
  }

  public static void statusField(long entry, int v) {
    NativeMemory.putShort(entry + STATUS_FIELD, (short) v);
  }

  public static int parameterErrorLocation(long entry) {
    return NativeMemory.getUnsignedShort(entry + PARAMETER_ERROR_LOCATION);
  }

  public static void parameterErrorLocation(long entry, int v) {
    NativeMemory.putShort(entry + PARAMETER_ERROR_LOCATION, (short) v);
  }

  public static long lba(long entry) {
    return NativeMemory.getLong(entry + LBA);
  }

  public static void lba(long entry, long v) {
    NativeMemory.putLong(entry + LBA, v);
  }

  public static int nsid(long entry) {
    return NativeMemory.getInt(entry + NSID);
  }

  public static void nsid(long entry, int v) {
    NativeMemory.putInt(entry + NSID, v);
  }

  public static int vendorSpecific(long entry) {
    return NativeMemory.getUnsignedByte(entry + VENDOR_SPECIFIC);
  }

  public static void vendorSpecific(long entry, int v) {
    NativeMemory.putByte(entry + VENDOR_SPECIFIC, (byte) v);
  }

  public static int trtype(long entry) {
    return NativeMemory.getUnsignedByte(entry + TRTYPE);
  }

  public static void trtype(long entry, int v) {
    NativeMemory.putByte(entry + TRTYPE, (byte) v);
  }

  public static long commandSpecific(long entry) {
    return NativeMemory.getLong(entry + COMMAND_SPECIFIC);
  }

  public static void commandSpecific(long entry, long v) {
    NativeMemory.putLong(entry + COMMAND_SPECIFIC, v);
  }

  public static int trtypeSpecific(long entry) {
    return NativeMemory.getUnsignedShort(entry + TRTYPE_SPECIFIC);
  }

  public static void trtypeSpecific(long entry, int v) {
    NativeMemory.putShort(entry + TRTYPE_SPECIFIC, (short) v);
  }
}
