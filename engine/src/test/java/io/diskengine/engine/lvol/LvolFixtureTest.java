package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Stores written by SPDK (test resources {@code lvs}) read back as SPDK itself read them. */
class LvolFixtureTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private record Fixture(JsonNode manifest, DiskImage image) {
    static Fixture of(String name) throws Exception {
      try (InputStream in =
          Objects.requireNonNull(
              Fixture.class.getResourceAsStream("/lvs/" + name + ".json"), name)) {
        JsonNode manifest = MAPPER.readTree(in);
        JsonNode image = manifest.get("images").get(0);
        return new Fixture(
            manifest, DiskImage.resource(name + ".img.gz", image.get("size").longValue()));
      }
    }

    int blockSize() {
      return manifest.get("block_size").intValue();
    }

    String storeName() {
      JsonNode store = manifest.get("lvstore");
      return store == null ? "lvsI" : store.get("name").stringValue();
    }

    /** The disk, and what its lvols have as external snapshot. */
    void attach(StoreRig rig) {
      JsonNode base = manifest.get("images").get(1);
      if (base != null) {
        rig.add(externalSnapshot(base));
      }
      rig.add(new DiskBdev("disk0", blockSize(), image));
    }

    static DiskBdev externalSnapshot(JsonNode base) {
      JsonNode params = base.get("bdev_aio_create");
      return new DiskBdev(
          params.get("name").stringValue(),
          UUID.fromString(params.get("uuid").stringValue()),
          params.get("block_size").intValue(),
          DiskImage.resource(base.get("file").stringValue(), base.get("size").longValue()));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-basic",
        "lvs-basic-dirty",
        "lvs-new-dirty",
        "lvs-512",
        "lvs-extent",
        "lvs-many",
        "lvs-rle",
        "lvs-grown",
        "lvs-ungrown",
        "lvs-md-page-8192",
        "lvs-esnap",
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2"
      })
  void storeOfSpdkIsFoundAsSpdkReportsIt(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    try (StoreRig rig = new StoreRig(1)) {
      fixture.attach(rig);
      LvolStore store = rig.store(fixture.storeName());
      JsonNode reported = fixture.manifest().get("reload").get("bdev_lvol_get_lvstores").get(0);
      assertThat(store.uuid()).hasToString(reported.get("uuid").stringValue());
      assertThat(store.totalDataClusters())
          .isEqualTo(reported.get("total_data_clusters").longValue());
      // Of cut snapshots SPDK counts clusters twice until the next load.
      assertThat(store.freeClusters())
          .isEqualTo(
              fixture
                  .manifest()
                  .get("lvstore")
                  .get("free_clusters_counted_from_the_maps")
                  .longValue());
      assertThat(store.blockSizeBytes()).isEqualTo(reported.get("block_size").intValue());
      assertThat(store.clusterSizeBytes()).isEqualTo(reported.get("cluster_size").longValue());
      assertThat(store.maxGrowableSizeBytes())
          .isEqualTo(reported.get("max_growable_size").longValue());

      Map<String, JsonNode> drivers = new LinkedHashMap<>();
      Map<String, Long> sizes = new LinkedHashMap<>();
      for (JsonNode bdev : fixture.manifest().get("reload").get("bdev_get_bdevs")) {
        if (bdev.get("product_name").stringValue().equals("Logical Volume")) {
          drivers.put(bdev.get("name").stringValue(), bdev.get("driver_specific"));
          sizes.put(bdev.get("name").stringValue(), bdev.get("num_blocks").longValue());
        }
      }
      assertThat(store.lvols().stream().map(Lvol::uniqueId))
          .containsExactlyInAnyOrderElementsOf(drivers.keySet());
      JsonNode listed = fixture.manifest().get("reload").get("bdev_lvol_get_lvols");
      assertThat(store.lvols().stream().map(Lvol::alias))
          .containsExactlyElementsOf(
              listed.valueStream().map(l -> l.get("alias").stringValue()).toList());
      for (Lvol lvol : store.lvols()) {
        Bdev bdev = Objects.requireNonNull(rig.reactors.layer().find(lvol.alias()));
        assertThat(MAPPER.valueToTree(bdev.driverSpecific()).toString())
            .isEqualTo(String.valueOf(drivers.get(lvol.uniqueId())));
        assertThat(bdev.numBlocks()).isEqualTo(sizes.get(lvol.uniqueId()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-basic",
        "lvs-basic-dirty",
        "lvs-new-dirty",
        "lvs-512",
        "lvs-many",
        "lvs-rle",
        "lvs-grown",
        "lvs-ungrown",
        "lvs-md-page-8192",
        "lvs-esnap",
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2"
      })
  void contentOfEveryLvolIsWhatSpdkRead(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    try (StoreRig rig = new StoreRig(2)) {
      fixture.attach(rig);
      for (JsonNode lvol : fixture.manifest().get("lvols")) {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        rig.read(
            lvol.get("uuid").stringValue(),
            0,
            lvol.get("size").longValue(),
            (bytes, count) -> sha.update(bytes, 0, count));
        assertThat(HexFormat.of().formatHex(sha.digest()))
            .as(lvol.get("name").stringValue())
            .isEqualTo(lvol.get("sha256").stringValue());
      }
    }
  }

  /** SPDK itself crashes on these two; the manifest says what its rule leaves. */
  @ParameterizedTest
  @ValueSource(strings = {"lvs-snapshot-create-cut1-chain", "lvs-snapshot-delete-cut2-chain"})
  void unfinishedSnapshotWithAParentIsDiscarded(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    JsonNode expected = fixture.manifest().get("expected_after_recovery");
    List<String> kept = new ArrayList<>();
    try (StoreRig rig = new StoreRig(2)) {
      fixture.attach(rig);
      for (JsonNode lvol : expected) {
        if (!lvol.get("expected").stringValue().equals("kept")) {
          continue;
        }
        String alias = "lvsI/" + lvol.get("name").stringValue();
        kept.add(alias);
        assertThat(rig.lvol(alias).uuid()).hasToString(lvol.get("uuid").stringValue());
        assertThat(sha256(rig.content(alias)))
            .as(alias)
            .isEqualTo(lvol.get("sha256").stringValue());
      }
      assertThat(rig.names()).containsExactlyInAnyOrderElementsOf(kept);
      assertThat(new StoreImage(fixture.image()).problems).isEmpty();
      assertThat(rig.unload()).isZero();
    }
    StoreImage parsed = new StoreImage(fixture.image());
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.clean).isTrue();
    assertThat(parsed.leftoverPages.isEmpty()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2"
      })
  void recoveryOfACutSnapshotIsOnTheMediumAtOnce(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    try (StoreRig rig = new StoreRig(3)) {
      fixture.attach(rig);
      StoreImage parsed = new StoreImage(fixture.image());
      assertThat(parsed.problems).isEmpty();
      for (StoreImage.BlobFound blob : parsed.blobs.values()) {
        assertThat(blob.internal.keySet()).doesNotContain("SNAPTMP", "SNAPRM");
      }
    }
  }

  @Test
  void cloneWithoutItsExternalSnapshotIsDegradedUntilThatComes() throws Exception {
    Fixture fixture = Fixture.of("lvs-esnap");
    JsonNode without = fixture.manifest().get("reload_without_external_snapshot");
    try (StoreRig rig = new StoreRig(4)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), fixture.image()));
      for (JsonNode lvol : without.get("bdev_lvol_get_lvols")) {
        Lvol found = rig.lvol(lvol.get("alias").stringValue());
        boolean degraded = lvol.get("is_degraded").booleanValue();
        assertThat(found.degraded()).isEqualTo(degraded);
        assertThat(found.isExternalClone()).isEqualTo(lvol.get("is_esnap_clone").booleanValue());
        assertThat(rig.reactors.layer().find(found.alias()) == null)
            .as("%s has no bdev", found)
            .isEqualTo(degraded);
      }
      DiskBdev base = Fixture.externalSnapshot(fixture.manifest().get("images").get(1));
      rig.add(base);
      checkContent(rig, fixture);
      assertThat(base.claimedBy()).isEqualTo("lvol");
      assertThat(rig.remove(base)).isZero();
      assertThat(rig.lvol("lvsX/eclone").degraded()).isTrue();
      assertThat(rig.reactors.layer().find("lvsX/eclone")).isNull();
      assertThat(rig.reactors.layer().find("lvsX/plain")).isNotNull();
      rig.add(Fixture.externalSnapshot(fixture.manifest().get("images").get(1)));
      checkContent(rig, fixture);
      assertThat(rig.unload()).isZero();
      assertThat(Objects.requireNonNull(rig.reactors.layer().find("golden")).claimedBy()).isNull();
    }
  }

  private static void checkContent(StoreRig rig, Fixture fixture) throws Exception {
    for (JsonNode lvol : fixture.manifest().get("lvols")) {
      String alias = lvol.get("alias").stringValue();
      assertThat(sha256(rig.content(alias))).as(alias).isEqualTo(lvol.get("sha256").stringValue());
    }
  }

  private static String sha256(byte[] content) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
  }

  @Test
  void mappedClustersOfAnLvolOfOneTebibyteAreWhatSpdkRead() throws Exception {
    Fixture fixture = Fixture.of("lvs-extent");
    JsonNode tera = fixture.manifest().get("lvols").get(0);
    JsonNode mapped = tera.get("sha256_of_mapped_clusters");
    try (StoreRig rig = new StoreRig(3)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), fixture.image()));
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      int cluster = fixture.manifest().get("cluster_size").intValue();
      for (String range : mapped.get("cluster_indexes").stringValue().split(",")) {
        String[] ends = range.split("-");
        long first = Long.parseLong(ends[0]);
        long last = Long.parseLong(ends[ends.length - 1]);
        rig.read(
            tera.get("uuid").stringValue(),
            first * cluster,
            (last - first + 1) * cluster,
            (bytes, count) -> sha.update(bytes, 0, count));
      }
      assertThat(HexFormat.of().formatHex(sha.digest()))
          .isEqualTo(mapped.get("sha256").stringValue());
    }
  }

  /** Layout, encoders and masks are SPDK's byte for byte. */
  @ParameterizedTest
  @ValueSource(
      strings = {"lvs-basic", "lvs-512", "lvs-extent", "lvs-many", "lvs-grown", "lvs-md-page-8192"})
  void cleanStoreThatWasUsedAndClosedHasTheSameBytes(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    DiskImage before = fixture.image().copy();
    try (StoreRig rig = new StoreRig(4)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), fixture.image()));
      assertThat(rig.createLvol(fixture.storeName(), "passing", 1 << 20, true)).isZero();
      for (Blob blob : rig.store(fixture.storeName()).blobs().blobs()) {
        assertThat(rig.run(done -> rewrite(rig.store(fixture.storeName()).blobs(), blob, done)))
            .isZero();
      }
      assertThat(rig.deleteLvol(fixture.storeName() + "/passing")).isZero();
      assertThat(rig.unload()).isZero();
    }
    StoreImage parsed = new StoreImage(fixture.image());
    assertThat(parsed.problems).isEmpty();
    assertThat(parsed.leftoverPages.isEmpty()).isTrue();
    assertThat(parsed.summary()).isEqualTo(new StoreImage(before).summary());
    // A chain of several pages moves when it is written again.
    if (parsed.blobs.values().stream().allMatch(b -> b.chain.size() == 1)) {
      int metadata = (parsed.mdStart + parsed.mdPages) * parsed.pageBytes;
      assertThat(fixture.image().read(0, metadata)).isEqualTo(before.read(0, metadata));
    }
  }

  /** Encodes everything the blob has on the medium once more. */
  private static void rewrite(Blobstore store, Blob blob, Done done) {
    store
        .commits()
        .add(
            new CommitQueue.Change() {
              @Override
              void join(CommitQueue.Batch batch) throws BdevException {
                batch.chain(blob);
              }

              @Override
              void ended(int errno, boolean uncertain) {
                done.done(errno);
              }
            });
  }

  /** A write to a clone copies the cluster; its snapshot and its siblings stay as they are. */
  @ParameterizedTest
  @ValueSource(strings = {"lvs-basic", "lvs-rle"})
  void writeToACloneLeavesEverythingElseAsItWas(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    String storeName = fixture.storeName();
    DiskImage image = fixture.image();
    byte[] data = new byte[fixture.blockSize()];
    new Random(7).nextBytes(data);
    int clones = 0;
    Map<String, byte[]> expected = new LinkedHashMap<>();
    try (StoreRig rig = new StoreRig(8)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), image));
      for (Lvol lvol : rig.store(storeName).lvols()) {
        expected.put(lvol.alias(), content(rig, lvol));
      }
      int blocksPerCluster =
          fixture.manifest().get("cluster_size").intValue() / fixture.blockSize();
      for (Lvol lvol : rig.store(storeName).lvols()) {
        if (!lvol.isClone() || lvol.readOnly()) {
          continue;
        }
        clones++;
        TestIo io = new TestIo(rig.reactors, lvol.alias());
        byte[] content = Objects.requireNonNull(expected.get(lvol.alias()));
        for (int cluster = 0; cluster < 6; cluster++) {
          int at = cluster * blocksPerCluster + 3;
          assertThat(io.write(cluster % 2, at, data)).isZero();
          System.arraycopy(data, 0, content, at * data.length, data.length);
        }
        io.close();
      }
    }
    assertThat(clones).isPositive();
    assertThat(new StoreImage(image).problems).isEmpty();
    try (StoreRig rig = new StoreRig(9)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), image));
      for (Lvol lvol : rig.store(storeName).lvols()) {
        assertThat(content(rig, lvol)).as(lvol.alias()).isEqualTo(expected.get(lvol.alias()));
      }
    }
  }

  /** Blobs with RLE extents keep them through everything that changes a map. */
  @Test
  void lvolsOfAnOlderStoreAreSnapshottedMergedResizedAndInflated() throws Exception {
    Fixture fixture = Fixture.of("lvs-rle");
    String storeName = fixture.storeName();
    try (StoreRig rig = new StoreRig(11)) {
      fixture.attach(rig);
      Map<String, byte[]> expected = new LinkedHashMap<>();
      List<Lvol> writable =
          rig.store(storeName).lvols().stream().filter(l -> !l.readOnly()).toList();
      assertThat(writable).isNotEmpty();
      for (Lvol lvol : writable) {
        String snapshot = "snap-" + lvol.name();
        long bytes = lvol.sizeBytes();
        expected.put(lvol.alias(), content(rig, lvol));
        assertThat(rig.snapshot(lvol.alias(), snapshot)).isZero();
        assertThat(rig.resize(lvol.alias(), 2 * bytes)).isZero();
        assertThat(rig.resize(lvol.alias(), bytes)).isZero();
        assertThat(rig.content(storeName + "/" + snapshot)).isEqualTo(expected.get(lvol.alias()));
        assertThat(rig.deleteLvol(storeName + "/" + snapshot)).isZero();
      }
      assertThat(rig.inflate(writable.getFirst().alias())).isZero();
      for (Lvol lvol : writable) {
        assertThat(lvol.blob().usesExtentTable()).isFalse();
        assertThat(content(rig, lvol)).as(lvol.alias()).isEqualTo(expected.get(lvol.alias()));
      }
      assertThat(new StoreImage(fixture.image()).problems).isEmpty();
      assertThat(rig.unload()).isZero();
    }
    assertThat(new StoreImage(fixture.image()).problems).isEmpty();
  }

  private static byte[] content(StoreRig rig, Lvol lvol) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    rig.read(lvol.alias(), 0, lvol.sizeBytes(), (bytes, count) -> content.write(bytes, 0, count));
    return content.toByteArray();
  }
}
