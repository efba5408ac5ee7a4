package io.diskengine.engine.raid;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * SPDK's RAID superblock, version 1.0 (module/bdev/raid/bdev_raid.h), which stands at byte 0 of
 * each leg. Little-endian and packed:
 *
 * <pre>
 *   0  8 signature "SPDKRAID"      104 8 raid size, blocks     256.. members, 64 bytes each:
 *   8  2 version major             112 4 block size, bytes         0 16 uuid of the leg
 *  10  2 version minor             116 4 level                    16  8 data offset, blocks
 *  12  4 length, bytes             120 4 strip size, blocks       24  8 data size, blocks
 *  16  4 CRC                       124 4 state, unused            32  4 state
 *  20  4 flags                     128 8 sequence number          36  4 flags
 *  24 16 raid uuid                 136 1 slots                    40  1 slot
 *  40 64 name, zero padded         255 1 members
 * </pre>
 *
 * The CRC is the CRC-32C polynomial with initial value 0 and no final xor, over {@code length}
 * bytes with the field itself 0.
 */
public record RaidSuperblock(
    UUID uuid,
    String name,
    long sizeBlocks,
    int blockSizeBytes,
    int level,
    int stripSizeBlocks,
    long sequence,
    int slots,
    List<Member> members) {

  /** {@code RAID_BDEV_SB_NAME_SIZE}, with the terminating zero. */
  public static final int NAME_BYTES = 64;

  /** The most that is read: room for 60 members. */
  static final int MOST_BYTES = 4096;

  private static final long SIGNATURE = 0x444941524b445053L;
  private static final int VERSION_MAJOR = 1;
  private static final int VERSION_MINOR = 0;
  private static final int LENGTH = 12;
  private static final int CRC = 16;
  private static final int RAID_UUID = 24;
  private static final int NAME = 40;
  private static final int SIZE_BLOCKS = 104;
  private static final int SLOTS = 136;
  private static final int MEMBER_COUNT = 255;
  private static final int HEADER_BYTES = 256;
  private static final int MEMBER_BYTES = 64;

  /** What the superblock says about one leg. */
  public record Member(
      UUID uuid, long dataOffsetBlocks, long dataSizeBlocks, MemberState state, int slot) {

    Member with(MemberState newState) {
      return new Member(uuid, dataOffsetBlocks, dataSizeBlocks, newState, slot);
    }
  }

  /** Whether a leg may be trusted; the order is the value on disk. */
  public enum MemberState {
    MISSING,
    CONFIGURED,
    FAILED,
    SPARE
  }

  public RaidSuperblock {
    members = List.copyOf(members);
  }

  RaidSuperblock with(long newSequence, long newSizeBlocks, List<Member> newMembers) {
    return new RaidSuperblock(
        uuid,
        name,
        newSizeBlocks,
        blockSizeBytes,
        level,
        stripSizeBlocks,
        newSequence,
        slots,
        newMembers);
  }

  /** The member that is the device with this uuid. */
  @Nullable Member member(UUID legUuid) {
    for (Member member : members) {
      if (member.uuid.equals(legUuid)) {
        return member;
      }
    }
    return null;
  }

  int lengthBytes() {
    return HEADER_BYTES + MEMBER_BYTES * members.size();
  }

  /** The bytes as they stand on disk, without padding to whole blocks. */
  public byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(lengthBytes()).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(SIGNATURE).putShort((short) VERSION_MAJOR).putShort((short) VERSION_MINOR);
    out.putInt(lengthBytes()).putInt(0).putInt(0);
    put(out, RAID_UUID, uuid);
    out.put(NAME, name.getBytes(StandardCharsets.UTF_8));
    out.position(SIZE_BLOCKS);
    out.putLong(sizeBlocks).putInt(blockSizeBytes).putInt(level).putInt(stripSizeBlocks);
    out.putInt(0).putLong(sequence).put((byte) slots);
    out.put(MEMBER_COUNT, (byte) members.size());
    for (int i = 0; i < members.size(); i++) {
      Member member = members.get(i);
      int at = HEADER_BYTES + i * MEMBER_BYTES;
      put(out, at, member.uuid);
      out.position(at + 16);
      out.putLong(member.dataOffsetBlocks).putLong(member.dataSizeBlocks);
      out.putInt(member.state.ordinal()).putInt(0).put((byte) member.slot);
    }
    out.putInt(CRC, crc(out.array(), lengthBytes()));
    return out.array();
  }

  /** What {@code bytes}, the beginning of a device, say; null when that is no valid superblock. */
  public static @Nullable RaidSuperblock decode(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < HEADER_BYTES || in.getLong(0) != SIGNATURE) {
      return null;
    }
    int length = in.getInt(LENGTH);
    int count = bytes[MEMBER_COUNT] & 0xff;
    if (length != HEADER_BYTES + count * MEMBER_BYTES
        || length > bytes.length
        || in.getInt(CRC) != crc(bytes, length)
        || in.getShort(8) != VERSION_MAJOR) {
      return null;
    }
    int slots = bytes[SLOTS] & 0xff;
    List<Member> members = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int at = HEADER_BYTES + i * MEMBER_BYTES;
      int state = in.getInt(at + 32);
      int slot = bytes[at + 40] & 0xff;
      if (slot >= slots || state < 0 || state >= MemberState.values().length) {
        return null;
      }
      members.add(
          new Member(
              uuid(in, at),
              in.getLong(at + 16),
              in.getLong(at + 24),
              MemberState.values()[state],
              slot));
    }
    return new RaidSuperblock(
        uuid(in, RAID_UUID),
        name(bytes),
        in.getLong(SIZE_BLOCKS),
        in.getInt(112),
        in.getInt(116),
        in.getInt(120),
        in.getLong(128),
        slots,
        members);
  }

  private static String name(byte[] bytes) {
    int end = NAME;
    while (end < NAME + NAME_BYTES && bytes[end] != 0) {
      end++;
    }
    return new String(bytes, NAME, end - NAME, StandardCharsets.UTF_8);
  }

  private static void put(ByteBuffer out, int at, UUID uuid) {
    out.order(ByteOrder.BIG_ENDIAN);
    out.putLong(at, uuid.getMostSignificantBits()).putLong(at + 8, uuid.getLeastSignificantBits());
    out.order(ByteOrder.LITTLE_ENDIAN);
  }

  private static UUID uuid(ByteBuffer in, int at) {
    in.order(ByteOrder.BIG_ENDIAN);
    UUID uuid = new UUID(in.getLong(at), in.getLong(at + 8));
    in.order(ByteOrder.LITTLE_ENDIAN);
    return uuid;
  }

  private static int crc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    // Four bytes of ones turn the JDK's initial value into 0.
    crc.update(new byte[] {-1, -1, -1, -1});
    crc.update(bytes, 0, CRC);
    crc.update(new byte[4]);
    crc.update(bytes, CRC + 4, length - CRC - 4);
    return (int) ~crc.getValue();
  }
}
