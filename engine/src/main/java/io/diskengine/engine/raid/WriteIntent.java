package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.reactor.Timer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where the legs of a mirror may differ: a bit per region, on every leg, that is durable before the
 * first write of that region is sent to any leg. Decision 0021 has the argument; in short:
 *
 * <ul>
 *   <li>Channels write only into regions that they were granted, and ask for others here. A grant
 *       waits until the bit is durable on every leg that is in sync; one write of a page serves all
 *       who wait.
 *   <li>Bits are taken out only while all slots are in sync, when no reactor has written the region
 *       for a while. Before that every leg is flushed and gets a new <i>generation</i> in its
 *       header, so that a leg which missed it is known to need more than the bits say.
 *   <li>A leg that comes back needs what the bits say if its generation is one of those since when
 *       no bit was taken out, and its own superblock called it in sync at that time.
 *   <li>After an unclean stop the bits that are found are <i>inherited</i>: the legs may differ
 *       there until all but one of them were rebuilt. After somebody else ran the array, all are.
 * </ul>
 *
 * Home reactor.
 */
final class WriteIntent {
  static final int PAGE_BYTES = 4096;
  static final int PAGE_REGIONS = PAGE_BYTES * 8;

  /** 128 KiB of bits; the last region of a larger array is as large as it takes. */
  static final int MOST_REGIONS = 1 << 20;

  /** How long the end of an array waits for its clean map to be written. */
  private static final long CLOSE_LIMIT_NS = 1_000_000_000;

  /** Where the answer to a request goes: SUCCESS, or why nothing may be written. */
  interface Grant {
    void granted(int status);
  }

  private final Raid raid;
  private final IntentOptions options;
  private final long regionBlocks;
  private final LegWrites writes = new LegWrites();
  private final ArrayDeque<UUID> lineage = new ArrayDeque<>();
  private final List<Page> pages = new ArrayList<>();
  private final Timer sweepTimer = Timer.of(this::sweep);
  private int regions;

  /** What the pages say, or will say when their write has ended. */
  private final BitSet bits = new BitSet();

  /** The bits that are on the medium of every leg in sync. */
  private final BitSet durable = new BitSet();

  private final BitSet inherited = new BitSet();

  /** Slots of legs that may differ from one another where {@link #inherited} says so. */
  private int suspects;

  /** What a sweep must not take out any more; null when none is under way. */
  private @Nullable BitSet vetoed;

  private boolean headerBusy;
  private final ArrayDeque<Runnable> headerWaiters = new ArrayDeque<>();
  private boolean closed;

  private WriteIntent(Raid raid, IntentOptions options, long regionBlocks, long numBlocks) {
    this.raid = raid;
    this.options = options;
    this.regionBlocks = regionBlocks;
    cover(numBlocks);
  }

  /** A new array: what nobody wrote may differ between its legs, as in SPDK. */
  static WriteIntent fresh(Raid raid, IntentOptions options, int blockSize, long numBlocks) {
    long regionBlocks = Math.max(1, options.leastRegionBytes() / blockSize);
    while ((numBlocks - 1) / regionBlocks >= MOST_REGIONS) {
      regionBlocks *= 2;
    }
    return new WriteIntent(raid, options, regionBlocks, numBlocks);
  }

  /**
   * An array that was assembled from legs that say this. Without a valid map beside the newest
   * superblock the legs may differ anywhere.
   */
  static WriteIntent found(
      Raid raid,
      IntentOptions options,
      int blockSize,
      long numBlocks,
      long newestSequence,
      List<LegRecord> records) {
    WriteIntent fresh = fresh(raid, options, blockSize, numBlocks);
    WriteIntent intent = null;
    boolean agree = true;
    boolean newest = false;
    for (LegRecord record : records) {
      IntentHeader header = record.header();
      if (header == null) {
        continue;
      }
      if (intent == null) {
        intent = new WriteIntent(raid, options, header.regionBlocks(), numBlocks);
        intent.lineage.addAll(header.lineage());
      }
      agree &= intent.regionBlocks == header.regionBlocks();
      newest |= header.sequence() == newestSequence;
      intent.lineage.retainAll(header.lineage());
      intent.bits.or(record.regions());
    }
    if (intent == null || !agree || !newest) {
      fresh.bits.set(0, fresh.regions);
      intent = fresh;
    }
    intent.bits.clear(intent.regions, Math.max(intent.regions, intent.bits.length()));
    intent.inherited.or(intent.bits);
    for (Leg leg : raid.inSync()) {
      intent.suspects |= intent.bits.isEmpty() ? 0 : leg.bit();
    }
    return intent;
  }

  static int pages(int regions) {
    return (regions + PAGE_REGIONS - 1) / PAGE_REGIONS;
  }

  private void cover(long numBlocks) {
    regions = Math.max(regions, (int) Math.min((numBlocks - 1) / regionBlocks + 1, MOST_REGIONS));
    while (pages.size() < pages(regions)) {
      pages.add(new Page(pages.size()));
    }
  }

  /** A power of two. */
  long regionBlocks() {
    return regionBlocks;
  }

  int regionOf(long block) {
    return (int) Math.min(block / regionBlocks, MOST_REGIONS - 1);
  }

  /** The first block behind a region, which may lie behind the array's end. */
  long endOf(int region) {
    return region == MOST_REGIONS - 1 ? Long.MAX_VALUE : (region + 1L) * regionBlocks;
  }

  /** For tests and descriptions: the regions in which a write may be under way. */
  BitSet marked() {
    return (BitSet) bits.clone();
  }

  private boolean complete() {
    for (Slot slot : raid.slots()) {
      if (slot.leg == null || slot.leg.role != Leg.Role.IN_SYNC) {
        return false;
      }
    }
    return true;
  }

  // ---- grants

  /** A channel wants to write into these regions, both included. */
  void request(int first, int last, Grant grant) {
    if (vetoed != null) {
      vetoed.set(first, last + 1);
    }
    if (durable.nextClearBit(first) > last) {
      grant.granted(IoStatus.SUCCESS);
      return;
    }
    bits.set(first, last + 1);
    Waiter waiter = new Waiter(grant);
    for (int index = first / PAGE_REGIONS; index <= last / PAGE_REGIONS; index++) {
      int from = Math.max(first, index * PAGE_REGIONS);
      int to = Math.min(last, (index + 1) * PAGE_REGIONS - 1);
      if (durable.nextClearBit(from) <= to) {
        waiter.missing++;
        pages.get(index).wanted.add(waiter);
      }
    }
    for (int index = first / PAGE_REGIONS; index <= last / PAGE_REGIONS; index++) {
      pages.get(index).write();
    }
  }

  /** A request that waits for pages. */
  private static final class Waiter {
    final Grant grant;
    int missing;
    int status = IoStatus.SUCCESS;

    Waiter(Grant grant) {
      this.grant = grant;
    }

    void pageWritten(int how) {
      status = how == IoStatus.SUCCESS ? status : how;
      if (--missing == 0) {
        grant.granted(status);
      }
    }
  }

  /** A page of the map: one write of it at a time. */
  private final class Page {
    private final int index;
    private List<Waiter> wanted = new ArrayList<>();
    private boolean changed;
    private boolean busy;

    Page(int index) {
      this.index = index;
    }

    void write() {
      if (busy || wanted.isEmpty() && !changed) {
        return;
      }
      busy = true;
      changed = false;
      List<Waiter> waiters = wanted;
      wanted = new ArrayList<>();
      int from = index * PAGE_REGIONS;
      BitSet content = bits.get(from, from + PAGE_REGIONS);
      BitSet added = bits.get(from, from + PAGE_REGIONS);
      added.andNot(durable.get(from, from + PAGE_REGIONS));
      writes.write(
          Arrays.copyOf(content.toByteArray(), PAGE_BYTES),
          IntentHeader.OFFSET_BYTES + IntentHeader.BYTES + (long) index * PAGE_BYTES,
          raid.legs(Leg::active),
          (written, failed) -> written(added, waiters, written, failed));
    }

    private void written(BitSet added, List<Waiter> waiters, List<Leg> complete, List<Leg> failed) {
      boolean onSome = complete.stream().anyMatch(leg -> leg.role == Leg.Role.IN_SYNC);
      if (!onSome) {
        // Nobody is worse than another: none is given up, and the writes fail.
        ended(waiters, IoStatus.WRITE_FAULT);
      } else if (failed.isEmpty()) {
        kept(added, waiters);
      } else {
        // What goes on without the failed legs is known to go on without them first.
        raid.dropFailed(failed);
        raid.settle(() -> kept(added, waiters));
      }
    }

    private void kept(BitSet added, List<Waiter> waiters) {
      for (int bit = added.nextSetBit(0); bit >= 0; bit = added.nextSetBit(bit + 1)) {
        int region = index * PAGE_REGIONS + bit;
        // A sweep may have taken it out meanwhile.
        durable.set(region, bits.get(region));
      }
      ended(waiters, IoStatus.SUCCESS);
      arm();
    }

    private void ended(List<Waiter> waiters, int status) {
      busy = false;
      waiters.forEach(waiter -> waiter.pageWritten(status));
      write();
    }
  }

  // ---- with the superblocks

  /** Another size: regions that a leg which is away cannot have are marked. */
  void resized(long numBlocks) {
    int before = regions;
    cover(numBlocks);
    if (!complete() && before < regions) {
      bits.set(before - 1, regions);
    }
  }

  /** Writes the whole map to legs that do not have it; {@code failed} gets those that failed. */
  void writeMap(List<Leg> legs, Consumer<List<Leg>> failed) {
    byte[] map = Arrays.copyOf(bits.toByteArray(), pages.size() * PAGE_BYTES);
    writes.write(
        map,
        IntentHeader.OFFSET_BYTES + IntentHeader.BYTES,
        legs,
        (complete, failures) -> failed.accept(failures));
  }

  /** All legs in sync have the whole map, as after {@link #writeMap} to all of them. */
  void mapIsEverywhere() {
    durable.or(bits);
    arm();
  }

  /** The legs got a superblock of this sequence number: the map is valid beside it again. */
  void writeHeader(long sequence, List<Leg> legs, Consumer<List<Leg>> failed) {
    Runnable body =
        () -> {
          lineage.addLast(UUID.randomUUID());
          if (lineage.size() > IntentHeader.MOST_GENERATIONS) {
            lineage.removeFirst();
          }
          header(sequence, legs, failed);
        };
    if (headerBusy) {
      headerWaiters.add(body);
    } else {
      body.run();
    }
  }

  private void header(long sequence, List<Leg> legs, Consumer<List<Leg>> failed) {
    headerBusy = true;
    UUID uuid = raid.uuid();
    IntentHeader header =
        new IntentHeader(
            uuid == null ? Raid.NIL : uuid,
            sequence,
            regionBlocks,
            regions,
            new ArrayList<>(lineage));
    writes.write(
        header.encode(),
        IntentHeader.OFFSET_BYTES,
        legs,
        (complete, failures) -> {
          headerBusy = false;
          failed.accept(failures);
          headerFree();
        });
  }

  private void headerFree() {
    Runnable next = headerBusy ? null : headerWaiters.poll();
    if (next != null) {
      next.run();
    }
  }

  /** The leg is out: nothing waits for it any more. */
  void legLeft(Leg leg) {
    suspects &= ~leg.bit();
    suspectsChanged();
    writes.legLeft(leg);
  }

  /** The leg was rebuilt. */
  void legPromoted(Leg leg) {
    suspects &= ~leg.bit();
    suspectsChanged();
    arm();
  }

  private void suspectsChanged() {
    if (Integer.bitCount(suspects) <= 1) {
      inherited.clear();
    }
  }

  /**
   * What must be copied to a leg that comes back, once every write goes to it too; null for
   * everything.
   */
  @Nullable BitSet scope(LegRecord record, UUID legUuid) {
    IntentHeader header = record.header();
    if (header == null
        || header.regionBlocks() != regionBlocks
        || !record.wasInSync(legUuid)
        || !lineage.contains(header.generation())) {
      return null;
    }
    BitSet scope = marked();
    // What the leg itself had under way when it left may be nowhere else.
    scope.or(record.regions());
    return scope;
  }

  // ---- taking bits out

  private void arm() {
    if (!closed && !bits.isEmpty() && !sweepTimer.armed() && vetoed == null) {
      raid.home().schedule(sweepTimer, options.sweepNs());
    }
  }

  private BitSet clearable() {
    BitSet clearable = (BitSet) durable.clone();
    if (Integer.bitCount(suspects) > 1) {
      clearable.andNot(inherited);
    }
    return clearable;
  }

  private void sweep() {
    RaidBdev bdev = raid.bdev;
    BitSet idle = clearable();
    if (closed || bdev == null || idle.isEmpty() || !complete()) {
      // Something else arms the timer again: a grant, a promotion.
      return;
    }
    BitSet veto = new BitSet();
    vetoed = veto;
    raid.layer()
        .forEachChannel(
            bdev,
            (channel, next) -> {
              if (channel != null) {
                ((Raid1) channel.driver()).sweep(channel, idle);
              }
              next.run();
            },
            () -> swept(idle, veto));
  }

  /** No reactor writes into {@code idle} without asking first. */
  private void swept(BitSet idle, BitSet veto) {
    idle.andNot(veto);
    if (closed || idle.isEmpty() || !complete() || headerBusy || raid.settling()) {
      vetoed = null;
      arm();
      return;
    }
    takeOut(
        idle,
        veto,
        () -> {
          vetoed = null;
          pages.forEach(Page::write);
          arm();
        });
  }

  /** What was written is on the media, every leg has a new generation, and then the bits go. */
  private void takeOut(BitSet idle, BitSet veto, Runnable done) {
    List<Leg> legs = raid.inSync();
    headerBusy = true;
    writes.flush(
        legs,
        (flushed, failed) -> {
          RaidSuperblock superblock = raid.superblock;
          headerBusy = false;
          boolean unchanged = failed.isEmpty() && complete() && raid.inSync().equals(legs);
          if (superblock == null || !unchanged || raid.settling()) {
            drop(failed);
            headerFree();
            done.run();
            return;
          }
          lineage.clear();
          lineage.add(UUID.randomUUID());
          header(
              superblock.sequence(),
              legs,
              withoutHeader -> {
                if (!withoutHeader.isEmpty()) {
                  drop(withoutHeader);
                } else if (complete() && raid.inSync().equals(legs)) {
                  idle.andNot(veto);
                  takenOut(idle);
                }
                done.run();
              });
        });
  }

  /** Of legs that all failed alike none is given up. */
  private void drop(List<Leg> failed) {
    if (!failed.isEmpty() && !failed.containsAll(raid.inSync())) {
      raid.writesFailed(failed);
    }
  }

  private void takenOut(BitSet idle) {
    bits.andNot(idle);
    durable.andNot(idle);
    inherited.andNot(idle);
    for (Page page : pages) {
      int bit = idle.nextSetBit(page.index * PAGE_REGIONS);
      page.changed |= bit >= 0 && bit < (page.index + 1) * PAGE_REGIONS;
    }
  }

  /** The legs forget that there was a map. */
  void clear(List<Leg> legs, Runnable done) {
    closed = true;
    raid.home().cancel(sweepTimer);
    writes.write(
        new byte[IntentHeader.BYTES],
        IntentHeader.OFFSET_BYTES,
        legs,
        (complete, failed) -> done.run());
  }

  /** Nobody uses the array any more: the legs are left with a map that says so. */
  void close(Runnable done) {
    if (closed) {
      done.run();
      return;
    }
    closed = true;
    raid.home().cancel(sweepTimer);
    BitSet idle = clearable();
    if (idle.isEmpty() || !complete() || headerBusy || raid.superblock == null) {
      done.run();
      return;
    }
    boolean[] over = {false};
    Runnable once =
        () -> {
          if (!over[0]) {
            over[0] = true;
            done.run();
          }
        };
    raid.home().schedule(Timer.of(once), CLOSE_LIMIT_NS);
    takeOut(idle, new BitSet(), () -> writeMap(raid.inSync(), failed -> once.run()));
  }

  /** Whether there is room for a map in front of the data, in whole blocks. */
  static boolean fits(int blockSizeBytes, List<Leg> legs) {
    long end = IntentHeader.OFFSET_BYTES + IntentHeader.BYTES + MOST_REGIONS / 8;
    return blockSizeBytes <= PAGE_BYTES
        && PAGE_BYTES % blockSizeBytes == 0
        && legs.stream().allMatch(leg -> leg.dataOffsetBlocks * blockSizeBytes >= end);
  }
}
