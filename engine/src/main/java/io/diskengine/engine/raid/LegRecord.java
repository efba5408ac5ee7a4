package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a leg says about itself: its own superblock and, if it is valid beside that, its
 * write-intent map. A map is void when its header names another superblock than the one that stands
 * there: then somebody who does not keep the map ran the array, or a crash came between the two.
 */
record LegRecord(
    @Nullable RaidSuperblock superblock, @Nullable IntentHeader header, BitSet regions) {
  /** For legs that have nothing to say. */
  static final LegRecord NOTHING = new LegRecord(null, null, new BitSet());

  private static final int ALIGNMENT = 4096;

  /** Whether the leg was a trusted member by its own superblock when its map was written. */
  boolean wasInSync(UUID legUuid) {
    RaidSuperblock own = superblock;
    RaidSuperblock.Member member = own == null ? null : own.member(legUuid);
    return header != null
        && member != null
        && member.state() == RaidSuperblock.MemberState.CONFIGURED;
  }

  /** Reads several legs; what cannot be read says nothing. Home reactor. */
  static void readAll(List<Leg> legs, Consumer<List<LegRecord>> done) {
    List<LegRecord> records = new ArrayList<>();
    int[] missing = {legs.size()};
    if (legs.isEmpty()) {
      done.accept(records);
      return;
    }
    for (Leg leg : legs) {
      read(
          leg,
          record -> {
            records.add(record);
            if (--missing[0] == 0) {
              done.accept(records);
            }
          });
    }
  }

  static void read(Leg leg, Consumer<LegRecord> done) {
    bytes(
        leg,
        0,
        RaidSuperblock.MOST_BYTES,
        start -> {
          RaidSuperblock own = start == null ? null : RaidSuperblock.decode(start);
          if (own == null) {
            done.accept(NOTHING);
          } else {
            bytes(
                leg,
                IntentHeader.OFFSET_BYTES,
                IntentHeader.BYTES,
                page -> headerRead(leg, own, page, done));
          }
        });
  }

  private static void headerRead(
      Leg leg, RaidSuperblock own, byte @Nullable [] page, Consumer<LegRecord> done) {
    IntentHeader header = page == null ? null : IntentHeader.decode(page);
    if (header == null
        || !header.raid().equals(own.uuid())
        || header.sequence() != own.sequence()) {
      done.accept(new LegRecord(own, null, new BitSet()));
      return;
    }
    int bytes = WriteIntent.pages(header.regions()) * WriteIntent.PAGE_BYTES;
    bytes(
        leg,
        IntentHeader.OFFSET_BYTES + IntentHeader.BYTES,
        bytes,
        map ->
            done.accept(
                map == null
                    ? new LegRecord(own, null, new BitSet())
                    : new LegRecord(own, header, BitSet.valueOf(map))));
  }

  private static void bytes(Leg leg, long offset, int length, Consumer<byte @Nullable []> done) {
    int blockSize = leg.bdev().blockSizeBytes();
    if (leg.detached() || length % blockSize != 0) {
      done.accept(null);
      return;
    }
    MemorySegment memory = Arena.ofAuto().allocate(ALIGNMENT + (long) length, ALIGNMENT);
    long buffer = memory.address() + ALIGNMENT;
    Iovec.set(memory.address(), 0, buffer, length);
    BdevIo io =
        new BdevIo(read -> {
          // The segment is named here so that the memory lives until now.
          byte[] content =
              read.status() == IoStatus.SUCCESS && memory.byteSize() > 0
                  ? NativeMemory.bytes(buffer, length)
                  : null;
          leg.homeCompleted();
          done.accept(content);
        });
    leg.submitHome(io.read(memory.address(), 1, offset / blockSize, length / blockSize));
  }
}
