package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.BdevModule;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.raid.RaidSuperblock.Member;
import io.diskengine.engine.raid.RaidSuperblock.MemberState;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * All arrays of one engine: SPDK's bdev_raid. Arrays are made by request or assembled from the
 * superblocks that {@link #examine} finds; of several superblocks of an array that is not online
 * yet, the one with the highest sequence number counts. Home reactor.
 */
public final class RaidModule implements BdevModule {
  /**
   * SPDK's bdev_raid_set_options.
   *
   * @param processWindowSizeKb how much a rebuild quiesces at a time; at least 1
   * @param processMaxBandwidthMbSec MiB per second of a rebuild, 0 for no limit
   */
  public record Options(long processWindowSizeKb, long processMaxBandwidthMbSec) {
    public static final Options DEFAULT = new Options(1024, 0);
  }

  private final BdevLayer layer;
  private final AcknowledgeRule acknowledgeRule;
  private final Map<String, Raid> raids = new LinkedHashMap<>();
  private Options options = Options.DEFAULT;
  private IntentOptions intentOptions = IntentOptions.DEFAULT;

  /** The module still has to be added to the layer. */
  public RaidModule(BdevLayer layer) {
    this(layer, AcknowledgeRule.ON_ALL_TRUSTED_LEGS);
  }

  RaidModule(BdevLayer layer, AcknowledgeRule acknowledgeRule) {
    this.layer = layer;
    this.acknowledgeRule = acknowledgeRule;
  }

  AcknowledgeRule acknowledgeRule() {
    return acknowledgeRule;
  }

  IntentOptions intentOptions() {
    return intentOptions;
  }

  /** For arrays that come online from now on. */
  void intentOptions(IntentOptions next) {
    intentOptions = next;
  }

  @Override
  public String name() {
    return Raid.MODULE;
  }

  public Options options() {
    return options;
  }

  /** For rebuilds that start from now on; EINVAL for a window of 0. */
  public void options(Options next) throws BdevException {
    if (next.processWindowSizeKb() == 0) {
      throw new BdevException(BdevException.EINVAL, "process_window_size_kb must not be 0");
    }
    options = next;
  }

  /** In order of creation. */
  public List<Raid> raids() {
    return List.copyOf(raids.values());
  }

  public @Nullable Raid find(String name) {
    return raids.get(name);
  }

  private @Nullable Raid find(UUID uuid) {
    for (Raid raid : raids.values()) {
      if (uuid.equals(raid.uuid())) {
        return raid;
      }
    }
    return null;
  }

  void forget(Raid raid) {
    raids.remove(raid.name(), raid);
  }

  // ---- by request

  /**
   * Makes an array. It goes online when all its devices are there; a device that is missing is no
   * error. Throws, or ends with, SPDK's errno.
   */
  public void create(RaidSpec spec, Done done) throws BdevException {
    RaidLevel level = RaidLevel.find(spec.level());
    requireName(spec.name());
    if (level == null
        || !level.acceptsStripSize(spec.stripSizeKb())
        || spec.baseBdevs().size() < level.leastLegs()
        || spec.baseBdevs().size() > level.mostLegs()) {
      throw new BdevException(
          BdevException.EINVAL, "no " + spec.level() + " of " + spec.baseBdevs().size() + " legs");
    }
    UUID uuid = spec.uuid() == null && spec.superblock() ? UUID.randomUUID() : spec.uuid();
    Raid raid =
        new Raid(
            this,
            layer,
            spec.name(),
            level,
            spec.stripSizeKb(),
            spec.baseBdevs().size(),
            spec.superblock(),
            uuid);
    raids.put(raid.name(), raid);
    raid.expectAll(spec.baseBdevs());
    new Creation(raid, done).attachAll();
  }

  private void requireName(String name) throws BdevException {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes == 0 || bytes >= RaidSuperblock.NAME_BYTES) {
      throw new BdevException(BdevException.EINVAL, "raid name of " + bytes + " bytes");
    }
    if (raids.containsKey(name)) {
      throw new BdevException(BdevException.EEXIST, "raid " + name + " exists");
    }
  }

  /** Waits for all devices of a new array to be looked at. */
  private static final class Creation {
    private final Raid raid;
    private final Done done;
    private int remaining = 1;
    private int errno;

    Creation(Raid raid, Done done) {
      this.raid = raid;
      this.done = done;
    }

    void attachAll() {
      for (Slot slot : List.copyOf(raid.slots())) {
        remaining++;
        try {
          raid.attach(slot, false, this::attached);
        } catch (BdevException e) {
          attached(e.errno() == BdevException.ENODEV ? 0 : e.errno());
        }
        if (errno != 0) {
          break;
        }
      }
      attached(0);
    }

    private void attached(int result) {
      errno = result == 0 ? errno : result;
      if (--remaining > 0) {
        return;
      }
      if (errno == 0) {
        done.done(0);
      } else {
        raid.delete(true, deleted -> done.done(errno));
      }
    }
  }

  /** Takes the array apart; superblocks stay unless {@code clearSuperblock}. */
  public void delete(Raid raid, boolean clearSuperblock, Done done) {
    raid.delete(clearSuperblock, done);
  }

  /** Adds a device: to an array that is online, it is rebuilt. */
  public void addBase(Raid raid, String device, Done done) throws BdevException {
    raid.add(device, done);
  }

  /** Takes a device out of its array; ENODEV when it is in none. The last one ends the array. */
  public void removeBase(String device, Done done) {
    Bdev bdev = layer.find(device);
    Leg leg = bdev == null ? null : legOn(bdev);
    if (leg == null) {
      done.done(BdevException.ENODEV);
    } else {
      leg.raid.remove(leg, done);
    }
  }

  private @Nullable Leg legOn(Bdev bdev) {
    for (Raid raid : raids.values()) {
      Leg leg = raid.legOn(bdev);
      if (leg != null) {
        return leg;
      }
    }
    return null;
  }

  /**
   * Orderly end: gives up all arrays without a word in their superblocks; {@code done} when their
   * last users are gone. Legs are removed only after this.
   */
  public void close(Runnable done) {
    List<Raid> all = raids();
    int[] remaining = {all.size() + 1};
    Done one =
        errno -> {
          if (--remaining[0] == 0) {
            done.run();
          }
        };
    all.forEach(raid -> raid.delete(false, one));
    one.done(0);
  }

  // ---- by superblock

  @Override
  public void examine(Bdev bdev, Runnable done) {
    if (legOn(bdev) != null) {
      done.run();
      return;
    }
    SuperblockIo.read(
        layer,
        bdev,
        found -> {
          RaidSuperblock superblock = found.superblock();
          if (superblock != null) {
            assemble(superblock, bdev, errno -> done.run());
          } else {
            if (found.errno() == 0) {
              joinWithoutSuperblock(bdev);
            }
            done.run();
          }
        });
  }

  private void joinWithoutSuperblock(Bdev bdev) {
    for (Raid raid : raids()) {
      if (raid.state() != Raid.State.CONFIGURING || raid.superblock != null || raid.deleting()) {
        continue;
      }
      for (Slot slot : raid.slots()) {
        if (slot.leg == null && (bdev.name().equals(slot.name) || bdev.uuid().equals(slot.uuid))) {
          try {
            raid.attach(slot, true, errno -> {});
          } catch (BdevException e) {
            // As in SPDK the array goes on waiting for a device that fits.
          }
          break;
        }
      }
    }
  }

  /** A superblock was found on a device: make the array if need be, and put the device in. */
  void assemble(RaidSuperblock found, Bdev bdev, Done done) {
    try {
      assembleChecked(found, bdev, done);
    } catch (BdevException e) {
      done.done(e.errno());
    }
  }

  private void assembleChecked(RaidSuperblock found, Bdev bdev, Done done) throws BdevException {
    if (found.blockSizeBytes() != bdev.blockSizeBytes()) {
      throw new BdevException(BdevException.EINVAL, bdev + " has another block size");
    }
    Raid raid = find(found.uuid());
    RaidSuperblock newest = found;
    if (raid != null) {
      RaidSuperblock present = raid.superblock;
      if (present == null || raid.deleting()) {
        throw new BdevException(BdevException.EINVAL, raid.name() + " has no superblock");
      }
      if (found.sequence() > present.sequence()) {
        if (raid.state() != Raid.State.CONFIGURING || raid.starting()) {
          throw new BdevException(BdevException.EBUSY, raid.name() + " runs with an older one");
        }
        raid.delete(false, errno -> {});
        raid = null;
      } else {
        newest = present;
      }
    }
    Member member = newest.member(bdev.uuid());
    if (member == null) {
      throw new BdevException(BdevException.EINVAL, bdev + " is no member of " + newest.name());
    }
    if (raid == null) {
      UUID uuid = newest.uuid();
      Raid made = create(newest);
      join(made, member, bdev, errno -> examineOthers(uuid, 0, errno, done));
    } else {
      join(raid, member, bdev, done);
    }
  }

  private Raid create(RaidSuperblock superblock) throws BdevException {
    RaidLevel level = RaidLevel.find(superblock.level());
    if (level == null || superblock.slots() > level.mostLegs()) {
      throw new BdevException(
          BdevException.EINVAL, "raid level " + superblock.level() + " is not supported");
    }
    requireName(superblock.name());
    Raid raid = Raid.from(this, layer, level, superblock);
    raids.put(raid.name(), raid);
    return raid;
  }

  private void join(Raid raid, Member member, Bdev bdev, Done done) {
    Slot slot = raid.slots().get(member.slot());
    try {
      if (slot.leg != null) {
        throw new BdevException(BdevException.EEXIST, "slot " + slot.index + " is taken");
      }
      if (raid.state() == Raid.State.ONLINE) {
        slot.uuid = member.uuid();
        attachReturning(raid, slot, done);
      } else if (member.state() != MemberState.CONFIGURED || !bdev.uuid().equals(slot.uuid)) {
        throw new BdevException(BdevException.EINVAL, bdev + " is no active member");
      } else {
        raid.attach(slot, true, done);
      }
    } catch (BdevException e) {
      done.done(e.errno());
    }
  }

  private static void attachReturning(Raid raid, Slot slot, Done done) throws BdevException {
    try {
      raid.attach(slot, true, done);
    } catch (BdevException e) {
      slot.uuid = null;
      throw e;
    }
  }

  /** After a new array got its first leg: the other legs that its superblock trusts. */
  private void examineOthers(UUID uuid, int fromSlot, int errno, Done done) {
    Raid raid = find(uuid);
    if (errno != 0 && errno != BdevException.EEXIST || raid == null) {
      done.done(errno);
      return;
    }
    for (Slot slot : List.copyOf(raid.slots())) {
      Bdev bdev = slot.uuid == null ? null : layer.find(slot.uuid.toString());
      if (slot.index >= fromSlot && !slot.configured() && bdev != null) {
        int next = slot.index + 1;
        SuperblockIo.read(
            layer,
            bdev,
            found -> {
              RaidSuperblock superblock = found.superblock();
              if (superblock == null) {
                examineOthers(uuid, next, 0, done);
              } else {
                assemble(superblock, bdev, result -> examineOthers(uuid, next, result, done));
              }
            });
        return;
      }
    }
    done.done(0);
  }
}
