package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How an array gets its legs: each is claimed and looked at; when all that are expected are there
 * the superblock is written and the array goes online. A leg that comes later is rebuilt. Home
 * reactor.
 */
final class Assembly {
  private final Raid raid;
  private final BdevLayer layer;
  private int blockSizeBytes;
  private boolean starting;

  Assembly(Raid raid) {
    this.raid = raid;
    this.layer = raid.layer();
  }

  /** The superblock of an array that is about to go online is being written. */
  boolean starting() {
    return starting;
  }

  /**
   * Takes the device that belongs into the slot, by its uuid or else its name. A device that is new
   * to the array ({@code known} false) must not carry another array's superblock.
   */
  void attach(Slot slot, boolean known, Done done) throws BdevException {
    Bdev device = Admission.deviceFor(layer, slot);
    long offset = Admission.dataOffsetBlocks(slot, device, raid.hasSuperblock());
    Leg leg = new Leg(raid, slot.index, offset, events -> Admission.open(layer, device, events));
    raid.legOpened();
    slot.leg = leg;
    slot.name = device.name();
    slot.uuid = device.uuid();
    slot.dataOffsetBlocks = offset;
    try {
      Admission.checkGeometry(slot, device, blockSizeBytes);
    } catch (BdevException e) {
      raid.free(slot);
      throw e;
    }
    blockSizeBytes = device.blockSizeBytes();
    if (known) {
      configured(slot, leg, done);
    } else {
      SuperblockIo.read(layer, device, found -> inspected(slot, leg, found, done));
    }
  }

  private void inspected(Slot slot, Leg leg, SuperblockIo.Found found, Done done) {
    RaidSuperblock other = found.superblock();
    if (slot.leg != leg) {
      done.done(BdevException.ENODEV);
    } else if (found.errno() == 0 && other == null) {
      configured(slot, leg, done);
    } else if (other != null && other.uuid().equals(raid.uuid())) {
      Bdev device = leg.bdev();
      raid.free(slot);
      raid.module().assemble(other, device, done);
    } else {
      raid.free(slot);
      done.done(other != null ? BdevException.EEXIST : found.errno());
    }
  }

  private void configured(Slot slot, Leg leg, Done done) {
    if (raid.state() == Raid.State.CONFIGURING) {
      leg.role = Leg.Role.IN_SYNC;
      if (raid.discovered() == raid.operational()) {
        start(done);
      } else {
        done.done(0);
      }
    } else if (mayRebuild() && raid.intent == null) {
      returned(slot, leg, LegRecord.NOTHING, done);
    } else if (mayRebuild()) {
      // Read before the array writes there.
      LegRecord.read(leg, record -> returned(slot, leg, record, done));
    } else {
      raid.free(slot);
      done.done(BdevException.EPERM);
    }
  }

  private boolean mayRebuild() {
    return raid.state() == Raid.State.ONLINE && raid.rebuild == null && !raid.deleting();
  }

  private void returned(Slot slot, Leg leg, LegRecord record, Done done) {
    if (slot.leg != leg) {
      done.done(BdevException.ENODEV);
    } else if (mayRebuild()) {
      leg.role = Leg.Role.TARGET;
      raid.beginRebuild(leg, record);
      done.done(0);
    } else {
      raid.free(slot);
      done.done(BdevException.EPERM);
    }
  }

  /** All expected legs are there: write the superblock, then go online. */
  private void start(Done done) {
    long stripBlocks = (raid.stripSizeKb() * 1024 & 0xffff_ffffL) / blockSizeBytes;
    if (stripBlocks == 0 && raid.level() != Raid1.LEVEL) {
      done.done(BdevException.EINVAL);
      return;
    }
    List<Long> room = new ArrayList<>();
    for (Slot slot : raid.slots()) {
      room.add(slot.dataSizeBlocks);
    }
    Geometry geometry = raid.level().geometry(room, stripBlocks);
    for (Slot slot : raid.slots()) {
      slot.dataSizeBlocks = geometry.dataBlocks().get(slot.index);
    }
    RaidSuperblock previous = raid.superblock;
    if (!raid.hasSuperblock()) {
      goOnline(geometry, stripBlocks, done);
    } else if (previous != null
        && (previous.blockSizeBytes() != blockSizeBytes
            || previous.sizeBlocks() != geometry.numBlocks())) {
      done.done(BdevException.EINVAL);
    } else {
      starting = true;
      new Start(geometry, stripBlocks, previous, done).begin();
    }
  }

  /** The steps from the last leg's arrival to the array's being online; any may fail. */
  private final class Start {
    private final Geometry geometry;
    private final long stripBlocks;
    private final @Nullable RaidSuperblock previous;
    private final Done done;

    Start(Geometry geometry, long stripBlocks, @Nullable RaidSuperblock previous, Done done) {
      this.geometry = geometry;
      this.stripBlocks = stripBlocks;
      this.previous = previous;
      this.done = done;
    }

    void begin() {
      IntentOptions options = raid.module().intentOptions();
      long numBlocks = geometry.numBlocks();
      RaidSuperblock before = previous;
      raid.intent = null;
      if (!options.enabled()
          || raid.level() != Raid1.LEVEL
          || !WriteIntent.fits(blockSizeBytes, raid.inSync())) {
        writeSuperblock();
      } else if (before == null) {
        writeBoth(WriteIntent.fresh(raid, options, blockSizeBytes, numBlocks));
      } else {
        LegRecord.readAll(
            raid.inSync(),
            records ->
                writeMap(
                    WriteIntent.found(
                        raid, options, blockSizeBytes, numBlocks, before.sequence(), records)));
      }
    }

    private void writeMap(WriteIntent intent) {
      raid.intent = intent;
      intent.writeMap(
          raid.inSync(),
          failed -> {
            if (goesOn(failed)) {
              writeSuperblock();
            }
          });
    }

    /**
     * The map of a new array is not read before its header is there: it may be written while the
     * superblock is.
     */
    private void writeBoth(WriteIntent intent) {
      raid.intent = intent;
      RaidSuperblock next = nextSuperblock();
      List<Leg> failures = new ArrayList<>();
      int[] remaining = {2};
      Consumer<List<Leg>> one =
          failed -> {
            failures.addAll(failed);
            if (--remaining[0] == 0) {
              superblockWritten(next, failures);
            }
          };
      intent.writeMap(raid.inSync(), one);
      SuperblockIo.write(next.encode(), raid.inSync(), one);
    }

    private void writeSuperblock() {
      RaidSuperblock next = nextSuperblock();
      SuperblockIo.write(next.encode(), raid.inSync(), failed -> superblockWritten(next, failed));
    }

    private RaidSuperblock nextSuperblock() {
      RaidSuperblock next =
          previous == null
              ? firstSuperblock(geometry.numBlocks(), (int) stripBlocks)
              : previous.with(previous.sequence() + 1, geometry.numBlocks(), previous.members());
      raid.superblock = next;
      return next;
    }

    private void superblockWritten(RaidSuperblock next, List<Leg> failed) {
      WriteIntent intent = raid.intent;
      if (!goesOn(failed)) {
        return;
      }
      if (intent == null) {
        finish();
      } else {
        intent.writeHeader(
            next.sequence(),
            raid.inSync(),
            withoutHeader -> {
              if (goesOn(withoutHeader)) {
                intent.mapIsEverywhere();
                finish();
              }
            });
      }
    }

    /** Whether the next step may follow one that failed on these legs; if not, that is the end. */
    private boolean goesOn(List<Leg> failed) {
      if (!raid.deleting() && failed.isEmpty() && raid.discovered() == raid.operational()) {
        return true;
      }
      starting = false;
      done.done(raid.deleting() ? BdevException.ENODEV : BdevException.EIO);
      raid.checkQuiet();
      return false;
    }

    private void finish() {
      starting = false;
      goOnline(geometry, stripBlocks, done);
      raid.checkQuiet();
    }
  }

  private RaidSuperblock firstSuperblock(long numBlocks, int stripBlocks) {
    return new RaidSuperblock(
        raid.uuid() == null ? Raid.NIL : raid.uuid(),
        raid.name(),
        numBlocks,
        blockSizeBytes,
        raid.level().number(),
        stripBlocks,
        1,
        raid.slots().size(),
        raid.slots().stream().map(Slot::configuredMember).toList());
  }

  private void goOnline(Geometry geometry, long stripBlocks, Done done) {
    try {
      raid.online(blockSizeBytes, geometry, stripBlocks);
      done.done(0);
    } catch (BdevException e) {
      done.done(e.errno());
    }
  }

  /** SPDK's bdev_raid_add_base_bdev. */
  void add(String device, Done done) throws BdevException {
    if (raid.rebuild != null) {
      throw new BdevException(BdevException.EPERM, raid.name() + " is being rebuilt");
    }
    Slot slot = slotFor(device);
    if (slot == null) {
      throw new BdevException(BdevException.EINVAL, raid.name() + " has no slot for " + device);
    }
    slot.name = device;
    try {
      attach(slot, false, done);
    } catch (BdevException e) {
      if (e.errno() != BdevException.ENODEV || raid.state() != Raid.State.CONFIGURING) {
        slot.name = null;
      }
      throw e;
    }
  }

  private @Nullable Slot slotFor(String device) {
    Bdev found = layer.find(device);
    if (raid.state() == Raid.State.CONFIGURING && found != null) {
      for (Slot slot : raid.slots()) {
        if (slot.name == null && found.uuid().equals(slot.uuid)) {
          return slot;
        }
      }
    }
    for (Slot slot : raid.slots()) {
      if (slot.name == null && slot.uuid == null) {
        return slot;
      }
    }
    return null;
  }
}
