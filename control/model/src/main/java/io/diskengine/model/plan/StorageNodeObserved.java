package io.diskengine.model.plan;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.ObjectRef;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * What was seen of a storage node, all of it in one incarnation of its data plane (law 6).
 *
 * @param nowMs time of the observation
 * @param bases by bdev name
 * @param examined bdevs whose examine ended in this incarnation
 * @param lvstores by base bdev
 * @param lvols by alias {@code lvstore/name}
 * @param transports by SPDK's {@code trtype}
 * @param subsystems by NQN
 * @param connected host NQNs with controllers, by NQN of the subsystem
 * @param canResize the data plane has {@code bdev_lvol_resize}
 * @param canSnapshot the data plane has {@code bdev_lvol_snapshot}
 * @param underWay the actions of objects with a mutation that has no answer yet (law 4)
 */
public record StorageNodeObserved(
    String incarnation,
    long nowMs,
    List<DiskFile> disks,
    Facts<Base> bases,
    Set<String> examined,
    Facts<Lvstore> lvstores,
    Facts<LvolSeen> lvols,
    Facts<String> transports,
    Facts<Subsystem> subsystems,
    Facts<Set<String>> connected,
    boolean canResize,
    boolean canSnapshot,
    Map<ObjectRef, List<Action>> underWay) {

  Set<ObjectRef> busy() {
    return underWay.keySet();
  }

  /** A physical disk's bdev. */
  public record Base(String name, String filename, int blockSize, long sizeBytes) {}

  /**
   * @param sizeBytes 0 while not looked at
   */
  public record LvolSeen(String alias, UUID uuid, long sizeBytes, boolean snapshot) {
    public LvolSeen(String alias, UUID uuid, long sizeBytes) {
      this(alias, uuid, sizeBytes, false);
    }
  }

  public record Subsystem(
      String nqn,
      String serial,
      int minCntlid,
      int maxCntlid,
      boolean allowAnyHost,
      List<FabricAddress> listeners,
      Set<String> hosts,
      List<Namespace> namespaces) {
    public Subsystem {
      listeners = List.copyOf(listeners);
      hosts = Set.copyOf(hosts);
      namespaces = List.copyOf(namespaces);
    }
  }

  /**
   * @param bdev SPDK's name of it: an lvol's uuid
   */
  public record Namespace(int nsid, String bdev, UUID uuid, String nguid) {}
}
