package io.diskengine.engine.sim;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.reactor.Reactor;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Hosts with reactors, files and a network on one virtual clock, all on the caller's thread. What
 * runs when, how long things take and where streams are cut is drawn from the seed: the same seed
 * gives the same run.
 *
 * <p>Fault model: a process may be paused, killed or lose its power at any moment; writes that were
 * not flushed survive a loss of power in any part, torn at 512 bytes; hosts may be partitioned and
 * connections reset; files may answer errors, have no space, or not answer. Not modelled: bytes
 * that change by themselves, a medium that lies about a flush.
 */
public final class SimWorld implements AutoCloseable {
  private static final int FIRST_PORT = 49_152;

  private record Event(long timeNs, long number, Runnable body) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(timeNs, other.timeNs);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }

  private record Link(int low, int high) {
    static Link of(int a, int b) {
      return new Link(Math.min(a, b), Math.max(a, b));
    }
  }

  private final long seed;
  private final Random random;
  private final List<SimHost> hosts = new ArrayList<>();
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final Map<String, SimFile> files = new HashMap<>();
  private final Map<InetSocketAddress, SimListener> listeners = new HashMap<>();
  private final Map<InetSocketAddress, SimHost> addresses = new HashMap<>();
  private final Set<Link> partitions = new HashSet<>();
  private final List<SimStream> streams = new ArrayList<>();
  private @Nullable Throwable bug;
  private long nowNs = 1_000_000_000L;
  private long eventNumber;
  private int nextPort = FIRST_PORT;
  private long minLatencyNs = 20_000;
  private long maxLatencyNs = 200_000;
  private int sendBufferBytes = 256 << 10;

  /** One host per number, with that many reactors; all are booted. */
  public SimWorld(long seed, int... reactorsPerHost) {
    this.seed = seed;
    this.random = new Random(seed);
    for (int i = 0; i < reactorsPerHost.length; i++) {
      SimHost host = new SimHost(this, i, reactorsPerHost[i]);
      hosts.add(host);
      host.boot();
    }
  }

  public long seed() {
    return seed;
  }

  /** The world's dice, for tests that want their choices to follow the seed too. */
  public Random random() {
    return random;
  }

  public long nowNs() {
    return nowNs;
  }

  // ---- running

  /** The reactors of a host, as its process numbers them; empty while it is down. */
  public List<Reactor> reactors(int host) {
    return hosts.get(host).reactors();
  }

  /** The i-th reactor of all running hosts. */
  public Reactor reactor(int i) {
    return all().get(i);
  }

  private List<Reactor> all() {
    List<Reactor> all = new ArrayList<>();
    hosts.forEach(host -> all.addAll(host.reactors()));
    return all;
  }

  /** Lets the time pass. */
  public void run(long durationNs) {
    runUntil(() -> false, durationNs);
  }

  /** Runs until the condition holds, for at most {@code limitNs}; whether it holds. */
  public boolean runUntil(BooleanSupplier condition, long limitNs) {
    long endNs = nowNs + limitNs;
    while (!condition.getAsBoolean()) {
      if (nowNs >= endNs) {
        return false;
      }
      step(endNs);
      throwBug();
    }
    return true;
  }

  /** {@link #runUntil} that must succeed. */
  public void await(String what, BooleanSupplier condition, long limitNs) {
    if (!runUntil(condition, limitNs)) {
      throw new AssertionError("seed %d: not within %d ns: %s".formatted(seed, limitNs, what));
    }
  }

  /** One round: what is due happens, reactors take turns in any order, or the clock moves on. */
  private void step(long endNs) {
    runDue();
    List<Reactor> order = new ArrayList<>();
    hosts.stream().filter(SimHost::runs).forEach(host -> order.addAll(host.reactors()));
    Collections.shuffle(order, random);
    boolean busy = false;
    for (Reactor reactor : order) {
      boolean late = random.nextInt(4) == 0;
      busy |= late || reactor.turn() > 0 || !reactor.idle();
    }
    if (busy) {
      nowNs += 200 + random.nextInt(1000);
      return;
    }
    long next = endNs;
    if (!events.isEmpty()) {
      next = Math.min(next, events.element().timeNs);
    }
    for (Reactor reactor : order) {
      long timer = reactor.nextTimerInNs();
      if (timer >= 0) {
        next = Math.min(next, nowNs + Math.max(100, timer));
      }
    }
    nowNs = Math.max(nowNs, next);
  }

  private void runDue() {
    while (!events.isEmpty() && events.element().timeNs <= nowNs) {
      events.remove().body.run();
    }
  }

  /** For a kernel that is used without a reactor: only events happen. */
  void sleepUntil(BooleanSupplier condition, long limitNs) {
    runDue();
    while (!condition.getAsBoolean() && nowNs < limitNs) {
      if (events.isEmpty() && limitNs == Long.MAX_VALUE) {
        throw new IllegalStateException("seed " + seed + ": sleeps for ever");
      }
      nowNs = events.isEmpty() ? limitNs : Math.min(limitNs, events.element().timeNs);
      runDue();
    }
  }

  /** Something that happens by itself, a fault for example. */
  public void after(long delayNs, Runnable body) {
    at(nowNs + delayNs, body);
  }

  void at(long timeNs, Runnable body) {
    events.add(new Event(Math.max(timeNs, nowNs), eventNumber++, body));
  }

  void fault(Reactor reactor, Throwable fault) {
    if (bug == null) {
      bug = fault;
    }
  }

  private void throwBug() {
    Throwable found = bug;
    if (found != null) {
      bug = null;
      throw new AssertionError("seed %d, at %d ns".formatted(seed, nowNs), found);
    }
  }

  // ---- processes

  /** SIGSTOP: the host takes no turns; its network still takes bytes until the windows are full. */
  public void pause(int host) {
    hosts.get(host).paused = true;
  }

  public void resume(int host) {
    hosts.get(host).paused = false;
  }

  /** SIGKILL: what was written stays, connections end. */
  public void kill(int host) {
    hosts.get(host).stop();
  }

  /** The host vanishes without a word, and its open files {@link SimFile#crash}. */
  public void powerLoss(int host) {
    SimHost lost = hosts.get(host);
    lost.openFiles().forEach(file -> file.crash(random.nextLong()));
    lost.powered = false;
    lost.stop();
  }

  /** New, empty reactors on a host that was killed or lost its power. */
  public List<Reactor> boot(int host) {
    hosts.get(host).boot();
    deliverHeldBack();
    return reactors(host);
  }

  // ---- files

  /** The file of that name, empty when it is new. Files belong to the world, not to a host. */
  public SimFile file(String path) {
    return files.computeIfAbsent(path, SimFile::new);
  }

  boolean fileExists(String path) {
    return files.containsKey(path);
  }

  // ---- network

  /** Nothing passes between the two hosts, both ways, until {@link #heal}. */
  public void partition(int a, int b) {
    partitions.add(Link.of(a, b));
  }

  public void heal(int a, int b) {
    partitions.remove(Link.of(a, b));
    deliverHeldBack();
  }

  /** Breaks every connection between the two hosts: ECONNRESET at both ends. */
  public void reset(int a, int b) {
    Link link = Link.of(a, b);
    for (SimStream stream : List.copyOf(streams)) {
      if (stream.connects(link.low, link.high)) {
        stream.fail(-Errno.ECONNRESET);
      }
    }
  }

  public void networkLatencyNs(long min, long max) {
    minLatencyNs = min;
    maxLatencyNs = max;
  }

  /** The window of each direction of a connection. */
  public void sendBufferBytes(int bytes) {
    sendBufferBytes = bytes;
  }

  private void deliverHeldBack() {
    streams.removeIf(SimStream::finished);
    List.copyOf(streams).forEach(SimStream::deliver);
  }

  int sendBufferBytes() {
    return sendBufferBytes;
  }

  long networkLatencyNs() {
    return minLatencyNs + (long) (random.nextDouble() * (maxLatencyNs - minLatencyNs));
  }

  /** Mostly all of them. */
  int sometimesFewer(int most) {
    return random.nextInt(4) == 0 ? 1 + random.nextInt(most) : most;
  }

  /** Mostly the largest. */
  int segmentBytes(int largest) {
    return random.nextInt(4) == 0 ? 1 + random.nextInt(2000) : largest;
  }

  boolean reachable(SimHost a, SimHost b) {
    return a == b || !partitions.contains(Link.of(a.index(), b.index()));
  }

  void whenReachable(SimHost from, SimHost to, Runnable body) {
    after(
        networkLatencyNs(),
        () -> {
          if (reachable(from, to)) {
            body.run();
          } else {
            after(100_000_000, () -> whenReachable(from, to, body));
          }
        });
  }

  void opened(SimStream client, SimStream server) {
    streams.removeIf(SimStream::finished);
    streams.add(client);
    streams.add(server);
  }

  InetSocketAddress withPort(InetSocketAddress wanted) {
    return wanted.getPort() != 0 ? wanted : new InetSocketAddress(wanted.getAddress(), nextPort++);
  }

  /** The source address of a connection: as asked, or the host's own. */
  InetSocketAddress clientAddress(SimHost host, @Nullable InetSocketAddress local) {
    InetAddress own = InetAddress.ofLiteral("10.0.0." + (host.index() + 1));
    return withPort(local == null ? new InetSocketAddress(own, 0) : local);
  }

  boolean bind(InetSocketAddress local, SimListener listener) {
    addresses.put(local, listener.host());
    return listeners.putIfAbsent(local, listener) == null;
  }

  void unbind(InetSocketAddress local, SimListener listener) {
    listeners.remove(local, listener);
  }

  /** Who listens there; a wildcard listener answers for every address. */
  @Nullable SimListener listener(InetSocketAddress to) {
    SimListener exact = listeners.get(to);
    if (exact != null) {
      return exact;
    }
    for (String wildcard : new String[] {"0.0.0.0", "::"}) {
      InetAddress any = InetAddress.ofLiteral(wildcard);
      SimListener listener = listeners.get(new InetSocketAddress(any, to.getPort()));
      if (listener != null) {
        return listener;
      }
    }
    return null;
  }

  /** The host that listens at the address, or once did. */
  @Nullable SimHost hostOf(InetSocketAddress address) {
    SimHost exact = addresses.get(address);
    SimListener listener = exact == null ? listener(address) : null;
    return listener == null ? exact : listener.host();
  }

  /** Ends all hosts; a bug that no run reported yet is thrown now. */
  @Override
  public void close() {
    hosts.forEach(SimHost::stop);
    throwBug();
  }
}
