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
  /** The most legs of a mirror. */
  public static final int MOST_MIRROR_LEGS = 4;

  /** The most legs of an array without redundancy: sets of slots are bits of an int. */
  public static final int MOST_STRIPED_LEGS = 32;

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
  private final long stripSizeKb;
  private final boolean hasSuperblock;
  private final List<Slot> slots = new ArrayList<>();
  private final Settling settling;
  private final Repairs repairs;
  private final Assembly assembly;
  private @Nullable UUID uuid;
  private State state = State.CONFIGURING;
  private int operational;
  private boolean deleting;
  private final List<Runnable> quietWaiters = new ArrayList<>();

  /** Legs whose devices are open, those that left among them. */
  private int openLegs;

  /** Those of them that stay with an array that has gone offline. */
  private int keptLegs;

  private @Nullable Runnable whenClosed;
  @Nullable RaidSuperblock superblock;
  @Nullable RaidBdev bdev;
  @Nullable Rebuild rebuild;

  /** Of a mirror with a superblock, from when its legs are there. */
  @Nullable WriteIntent intent;

  /** Windows and repairs under way; the device is not given up before they have ended. */
  int activities;

  Raid(
      RaidModule module,
      BdevLayer layer,
      String name,
      RaidLevel level,
      long stripSizeKb,
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
    assembly = new Assembly(this);
  }

  /** An array as a superblock describes it, with none of its legs yet. */
  static Raid from(RaidModule module, BdevLayer layer, RaidLevel level, RaidSuperblock found) {
    Raid raid =
        new Raid(
            module,
            layer,
            found.name(),
            level,
            (found.stripSizeBlocks() & 0xffff_ffffL) * found.blockSizeBytes() / 1024,
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

  /** Adds what {@link #description} is made of. */
  public void describe(List<@Nullable Object> to) {
    RaidDescription.parts(this, to);
  }

  long stripSizeKb() {
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
    for (Slot slot : slots) {
      if (slot.leg != null && slot.leg.bdev() == device) {
        return slot.leg;
      }
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

  /** SPDK's bdev_raid_add_base_bdev. */
  void add(String device, Done done) throws BdevException {
    assembly.add(device, done);
  }

  void attach(Slot slot, boolean known, Done done) throws BdevException {
    assembly.attach(slot, known, done);
  }

  void legOpened() {
    openLegs++;
  }

  /** All legs are there and their superblocks say so. */
  void online(int blockSizeBytes, Geometry geometry, long stripBlocks) throws BdevException {
    UUID deviceUuid = uuid == null ? UUID.randomUUID() : uuid;
    int inSync = 0;
    for (Leg leg : inSync()) {
      inSync |= leg.bit();
    }
    RaidBdev device =
        new RaidBdev(
            this,
            deviceUuid,
            blockSizeBytes,
            geometry,
            stripBlocks,
            intent == null ? 0 : intent.regionBlocks(),
            membership(inSync));
    bdev = device;
    uuid = deviceUuid;
    settling.begin(inSync);
    state = State.ONLINE;
    try {
      layer.register(device);
    } catch (BdevException e) {
      state = State.CONFIGURING;
      bdev = null;
      throw e;
    }
  }

  // ---- online: legs come and go

  /** {@code record} is what the target says about itself. */
  void beginRebuild(Leg target, LegRecord record) {
    operational++;
    Rebuild next = new Rebuild(this, target, record, module.options());
    rebuild = next;
    next.start();
  }

  /** A leg is taken out, because somebody asked or because its device goes. */
  void remove(Leg leg, Done done) {
    if (leg.role == Leg.Role.LEAVING) {
      done.done(BdevException.ENODEV);
    } else if (state == State.OFFLINE && bdev != null) {
      leg.goes = true;
      leg.leavers.add(done);
    } else if (state == State.OFFLINE) {
      free(slotOf(leg));
      forgetIfEmpty();
      done.done(0);
    } else if (state != State.ONLINE || leg.role == Leg.Role.CANDIDATE) {
      free(slotOf(leg));
      done.done(0);
    } else if (leg.role == Leg.Role.IN_SYNC
        && inSync().size() <= level.leastOperational(slots.size())) {
      // The last copy, or a part that nobody has a copy of: its superblock goes on calling it in
      // sync.
      operational--;
      leg.goes = true;
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

  /** Membership or superblocks are being changed. */
  boolean settling() {
    return settling.busy();
  }

  void settle(Runnable after) {
    settling.after(after);
    settling.settle();
  }

  /** A leg has another size: the array follows once the superblocks say so. */
  void legResized() {
    RaidBdev device = bdev;
    if (device == null || state != State.ONLINE || deleting || !level.resizable()) {
      return;
    }
    long blocks = possibleGeometry(device).numBlocks();
    if (blocks < device.numBlocks()) {
      layer.resize(device, blocks);
    }
    settling.resize();
  }

  /** The layout that the present legs allow. */
  Geometry possibleGeometry(RaidBdev device) {
    List<Long> room = new ArrayList<>();
    for (Slot slot : slots) {
      Leg leg = slot.leg;
      room.add(
          leg != null && leg.active()
              ? leg.bdev().numBlocks() - leg.dataOffsetBlocks
              : Long.MAX_VALUE);
    }
    return level.geometry(room, device.stripBlocks());
  }

  // ---- the end

  /** Closes the leg of a slot of an array that no I/O reaches. */
  void free(Slot slot) {
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
        clear(old, () -> dismantle(done));
      } else {
        dismantle(done);
      }
    });
  }

  private void clear(RaidSuperblock old, Runnable done) {
    WriteIntent map = intent;
    List<Leg> legs = legs(Leg::configured);
    byte[] zeroes = new byte[old.lengthBytes()];
    Runnable superblocks = () -> SuperblockIo.write(zeroes, legs, failed -> done.run());
    if (map == null) {
      superblocks.run();
    } else {
      map.clear(legs, superblocks);
    }
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
      WriteIntent map = intent;
      if (map == null) {
        closeLegs(done);
      } else {
        map.close(() -> closeLegs(done));
      }
    });
  }

  /**
   * As in SPDK an array without redundancy that lost a leg keeps the others until it is deleted.
   */
  private void closeLegs(Done done) {
    bdev = null;
    boolean mirror = level.leastOperational(slots.size()) < slots.size();
    for (Slot slot : slots) {
      if (slot.leg == null || mirror || deleting || slot.leg.goes) {
        free(slot);
      }
    }
    forgetIfEmpty();
    keptLegs = legs(leg -> true).size();
    whenClosed = () -> done.done(0);
    checkClosed();
  }

  private void forgetIfEmpty() {
    if (legs(leg -> true).isEmpty()) {
      module.forget(this);
    }
  }

  void legClosed() {
    openLegs--;
    checkClosed();
  }

  private void checkClosed() {
    Runnable body = whenClosed;
    if (openLegs == keptLegs && body != null) {
      whenClosed = null;
      body.run();
    }
  }

  boolean deleting() {
    return deleting;
  }

  boolean starting() {
    return assembly.starting();
  }

  private void whenQuiet(Runnable body) {
    quietWaiters.add(body);
    checkQuiet();
  }

  /** Something that holds up the end may have ended. */
  void checkQuiet() {
    if (activities == 0 && !starting() && !settling.busy() && !quietWaiters.isEmpty()) {
      List<Runnable> waiters = List.copyOf(quietWaiters);
      quietWaiters.clear();
      waiters.forEach(Runnable::run);
    }
  }
}
