package io.diskengine.model;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A storage node or a baremetal node.
 *
 * @param leaseEpoch raised each time the lease changes hands
 * @param leaseValid whether the lease was held when the row was read, on PostgreSQL's clock
 * @param incarnation the data-plane process the agent last saw (law 6)
 * @param spdkVersion as that process reports it
 */
public record Node(
    long id,
    String name,
    NodeMode mode,
    String failureDomain,
    String hostNqn,
    List<FabricAddress> addresses,
    Schedulability schedulability,
    @Nullable String leaseHolder,
    long leaseEpoch,
    @Nullable Instant leaseExpires,
    boolean leaseValid,
    @Nullable String incarnation,
    @Nullable String spdkVersion,
    DataPlaneState dataPlane,
    @Nullable Instant dataPlaneSince,
    long version) {

  /**
   * This row after its agent told of its data plane, but for the time since when that is so; a new
   * version when it was not so before.
   */
  public Node seen(DataPlaneState state, @Nullable String process, @Nullable String spdk) {
    return new Node(
        id,
        name,
        mode,
        failureDomain,
        hostNqn,
        addresses,
        schedulability,
        leaseHolder,
        leaseEpoch,
        leaseExpires,
        leaseValid,
        process,
        spdk,
        state,
        dataPlaneSince,
        isSeen(state, process, spdk) ? version : version + 1);
  }

  /** Whether this is on record of its data plane. */
  public boolean isSeen(DataPlaneState state, @Nullable String process, @Nullable String spdk) {
    return dataPlane == state
        && Objects.equals(incarnation, process)
        && Objects.equals(spdkVersion, spdk);
  }

  /** Renewals of leases aside, which nothing is planned from. */
  boolean isSameBesideLease(Node other) {
    return renewed(null).equals(other.renewed(null));
  }

  private Node renewed(@Nullable Instant expires) {
    return new Node(
        id,
        name,
        mode,
        failureDomain,
        hostNqn,
        addresses,
        schedulability,
        leaseHolder,
        leaseEpoch,
        expires,
        leaseValid,
        incarnation,
        spdkVersion,
        dataPlane,
        dataPlaneSince,
        version);
  }
}
