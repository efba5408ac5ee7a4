package io.diskengine.engine.raid;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.raid.RaidSuperblock.Member;
import io.diskengine.engine.raid.RaidSuperblock.MemberState;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One array, from the moment its name is known: its slots, its superblock, its state. Everything
 * here runs on the home reactor. As in SPDK an array has no degraded state: it is online with fewer
 * legs than slots.
 */
public final class Raid {
  /** The most slots of an array. */
  public static final int MOST_LEGS = 4;

  static final String MODULE = "raid";

  private static final int EALREADY = -114;
  static final UUID NIL = new UUID(0, 0);

  /** SPDK's states. */
  public enum State {
    CONFIGURING,
    ONLINE,
    OFFLINE;

    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final RaidModule module;
  private final BdevLayer layer;
  private final String name;
  private final RaidLevel level;
  private final int stripSizeKb;
  private final boolean hasSuperblock;
  private final List<Slot> slots = new ArrayList<>();
  private final Settling settling;
  private final Repairs repairs;
  private @Nullable UUID uuid;
  private State state = State.CONFIGURING;
  private int operational;
  private int blockSizeBytes;
  private boolean starting;
  private boolean deleting;
  private final List<Runnable> quietWaiters = new ArrayList<>();

  /** Legs whose devices are open, those that left among them. */
  private int openLegs;

  private @Nullable Runnable whenClosed;
  @Nullable RaidSuperblock superblock;
  @Nullable RaidBdev bdev;
  @Nullable Rebuild rebuild;

  /** Windows and repairs under way; the device is not given up before they have ended. */
  int activities;

  Raid(
      RaidModule module,
      BdevLayer layer,
      String name,
      RaidLevel level,
      int stripSizeKb,
      int slotCount,
      boolean hasSuperblock,
      @Nullable UUID uuid) {
    this.module = module;
    this.layer = layer;
    this.name = name;
    this.level = level;
    this.stripSizeKb = stripSizeKb;
    this.hasSuperblock = hasSuperblock;
    this.uuid = uuid;
    for (int i = 0; i < slotCount; i++) {
      slots.add(new Slot(i));
    }
    settling = new Settling(this);
    repairs = new Repairs(this);
  }

  /** An array as a superblock describes it, with none of its legs yet. */
  static Raid from(RaidModule module, BdevLayer layer, RaidLevel level, RaidSuperblock found) {
    Raid raid =
        new Raid(
            module,
            layer,
            found.name(),
            level,
            (int) ((long) found.stripSizeBlocks() * found.blockSizeBytes() / 1024),
            found.slots(),
            true,
            found.uuid());
    raid.superblock = found;
    for (Member member : found.members()) {
      Slot slot = raid.slots.get(member.slot());
      if (member.state() == MemberState.CONFIGURED) {
        slot.uuid = member.uuid();
        raid.operational++;
      }
      slot.dataOffsetBlocks = member.dataOffsetBlocks();
      slot.dataSizeBlocks = member.dataSizeBlocks();
    }
    return raid;
  }

  // ---- what it is

  public String name() {
    return name;
  }

  public @Nullable UUID uuid() {
    return uuid;
  }

  public State state() {
    return state;
  }

  public boolean hasSuperblock() {
    return hasSuperblock;
  }

  /** What bdev_raid_create would need to make it again; only for arrays without superblock. */
  public Map<String, Object> configuration() {
    return RaidDescription.configuration(this);
  }

  /** SPDK's description: the members of bdev_raid_get_bdevs after the name. */
  public Map<String, Object> description() {
    return RaidDescription.of(this);
  }

  int stripSizeKb() {
    return stripSizeKb;
  }

  int operational() {
    return operational;
  }

  RaidLevel level() {
    return level;
  }

  List<Slot> slots() {
    return slots;
  }

  BdevLayer layer() {
    return layer;
  }

  Reactor home() {
    return layer.home();
  }

  RaidModule module() {
    return module;
  }

  AcknowledgeRule acknowledgeRule() {
    return module.acknowledgeRule();
  }

  int discovered() {
    return (int) slots.stream().filter(Slot::configured).count();
  }

  /** The legs in slots that satisfy a condition, by slot. */
  List<Leg> legs(Predicate<Leg> condition) {
    List<Leg> legs = new ArrayList<>();
    for (Slot slot : slots) {
      if (slot.leg != null && condition.test(slot.leg)) {
        legs.add(slot.leg);
      }
    }
    return legs;
  }

  List<Leg> inSync() {
    return legs(leg -> leg.role == Leg.Role.IN_SYNC);
  }

  @Nullable Leg legOn(Bdev device) {
    for (Leg leg : legs(leg -> leg.bdev() == device)) {
      return leg;
    }
    return null;
  }

  Slot slotOf(Leg leg) {
    return slots.get(leg.slot);
  }

  /** The membership that holds once all leaving legs have left. */
  Membership membership(int trusted) {
    @Nullable Leg[] active = new Leg[slots.size()];
    int readable = 0;
    for (Leg leg : legs(Leg::active)) {
      active[leg.slot] = leg;
      readable |= leg.role == Leg.Role.IN_SYNC ? leg.bit() : 0;
    }
    return new Membership(Collections.unmodifiableList(Arrays.asList(active)), readable, trusted);
  }

  // ---- configuring: legs come

  void expectAll(List<String> names) {
    operational = names.size();
    for (Slot slot : slots) {
      slot.name = names.get(slot.index);
    }
  }

  /**
   * Takes the device that belongs into the slot, by its uuid or else its name. A device that is new
   * to the array ({@code known} false) must not carry another array's superblock.
   */
  void attach(Slot slot, boolean known, Done done) throws BdevException {
    Bdev device = Admission.deviceFor(layer, slot);
    long offset = Admission.dataOffsetBlocks(slot, device, hasSuperblock);
    Leg leg = new Leg(this, slot.index, offset, events -> Admission.open(layer, device, events));
    openLegs++;
    slot.leg = leg;
    slot.name = device.name();
    slot.uuid = device.uuid();
    slot.dataOffsetBlocks = offset;
    try {
      Admission.checkGeometry(slot, device, blockSizeBytes);
    } catch (BdevException e) {
      free(slot);
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
    } else if (other != null && other.uuid().equals(uuid)) {
      Bdev device = leg.bdev();
      free(slot);
      module.assemble(other, device, done);
    } else {
      free(slot);
      done.done(other != null ? BdevException.EEXIST : found.errno());
    }
  }

  private void configured(Slot slot, Leg leg, Done done) {
    if (state == State.CONFIGURING) {
      leg.role = Leg.Role.IN_SYNC;
      if (discovered() == operational) {
        start(done);
      } else {
        done.done(0);
      }
    } else if (state == State.ONLINE && rebuild == null && !deleting) {
      leg.role = Leg.Role.TARGET;
      operational++;
      rebuild = new Rebuild(this, leg, module.options());
      rebuild.start();
      done.done(0);
    } else {
      free(slot);
      done.done(BdevException.EPERM);
    }
  }

  /** All expected legs are there: write the superblock, then go online. */
  private void start(Done done) {
    long smallest = Long.MAX_VALUE;
    for (Slot slot : slots) {
      smallest = Math.min(smallest, slot.dataSizeBlocks);
    }
    for (Slot slot : slots) {
      slot.dataSizeBlocks = smallest;
    }
    long numBlocks = level.numBlocks(slots.size(), smallest);
    if (!hasSuperblock) {
      goOnline(numBlocks, done);
      return;
    }
    RaidSuperblock previous = superblock;
    if (previous != null
        && (previous.blockSizeBytes() != blockSizeBytes || previous.sizeBlocks() != numBlocks)) {
      done.done(BdevException.EINVAL);
      return;
    }
    RaidSuperblock next =
        previous == null
            ? firstSuperblock(numBlocks)
            : previous.with(previous.sequence() + 1, numBlocks, previous.members());
    superblock = next;
    starting = true;
    SuperblockIo.write(
        next.encode(),
        inSync(),
        failed -> {
          starting = false;
          if (deleting) {
            done.done(BdevException.ENODEV);
          } else if (!failed.isEmpty() || discovered() < operational) {
            done.done(BdevException.EIO);
          } else {
            goOnline(numBlocks, done);
          }
          checkQuiet();
        });
  }

  private RaidSuperblock firstSuperblock(long numBlocks) {
    return new RaidSuperblock(
        uuid == null ? NIL : uuid,
        name,
        numBlocks,
        blockSizeBytes,
        level.number(),
        stripSizeKb * 1024 / blockSizeBytes,
        1,
        slots.size(),
        slots.stream().map(Slot::configuredMember).toList());
  }

  private void goOnline(long numBlocks, Done done) {
    UUID deviceUuid = uuid == null ? UUID.randomUUID() : uuid;
    int inSync = 0;
    for (Leg leg : inSync()) {
      inSync |= leg.bit();
    }
    RaidBdev device = new RaidBdev(this, deviceUuid, blockSizeBytes, numBlocks, membership(inSync));
    bdev = device;
    uuid = deviceUuid;
    settling.begin(inSync);
    state = State.ONLINE;
    try {
      layer.register(device);
    } catch (BdevException e) {
      state = State.CONFIGURING;
      bdev = null;
      done.done(e.errno());
      return;
    }
    done.done(0);
  }

  // ---- online: legs come and go

  /** SPDK's bdev_raid_add_base_bdev. */
  void add(String device, Done done) throws BdevException {
    if (rebuild != null) {
      throw new BdevException(BdevException.EPERM, name + " is being rebuilt");
    }
    Slot slot = slotFor(device);
    if (slot == null) {
      throw new BdevException(BdevException.EINVAL, name + " has no slot for " + device);
    }
    slot.name = device;
    try {
      attach(slot, false, done);
    } catch (BdevException e) {
      if (e.errno() != BdevException.ENODEV || state != State.CONFIGURING) {
        slot.name = null;
      }
      throw e;
    }
  }

  private @Nullable Slot slotFor(String device) {
    Bdev found = layer.find(device);
    if (state == State.CONFIGURING && found != null) {
      for (Slot slot : slots) {
        if (slot.name == null && found.uuid().equals(slot.uuid)) {
          return slot;
        }
      }
    }
    for (Slot slot : slots) {
      if (slot.name == null && slot.uuid == null) {
        return slot;
      }
    }
    return null;
  }

  /** A leg is taken out, because somebody asked or because its device goes. */
  void remove(Leg leg, Done done) {
    if (leg.role == Leg.Role.LEAVING) {
      done.done(BdevException.ENODEV);
    } else if (state == State.OFFLINE) {
      leg.leavers.add(done);
    } else if (state != State.ONLINE || leg.role == Leg.Role.CANDIDATE) {
      free(slotOf(leg));
      done.done(0);
    } else if (leg.role == Leg.Role.IN_SYNC
        && inSync().size() <= level.leastOperational(slots.size())) {
      // The last copy: its superblock goes on calling it in sync.
      deconfigure(done);
    } else {
      leg.leavers.add(done);
      leave(leg, false);
      settling.settle();
    }
  }

  void leave(Leg leg, boolean failed) {
    leg.role = Leg.Role.LEAVING;
    leg.failed = failed;
    leg.promoting = false;
  }

  void legRemoved(Leg leg) {
    if (slotOf(leg).leg == leg) {
      remove(leg, errno -> {});
    }
  }

  /** Writes failed on these legs and need nothing more. */
  void writesFailed(List<Leg> failed) {
    if (state == State.ONLINE) {
      dropFailed(failed);
      settling.settle();
    }
  }

  /** A write may not be acknowledged before the legs it failed on are out. */
  void writeWaits(List<Leg> failed, int reactor, long ticket) {
    dropFailed(failed);
    settling.writeWaits(reactor, ticket);
    settling.settle();
  }

  void dropFailed(List<Leg> failed) {
    List<Leg> suspects = new ArrayList<>();
    for (Leg leg : failed) {
      if (leg.active() && slotOf(leg).leg == leg) {
        suspects.add(leg);
      }
    }
    LastCopyRule.toDrop(suspects, inSync()).forEach(leg -> leave(leg, true));
  }

  void readFailed(List<Leg> unreadable, long offsetBlocks, long lengthBlocks) {
    repairs.add(unreadable, offsetBlocks, lengthBlocks);
  }

  /** The leg has left: superblocks say so, or could not be made to. */
  void left(Leg leg, int errno) {
    Slot slot = slotOf(leg);
    if (rebuild != null && rebuild.target() == leg) {
      rebuild = null;
    }
    slot.leg = null;
    slot.name = null;
    slot.uuid = null;
    slot.dataOffsetBlocks = 0;
    operational--;
    leg.leavers.forEach(leaver -> leaver.done(errno));
    leg.leavers.clear();
  }

  void settle(Runnable after) {
    settling.after(after);
    settling.settle();
  }

  /** A leg has another size: the array follows once the superblocks say so. */
  void legResized() {
    RaidBdev device = bdev;
    if (device == null || state != State.ONLINE || deleting) {
      return;
    }
    long blocks = possibleBlocks();
    if (blocks < device.numBlocks()) {
      layer.resize(device, blocks);
    }
    settling.resize();
  }

  /** The size that the present legs allow. */
  long possibleBlocks() {
    long smallest = Long.MAX_VALUE;
    for (Leg leg : legs(Leg::active)) {
      smallest = Math.min(smallest, leg.bdev().numBlocks() - leg.dataOffsetBlocks);
    }
    return level.numBlocks(slots.size(), smallest);
  }

  // ---- the end

  /** Closes the leg of a slot of an array that no I/O reaches. */
  private void free(Slot slot) {
    Leg leg = slot.leg;
    slot.leg = null;
    slot.name = null;
    if (state != State.CONFIGURING) {
      slot.uuid = null;
    }
    slot.dataOffsetBlocks = 0;
    if (leg != null) {
      leg.leavers.forEach(leaver -> leaver.done(0));
      leg.leavers.clear();
      leg.detach();
    }
  }

  private void deconfigure(Done done) {
    RaidBdev device = bdev;
    if (device == null) {
      done.done(BdevException.ENODEV);
      return;
    }
    state = State.OFFLINE;
    layer.unregister(device, done);
  }

  /** SPDK's bdev_raid_delete. */
  void delete(boolean clearSuperblock, Done done) {
    if (deleting) {
      done.done(EALREADY);
      return;
    }
    deleting = true;
    RaidSuperblock old = superblock;
    whenQuiet(() -> {
      if (clearSuperblock && old != null) {
        superblock = null;
        byte[] zeroes = new byte[old.lengthBytes()];
        SuperblockIo.write(zeroes, legs(Leg::configured), failed -> dismantle(done));
      } else {
        dismantle(done);
      }
    });
  }

  private void dismantle(Done done) {
    if (bdev != null) {
      deconfigure(done);
      return;
    }
    state = State.OFFLINE;
    slots.forEach(this::free);
    module.forget(this);
    done.done(0);
  }

  /** The device's last user is gone. */
  void destructed(Done done) {
    state = State.OFFLINE;
    whenQuiet(() -> {
      slots.forEach(this::free);
      bdev = null;
      module.forget(this);
      whenClosed = () -> done.done(0);
      checkClosed();
    });
  }

  void legClosed() {
    openLegs--;
    checkClosed();
  }

  private void checkClosed() {
    Runnable body = whenClosed;
    if (openLegs == 0 && body != null) {
      whenClosed = null;
      body.run();
    }
  }

  boolean deleting() {
    return deleting;
  }

  boolean starting() {
    return starting;
  }

  private void whenQuiet(Runnable body) {
    quietWaiters.add(body);
    checkQuiet();
  }

  /** Something that holds up the end may have ended. */
  void checkQuiet() {
    if (activities == 0 && !starting && !settling.busy() && !quietWaiters.isEmpty()) {
      List<Runnable> waiters = List.copyOf(quietWaiters);
      quietWaiters.clear();
      waiters.forEach(Runnable::run);
    }
  }
}
