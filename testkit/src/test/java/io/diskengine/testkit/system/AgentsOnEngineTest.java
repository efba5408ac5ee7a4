package io.diskengine.testkit.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.LvolSync;
import io.diskengine.model.Sizes;
import io.diskengine.store.VolumeDetails;
import java.nio.file.Files;
import java.nio.file.Path;
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
}
