package io.diskengine.testkit.sim;

import static io.diskengine.testkit.sim.Crossing.Line.AFTER_COMMIT;
import static io.diskengine.testkit.sim.Crossing.Line.AFTER_SEND;
import static io.diskengine.testkit.sim.Crossing.Line.BEFORE_COMMIT;
import static io.diskengine.testkit.sim.Crossing.Line.BEFORE_EXECUTE;
import static io.diskengine.testkit.sim.Crossing.Line.BEFORE_SEND;

import io.diskengine.model.NodeMode;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What happens at a line of an action, once. */
enum MatrixFault {
  CONNECTION_ENDS(
      "the connection that carries the action ends",
      Map.of(
          BEFORE_SEND, "what was not read is lost as before its execution",
          AFTER_SEND, "what was not read is lost as before its execution")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      return Optional.of(Fate.CUT_OFF);
    }
  },
  ANSWER_LATE(
      "the action, or its answer, takes longer than any deadline",
      Map.of(
          BEFORE_SEND, "it is as late before its execution",
          AFTER_SEND, "it is as late before its execution")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      if (!COMMIT.contains(line)) {
        return Optional.of(Fate.DELAYED);
      }
      try {
        w.delayed(COMMIT_MS + COMMIT_MS / 4); // and what the agent does then
        Objects.requireNonNull(n.machine).sleep(COMMIT_MS); // on the agent's thread
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return GOES_ON;
    }
  },
  AGENT_KILLED(
      "the agent is killed, and started again soon",
      Map.of(BEFORE_EXECUTE, "the same as after it was sent")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      if (!n.isAgentUp()) {
        return Optional.empty();
      }
      // Its supervisor may be the one that holds its data plane down.
      w.scheduler.after(RESTART_MS, () -> w.startAgent(n));
      w.killAgent(n);
      return GOES_ON;
    }
  },
  PLANE_KILLED(
      "the node's data plane is killed, and started again soon, empty",
      Map.of(AFTER_SEND, "the same as before its execution")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      return killPlane(w, n);
    }
  },
  PLANE_SILENT(
      "the node's data plane answers nobody for 8 s, its kernel does",
      Map.of(
          BEFORE_SEND, "it lies in the socket as after it was sent",
          BEFORE_EXECUTE, "it lies in the socket as after it was sent")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      if (!n.spdk.isUp()) {
        return Optional.empty();
      }
      n.spdk.setStopped(true);
      long pid = n.spdk.pid();
      w.scheduler.after(
          SILENT_MS,
          () -> {
            if (n.spdk.pid() == pid) {
              n.spdk.setStopped(false);
            }
          });
      return GOES_ON;
    }
  },
  PEER_KILLED(
      "the data plane at the other end of the volume's legs is killed and started again",
      Map.of(
          BEFORE_SEND, "the same as before its execution",
          AFTER_SEND, "the same as before its execution")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      SimNode peer = peer(w, n);
      return peer == null ? Optional.empty() : killPlane(w, peer);
    }
  },
  WAY_CUT(
      "the network between the two ends of the volume's legs is cut for 10 s",
      Map.of(
          BEFORE_SEND, "the same as before its execution",
          AFTER_SEND, "the same as before its execution")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      SimNode peer = peer(w, n);
      if (peer == null) {
        return Optional.empty();
      }
      w.fabric.setCut(n.name, peer.name, true);
      w.scheduler.after(CUT_MS, () -> w.fabric.setCut(n.name, peer.name, false));
      return GOES_ON;
    }
  },
  POSTGRES_AWAY(
      "PostgreSQL is away for 20 s: longer than an agent may act without it",
      Map.of(
          BEFORE_SEND, "the same as after it was sent",
          BEFORE_EXECUTE, "the same as after it was sent")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      w.setPostgres(false);
      w.scheduler.after(POSTGRES_MS, () -> w.setPostgres(true));
      return GOES_ON;
    }
  },
  LEASE_TAKEN(
      "another holder has the node's lease for 10 s",
      Map.of(
          AFTER_SEND, "the same as before it was sent: the request is under way",
          BEFORE_EXECUTE, "the same as before it was sent: the request is under way")) {
    @Override
    Optional<Fate> strike(SimWorld w, SimNode n, Line line) {
      if (w.store.state().node(n.name).isEmpty()) {
        return Optional.empty();
      }
      w.takeLease(n, LEASE_MS);
      return GOES_ON;
    }
  };

  private static final Optional<Fate> GOES_ON = Optional.of(Fate.GOES_ON);
  private static final int RESTART_MS = 700;
  private static final int SILENT_MS = 8_000;
  private static final int CUT_MS = 10_000;
  private static final int POSTGRES_MS = 20_000;
  private static final int LEASE_MS = 10_000;

  /**
   * Longer than an agent may act without its lease, and shorter than the time in which it must say
   * what waits, which it cannot meanwhile.
   */
  private static final int COMMIT_MS = 17_000;

  private static final Set<Line> COMMIT = Set.of(BEFORE_COMMIT, AFTER_COMMIT);

  private final String what;
  private final Map<Line, String> meaningless;

  MatrixFault(String what, Map<Line, String> meaningless) {
    this.what = what;
    this.meaningless = new EnumMap<>(meaningless);
  }

  /**
   * Does it. An agent that is killed on its own thread does not return from here.
   *
   * @return empty when there is nothing that it could befall
   */
  abstract Optional<Fate> strike(SimWorld w, SimNode n, Line line);

  String what() {
    return what;
  }

  /** Why nothing is to be learnt from it at a line; empty when there is. */
  Optional<String> meaninglessAt(Line line) {
    return Optional.ofNullable(meaningless.get(line));
  }

  /** Lines at which it is something of its own. */
  List<Line> lines(boolean commit) {
    return List.of(Line.values()).stream()
        .filter(l -> COMMIT.contains(l) == commit)
        .filter(l -> meaninglessAt(l).isEmpty())
        .toList();
  }

  private static Optional<Fate> killPlane(SimWorld w, SimNode n) {
    if (!n.spdk.isUp()) {
      return Optional.empty();
    }
    w.killPlane(n);
    // Its supervisor may hold something else of the node down.
    w.scheduler.after(RESTART_MS, () -> w.startPlane(n));
    return GOES_ON;
  }

  /** Of a storage node the baremetal node that has the volume, and the other way round. */
  private static @Nullable SimNode peer(SimWorld w, SimNode n) {
    var s = w.store.state();
    if (n.mode == NodeMode.STORAGE_NODE) {
      return s.mappings.values().stream()
          .map(m -> w.node(s.nodes.at(m.nodeId()).name()))
          .filter(x -> x.spdk.isUp())
          .reduce((_, last) -> last)
          .orElse(null);
    }
    return s.lvols.values().stream()
        .map(l -> w.node(Objects.requireNonNull(s.nodes.get(l.nodeId())).name()))
        .filter(x -> x.spdk.isUp())
        .findFirst()
        .orElse(null);
  }
}
