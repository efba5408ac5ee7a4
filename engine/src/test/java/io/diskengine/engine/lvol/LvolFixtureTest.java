package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
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
      return manifest.get("lvstore").get("name").stringValue();
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
        "lvs-md-page-8192"
      })
  void storeOfSpdkIsFoundAsSpdkReportsIt(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    try (StoreRig rig = new StoreRig(1)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), fixture.image()));
      LvolStore store = rig.store(fixture.storeName());
      JsonNode reported = fixture.manifest().get("reload").get("bdev_lvol_get_lvstores").get(0);
      assertThat(store.uuid()).hasToString(reported.get("uuid").stringValue());
      assertThat(store.totalDataClusters())
          .isEqualTo(reported.get("total_data_clusters").longValue());
      assertThat(store.freeClusters()).isEqualTo(reported.get("free_clusters").longValue());
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
        "lvs-md-page-8192"
      })
  void contentOfEveryLvolIsWhatSpdkRead(String name) throws Exception {
    Fixture fixture = Fixture.of(name);
    try (StoreRig rig = new StoreRig(2)) {
      rig.add(new DiskBdev("disk0", fixture.blockSize(), fixture.image()));
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

  private static byte[] content(StoreRig rig, Lvol lvol) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    rig.read(lvol.alias(), 0, lvol.sizeBytes(), (bytes, count) -> content.write(bytes, 0, count));
    return content.toByteArray();
  }
}
