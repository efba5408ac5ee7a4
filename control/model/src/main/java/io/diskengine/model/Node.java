package io.diskengine.model;

import java.time.Instant;
import java.util.List;
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
