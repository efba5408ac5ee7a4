package io.diskengine.testkit.spdk;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What all fakes of a system share: disks, and the network between their machines. */
public final class FakeFabric {
  /** How long a message takes at most on the way. */
  private static final int MAX_LATENCY_MS = 2;

  public final FakeTime time;
  public final FakeMedia media = new FakeMedia();
  private final List<FakeSpdk> nodes = new ArrayList<>();
  private final Set<String> cut = new HashSet<>();
  private final List<Runnable> onHeal = new ArrayList<>();
  private final Consumer<String> log;
  private long lastPid = 1_000;
  private final Map<String, Integer> cuts = new HashMap<>();

  /** Whether an address that no machine was given may be listened at. */
  BiPredicate<String, String> binder = (_, _) -> false;

  /**
   * @param log is told what happens, one line each
   */
  public FakeFabric(FakeTime time, Consumer<String> log) {
    this.time = time;
    this.log = log;
  }

  /** Disks are regular files of this machine, and addresses those of its loopback. */
  void realFiles() {
    media.resolve(path -> {
      Path file = Path.of(path);
      try {
        return Files.isRegularFile(file) ? Files.size(file) : -1;
      } catch (IOException e) {
        return -1;
      }
    });
    binder = FakeFabric::isFree;
  }

  private static boolean isFree(String address, String port) {
    try (ServerSocket probe = new ServerSocket()) {
      probe.bind(new InetSocketAddress(address, Integer.parseInt(port)));
      return true;
    } catch (IOException | IllegalArgumentException e) {
      return false;
    }
  }

  /** A machine's place for a data plane; nothing runs there yet. */
  public FakeSpdk node(String name, String vhostDirectory) {
    FakeSpdk node = new FakeSpdk(this, name, vhostDirectory);
    nodes.add(node);
    return node;
  }

  public List<FakeSpdk> nodes() {
    return nodes;
  }

  /** Cuts or mends the way between two machines, in both directions. */
  public void setCut(String one, String other, boolean isCut) {
    String key = key(one, other);
    if (isCut ? cut.add(key) : cut.remove(key)) {
      cuts.merge(key, 1, Integer::sum);
      if (isCut) {
        for (FakeSpdk a : nodes) {
          for (FakeSpdk b : nodes) {
            if (key(a.name, b.name).equals(key)) {
              a.nvme.wayCut(b);
            }
          }
        }
      }
      log("network", (isCut ? "cut " : "mended ") + key);
      if (!isCut) {
        List<Runnable> waiting = List.copyOf(onHeal);
        onHeal.clear();
        waiting.forEach(Runnable::run);
      }
    }
  }

  /** How often a way was cut or mended. */
  int cuts(String one, String other) {
    return cuts.getOrDefault(key(one, other), 0);
  }

  private static String key(String one, String other) {
    return one.compareTo(other) < 0 ? one + "-" + other : other + "-" + one;
  }

  public boolean isReachable(String one, String other) {
    return !cut.contains(key(one, other));
  }

  /** Runs when a way was mended: what lay in buffers moves on. */
  void onHeal(Runnable task) {
    onHeal.add(task);
  }

  long latencyMs() {
    return 1 + time.random().nextInt(MAX_LATENCY_MS);
  }

  long nextPid() {
    return ++lastPid;
  }

  UUID newUuid() {
    return new UUID(
        time.random().nextLong() & ~0xF000L | 0x4000L,
        time.random().nextLong() & ~(3L << 62) | 1L << 63);
  }

  /** The target that listens at an address. */
  @Nullable FakeSpdk listening(String traddr, String trsvcid) {
    for (FakeSpdk n : nodes) {
      if (n.isUp() && n.nvmf.listensAt(traddr, trsvcid)) {
        return n;
      }
    }
    return null;
  }

  /** The machine whose addresses hold this one, also while nothing listens there. */
  @Nullable FakeSpdk machineOf(String traddr, String trsvcid) {
    String address = traddr + ":" + trsvcid;
    for (FakeSpdk n : nodes) {
      if (n.addresses.contains(address)) {
        return n;
      }
    }
    return null;
  }

  /** Takes an address of the loopback for a machine that was given none; false when it is taken. */
  boolean bind(FakeSpdk node, FakeNvmf.Listen at) {
    String address = at.traddr() + ":" + at.trsvcid();
    FakeSpdk owner = machineOf(at.traddr(), at.trsvcid());
    boolean free = owner == null || owner == node || !owner.isUp();
    if (!free || !binder.test(at.traddr(), at.trsvcid())) {
      return false;
    }
    if (owner != null) {
      owner.addresses.remove(address);
    }
    return node.addresses.add(address);
  }

  void log(String who, String what) {
    log.accept(who + " " + what);
  }
}
