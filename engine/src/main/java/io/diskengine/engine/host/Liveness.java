package io.diskengine.engine.host;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.reactor.Timer;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * When the host looks at its connections: each {@link NvmeHost#TICK_NS} while an answer is out that
 * has a deadline, else only when a peer is to be asked again. A reactor with nothing to do is not
 * woken for less. Home reactor.
 */
final class Liveness {
  private final NvmeHost host;
  private final List<NvmeController> controllers = new ArrayList<>();
  private final Map<InetSocketAddress, PeerWatch> peers = new HashMap<>();
  private final Timer tick = Timer.of(this::tick);
  private int keepAlivesOut;

  /** Whether nothing else was out at the last look, and nothing was sent since. */
  private boolean quiet;

  Liveness(NvmeHost host) {
    this.host = host;
  }

  void add(NvmeController controller) {
    controllers.add(controller);
    soon();
  }

  void remove(NvmeController controller) {
    controllers.remove(controller);
  }

  /** What is shared by all controllers behind the address. */
  PeerWatch watch(InetSocketAddress peer) {
    return peers.computeIfAbsent(peer, _ -> new PeerWatch(home().nowNs()));
  }

  /** A command was sent that must be answered. */
  void soon() {
    if (quiet || !tick.armed()) {
      quiet = false;
      home().schedule(tick, NvmeHost.TICK_NS);
    }
  }

  void keepAliveSent() {
    keepAlivesOut++;
  }

  void keepAliveEnded() {
    keepAlivesOut--;
    if (quiet && keepAlivesOut == 0 && tick.armed()) {
      home().schedule(tick, untilNextNs(home().nowNs()));
    }
  }

  private Reactor home() {
    return host.home();
  }

  /** By index: a controller that is given up may leave the list at once, and others with it. */
  private void tick() {
    long nowNs = home().nowNs();
    boolean asks = false;
    for (PeerWatch watch : peers.values()) {
      asks |= watch.isDue(nowNs);
    }
    for (PeerWatch watch : peers.values()) {
      watch.begin(nowNs, asks);
    }
    quiet = true;
    for (int i = controllers.size() - 1; i >= 0; i--) {
      if (i < controllers.size()) {
        quiet &= controllers.get(i).checkLiveness();
      }
    }
    for (int i = controllers.size() - 1; i >= 0; i--) {
      if (i < controllers.size()) {
        controllers.get(i).keepAlive();
      }
    }
    if (controllers.isEmpty()) {
      peers.clear(); // nobody has one any more
    } else {
      home().schedule(tick, untilNextNs(nowNs));
    }
  }

  private long untilNextNs(long nowNs) {
    if (!quiet || keepAlivesOut > 0) {
      return NvmeHost.TICK_NS;
    }
    // Each controller keeps a promise of its own to its target: see PeerWatch.
    long nextNs = nowNs + host.options().keepAliveTimeoutMs() * 1_000_000L / 4;
    for (PeerWatch watch : peers.values()) {
      nextNs = Math.min(nextNs, watch.dueNs());
    }
    return Math.max(NvmeHost.TICK_NS, nextNs - nowNs);
  }
}
