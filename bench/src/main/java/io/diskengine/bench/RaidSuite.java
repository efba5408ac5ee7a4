package io.diskengine.bench;

import io.diskengine.spdkrpc.BdevMethods;
import io.diskengine.spdkrpc.RaidMethods;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.util.List;

/**
 * Mirrors through the NVMe/TCP target: reads beside one leg of the same kind; writes of a mirror
 * that keeps a write-intent map (with superblock) beside one that does not (without), where regions
 * are written again and again, and where most writes are the first of their region.
 */
final class RaidSuite {
  private static final int BLOCK = NvmeTcpPath.BLOCK_BYTES;
  private static final long SUPERBLOCK_BYTES = 1 << 20;
  private static final long COLD_BYTES = 1L << 40;

  private final Comparison comparison;
  private final EngineProcess engine;
  private final String only;

  RaidSuite(Comparison comparison, EngineProcess engine, String only) {
    this.comparison = comparison;
    this.engine = engine;
    this.only = only;
  }

  private List<Workload> chosen(List<Workload> workloads) {
    return workloads.stream().filter(w -> w.name().contains(only)).toList();
  }

  void run(boolean createTransport) {
    if (createTransport) {
      TargetSide.createTransport(engine);
    }
    SpdkRpcClient spdk = engine.spdk();
    long blocks = (Workload.DISK_BYTES + SUPERBLOCK_BYTES) / BLOCK;
    for (String name : List.of("m0", "m1", "p0", "p1", "leg")) {
      spdk.call(BdevMethods.createMalloc(new BdevMethods.CreateMalloc(name, blocks, BLOCK)))
          .orElseThrow();
    }
    mirror("mapped", true, "m0", "m1");
    mirror("plain", false, "p0", "p1");
    try (TargetSide mapped = TargetSide.export(engine, "mapped");
        TargetSide plain = TargetSide.export(engine, "plain");
        TargetSide leg = TargetSide.export(engine, "leg")) {
      comparison.run(
          "raid1 on malloc, its leg as yardstick",
          chosen(List.of(Workload.of(4, false, 1), Workload.of(4, false, 32))),
          mapped,
          leg);
      comparison.run(
          "raid1 on malloc with map, without as yardstick",
          chosen(List.of(Workload.of(4, true, 1), Workload.of(4, true, 32))),
          mapped,
          plain);
    }
    cold(spdk);
  }

  /** 1 TiB has 262,144 regions of 4 MiB: within a second few are written twice. */
  private void cold(SpdkRpcClient spdk) {
    long blocks = (COLD_BYTES + SUPERBLOCK_BYTES) / BLOCK;
    for (String name : List.of("n0", "n1", "n2", "n3")) {
      spdk.call(BdevMethods.createNull(new BdevMethods.CreateNull(name, blocks, BLOCK)))
          .orElseThrow();
    }
    mirror("cold", true, "n0", "n1");
    mirror("coldplain", false, "n2", "n3");
    try (TargetSide mapped = TargetSide.exportUnwritten(engine, "cold");
        TargetSide plain = TargetSide.exportUnwritten(engine, "coldplain")) {
      comparison.run(
          "raid1 of 1 TiB on null with map, without as yardstick",
          chosen(
              List.of(
                  Workload.of(4, true, 1).over(COLD_BYTES),
                  Workload.of(4, true, 32).over(COLD_BYTES))),
          mapped,
          plain);
    }
  }

  private void mirror(String name, boolean superblock, String... legs) {
    engine
        .spdk()
        .call(
            RaidMethods.create(RaidMethods.CreateRaid.raid1(name, null, List.of(legs), superblock)))
        .orElseThrow();
  }
}
