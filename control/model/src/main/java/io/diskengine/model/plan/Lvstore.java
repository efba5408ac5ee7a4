package io.diskengine.model.plan;

import java.util.UUID;

/** An lvstore as the data plane shows it. */
public record Lvstore(
    UUID uuid,
    String name,
    String baseBdev,
    long clusterBytes,
    long totalClusters,
    long freeClusters) {}
