package io.diskengine.testkit.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.Kept;
import io.diskengine.model.Limits;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Sizes;
import io.diskengine.model.Volume;
import io.diskengine.spdkrpc.Bdev;
import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.LvolMethods;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkRpcClient;
import io.diskengine.store.VolumeDetails;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Life of a volume with real agents, store and engines. */
@NullUnmarked
class AgentsOnEngineTest {
  private static final List<LvolSync> BOTH = List.of(LvolSync.IN_SYNC, LvolSync.IN_SYNC);

  @TempDir Path dir;

  private static List<LvolSync> syncs(VolumeDetails v) {
    return v.lvols().stream().map(l -> l.sync()).toList();
  }

  @Test
  void volumeLivesThroughTheLossOfAStorageNodeAndIsDeleted() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll()) {
      c.create("v1", 2, 64 * Sizes.MIB);
      VolumeDetails v = c.attach("v1");
      assertTrue(Files.exists(Path.of(v.vmMapping().socketPath())));
      c.engines.get("sn2").kill();
      c.await("a leg to be out", () -> syncs(c.volume("v1")).contains(LvolSync.OUT));
      c.startEngine("sn2");
      c.await("the leg to be rebuilt", () -> syncs(c.volume("v1")).equals(BOTH));
      c.engines.get("bm1").kill();
      c.startEngine("bm1");
      c.await("the other leg to be rebuilt", () -> syncs(c.volume("v1")).contains(LvolSync.OUT));
      c.await("the other leg to be rebuilt", () -> syncs(c.volume("v1")).equals(BOTH));
      assertEquals(v.vmMapping().socketPath(), c.volume("v1").vmMapping().socketPath());
      c.controller.detach("v1");
      c.await("v1 to be detached", () -> c.volume("v1").mapping() == null);
      c.controller.delete("v1");
      c.await("v1 to be gone", () -> c.controller.volume("v1").isEmpty());
    }
  }

  @Test
  void singleReplicaSurvivesEveryRestart() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll()) {
      c.create("v1", 1, 64 * Sizes.MIB);
      c.attach("v1");
      c.engines.values().forEach(e -> e.kill());
      for (String node : List.of("sn1", "sn2", "bm1")) {
        c.startEngine(node);
      }
      VolumeDetails v = c.volume("v1");
      c.await("the socket", () -> Files.exists(Path.of(v.vmMapping().socketPath())));
      c.controller.detach("v1");
      c.await("v1 to be detached", () -> c.volume("v1").mapping() == null);
    }
  }

  @Test
  void volumeIsTakenFromADeadNodeWithItsBytes() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll().add("bm2")) {
      c.create("v1", 2, 64 * Sizes.MIB);
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.attach("v1")))) {
        guest.write(7);
        c.agents.remove("bm1").close();
        c.engines.get("bm1").kill();
      }
      c.controller.move("v1", "bm2", false);
      c.await("v1 to be on bm2", () -> c.isAttachedTo("v1", "bm2"));
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.volume("v1")))) {
        assertEquals(7, guest.read());
        guest.write(8);
      }
      c.await("both legs", () -> syncs(c.volume("v1")).equals(BOTH));
      c.startEngine("bm1");
      c.startAgent("bm1");
      c.await("bm1 to find nothing left", () -> c.hasEvent("nothing is left of it on bm1"));
    }
  }

  @Test
  void guestOfANodeThatWasCutOffGetsErrorsAndNoSuccess() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll().add("bm2")) {
      c.create("v1", 2, 64 * Sizes.MIB);
      try (OneBlockGuest old = OneBlockGuest.connect(c.vhostSocket(c.attach("v1")))) {
        old.write(7);
        c.await("the guest to be on record", () -> c.volume("v1").vmMapping().guestConnected());
        c.agents.remove("bm1").close();
        c.controller.move("v1", "bm2", false);
        c.await("v1 to be on bm2", () -> c.isAttachedTo("v1", "bm2"));
        old.startWrite(9);
        try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.volume("v1")))) {
          assertEquals(7, guest.read());
          guest.write(8);
          assertEquals(null, old.await(1_000));
          c.startAgent("bm1");
          assertEquals(OneBlockGuest.IO_ERROR, old.await(30_000));
          assertEquals(8, guest.read());
        }
      }
      c.await("bm1 to find nothing left", () -> c.hasEvent("nothing is left of it on bm1"));
      c.await("both legs", () -> syncs(c.volume("v1")).equals(BOTH));
    }
  }

  private static long slotOn(VolumeDetails v, String node) {
    return v.lvols().stream()
        .filter(l -> v.nodeNames().get(l.nodeId()).equals(node))
        .findFirst()
        .orElseThrow()
        .slot();
  }

  private static List<String> nodes(VolumeDetails v) {
    return v.lvols().stream().map(l -> v.nodeNames().get(l.nodeId())).sorted().toList();
  }

  @Test
  void replicaMovesUnderAGuestAndALostOneIsReplaced() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll().add("sn3")) {
      c.create("v1", 2, 64 * Sizes.MIB);
      List<String> first = nodes(c.volume("v1"));
      String away = first.getLast();
      String free =
          List.of("sn1", "sn2", "sn3").stream().filter(n -> !first.contains(n)).findFirst().get();
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.attach("v1")))) {
        guest.write(7);
        c.controller.moveReplica("v1", (int) slotOn(c.volume("v1"), away), free);
        c.await(
            "the replica to have moved",
            () -> {
              guest.write(8);
              return syncs(c.volume("v1")).equals(BOTH) && !nodes(c.volume("v1")).contains(away);
            });
        c.sql("UPDATE diskengine.cluster SET replace_after_sec = 1");
        c.engines.get(first.getFirst()).kill();
        c.await(
            "the old node to get a replica again",
            () -> {
              guest.write(9);
              c.controller.replaceLost();
              return syncs(c.volume("v1")).stream().filter(s -> s == LvolSync.IN_SYNC).count() == 2
                  && nodes(c.volume("v1")).contains(away);
            });
        c.engines.get(free).kill(); // what it had is on the replacement
        assertEquals(9, guest.read());
      }
    }
  }

  private static List<String> lvolsOn(EngineCluster c, String node) {
    try (SpdkRpcClient client = SpdkRpcClient.connect(c.socket(node).toString())) {
      var answer = client.call(LvolMethods.lvols());
      return answer instanceof RpcResult.Ok<List<LvolMethods.Lvol>>(List<LvolMethods.Lvol> found)
          ? found.stream().map(LvolMethods.Lvol::name).toList()
          : List.of("unknown");
    }
  }

  /** Oldest first. */
  private static List<String> eventsOf(EngineCluster c) {
    List<String> events =
        new ArrayList<>(c.controller.events(0, 100).stream().map(e -> e.message()).toList());
    Collections.reverse(events);
    return events;
  }

  private static int indexOf(List<String> events, String part) {
    for (int i = 0; i < events.size(); i++) {
      if (events.get(i).contains(part)) {
        return i;
      }
    }
    throw new AssertionError("no event has \"" + part + "\": " + events);
  }

  @Test
  void whatAReplicaHeldIsKeptUntilItsRebuildIsDone() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll()) {
      c.create("v1", 2, 64 * Sizes.MIB);
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.attach("v1")))) {
        guest.write(7);
        c.engines.get("sn2").kill();
        c.await("a replica to be out", () -> syncs(c.volume("v1")).contains(LvolSync.OUT));
        guest.write(8);
        c.startEngine("sn2");
        c.await("both legs", () -> syncs(c.volume("v1")).equals(BOTH));
        c.await(
            "the copy to be gone",
            () -> c.volume("v1").lvols().stream().allMatch(l -> l.kept() == Kept.NONE));
        List<String> events = eventsOf(c);
        int kept = indexOf(events, "held is kept");
        int started = indexOf(events, "rebuild of");
        int done = indexOf(events, "is in sync after");
        int gone = indexOf(events, "held before is not kept any more");
        assertTrue(kept < started && started < done && done < gone, events::toString);
        assertEquals(1, lvolsOn(c, "sn2").size());
        c.engines.get("sn1").kill(); // what the rebuilt replica holds is all there is
        assertEquals(8, guest.read());
        guest.write(9);
      }
    }
  }

  /** Leaves that much room on the node's disk, and the controller knows. */
  private static void fill(EngineCluster c, String node, long leftBytes) {
    try (SpdkRpcClient client = SpdkRpcClient.connect(c.socket(node).toString())) {
      if (!(client.call(LvolMethods.lvstores())
          instanceof RpcResult.Ok<List<LvolMethods.Lvstore>>(List<LvolMethods.Lvstore> stores))) {
        throw new AssertionError("no lvstore on " + node);
      }
      LvolMethods.Lvstore store = stores.getFirst();
      long freeBytes = store.freeClusters() * store.clusterSize();
      long fillMib = (freeBytes - leftBytes) / Sizes.MIB;
      var filler = new LvolMethods.CreateLvol(store.name(), "filler", fillMib, false);
      assertTrue(client.call(LvolMethods.create(filler)).isOk());
      c.await(
          "the disk to be known as full",
          () ->
              c.controller.disks().stream()
                  .anyMatch(d ->
                      d.lvstoreName().equals(store.name())
                          && d.freeClusters() * d.clusterSizeBytes() <= leftBytes));
    }
  }

  @Test
  void withoutRoomToKeepWhatItHeldAReplicaStaysOutAndWhySaysSo() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll()) {
      c.create("v1", 2, 64 * Sizes.MIB);
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.attach("v1")))) {
        guest.write(7);
        String full = nodes(c.volume("v1")).getFirst();
        fill(c, full, 40 * Sizes.MIB);
        c.engines.get(full).kill();
        c.await("a replica to be out", () -> syncs(c.volume("v1")).contains(LvolSync.OUT));
        c.startEngine(full);
        c.await(
            "the reason",
            () ->
                c.controller.reasons().stream()
                    .anyMatch(r ->
                        String.valueOf(r.reason().lastError()).contains("needed to keep what")));
        assertTrue(syncs(c.volume("v1")).contains(LvolSync.OUT));
        c.sql("UPDATE diskengine.cluster SET keep_old_legs = false");
        c.await("both legs", () -> syncs(c.volume("v1")).equals(BOTH));
        assertEquals(7, guest.read());
      }
    }
  }

  private static long iopsLimit(EngineCluster c) {
    Volume v = c.volume("v1").volume();
    try (SpdkRpcClient bm1 = SpdkRpcClient.connect(c.socket("bm1").toString())) {
      var answer = bm1.call(BdevMethods.bdev(Names.raid(v.id(), v.uuid())));
      return answer instanceof RpcResult.Ok<List<Bdev>>(List<Bdev> found)
          ? found.getFirst().assignedRateLimits().rwIosPerSec()
          : -1;
    }
  }

  @Test
  void limitsAreThereBeforeTheGuestAfterARestartAndGoUnderIt() throws Exception {
    try (EngineCluster c = new EngineCluster(dir).startAll()) {
      c.create("v1", 2, 64 * Sizes.MIB);
      c.controller.limit("v1", Limits.of(5_000, 50));
      c.attach("v1");
      assertEquals(5_000, iopsLimit(c));
      c.engines.get("bm1").kill();
      c.startEngine("bm1");
      c.await("the limits", () -> iopsLimit(c) == 5_000);
      c.await("the socket", () -> Files.exists(c.vhostSocket(c.volume("v1"))));
      c.await("both legs", () -> syncs(c.volume("v1")).equals(BOTH));
      try (OneBlockGuest guest = OneBlockGuest.connect(c.vhostSocket(c.volume("v1")))) {
        guest.write(7);
        c.controller.limit("v1", Limits.NONE);
        c.await("no limits", () -> iopsLimit(c) == 0);
        assertEquals(7, guest.read());
      }
    }
  }
}
