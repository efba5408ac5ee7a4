package io.diskengine.model;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Chooses disks for the replicas of a volume. Pure and deterministic.
 *
 * <p>Constraints, all mandatory: the node is a storage node, ACTIVE, its lease valid, its data
 * plane not known to be away; the disk is UP and has room for a whole leg, thin or not; no two
 * replicas in one failure domain; one block size.
 *
 * <p>Goal: the most free bytes; ties go to the lower disk id. Algorithm: for every block size, take
 * disks by free bytes, skipping domains that are taken; of the block sizes that reach the number of
 * replicas the one whose smallest chosen disk has the most room wins, then the smaller block size.
 *
 * <p>Example: two replicas; sn1 (domain a) has 60 and 50 GiB free, sn2 (domain b) 40: the 60 and
 * the 40 GiB disk are chosen, because the 50 GiB disk shares its domain with the first.
 */
public final class Placement {
  /** Kept free on every disk, in percent of its clusters: what must never be promised. */
  public static final int BALLAST_PERCENT = 1;

  private Placement() {}

  /**
   * A disk with its node.
   *
   * @param promisedBytes full size of every replica on it that is not deleted, thin or not
   */
  public record Candidate(Node node, Disk disk, long promisedBytes) {
    long freeBytes(int overcommitPercent) {
      long totalBytes = disk.totalClusters() * disk.clusterSizeBytes();
      long usableBytes = totalBytes - totalBytes / 100 * BALLAST_PERCENT;
      return usableBytes / 100 * overcommitPercent - promisedBytes;
    }
  }

  /** Where the replicas go, or why they cannot. */
  public sealed interface Result {}

  /** One disk per slot, in slot order. */
  public record Placed(List<Disk> disks) implements Result {}

  /** {@code whyNot} has one entry per storage node, by name. */
  public record NoPlace(String message, Map<String, String> whyNot) implements Result {}

  private record Usable(Candidate candidate, long freeBytes) {}

  public static Result place(
      List<Candidate> candidates, int replicas, long sizeBytes, int overcommitPercent) {
    long legBytes = Sizes.legBytes(sizeBytes);
    List<Candidate> sorted = new ArrayList<>(candidates);
    sorted.sort(Comparator.comparingLong(c -> c.disk().id()));
    Map<String, Set<String>> problems = new TreeMap<>();
    Map<Integer, List<Usable>> byBlockSize = new TreeMap<>();
    for (Candidate c : sorted) {
      long freeBytes = c.freeBytes(overcommitPercent);
      String problem = problem(c, freeBytes, legBytes);
      if (problem.isEmpty()) {
        byBlockSize
            .computeIfAbsent(c.disk().blockSize(), size -> new ArrayList<>())
            .add(new Usable(c, freeBytes));
      } else {
        problems.computeIfAbsent(c.node().name(), name -> new LinkedHashSet<>()).add(problem);
      }
    }
    List<Usable> best = List.of();
    int mostDomains = 0;
    for (List<Usable> usable : byBlockSize.values()) {
      List<Usable> chosen = choose(usable, replicas);
      mostDomains = Math.max(mostDomains, chosen.size());
      if (chosen.size() == replicas
          && (best.isEmpty() || chosen.getLast().freeBytes() > best.getLast().freeBytes())) {
        best = chosen;
      }
    }
    if (!best.isEmpty()) {
      return new Placed(best.stream().map(u -> u.candidate().disk()).toList());
    }
    Map<String, String> whyNot = new TreeMap<>();
    problems.forEach((node, why) -> whyNot.put(node, String.join("; ", why)));
    for (List<Usable> usable : byBlockSize.values()) {
      for (Usable u : usable) {
        Node node = u.candidate().node();
        whyNot.put(node.name(), "has room, in failure domain " + node.failureDomain());
      }
    }
    return new NoPlace(message(replicas, sizeBytes, mostDomains, whyNot), Map.copyOf(whyNot));
  }

  /** Why a node without a disk that could be a candidate cannot take a replica. */
  public static String nodeWithoutDisks() {
    return "has no disk that is UP";
  }

  private static String problem(Candidate c, long freeBytes, long legBytes) {
    Node node = c.node();
    Disk disk = c.disk();
    if (node.mode() != NodeMode.STORAGE_NODE) {
      return "is not a storage node";
    }
    if (node.schedulability() != Schedulability.ACTIVE) {
      return "is " + node.schedulability();
    }
    if (!node.leaseValid()) {
      return "has no running agent (lease expired)";
    }
    if (node.dataPlane() == DataPlaneState.DOWN || node.dataPlane() == DataPlaneState.SILENT) {
      return "its data plane is " + node.dataPlane();
    }
    if (disk.state() != DiskState.UP) {
      return "disk " + disk.serial() + " is " + disk.state();
    }
    if (freeBytes < legBytes) {
      return "disk %s has %d MiB free, %d MiB are needed"
          .formatted(disk.serial(), Math.max(0, freeBytes) / Sizes.MIB, legBytes / Sizes.MIB);
    }
    return "";
  }

  private static List<Usable> choose(List<Usable> usable, int replicas) {
    List<Usable> byFreeBytes = new ArrayList<>(usable);
    byFreeBytes.sort(
        Comparator.comparingLong(Usable::freeBytes)
            .reversed()
            .thenComparingLong(u -> u.candidate().disk().id()));
    Set<String> domains = new HashSet<>();
    List<Usable> chosen = new ArrayList<>();
    for (Usable u : byFreeBytes) {
      if (chosen.size() < replicas && domains.add(u.candidate().node().failureDomain())) {
        chosen.add(u);
      }
    }
    return chosen;
  }

  private static String message(
      int replicas, long sizeBytes, int mostDomains, Map<String, String> whyNot) {
    StringBuilder message =
        new StringBuilder(
            "%d replica(s) of %s need %d failure domain(s) with room, there are %d"
                .formatted(replicas, Sizes.text(sizeBytes), replicas, mostDomains));
    new TreeMap<>(whyNot)
        .forEach((node, why) -> message.append("; ").append(node).append(": ").append(why));
    return message.toString();
  }
}
