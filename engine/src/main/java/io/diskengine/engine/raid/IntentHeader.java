package io.diskengine.engine.raid;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The head of a leg's write-intent map, one page of {@value #BYTES} bytes at {@link #OFFSET_BYTES},
 * in the gap that SPDK leaves between superblock and data. Little-endian:
 *
 * <pre>
 *   0  8 signature "DEINTENT"     40  8 blocks per region, a power of two
 *   8  4 version                  48  4 regions
 *  12  4 CRC-32C                  52  4 generations
 *  16 16 raid uuid                64.. generations, 16 bytes each, oldest first
 *  32  8 sequence number
 * </pre>
 *
 * The CRC covers the page with the field itself 0. Behind the page stands one bit per region, the
 * first in the lowest bit of the first byte.
 *
 * @param sequence of the superblock on the same leg with which the map is valid
 * @param lineage the generations since when no bit was taken out, the leg's own last
 */
record IntentHeader(UUID raid, long sequence, long regionBlocks, int regions, List<UUID> lineage) {
  static final long OFFSET_BYTES = 64 << 10;
  static final int BYTES = 4096;

  /** Generations that a map remembers; a leg that was away for longer is copied in full. */
  static final int MOST_GENERATIONS = 64;

  private static final long SIGNATURE = 0x544e45544e494544L;
  private static final int VERSION = 1;
  private static final int CRC = 12;
  private static final int RAID = 16;
  private static final int SEQUENCE = 32;
  private static final int REGION_BLOCKS = 40;
  private static final int REGIONS = 48;
  private static final int GENERATIONS = 52;
  private static final int FIRST_GENERATION = 64;

  IntentHeader {
    lineage = List.copyOf(lineage);
  }

  /** What the leg's map was called last. */
  UUID generation() {
    return lineage.getLast();
  }

  byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(0, SIGNATURE).putInt(8, VERSION);
    put(out, RAID, raid);
    out.putLong(SEQUENCE, sequence).putLong(REGION_BLOCKS, regionBlocks);
    out.putInt(REGIONS, regions).putInt(GENERATIONS, lineage.size());
    for (int i = 0; i < lineage.size(); i++) {
      put(out, FIRST_GENERATION + 16 * i, lineage.get(i));
    }
    out.putInt(CRC, crc(out.array()));
    return out.array();
  }

  /** Null for anything that is no valid header. */
  static @Nullable IntentHeader decode(byte[] page) {
    ByteBuffer in = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
    if (page.length != BYTES
        || in.getLong(0) != SIGNATURE
        || in.getInt(8) != VERSION
        || in.getInt(CRC) != crc(page)) {
      return null;
    }
    int generations = in.getInt(GENERATIONS);
    int regions = in.getInt(REGIONS);
    long regionBlocks = in.getLong(REGION_BLOCKS);
    if (generations < 1
        || generations > MOST_GENERATIONS
        || regions < 1
        || regions > WriteIntent.MOST_REGIONS
        || Long.bitCount(regionBlocks) != 1) {
      return null;
    }
    List<UUID> lineage = new ArrayList<>();
    for (int i = 0; i < generations; i++) {
      lineage.add(uuid(in, FIRST_GENERATION + 16 * i));
    }
    return new IntentHeader(uuid(in, RAID), in.getLong(SEQUENCE), regionBlocks, regions, lineage);
  }

  private static void put(ByteBuffer out, int at, UUID uuid) {
    out.putLong(at, Long.reverseBytes(uuid.getMostSignificantBits()));
    out.putLong(at + 8, Long.reverseBytes(uuid.getLeastSignificantBits()));
  }

  private static UUID uuid(ByteBuffer in, int at) {
    return new UUID(Long.reverseBytes(in.getLong(at)), Long.reverseBytes(in.getLong(at + 8)));
  }

  private static int crc(byte[] page) {
    CRC32C crc = new CRC32C();
    crc.update(page, 0, CRC);
    crc.update(new byte[4]);
    crc.update(page, CRC + 4, page.length - CRC - 4);
    return (int) crc.getValue();
  }
}
