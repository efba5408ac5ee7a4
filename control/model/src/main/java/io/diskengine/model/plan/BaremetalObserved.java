package io.diskengine.model.plan;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.Limits;
import io.diskengine.model.ObjectRef;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What was seen of a baremetal node, all of it in one incarnation of its data plane (law 6). There
 * are no bdev facts here: {@code bdev_get_bdevs} is unsafe while a controller is not enabled (law
 * 2), and the RAID's own view of its legs says enough.
 *
 * @param nowMs time of the observation
 * @param stopping the node is to be left in order: everything is taken down cleanly, nothing is set
 *     up
 * @param controllers by name
 * @param raids by name
 * @param vhosts by name
 * @param probes what our own probes say of storage nodes, by node id; absent means no probe yet
 * @param opened mappings that this incarnation has opened for guests under our eyes: a missing
 *     vhost controller does not make them unclean
 * @param refusedRaids RAIDs whose creation was refused: their legs carry a superblock already
 * @param examined bdevs of legs that were examined since they are there: SPDK does that once
 * @param placeholders null bdevs that may be there
 * @param assemblingSinceMs since when a mapping's RAID is missing, by mapping id
 * @param smallSinceMs since when a mapping's RAID is smaller than its legs on record, by mapping id
 * @param disabledSinceMs since when a controller is disabled by us, by name
 * @param lateUntilMs until when a controller may come of an attach without an answer, by name: SPDK
 *     lists it when its connect is over, also when the connection that it was asked on has ended
 * @param outs how legs went out, by lvol id
 * @param limits of the RAIDs whose limits are known, by name
 * @param limitsRefusedAtMs when a change of limits was last put off by the data plane, by name
 * @param canLimit the data plane has {@code bdev_set_qos_limit}
 * @param underWay the actions of objects with a mutation that has no answer yet (law 4)
 */
public record BaremetalObserved(
    String incarnation,
    long nowMs,
    boolean stopping,
    Facts<Controller> controllers,
    Facts<Raid> raids,
    Facts<Vhost> vhosts,
    Map<Long, Probe> probes,
    Set<Long> opened,
    Set<String> refusedRaids,
    Set<String> examined,
    Set<String> placeholders,
    Map<Long, Long> assemblingSinceMs,
    Map<Long, Long> smallSinceMs,
    Map<String, Long> disabledSinceMs,
    Map<String, Long> lateUntilMs,
    Map<Long, Out> outs,
    Map<String, Limits> limits,
    Map<String, Long> limitsRefusedAtMs,
    boolean canLimit,
    Map<ObjectRef, List<Action>> underWay) {

  Set<ObjectRef> busy() {
    return underWay.keySet();
  }

  /**
   * A bdev_nvme controller.
   *
   * @param notEnabledSinceMs since when no path is enabled; null while one is
   */
  public record Controller(String name, List<Path> paths, @Nullable Long notEnabledSinceMs) {
    public boolean isEnabled() {
      return notEnabledSinceMs == null;
    }

    /** SPDK's words, e.g. {@code enabled} or {@code reconnect_is_delayed, enabled}. */
    public String states() {
      return String.join(", ", paths.stream().map(Path::state).distinct().toList());
    }
  }

  public record Path(String state, FabricAddress address, String nqn, String hostNqn) {}

  /**
   * A raid bdev.
   *
   * @param quietSinceMs the first look of an unbroken run of looks without a process that all
   *     showed the same configured legs
   * @param lookedAtMs the last look
   */
  public record Raid(
      String name,
      UUID uuid,
      String state,
      boolean superblock,
      int slots,
      int operational,
      List<Leg> legs,
      @Nullable Process process,
      long quietSinceMs,
      long lookedAtMs) {
    public boolean isOnline() {
      return state.equals("online");
    }

    public boolean holds(String bdev) {
      return legs.stream().anyMatch(l -> l.configured() && bdev.equals(l.bdev()));
    }

    public List<Leg> configured() {
      return legs.stream().filter(Leg::configured).toList();
    }

    /**
     * What a guest sees of an online RAID, which uses as much of each leg; empty when SPDK does not
     * say, or says different things of its legs.
     */
    public OptionalLong dataBlocks() {
      long[] of = configured().stream().mapToLong(Leg::dataBlocks).distinct().toArray();
      return isOnline() && of.length == 1 && of[0] > 0
          ? OptionalLong.of(of[0])
          : OptionalLong.empty();
    }

    public Optional<Leg> leg(String bdev) {
      return legs.stream().filter(l -> bdev.equals(l.bdev())).findFirst();
    }
  }

  /**
   * One slot.
   *
   * @param bdev null when the slot is empty
   * @param uuid all zeros when SPDK does not say which leg is missing
   * @param dataOffsetBlocks where that begins; 0 when SPDK does not say
   * @param dataBlocks what the RAID uses of it; 0 when SPDK does not say
   */
  public record Leg(
      @Nullable String bdev,
      UUID uuid,
      boolean configured,
      long dataOffsetBlocks,
      long dataBlocks) {}

  /**
   * A leg that left the set.
   *
   * @param cause of the last time, for people
   * @param times how often it left since it was last in sync for a while
   */
  public record Out(String cause, int times, long atMs) {
    /** The next time this leg leaves. */
    public Out again(String newCause, long nowMs) {
      return new Out(newCause, times + 1, nowMs);
    }
  }

  /** A rebuild. */
  public record Process(String target, int percent) {}

  public record Vhost(String name, @Nullable String bdev, String socketPath, int sessions) {}

  /**
   * Our own look at a storage node's target.
   *
   * @param silentSinceMs since when it owes an answer beyond the deadline; null while it answers
   */
  public record Probe(@Nullable Long silentSinceMs, String detail) {}
}
