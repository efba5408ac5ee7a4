package io.diskengine.testkit.scale;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Sizes;
import io.diskengine.store.NewVolume;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.testkit.spdk.FakeServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What one changed row costs a storage node: as many RPCs, bytes of their answers, statements and
 * rows beside two thousand lvols as beside twenty. The agent is the real one, on PostgreSQL.
 */
class ChangedRowTest {
  private static final int FEW = 20;
  private static final int MANY = 2_000;
  private static final long VOLUME_BYTES = 64 * Sizes.MIB;
  private static final long PATIENCE_NS = 30_000_000_000L;

  /** Nothing was asked for so long: what a change leads to is over. */
  private static final long QUIET_NS = 400_000_000L;

  /**
   * The look of each second, of which a change may meet none, one or two: one lvstore, however many
   * lvols it holds.
   */
  private static final String EACH_SECOND = "bdev_lvol_get_lvstores";

  /**
   * Each change is made three times and the least counts: an agent also puts its last plan on
   * record, every 5 seconds at most, and renews its lease once after so long.
   */
  private static final int ROUNDS = 3;

  /** A plan and a lease's end, of 24 to 35 statements. */
  private static final long SLACK = 2;

  @TempDir Path dir;

  /** A storage node with its lvols exported, and what it has cost so far. */
  private static final class Node implements AutoCloseable {
    final Connection owner;
    final PostgresControllerStore controller;
    final FakeServer.Room room = new FakeServer.Room(1);
    final FakeNode node;

    Node(Path dir, ScaleDatabase database, int lvols) throws IOException, SQLException {
      owner = database.owner();
      // Nothing but the changes: neither leases nor full resyncs come due.
      execute("UPDATE cluster SET lease_ttl_ms = 3600000, resync_ms = 3600000");
      ManyRows.StorageNode made;
      try (Connection seeding = database.owner()) {
        ManyRows rows = new ManyRows(seeding);
        made =
            rows.storageNode(
                "sn1",
                FabricAddress.parse("tcp:127.0.0.1:1"),
                FakeNode.disk(dir, "sn1").toString(),
                FakeNode.serial(dir, "sn1"),
                FakeNode.DISK_BYTES);
        rows.baremetalNode("bm1");
        rows.volumes(lvols, 1, VOLUME_BYTES);
      }
      controller = database.controller();
      node = FakeNode.storage(database, room, dir, made, FakeServer.Pace.AT_ONCE).start();
      await("READY, not " + node.status(), node::isReady);
      quiet();
    }

    void execute(String sql) throws SQLException {
      try (Statement s = owner.createStatement()) {
        s.execute(sql);
      }
    }

    String text(String sql) throws SQLException {
      try (Statement s = owner.createStatement();
          ResultSet r = s.executeQuery(sql)) {
        r.next();
        return r.getString(1);
      }
    }

    Map<String, Long> spent() {
      Map<String, Long> all = new TreeMap<>(node.agent().rpcCounts());
      room.run(
          () -> node.plane().spdk().replyBytes().forEach((m, n) -> all.put("bytes of " + m, n)));
      all.keySet().removeIf(what -> what.endsWith(EACH_SECOND));
      all.put("STATEMENTS", node.agent().storeCounters().statements());
      all.put("COMMITS", node.agent().storeCounters().commits());
      all.put("ROWS", node.agent().storeCounters().rows());
      return all;
    }

    void quiet() {
      long sinceNs = System.nanoTime();
      long untilNs = sinceNs + PATIENCE_NS;
      Map<String, Long> last = spent();
      while (System.nanoTime() - sinceNs < QUIET_NS) {
        pause();
        Map<String, Long> now = spent();
        sinceNs = now.equals(last) ? sinceNs : System.nanoTime();
        last = now;
        assertThat(System.nanoTime()).as("it comes to rest: " + now).isLessThan(untilNs);
      }
    }

    @Override
    public void close() throws IOException, SQLException {
      node.close();
      controller.close();
      owner.close();
    }
  }

  private interface Condition {
    boolean holds() throws SQLException;
  }

  private interface Change {
    void make(Node node, int round) throws SQLException;
  }

  private static void pause() {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  private static void await(String what, Condition condition) throws SQLException {
    long untilNs = System.nanoTime() + PATIENCE_NS;
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waiting for " + what).isLessThan(untilNs);
      pause();
    }
  }

  /** By name, in the order in which they are made. */
  private static Map<String, Change> changes() {
    Map<String, Change> changes = new LinkedHashMap<>();
    changes.put(
        "a volume is created",
        (node, round) -> {
          node.controller.createVolume(new NewVolume("c" + round, VOLUME_BYTES, 1));
          await("c" + round, () -> state(node, "volume", "c" + round).equals("AVAILABLE"));
        });
    changes.put(
        "a host is granted a replica",
        (node, round) -> {
          node.controller.attach("s" + round, "bm1");
          await("grant of s" + round, () -> grant(node, round).equals("GRANTED"));
        });
    changes.put(
        "the grant is revoked",
        (node, round) -> {
          node.execute(
              "UPDATE lvol_grant SET state = 'REVOKING', version = version + 1 WHERE "
                  + ofVolume(round));
          await("end of the grant of s" + round, () -> grant(node, round).equals("REVOKED"));
        });
    changes.put(
        "a volume is deleted",
        (node, round) -> {
          node.controller.delete("c" + round);
          await("end of c" + round, () -> state(node, "volume", "c" + round).equals("DELETED"));
        });
    return changes;
  }

  private static String ofVolume(int round) {
    return "lvol_id = (SELECT l.id FROM lvol l JOIN volume v ON v.id = l.volume_id WHERE v.name = 's"
        + round
        + "')";
  }

  private static String grant(Node node, int round) throws SQLException {
    return node.text("SELECT state FROM lvol_grant WHERE " + ofVolume(round));
  }

  private static String state(Node node, String table, String name) throws SQLException {
    return node.text("SELECT state FROM " + table + " WHERE name = '" + name + "'");
  }

  /** By change, then by what was spent. */
  private static Map<String, Map<String, Long>> costs(Path dir, ScaleDatabase database, int lvols)
      throws IOException, SQLException {
    Map<String, Map<String, Long>> costs = new LinkedHashMap<>();
    long startNs = System.nanoTime();
    try (Node node = new Node(dir, database, lvols)) {
      System.out.printf(
          "%d lvols: ready after %.1f s%n", lvols, (System.nanoTime() - startNs) / 1e9);
      for (Map.Entry<String, Change> change : changes().entrySet()) {
        List<Map<String, Long>> rounds = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
          Map<String, Long> before = node.spent();
          change.getValue().make(node, round);
          node.quiet();
          rounds.add(since(before, node.spent()));
        }
        costs.put(change.getKey(), least(rounds));
      }
    }
    return costs;
  }

  private static Map<String, Long> since(Map<String, Long> before, Map<String, Long> now) {
    Map<String, Long> delta = new TreeMap<>(now);
    before.forEach((what, n) -> delta.merge(what, -n, Long::sum));
    return delta;
  }

  private static Map<String, Long> least(List<Map<String, Long>> rounds) {
    Set<String> all = new HashSet<>();
    rounds.forEach(r -> all.addAll(r.keySet()));
    Map<String, Long> least = new TreeMap<>();
    for (String what : all) {
      long n = rounds.stream().mapToLong(r -> r.getOrDefault(what, 0L)).min().orElseThrow();
      if (n != 0) {
        least.put(what, n);
      }
    }
    return least;
  }

  /** Equal, but for what the agent put on record beside the change in every round. */
  private static void assertSame(
      String change, Map<String, Long> few, @Nullable Map<String, Long> many) {
    assertThat(many).as(change).isNotNull().containsOnlyKeys(few.keySet());
    few.forEach((what, n) -> {
      long slack = what.equals("STATEMENTS") || what.equals("ROWS") ? SLACK : 0;
      assertThat(many.get(what)).as("%s: %s", change, what).isBetween(n - slack, n + slack);
    });
  }

  @Test
  void costsTheSameBesideTwentyAndTwoThousandLvols() throws Exception {
    try (ScaleDatabase first = ScaleDatabase.start(dir, Map.of())) {
      Map<String, Map<String, Long>> few =
          costs(Files.createDirectory(dir.resolve("few")), first, FEW);
      Map<String, Map<String, Long>> many =
          costs(Files.createDirectory(dir.resolve("many")), first.beside("many"), MANY);
      few.forEach((change, cost) -> System.out.println(change + ": " + cost));
      few.forEach((change, cost) -> assertSame(change, cost, many.get(change)));
      assertThat(few.values()).allSatisfy(cost -> assertThat(cost.get("STATEMENTS")).isPositive());
    }
  }
}
