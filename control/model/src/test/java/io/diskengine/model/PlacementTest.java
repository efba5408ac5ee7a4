package io.diskengine.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Placement.Candidate;
import io.diskengine.model.Placement.NoPlace;
import io.diskengine.model.Placement.Placed;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class PlacementTest {
  private static Node node(long id, String domain, Schedulability schedulability, boolean lease) {
    return new Node(
        id,
        "sn" + id,
        NodeMode.STORAGE_NODE,
        domain,
        "nqn:" + id,
        List.of(),
        schedulability,
        "holder",
        1,
        null,
        lease,
        null,
        null,
        DataPlaneState.READY,
        null,
        1);
  }

  private static Node node(long id, String domain) {
    return node(id, domain, Schedulability.ACTIVE, true);
  }

  private static Candidate disk(long id, Node node, long gib, int blockSize, long promisedGib) {
    return disk(id, node, gib, blockSize, promisedGib, DiskState.UP);
  }

  private static Candidate disk(
      long id, Node node, long gib, int blockSize, long promisedGib, DiskState state) {
    long clusters = gib * Sizes.GIB / Sizes.UNIT_BYTES;
    Disk disk =
        new Disk(
            id,
            new UUID(0, id),
            node.id(),
            "S" + id,
            1,
            "m",
            "/d",
            gib * Sizes.GIB,
            blockSize,
            true,
            false,
            state,
            null,
            "lvs",
            Sizes.UNIT_BYTES,
            clusters,
            clusters,
            null,
            1);
    return new Candidate(node, disk, promisedGib * Sizes.GIB);
  }

  private static List<Long> placed(List<Candidate> candidates, int replicas, long gib) {
    Placement.Result result = Placement.place(candidates, replicas, gib * Sizes.GIB, 100);
    assertThat(result).isInstanceOf(Placed.class);
    return ((Placed) result).disks().stream().map(Disk::id).toList();
  }

  private static String refused(List<Candidate> candidates, int replicas, long gib) {
    Placement.Result result = Placement.place(candidates, replicas, gib * Sizes.GIB, 100);
    assertThat(result).isInstanceOf(NoPlace.class);
    return ((NoPlace) result).message();
  }

  @Test
  void replicasGoToTheFreestDisksOfDifferentDomains() {
    Node a = node(1, "a");
    Node b = node(2, "b");
    List<Candidate> candidates =
        List.of(disk(1, a, 60, 4096, 0), disk(2, a, 50, 4096, 0), disk(3, b, 60, 4096, 20));
    assertThat(placed(candidates, 2, 1)).containsExactly(1L, 3L);
  }

  @Test
  void tiesGoToTheLowerDiskWhateverTheOrderOfTheInput() {
    List<Candidate> candidates = new ArrayList<>();
    for (long i = 1; i <= 6; i++) {
      candidates.add(disk(i, node(i, "d" + i), 10, 512, 0));
    }
    Collections.reverse(candidates);
    assertThat(placed(candidates, 3, 1)).containsExactly(1L, 2L, 3L);
  }

  @Test
  void replicasShareABlockSize() {
    Candidate a512 = disk(1, node(1, "a"), 100, 512, 0);
    Candidate a4096 = disk(2, node(1, "a"), 10, 4096, 0);
    Candidate b4096 = disk(3, node(2, "b"), 10, 4096, 0);
    assertThat(placed(List.of(a512, a4096, b4096), 2, 1)).containsExactly(2L, 3L);
    assertThat(placed(List.of(a512, a4096, b4096), 1, 1)).containsExactly(1L);
    assertThat(refused(List.of(a512, b4096), 2, 1))
        .isEqualTo(
            "2 replica(s) of 1GiB need 2 failure domain(s) with room, there are 1;"
                + " sn1: has room, in failure domain a; sn2: has room, in failure domain b");
  }

  @Test
  void sameFailureDomainIsNotEnough() {
    List<Candidate> candidates =
        List.of(disk(1, node(1, "rack"), 10, 512, 0), disk(2, node(2, "rack"), 10, 512, 0));
    assertThat(refused(candidates, 2, 1))
        .endsWith(
            "there are 1; sn1: has room, in failure domain rack;"
                + " sn2: has room, in failure domain rack");
  }

  @Test
  void everyReasonAgainstANodeIsSaid() {
    Node silent =
        new Node(
            5,
            "sn5",
            NodeMode.STORAGE_NODE,
            "e",
            "nqn",
            List.of(),
            Schedulability.ACTIVE,
            "h",
            1,
            null,
            true,
            null,
            null,
            DataPlaneState.SILENT,
            null,
            1);
    List<Candidate> candidates =
        List.of(
            disk(1, node(1, "a", Schedulability.CORDONED, true), 10, 512, 0),
            disk(2, node(2, "b", Schedulability.ACTIVE, false), 10, 512, 0),
            disk(3, node(3, "c"), 10, 512, 0, DiskState.FAULTY),
            disk(4, node(4, "d"), 10, 512, 9),
            disk(5, silent, 10, 512, 0));
    assertThat(refused(candidates, 1, 1))
        .isEqualTo(
            "1 replica(s) of 1GiB need 1 failure domain(s) with room, there are 0;"
                + " sn1: is CORDONED; sn2: has no running agent (lease expired);"
                + " sn3: disk S3 is FAULTY; sn4: disk S4 has 921 MiB free, 1028 MiB are needed;"
                + " sn5: its data plane is SILENT");
  }

  @Test
  void ballastIsNeverPromised() {
    Candidate disk = disk(1, node(1, "a"), 10, 512, 0);
    assertThat(refused(List.of(disk), 1, 10)).contains("sn1: disk S1 has");
    assertThat(placed(List.of(disk), 1, 9)).containsExactly(1L);
  }

  @Test
  void overcommitIsAnExplicitFactor() {
    List<Candidate> candidates = List.of(disk(1, node(1, "a"), 10, 512, 9));
    assertThat(Placement.place(candidates, 1, 5 * Sizes.GIB, 100)).isInstanceOf(NoPlace.class);
    assertThat(Placement.place(candidates, 1, 5 * Sizes.GIB, 200)).isInstanceOf(Placed.class);
  }

  @Test
  void resultsKeepTheConstraintsForRandomFleets() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      List<Candidate> candidates = new ArrayList<>();
      int disks = random.nextInt(8);
      for (int i = 0; i < disks; i++) {
        long n = random.nextInt(4);
        Node node =
            node(
                n,
                "d" + n / 2,
                random.nextInt(5) == 0 ? Schedulability.DRAINING : Schedulability.ACTIVE,
                n != 3);
        candidates.add(disk(i, node, 1 + random.nextInt(20), random.nextBoolean() ? 512 : 4096, 0));
      }
      int replicas = 1 + random.nextInt(3);
      long size = Sizes.GIB * (1 + random.nextInt(10));
      Placement.Result result = Placement.place(candidates, replicas, size, 100);
      Collections.shuffle(candidates, random);
      assertThat(Placement.place(candidates, replicas, size, 100)).isEqualTo(result);
      switch (result) {
        case Placed p -> check(candidates, p, replicas, size);
        case NoPlace none -> assertThat(none.message()).startsWith(replicas + " replica(s)");
      }
    }
  }

  private static void check(List<Candidate> candidates, Placed placed, int replicas, long size) {
    assertThat(placed.disks()).hasSize(replicas);
    Set<String> domains = new HashSet<>();
    Set<Integer> blockSizes = new HashSet<>();
    for (Disk disk : placed.disks()) {
      Candidate c =
          candidates.stream().filter(x -> x.disk().equals(disk)).findFirst().orElseThrow();
      domains.add(c.node().failureDomain());
      blockSizes.add(disk.blockSize());
      assertThat(c.node().schedulability()).isEqualTo(Schedulability.ACTIVE);
      assertThat(c.node().leaseValid()).isTrue();
      assertThat(disk.totalClusters() * disk.clusterSizeBytes())
          .isGreaterThanOrEqualTo(Sizes.legBytes(size));
    }
    assertThat(domains).hasSize(replicas);
    assertThat(blockSizes).hasSize(1);
  }
}
