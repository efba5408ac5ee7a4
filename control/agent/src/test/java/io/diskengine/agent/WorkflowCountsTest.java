package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How many RPCs, commits and statements a workflow costs, and how long it takes over fakes. */
@NullUnmarked
class WorkflowCountsTest {
  private static final int MANY = 64;

  @TempDir Path dir;

  private static Map<String, Long> snapshot(Cluster c) {
    Map<String, Long> all = new TreeMap<>();
    c.agents.forEach((node, agent) -> {
      agent.rpcCounts().forEach((m, n) -> all.put(node + " " + m, n));
      all.put(node + " COMMITS", agent.storeCounters().commits());
      all.put(node + " STATEMENTS", agent.storeCounters().statements());
    });
    return all;
  }

  private static Map<String, Long> since(Map<String, Long> before, Map<String, Long> now) {
    Map<String, Long> delta = new TreeMap<>(now);
    before.forEach((k, n) -> delta.merge(k, -n, Long::sum));
    delta.values().removeIf(n -> n == 0);
    return delta;
  }

  private static long sum(Map<String, Long> counts, String part) {
    return counts.entrySet().stream()
        .filter(e -> e.getKey().contains(part))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private static long mutations(Map<String, Long> counts) {
    return counts.entrySet().stream()
        .filter(e -> !e.getKey().contains("_get_") && !e.getKey().matches(".* [A-Z]+"))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private static void settle(Cluster c) throws InterruptedException {
    Thread.sleep(400); // outcomes of intents are on record within 250 ms
  }

  @Test
  void createAndAttachCostWhatTheyMust() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("warm", 2);
      c.attach("warm");
      settle(c);
      Map<String, Long> before = snapshot(c);
      c.create("v1", 2);
      settle(c);
      Map<String, Long> created = since(before, snapshot(c));
      before = snapshot(c);
      c.attach("v1");
      settle(c);
      Map<String, Long> attached = since(before, snapshot(c));
      System.out.println("create: " + created);
      System.out.println("attach: " + attached);
      assertEquals(8, mutations(created), () -> "create: " + created);
      assertEquals(2 + 2 + 1 + 3 + 1, mutations(attached), () -> "attach: " + attached);
      assertTrue(sum(created, "COMMITS") <= 4, () -> "create: " + created);
      assertTrue(sum(attached, "COMMITS") <= 10, () -> "attach: " + attached);
    }
  }

  @Test
  void manyVolumesAtOnceCostNoMoreRpcsEach() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("warm", 2);
      c.attach("warm");
      Map<String, Long> before = snapshot(c);
      long start = System.nanoTime();
      List<Thread> users = new ArrayList<>();
      for (int u = 0; u < 8; u++) {
        int user = u;
        users.add(
            Thread.ofVirtual()
                .start(() -> {
                  for (int i = user; i < MANY; i += 8) {
                    c.create("m" + i, 2);
                    c.controller.attach("m" + i, "bm1");
                  }
                }));
      }
      for (Thread t : users) {
        t.join();
      }
      c.await(
          MANY + " volumes",
          () ->
              c.controller.volumes().stream()
                      .filter(v -> v.vmMapping() != null && v.vmMapping().socketPath() != null)
                      .count()
                  == MANY + 1);
      long ms = (System.nanoTime() - start) / 1_000_000;
      Map<String, Long> cost = since(before, snapshot(c));
      System.out.println(MANY + " volumes in " + ms + " ms: " + cost);
      assertEquals(MANY * 17, mutations(cost), cost::toString);
      assertTrue(sum(cost, "COMMITS") <= MANY * 14, cost::toString);
    }
  }

  @Test
  void oneVolumeAtATime() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      List<Long> ms = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        long start = System.nanoTime();
        c.create("v" + i, 2);
        c.attach("v" + i);
        ms.add((System.nanoTime() - start) / 1_000_000);
      }
      List<Long> warm = new ArrayList<>(ms.subList(20, ms.size()));
      Collections.sort(warm);
      System.out.println(
          "create -> attached over fakes, ms: p50 "
              + warm.get(warm.size() / 2)
              + " max "
              + warm.getLast());
      assertTrue(warm.get(warm.size() / 2) < 500, warm::toString);
    }
  }

  @Test
  void idleAgentsAskLittle() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      for (int i = 0; i < 10; i++) {
        c.create("v" + i, 2);
        c.attach("v" + i);
      }
      Thread.sleep(1_500);
      Map<String, Long> before = snapshot(c);
      Thread.sleep(5_000);
      Map<String, Long> idle = since(before, snapshot(c));
      System.out.println("idle for 5 s: " + idle);
      Map<String, Long> rpcs = new HashMap<>();
      idle.forEach((k, n) -> {
        if (!k.matches(".* [A-Z]+")) {
          rpcs.merge(k.substring(0, 3), n, Long::sum);
        }
      });
      rpcs.forEach((node, n) -> assertTrue(n <= 5 * 4, node + ": " + idle));
      assertTrue(sum(idle, "STATEMENTS") <= 5 * 10, idle::toString);
    }
  }
}
