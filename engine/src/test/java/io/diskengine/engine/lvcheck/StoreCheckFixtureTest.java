package io.diskengine.engine.lvcheck;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.lvcheck.Finding.Severity;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Stores that SPDK wrote, clean, killed, and cut short in the middle of a snapshot, are right. */
class StoreCheckFixtureTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-512",
        "lvs-basic",
        "lvs-basic-dirty",
        "lvs-esnap",
        "lvs-extent",
        "lvs-grown",
        "lvs-many",
        "lvs-md-page-8192",
        "lvs-new-dirty",
        "lvs-rle",
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut1-chain",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2",
        "lvs-snapshot-delete-cut2-chain",
        "lvs-ungrown"
      })
  void storeOfSpdkIsRight(String name) {
    JsonNode manifest = MemoryMedium.manifest(name);
    Report report = MemoryMedium.fixture(name).check();
    assertThat(report.findings().stream().filter(f -> f.severity() == Severity.INCONSISTENT))
        .isEmpty();
    Report.Store store = Objects.requireNonNull(report.store());
    boolean clean = manifest.get("on_disk").get("super_block").get("clean").intValue() == 1;
    assertThat(store.clean()).isEqualTo(clean);
    assertThat(report.findings().stream().anyMatch(f -> f.rule() == Rule.RECOVERY))
        .isEqualTo(!clean);
    assertThat(report.findings().stream().anyMatch(f -> f.rule() == Rule.UNFINISHED_SNAPSHOT))
        .isEqualTo(name.contains("cut"));
    if (manifest.get("lvols") != null) {
      assertThat(lvols(report)).isEqualTo(expected(manifest, store.clusterBytes()));
    } else {
      assertThat(report.lvols().stream().map(Report.Lvol::name))
          .containsExactlyInAnyOrderElementsOf(kept(manifest));
    }
  }

  private static Map<String, String> lvols(Report report) {
    Map<String, String> lvols = new HashMap<>();
    for (Report.Lvol lvol : report.lvols()) {
      lvols.put(
          lvol.name(),
          lvol.uuid()
              + " "
              + lvol.clusters()
              + " "
              + lvol.allocatedClusters()
              + " "
              + lvol.thin()
              + " "
              + lvol.parent());
    }
    return lvols;
  }

  private static Map<String, String> expected(JsonNode manifest, long clusterBytes) {
    Map<String, String> lvols = new HashMap<>();
    for (JsonNode lvol : manifest.get("lvols")) {
      JsonNode parent = lvol.get("base_snapshot");
      lvols.put(
          lvol.get("name").stringValue(),
          lvol.get("uuid").stringValue()
              + " "
              + lvol.get("size").longValue() / clusterBytes
              + " "
              + lvol.get("num_allocated_clusters").longValue()
              + " "
              + lvol.get("thin").booleanValue()
              + " "
              + (parent == null || parent.isNull() ? "" : parent.stringValue()));
    }
    return lvols;
  }

  private static java.util.List<String> kept(JsonNode manifest) {
    return manifest
        .get("expected_after_recovery")
        .valueStream()
        .filter(l -> l.get("expected").stringValue().equals("kept"))
        .map(l -> l.get("name").stringValue())
        .toList();
  }
}
