package io.diskengine.nvme;

import java.util.UUID;

/**
 * The 16-byte identifiers of NVMe: UUID, NGUID and host identifier are all stored in the order in
 * which they are written as text, most significant byte first (RFC 4122; NVMe Base 2.0, 4.5.1). A
 * {@link UUID} here is any 128 bits: an NGUID need not be a valid UUID.
 */
public final class Uuids {
  public static final int SIZE = 16;

  private Uuids() {}

  public static UUID get(long address) {
    return new UUID(NativeMemory.getLongBe(address), NativeMemory.getLongBe(address + 8));
  }

  public static void put(long address, UUID id) {
    NativeMemory.putLongBe(address, id.getMostSignificantBits());
    NativeMemory.putLongBe(address + 8, id.getLeastSignificantBits());
  }

  /** 32 hexadecimal digits without dashes, upper case: how SPDK prints an NGUID. */
  public static String nguidText(UUID id) {
    return "%016X%016X".formatted(id.getMostSignificantBits(), id.getLeastSignificantBits());
  }

  /** The NGUID of 32 hexadecimal digits, as SPDK's {@code nvmf_subsystem_add_ns} takes it. */
  public static UUID nguid(String text) {
    if (!text.matches("[0-9A-Fa-f]{32}")) {
      throw new IllegalArgumentException("NGUID \"" + text + "\" is not 32 hexadecimal digits");
    }
    return new UUID(
        Long.parseUnsignedLong(text, 0, 16, 16), Long.parseUnsignedLong(text, 16, 32, 16));
  }
}
