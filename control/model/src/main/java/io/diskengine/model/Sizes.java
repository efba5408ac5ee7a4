package io.diskengine.model;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Bytes: what a volume, its replicas and its guest have, and how a user writes them. */
public final class Sizes {
  public static final long MIB = 1L << 20;
  public static final long GIB = 1L << 30;

  /** The lvstore cluster size of the whole system; volume sizes are multiples of it. */
  public static final long UNIT_BYTES = 4 * MIB;

  /** The RAID superblock's place at the head of every leg. */
  public static final long SUPERBLOCK_BYTES = MIB;

  public static final long MAX_VOLUME_BYTES = 64L << 40;
  public static final String RULE =
      "must be a whole number with KiB, MiB, GiB or TiB, a multiple of 4MiB, from 4MiB to 64TiB,"
          + " e.g. 1GiB";

  private static final Pattern TEXT = Pattern.compile("([0-9]{1,19})(KiB|MiB|GiB|TiB|B)?");

  private Sizes() {}

  /** Bytes of every replica of a volume: one cluster more than the volume. */
  public static long legBytes(long sizeBytes) {
    return sizeBytes + UNIT_BYTES;
  }

  /** Bytes that the guest sees: the leg without the superblock. */
  public static long guestBytes(long sizeBytes) {
    return legBytes(sizeBytes) - SUPERBLOCK_BYTES;
  }

  /** Bytes of a replica of a volume whose guest sees so many. */
  public static long legBytesOfGuest(long guestBytes) {
    return guestBytes + SUPERBLOCK_BYTES;
  }

  /** A volume size from user text, e.g. {@code 1GiB}. A number without a unit is bytes. */
  public static long parseVolumeSize(String text) {
    Matcher m = TEXT.matcher(text);
    if (!m.matches()) {
      throw new InvalidInput("size", text, RULE);
    }
    long unit =
        switch (m.group(2) == null ? "B" : m.group(2)) {
          case "KiB" -> 1L << 10;
          case "MiB" -> MIB;
          case "GiB" -> GIB;
          case "TiB" -> 1L << 40;
          default -> 1;
        };
    try {
      return checkVolumeSize(Math.multiplyExact(Long.parseLong(m.group(1)), unit), text);
    } catch (ArithmeticException | NumberFormatException e) {
      throw new InvalidInput("size", text, RULE);
    }
  }

  /** {@code sizeBytes} when it is a legal volume size. */
  public static long checkVolumeSize(long sizeBytes) {
    return checkVolumeSize(sizeBytes, Long.toString(sizeBytes));
  }

  private static long checkVolumeSize(long sizeBytes, String text) {
    if (sizeBytes < UNIT_BYTES || sizeBytes > MAX_VOLUME_BYTES || sizeBytes % UNIT_BYTES != 0) {
      throw new InvalidInput("size", text, RULE);
    }
    return sizeBytes;
  }

  /** The shortest exact text, e.g. {@code 1GiB}, {@code 1027MiB}. */
  public static String text(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    long value = bytes;
    while (unit < units.length - 1 && value != 0 && value % 1024 == 0) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%d%s", value, units[unit]);
  }
}
