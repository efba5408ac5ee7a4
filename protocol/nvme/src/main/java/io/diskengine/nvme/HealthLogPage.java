package io.diskengine.nvme;

/**
 * SMART / Health information log page (NVMe Base 2.0, 5.16.1.3). Counters have 128 bits on the
 * wire; see {@link Counter128}.
 */
public final class HealthLogPage {
  public static final int SIZE = 512;

  /** Bits of {@code criticalWarning}. */
  public static final int AVAILABLE_SPARE_LOW = 0x01;

  public static final int TEMPERATURE_WARNING = 0x02;

  public static final int DEVICE_RELIABILITY = 0x04;

  public static final int READ_ONLY = 0x08;

  public static final int VOLATILE_MEMORY_BACKUP = 0x10;

  /** One data unit. */
  public static final int DATA_UNIT_BYTES = 512000;

  public static final int CRITICAL_WARNING = 0;

  /** Composite temperature, kelvins. */
  public static final int TEMPERATURE = 1;

  /** Percent. */
  public static final int AVAILABLE_SPARE = 3;

  /** Percent. */
  public static final int AVAILABLE_SPARE_THRESHOLD = 4;

  /** Of the endurance; may exceed 100. */
  public static final int PERCENTAGE_USED = 5;

  public static final int ENDURANCE_GROUP_WARNING = 6;

  public static final int DATA_UNITS_READ = 32;

  public static final int DATA_UNITS_WRITTEN = 48;

  public static final int HOST_READ_COMMANDS = 64;

  public static final int HOST_WRITE_COMMANDS = 80;

  /** Minutes. */
  public static final int CONTROLLER_BUSY_TIME = 96;

  public static final int POWER_CYCLES = 112;

  public static final int POWER_ON_HOURS = 128;

  public static final int UNSAFE_SHUTDOWNS = 144;

  public static final int MEDIA_ERRORS = 160;

  public static final int ERROR_LOG_ENTRIES = 176;

  /** Minutes. */
  public static final int WARNING_TEMPERATURE_TIME = 192;

  /** Minutes. */
  public static final int CRITICAL_TEMPERATURE_TIME = 196;

  /** Eight 16-bit values, kelvins; 0 is none. */
  public static final int TEMPERATURE_SENSORS = 200;

  private HealthLogPage() {}

  public static int criticalWarning(long page) {
    return NativeMemory.getUnsignedByte(page + CRITICAL_WARNING);
  }

  public static void criticalWarning(long page, int v) {
    NativeMemory.putByte(page + CRITICAL_WARNING, (byte) v);
  }

  public static int temperature(long page) {
    return NativeMemory.getUnsignedShort(page + TEMPERATURE);
  }

  public static void temperature(long page, int v) {
    NativeMemory.putShort(page + TEMPERATURE, (short) v);
  }

  public static int availableSpare(long page) {
    return NativeMemory.getUnsignedByte(page + AVAILABLE_SPARE);
  }

  public static void availableSpare(long page, int v) {
    NativeMemory.putByte(page + AVAILABLE_SPARE, (byte) v);
  }

  public static int availableSpareThreshold(long page) {
    return NativeMemory.getUnsignedByte(page + AVAILABLE_SPARE_THRESHOLD);
  }

  public static void availableSpareThreshold(long page, int v) {
    NativeMemory.putByte(page + AVAILABLE_SPARE_THRESHOLD, (byte) v);
  }

  public static int percentageUsed(long page) {
    return NativeMemory.getUnsignedByte(page + PERCENTAGE_USED);
  }

  public static void percentageUsed(long page, int v) {
    NativeMemory.putByte(page + PERCENTAGE_USED, (byte) v);
  }

  public static int enduranceGroupWarning(long page) {
    return NativeMemory.getUnsignedByte(page + ENDURANCE_GROUP_WARNING);
  }

  public static void enduranceGroupWarning(long page, int v) {
    NativeMemory.putByte(page + ENDURANCE_GROUP_WARNING, (byte) v);
  }

  public static long dataUnitsRead(long page) {
    return Counter128.get(page + DATA_UNITS_READ);
  }

  public static void dataUnitsRead(long page, long v) {
    Counter128.put(page + DATA_UNITS_READ, v);
  }

  public static long dataUnitsWritten(long page) {
    return Counter128.get(page + DATA_UNITS_WRITTEN);
  }

  public static void dataUnitsWritten(long page, long v) {
    Counter128.put(page + DATA_UNITS_WRITTEN, v);
  }

  public static long hostReadCommands(long page) {
    return Counter128.get(page + HOST_READ_COMMANDS);
  }

  public static void hostReadCommands(long page, long v) {
    Counter128.put(page + HOST_READ_COMMANDS, v);
  }

  public static long hostWriteCommands(long page) {
    return Counter128.get(page + HOST_WRITE_COMMANDS);
  }

  public static void hostWriteCommands(long page, long v) {
    Counter128.put(page + HOST_WRITE_COMMANDS, v);
  }

  public static long controllerBusyTime(long page) {
    return Counter128.get(page + CONTROLLER_BUSY_TIME);
  }

  public static void controllerBusyTime(long page, long v) {
    Counter128.put(page + CONTROLLER_BUSY_TIME, v);
  }

  public static long powerCycles(long page) {
    return Counter128.get(page + POWER_CYCLES);
  }

  public static void powerCycles(long page, long v) {
    Counter128.put(page + POWER_CYCLES, v);
  }

  public static long powerOnHours(long page) {
    return Counter128.get(page + POWER_ON_HOURS);
  }

  public static void powerOnHours(long page, long v) {
    Counter128.put(page + POWER_ON_HOURS, v);
  }

  public static long unsafeShutdowns(long page) {
    return Counter128.get(page + UNSAFE_SHUTDOWNS);
  }

  public static void unsafeShutdowns(long page, long v) {
    Counter128.put(page + UNSAFE_SHUTDOWNS, v);
  }

  public static long mediaErrors(long page) {
    return Counter128.get(page + MEDIA_ERRORS);
  }

  public static void mediaErrors(long page, long v) {
    Counter128.put(page + MEDIA_ERRORS, v);
  }

  public static long errorLogEntries(long page) {
    return Counter128.get(page + ERROR_LOG_ENTRIES);
  }

  public static void errorLogEntries(long page, long v) {
    Counter128.put(page + ERROR_LOG_ENTRIES, v);
  }

  public static long warningTemperatureTime(long page) {
    return NativeMemory.getUnsignedInt(page + WARNING_TEMPERATURE_TIME);
  }

  public static void warningTemperatureTime(long page, long v) {
    NativeMemory.putInt(page + WARNING_TEMPERATURE_TIME, (int) v);
  }

  public static long criticalTemperatureTime(long page) {
    return NativeMemory.getUnsignedInt(page + CRITICAL_TEMPERATURE_TIME);
  }

  public static void criticalTemperatureTime(long page, long v) {
    NativeMemory.putInt(page + CRITICAL_TEMPERATURE_TIME, (int) v);
  }

  public static int temperatureSensor(long page, int index) {
    return NativeMemory.getUnsignedShort(page + TEMPERATURE_SENSORS + 2L * index);
  }

  public static void temperatureSensor(long page, int index, int v) {
    NativeMemory.putShort(page + TEMPERATURE_SENSORS + 2L * index, (short) v);
  }
}
