package io.diskengine.engine.bdev;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Task;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All devices of one engine: names, registration, examination, removal. Everything here is called
 * on the home reactor (reactor 0).
 */
public final class BdevLayer {
  public static final int MAX_REACTORS = 16;

  private final List<Reactor> reactors;
  private final PerReactor[] perReactor;
  private final Map<String, Bdev> byName = new HashMap<>();
  private final Map<String, Bdev> bdevs = new LinkedHashMap<>();
  private final List<BdevModule> modules = new ArrayList<>();
  private final Set<String> examineAllowed = new HashSet<>();
  private final List<Runnable> examineWaiters = new ArrayList<>();
  private final NotificationLog notifications = new NotificationLog();
  private boolean autoExamine = true;
  private int examining;

  public BdevLayer(List<Reactor> reactors) {
    if (reactors.isEmpty() || reactors.size() > MAX_REACTORS) {
      throw new IllegalArgumentException(
          "1 to " + MAX_REACTORS + " reactors, not " + reactors.size());
    }
    this.reactors = List.copyOf(reactors);
    this.perReactor = new PerReactor[reactors.size()];
    for (int i = 0; i < perReactor.length; i++) {
      perReactor[i] = new PerReactor();
    }
  }

  public List<Reactor> reactors() {
    return reactors;
  }

  public Reactor home() {
    return reactors.getFirst();
  }

  public NotificationLog notifications() {
    return notifications;
  }

  public void addModule(BdevModule module) {
    modules.add(module);
  }

  PerReactor perReactor(int index) {
    return perReactor[index];
  }

  // ---- names

  /** By name, alias or uuid text; null when there is none. */
  public @Nullable Bdev find(String name) {
    return byName.get(name);
  }

  /** In order of registration. */
  public Collection<Bdev> bdevs() {
    return List.copyOf(bdevs.values());
  }

  /** Makes the device known and examines it. */
  public void register(Bdev bdev, String... aliases) throws BdevException {
    checkHome();
    if (bdev.name().isEmpty() || bdev.name().length() > Bdev.MAX_NAME_LENGTH) {
      throw new BdevException(
          BdevException.EINVAL,
          "bdev name has " + bdev.name().length() + " characters; 1 to 256 are allowed");
    }
    List<String> names = new ArrayList<>();
    names.add(bdev.name());
    names.addAll(List.of(aliases));
    String uuid = bdev.uuid().toString();
    if (!names.contains(uuid)) {
      names.add(uuid);
    }
    for (String name : names) {
      if (byName.containsKey(name)) {
        throw new BdevException(BdevException.EEXIST, "bdev name " + name + " is taken");
      }
    }
    names.forEach(name -> byName.put(name, bdev));
    bdev.aliases.addAll(List.of(aliases));
    bdev.layer = this;
    bdev.state = Bdev.State.READY;
    bdevs.put(bdev.name(), bdev);
    notifications.add("bdev_register", bdev.name());
    if (autoExamine || names.stream().anyMatch(examineAllowed::contains)) {
      examine(bdev);
    }
  }

  public void addAlias(Bdev bdev, String alias) throws BdevException {
    if (byName.putIfAbsent(alias, bdev) != null) {
      throw new BdevException(BdevException.EEXIST, "bdev name " + alias + " is taken");
    }
    bdev.aliases.add(alias);
  }

  public void removeAlias(Bdev bdev, String alias) {
    if (bdev.aliases.remove(alias)) {
      byName.remove(alias);
    }
  }

  // ---- examine

  public void autoExamine(boolean on) {
    autoExamine = on;
  }

  public boolean autoExamine() {
    return autoExamine;
  }

  /**
   * SPDK's bdev_examine: examines the device now, or when it appears. EINVAL while devices are
   * examined automatically, EEXIST for a name that was asked for before.
   */
  public void examine(String name) throws BdevException {
    checkHome();
    if (autoExamine) {
      throw new BdevException(BdevException.EINVAL, "bdevs are examined automatically");
    }
    if (!examineAllowed.add(name)) {
      throw new BdevException(BdevException.EEXIST, name + " was examined already");
    }
    Bdev bdev = byName.get(name);
    if (bdev != null) {
      examine(bdev);
    }
  }

  private void examine(Bdev bdev) {
    for (BdevModule module : modules) {
      if (bdev.claimedBy == null && bdev.ready()) {
        examining++;
        bdev.examining++;
        module.examine(bdev, () -> examined(bdev));
      }
    }
  }

  private void examined(Bdev bdev) {
    if (--bdev.examining == 0) {
      runAll(bdev.examineWaiters);
    }
    if (--examining == 0) {
      runAll(examineWaiters);
    }
  }

  private static void runAll(List<Runnable> waiters) {
    List<Runnable> waiting = List.copyOf(waiters);
    waiters.clear();
    waiting.forEach(Runnable::run);
  }

  /** Runs {@code done} once no examination is under way. */
  public void waitForExamine(Runnable done) {
    if (examining == 0) {
      done.run();
    } else {
      examineWaiters.add(done);
    }
  }

  /**
   * Runs {@code done} once no examination of this device is under way: no other that hangs holds it
   * back. Nothing that examined it has it open then.
   */
  public void waitForExamine(Bdev bdev, Runnable done) {
    if (bdev.examining == 0) {
      done.run();
    } else {
      bdev.examineWaiters.add(done);
    }
  }

  // ---- open, remove, resize

  public BdevDesc open(String name, boolean writable, BdevEvents events) throws BdevException {
    Bdev bdev = byName.get(name);
    if (bdev == null) {
      throw new BdevException(BdevException.ENODEV, "no bdev has the name " + name);
    }
    return open(bdev, writable, events);
  }

  public BdevDesc open(Bdev bdev, boolean writable, BdevEvents events) throws BdevException {
    checkHome();
    if (!bdev.ready()) {
      throw new BdevException(BdevException.ENODEV, bdev + " is being removed");
    }
    if (writable && bdev.claimedBy != null) {
      throw new BdevException(BdevException.EPERM, bdev + " is claimed by " + bdev.claimedBy);
    }
    BdevDesc desc = new BdevDesc(bdev, writable, events);
    bdev.descs.add(desc);
    return desc;
  }

  /**
   * Removes the device: everyone who has it open is told, and {@code done} is called once the last
   * descriptor is closed and the driver has freed it. ENODEV when it is gone already.
   */
  public void unregister(Bdev bdev, Done done) {
    checkHome();
    if (bdev.state == Bdev.State.GONE || bdev.state == Bdev.State.UNREGISTERED) {
      done.done(BdevException.ENODEV);
      return;
    }
    bdev.unregisterWaiters.add(done);
    if (bdev.state == Bdev.State.REMOVING) {
      return;
    }
    bdev.state = Bdev.State.REMOVING;
    for (BdevDesc desc : List.copyOf(bdev.descs)) {
      desc.events().removed(desc);
    }
    descClosed(bdev);
  }

  void descClosed(Bdev bdev) {
    if (bdev.state == Bdev.State.REMOVING && bdev.descs.isEmpty()) {
      bdev.state = Bdev.State.GONE;
      byName.remove(bdev.name(), bdev);
      byName.remove(bdev.uuid().toString(), bdev);
      bdev.aliases.forEach(alias -> byName.remove(alias, bdev));
      examineAllowed.remove(bdev.name());
      examineAllowed.remove(bdev.uuid().toString());
      bdev.aliases.forEach(examineAllowed::remove);
      bdevs.remove(bdev.name());
      sampleQueueDepth(bdev, 0);
      notifications.add("bdev_unregister", bdev.name());
      bdev.destruct(errno -> {
        List<Done> waiters = List.copyOf(bdev.unregisterWaiters);
        bdev.unregisterWaiters.clear();
        waiters.forEach(w -> w.done(errno));
      });
    }
  }

  /** The driver found another size. */
  public void resize(Bdev bdev, long numBlocks) {
    checkHome();
    if (bdev.numBlocks() == numBlocks) {
      return;
    }
    bdev.numBlocks(numBlocks);
    notifications.add("bdev_resize", bdev.name());
    for (BdevDesc desc : List.copyOf(bdev.descs)) {
      desc.events().resized(desc);
    }
  }

  // ---- across reactors (contract 4)

  /** One step of {@link #forEachChannel}, run on the channel's reactor. */
  public interface ChannelStep {
    /** {@code channel} is null where the device has none; {@code done} may be called later. */
    void run(@Nullable BdevChannel channel, Runnable done);
  }

  /** Runs the step on every reactor, one after the other, then {@code done} on the home reactor. */
  public void forEachChannel(Bdev bdev, ChannelStep step, Runnable done) {
    onReactor(0, bdev, step, done);
  }

  private void onReactor(int index, Bdev bdev, ChannelStep step, Runnable done) {
    if (index == reactors.size()) {
      crossTo(home(), done);
    } else {
      crossTo(
          reactors.get(index),
          () -> step.run(bdev.channels[index], () -> onReactor(index + 1, bdev, step, done)));
    }
  }

  /** Runs the body on {@code target}: at once when that is where we are, else by message. */
  public static void crossTo(Reactor target, Runnable body) {
    if (target.isCurrent()) {
      body.run();
    } else {
      Reactor.current().send(target, Task.of(body));
    }
  }

  /**
   * Holds new I/O that touches the range, on all reactors; {@code done} when none is in flight
   * there. Ends with {@link #unquiesce} of the same range object.
   */
  public void quiesce(Bdev bdev, LbaRange range, Runnable done) {
    quiesce(bdev, range, () -> false, done);
  }

  /**
   * A quiesce that can be given up while I/O is still in flight: once {@code givenUp} says true, on
   * whatever reactor, {@link #unquiesce} is called at once; {@code done} is called all the same.
   */
  public void quiesce(Bdev bdev, LbaRange range, BooleanSupplier givenUp, Runnable done) {
    forEachChannel(
        bdev,
        (channel, next) -> {
          if (givenUp.getAsBoolean()) {
            next.run();
            return;
          }
          bdev.quiescedOn(Reactor.current().index()).add(range);
          if (channel == null) {
            next.run();
          } else {
            channel.drain(range, next);
          }
        },
        done);
  }

  public void unquiesce(Bdev bdev, LbaRange range, Runnable done) {
    forEachChannel(
        bdev,
        (channel, next) -> {
          bdev.quiescedOn(Reactor.current().index()).remove(range);
          if (channel != null) {
            channel.releaseHeld();
          }
          next.run();
        },
        done);
  }

  // ---- limits and counters

  /**
   * Sets the device's rate limits; {@code done} when they hold on all channels. It needs nobody to
   * have the device open.
   */
  public void limits(Bdev bdev, QosLimits limits, Runnable done) {
    checkHome();
    bdev.qos(limits.equals(QosLimits.NONE) ? null : new Qos(limits, home().nowNs()));
    forEachChannel(
        bdev,
        (channel, next) -> {
          if (channel != null) {
            channel.limitsChanged();
          }
          next.run();
        },
        done);
  }

  /** Counts latencies from now on, from zero; null ends it. */
  public void histogram(Bdev bdev, Histogram.@Nullable Spec spec, Runnable done) {
    checkHome();
    bdev.histogram(spec);
    forEachChannel(
        bdev,
        (channel, next) -> {
          if (channel != null) {
            channel.histogram(spec);
          }
          next.run();
        },
        done);
  }

  /** The sum over all channels; only while histograms are counted. */
  public void histogram(Bdev bdev, Consumer<Histogram> done) {
    checkHome();
    Histogram closed = bdev.closedHistogram();
    if (closed == null) {
      throw new IllegalStateException("no histogram is counted for " + bdev);
    }
    Histogram sum = new Histogram(closed.spec());
    sum.add(closed);
    forEachChannel(
        bdev,
        (channel, next) -> {
          Histogram counted = channel == null ? null : channel.histogram();
          if (counted != null && counted.spec() == sum.spec()) {
            sum.add(counted);
          }
          next.run();
        },
        () -> done.accept(sum));
  }

  /** Samples the device's queue depth each {@code periodUs}; 0 ends it. */
  public void sampleQueueDepth(Bdev bdev, long periodUs) {
    checkHome();
    if (bdev.queueDepth != null) {
      bdev.queueDepth.stop();
    }
    bdev.queueDepth = periodUs == 0 ? null : new QueueDepth(this, bdev, periodUs);
  }

  /** The counters of all channels, those that have ended among them; then forgets some. */
  public void stat(Bdev bdev, IoStat.Reset forget, Consumer<IoStat> done) {
    checkHome();
    IoStat sum = new IoStat();
    sum.add(bdev.closedStat);
    bdev.closedStat.reset(forget);
    forEachChannel(
        bdev,
        (channel, next) -> {
          if (channel != null) {
            sum.add(channel.stat());
            channel.resetStat(forget);
          }
          next.run();
        },
        () -> done.accept(sum));
  }

  private void checkHome() {
    if (!home().isCurrent()) {
      throw new IllegalStateException("not on the home reactor");
    }
  }
}
