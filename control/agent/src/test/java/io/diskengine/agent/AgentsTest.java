package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.LvolSync;
import io.diskengine.store.VolumeDetails;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Life of volumes through real agents, store and sockets. */
@org.jspecify.annotations.NullUnmarked
class AgentsTest {
  @TempDir Path dir;

  private static List<LvolSync> syncs(VolumeDetails v) {
    return v.lvols().stream().map(l -> l.sync()).toList();
  }

  @Test
  void volumeIsCreatedAttachedDetachedDeleted() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      VolumeDetails v = c.attach("v1");
      assertEquals("/vhost/" + v.vmMapping().controllerName(), v.vmMapping().socketPath());
      c.controller.detach("v1");
      c.await("v1 to be detached", () -> c.volume("v1").mapping() == null);
      c.controller.delete("v1");
      c.await("v1 to be gone", () -> c.controller.volume("v1").isEmpty());
      for (String sn : List.of("sn1", "sn2")) {
        assertTrue(c.plane(sn).target.subsystems.isEmpty());
        assertTrue(c.plane(sn).target.media.values().stream().allMatch(s -> s.blobs.isEmpty()));
      }
      assertTrue(c.plane("bm1").host.controllers.isEmpty());
    }
  }

  @Test
  void lostStorageNodeIsDroppedAndItsLegRebuiltWhenItIsBack() throws Exception {
    try (Cluster c = new Cluster(dir)) {
      c.sql("UPDATE cluster SET grace_ms = 300");
      c.startAll();
      c.create("v1", 2);
      c.attach("v1");
      c.plane("sn2").kill();
      c.await("a leg to be out", () -> syncs(c.volume("v1")).contains(LvolSync.OUT));
      FakeHost.Raid raid = c.plane("bm1").host.raids.values().iterator().next();
      c.await(
          "the RAID to go on with one leg",
          () -> raid.slots.stream().filter(s -> s.bdev != null).count() == 1);
      c.plane("sn2").start();
      c.await(
          "the leg to be rebuilt",
          () -> syncs(c.volume("v1")).equals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC)));
      assertTrue(c.isAttached("v1"));
    }
  }

  @Test
  void volumeMovesInOrderAndNothingIsRebuilt() throws Exception {
    try (Cluster c = new Cluster(dir).startAll().add("bm2")) {
      c.create("v1", 2);
      c.attach("v1");
      c.controller.move("v1", "bm2", false);
      c.await("v1 to be on bm2", () -> c.isAttachedTo("v1", "bm2"));
      assertTrue(c.plane("bm1").host.raids.isEmpty());
      assertEquals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC), syncs(c.volume("v1")));
      synchronized (c.fabric) {
        assertTrue(
            c.fabric.log.stream().noneMatch(l -> l.contains("add_base")), c.fabric.log::toString);
      }
    }
  }

  @Test
  void volumeIsTakenFromANodeThatIsCutOffAndThatNodeTakesItDown() throws Exception {
    try (Cluster c = new Cluster(dir).startAll().add("bm2")) {
      c.create("v1", 2);
      c.attach("v1");
      FakeHost old = c.plane("bm1").host;
      synchronized (c.fabric) {
        old.guests.addAll(old.vhosts.keySet());
      }
      c.await("the guest to be on record", () -> c.volume("v1").vmMapping().guestConnected());
      c.agents.remove("bm1").close(); // the data plane and its guest live on
      c.controller.move("v1", "bm2", false);
      c.await("v1 to be on bm2", () -> c.isAttachedTo("v1", "bm2"));
      c.await(
          "the legs to be in sync",
          () -> syncs(c.volume("v1")).equals(List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC)));
      synchronized (c.fabric) {
        assertEquals(1, old.vhosts.size());
        assertTrue(
            old.controllers.keySet().stream()
                .allMatch(n -> old.connectedTo(c.plane("sn1"), n).isEmpty()));
      }
      c.startAgent("bm1");
      c.await("the legs to be detached under the guest", () -> old.controllers.isEmpty());
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r -> r.reason().waitingFor().contains("taken away from this node")));
      synchronized (c.fabric) {
        old.guests.clear();
      }
      c.await("everything to be gone", () -> old.vhosts.isEmpty() && old.raids.isEmpty());
      c.await(
          "the event",
          () ->
              c.controller.events(0, 50).stream()
                  .anyMatch(e -> e.message().contains("nothing is left of it on bm1")));
      assertTrue(c.isAttachedTo("v1", "bm2"));
    }
  }

  private static List<Long> lvolBytes(Cluster c) {
    synchronized (c.fabric) {
      return java.util.stream.Stream.of("sn1", "sn2")
          .flatMap(n -> c.plane(n).target.media.values().stream())
          .flatMap(m -> m.blobs.values().stream())
          .map(b -> b.bytes >> 20)
          .toList();
    }
  }

  private static void awaitGrown(Cluster c) {
    c.await(
        "v1 to be AVAILABLE",
        () -> c.volume("v1").volume().state() == io.diskengine.model.VolumeState.AVAILABLE);
  }

  @Test
  void volumeGrowsAttachedAndDetached() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      c.controller.resize("v1", 128L << 20);
      awaitGrown(c);
      assertEquals(List.of(132L, 132L), lvolBytes(c));
      c.controller.detach("v1");
      c.await("v1 to be detached", () -> c.volume("v1").mapping() == null);
      c.controller.resize("v1", 192L << 20);
      c.await("all but the last cluster", () -> lvolBytes(c).equals(List.of(192L, 192L)));
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r -> r.reason().waitingFor().contains("the last 4MiB follow")));
      c.attach("v1");
      awaitGrown(c);
      assertEquals(List.of(196L, 196L), lvolBytes(c));
    }
  }

  private static boolean hasMissedGrowth(Cluster c) {
    return c.controller.events(0, 50).stream()
        .anyMatch(e -> e.message().contains("its RAID missed that its replicas had grown"));
  }

  /** Decision 0052. */
  @Test
  void aRaidThatSaysThatItDidNotGrowWithItsLegsIsGivenAnotherCluster() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.attach("v1");
      FakeHost host = c.plane("bm1").host;
      synchronized (c.fabric) {
        host.deaf = true;
      }
      c.controller.resize("v1", 128L << 20);
      c.await("another cluster", () -> lvolBytes(c).equals(List.of(136L, 136L)));
      synchronized (c.fabric) {
        host.deaf = false;
      }
      awaitGrown(c);
      assertTrue(hasMissedGrowth(c));
      assertEquals(128L << 20, c.volume("v1").volume().sizeBytes());
      assertEquals(List.of(136L, 136L), lvolBytes(c));
    }
  }

  private static List<String> limitCalls(Cluster c) {
    synchronized (c.fabric) {
      return c.fabric.log.stream()
          .filter(l -> l.contains("bdev_set_qos_limit") || l.contains("vhost_create"))
          .map(l -> l.contains("Resource temporarily") ? "put off" : l.split(" ")[1])
          .toList();
    }
  }

  @Test
  void limitsAreSetBeforeTheGuestAndChangedWhenItHasTheVolumeOpen() throws Exception {
    try (Cluster c = new Cluster(dir).startAll()) {
      c.create("v1", 2);
      c.controller.limit("v1", new io.diskengine.model.Limits(5_000, 10));
      c.attach("v1");
      assertEquals(List.of("bdev_set_qos_limit", "vhost_create_blk_controller"), limitCalls(c));
      c.agents.remove("bm1").close();
      c.statuses.remove("bm1");
      c.startAgent("bm1");
      c.await("bm1 to be ready", () -> c.isReady("bm1"));
      c.controller.limit("v1", io.diskengine.model.Limits.NONE);
      c.await(
          "a reason",
          () ->
              c.controller.reasons().stream()
                  .anyMatch(r -> r.reason().waitingFor().contains("a guest to open its RAID")));
      assertEquals("put off", limitCalls(c).get(2));
      FakeHost host = c.plane("bm1").host;
      synchronized (c.fabric) {
        host.guests.addAll(host.vhosts.keySet());
      }
      c.await(
          "no limits",
          () -> {
            synchronized (c.fabric) {
              return host.limits.values().stream()
                  .allMatch(l -> l.path("rw_ios_per_sec").asLong() == 0);
            }
          });
    }
  }
}
