package io.diskengine.agent;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Lvol;
import io.diskengine.model.Node;
import io.diskengine.model.NodeView;
import io.diskengine.model.Transport;
import io.diskengine.model.plan.BaremetalObserved.Probe;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Asks the NVMe/TCP targets of storage nodes for a sign of life: SPDK's host never notices a target
 * that is stopped while its kernel still acknowledges. One connection a second to each node, which
 * gets as far as the initialisation of the connection (ICReq, ICResp: NVMe/TCP Transport
 * Specification 1.1, 3.6.2.2 and 3.6.2.3). A refused connection is an answer: of a kernel whose
 * target is gone, which the host notices itself.
 */
final class PeerProbes {
  private static final int PDU_BYTES = 128;
  private static final byte ICREQ = 0x00;
  private static final byte ICRESP = 0x01;

  private final AgentMachine machine;
  private final AgentClock clock;
  private final Runnable onChange;
  private long lastTickMs;
  private final Map<Long, Peer> peers = new ConcurrentHashMap<>();

  PeerProbes(AgentMachine machine, Runnable onChange) {
    this.machine = machine;
    this.clock = machine.clock();
    this.onChange = onChange;
  }

  /** One storage node. */
  private static final class Peer {
    volatile long answeredAtMs;
    volatile String detail = "not asked yet";
    volatile int outstanding;
    volatile boolean silent;
  }

  /** Starts a probe of every storage node with a leg of a volume of this node. */
  void tick(long nowMs, NodeView view) {
    ClusterSettings settings = view.cluster().settings();
    if (nowMs - lastTickMs > settings.probeDeadlineMs() / 2) {
      peers.values().forEach(p -> p.answeredAtMs = nowMs); // we did not listen
    }
    lastTickMs = nowMs;
    Set<Long> wanted = new HashSet<>();
    for (Lvol l : view.lvols()) {
      wanted.add(l.nodeId());
    }
    peers.keySet().retainAll(wanted);
    for (Node node : view.peers()) {
      if (wanted.contains(node.id())) {
        Peer peer = peers.computeIfAbsent(node.id(), _ -> started(nowMs));
        node.addresses().stream()
            .filter(a -> a.transport() == Transport.TCP)
            .findFirst()
            .ifPresent(a -> probe(peer, a, settings));
        boolean silent = nowMs - peer.answeredAtMs >= settings.probeDeadlineMs();
        if (silent != peer.silent) {
          peer.silent = silent;
          onChange.run();
        }
      }
    }
  }

  private static Peer started(long nowMs) {
    Peer peer = new Peer();
    peer.answeredAtMs = nowMs;
    return peer;
  }

  private void probe(Peer peer, FabricAddress address, ClusterSettings settings) {
    int most = settings.probeDeadlineMs() / Math.max(1, settings.probeIntervalMs());
    synchronized (peer) {
      if (peer.outstanding >= Math.max(1, most)) {
        return;
      }
      peer.outstanding++;
    }
    machine.probe(
        "probe " + address,
        () -> {
          try {
            machine.askTarget(address, settings.probeDeadlineMs());
            peer.answeredAtMs = clock.nowMs();
            peer.detail = "answers";
          } catch (ConnectException refused) {
            peer.answeredAtMs = clock.nowMs();
            peer.detail = "refuses connections";
          } catch (IOException e) {
            peer.detail = "no answer from " + address + " (" + e.getMessage() + ")";
          } finally {
            synchronized (peer) {
              peer.outstanding--;
            }
          }
        });
  }

  /** Probes under way on this machine, with the time at which each is given up. */
  private static final Map<Socket, Long> OPEN = new ConcurrentHashMap<>();

  /**
   * Asks once. No wait here has a limit of its own, each of which would wake a thread that only
   * keeps time: the next probe, a second later, closes what is overdue.
   */
  static void ask(FabricAddress address, int deadlineMs) throws IOException {
    long nowNs = System.nanoTime();
    OPEN.forEach((socket, givenUpNs) -> {
      if (nowNs - givenUpNs >= 0) {
        close(socket);
      }
    });
    long untilNs = nowNs + TimeUnit.MILLISECONDS.toNanos(deadlineMs);
    try (Socket socket = new Socket()) {
      OPEN.put(socket, untilNs);
      try {
        initialise(socket, address);
      } catch (SocketException e) {
        throw System.nanoTime() - untilNs < 0 ? e : new IOException(deadlineMs + " ms passed", e);
      } finally {
        OPEN.remove(socket);
      }
    }
  }

  private static void initialise(Socket socket, FabricAddress address) throws IOException {
    socket.setTcpNoDelay(true);
    socket.connect(new InetSocketAddress(address.host(), address.port()));
    byte[] pdu = new byte[PDU_BYTES];
    pdu[0] = ICREQ;
    pdu[2] = (byte) PDU_BYTES; // HLEN
    pdu[4] = (byte) PDU_BYTES; // PLEN, little-endian
    socket.getOutputStream().write(pdu);
    InputStream in = socket.getInputStream();
    if (in.readNBytes(pdu, 0, PDU_BYTES) < PDU_BYTES || pdu[0] != ICRESP) {
      throw new IOException("the connection was not initialised");
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // nothing is owed to a probe that was given up
    }
  }

  Map<Long, Probe> results(long nowMs, NodeView view) {
    int deadlineMs = view.cluster().settings().probeDeadlineMs();
    Map<Long, Probe> results = new HashMap<>();
    peers.forEach((id, peer) -> {
      long silentSince = peer.answeredAtMs + deadlineMs;
      results.put(id, new Probe(nowMs >= silentSince ? silentSince : null, peer.detail));
    });
    return results;
  }
}
