package io.diskengine.nvme;

/**
 * Dword 0 of an Asynchronous Event Request's completion (NVMe Base 2.0, 5.2.1): type in bits 2:0,
 * information in 15:8, log page identifier in 23:16; and the bits of feature 0Bh that ask for
 * events.
 */
public final class AsyncEvent {
  public static final int TYPE_ERROR = 0;
  public static final int TYPE_SMART = 1;
  public static final int TYPE_NOTICE = 2;
  public static final int TYPE_IO = 6;
  public static final int TYPE_VENDOR = 7;

  /** Information of {@link #TYPE_NOTICE}. */
  public static final int NOTICE_NAMESPACE_ATTRIBUTE_CHANGED = 0x00;

  public static final int NOTICE_FIRMWARE_ACTIVATION_STARTING = 0x01;
  public static final int NOTICE_TELEMETRY_LOG_CHANGED = 0x02;
  public static final int NOTICE_ANA_CHANGE = 0x03;
  public static final int NOTICE_DISCOVERY_LOG_CHANGE = 0xf0;

  /** Information of {@link #TYPE_SMART}. */
  public static final int SMART_SUBSYSTEM_RELIABILITY = 0x00;

  public static final int SMART_TEMPERATURE_THRESHOLD = 0x01;
  public static final int SMART_SPARE_BELOW_THRESHOLD = 0x02;

  /** Asynchronous event configuration: SMART warnings are bits 7:0, as in the health log page. */
  public static final int CONFIG_NAMESPACE_ATTRIBUTE = 0x100;

  public static final int CONFIG_FIRMWARE_ACTIVATION = 0x200;
  public static final int CONFIG_TELEMETRY_LOG = 0x400;
  public static final int CONFIG_ANA_CHANGE = 0x800;
  public static final int CONFIG_DISCOVERY_LOG_CHANGE = 0x8000_0000;

  private AsyncEvent() {}

  public static int of(int type, int information, int logPage) {
    return type & 7 | (information & 0xff) << 8 | (logPage & 0xff) << 16;
  }

  public static int type(int dw0) {
    return dw0 & 7;
  }

  public static int information(int dw0) {
    return dw0 >>> 8 & 0xff;
  }

  /** The log page whose reading clears the event. */
  public static int logPage(int dw0) {
    return dw0 >>> 16 & 0xff;
  }
}
