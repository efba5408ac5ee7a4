package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.IoStat;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.bdev.QueueDepth;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Devices and their counters as SPDK's bdev_get_bdevs and bdev_get_iostat print them. */
final class BdevJson {
  private BdevJson() {}

  static JsonObject bdev(Bdev bdev) {
    String uuid = bdev.uuid().toString();
    List<String> aliases = new ArrayList<>(bdev.aliases());
    if (!bdev.name().equals(uuid)) {
      aliases.add(uuid);
    }
    return new JsonObject()
        .put("name", bdev.name())
        .put("aliases", aliases)
        .put("product_name", bdev.productName())
        .put("block_size", bdev.blockSizeBytes())
        .put("num_blocks", bdev.numBlocks())
        .put("preferred_write_alignment", 0)
        .put("preferred_write_granularity", 0)
        .put("optimal_write_size", 0)
        .put("preferred_unmap_alignment", 0)
        .put("preferred_unmap_granularity", 0)
        .put("uuid", uuid)
        .put(
            "assigned_rate_limits",
            new JsonObject()
                .put("rw_ios_per_sec", bdev.qosLimits().rwIosPerSec())
                .put("rw_mbytes_per_sec", bdev.qosLimits().rwMbytesPerSec())
                .put("r_mbytes_per_sec", bdev.qosLimits().rMbytesPerSec())
                .put("w_mbytes_per_sec", bdev.qosLimits().wMbytesPerSec()))
        .put("claimed", bdev.claimedBy() != null)
        .put("zoned", false)
        .put("supported_io_types", ioTypes(bdev))
        .put("driver_specific", bdev.driverSpecific());
  }

  private static JsonObject ioTypes(Bdev bdev) {
    return new JsonObject()
        .put("read", bdev.ioTypeSupported(IoType.READ))
        .put("write", bdev.ioTypeSupported(IoType.WRITE))
        .put("unmap", bdev.ioTypeSupported(IoType.UNMAP))
        .put("flush", bdev.ioTypeSupported(IoType.FLUSH))
        .put("reset", bdev.ioTypeSupported(IoType.RESET))
        .put("nvme_admin", false)
        .put("nvme_io", false)
        .put("nvme_io_md", false)
        .put("write_zeroes", bdev.ioTypeSupported(IoType.WRITE_ZEROES))
        .put("zcopy", false)
        .put("get_zone_info", false)
        .put("zone_management", false)
        .put("zone_append", false)
        .put("compare", false)
        .put("compare_and_write", false)
        .put("abort", bdev.ioTypeSupported(IoType.ABORT))
        .put("seek_hole", false)
        .put("seek_data", false)
        .put("copy", false)
        .put("nvme_iov_md", false)
        .put("nvme_nssr", false)
        .put("write_uncorrectable", false);
  }

  static JsonObject stat(Bdev bdev, IoStat stat) {
    JsonObject json = stat(new JsonObject().put("name", bdev.name()), stat);
    QueueDepth depth = bdev.queueDepth();
    return depth == null
        ? json
        : json.put("queue_depth_polling_period", depth.periodUs())
            .put("queue_depth", depth.depth())
            .put("io_time", depth.ioTimeUs())
            .put("weighted_io_time", depth.weightedIoTimeUs());
  }

  /** Adds the counters to what names their device or channel. */
  static JsonObject stat(JsonObject to, IoStat stat) {
    counts(to, "read", "read", stat.read);
    counts(to, "written", "write", stat.write);
    counts(to, "unmapped", "unmap", stat.unmap);
    counts(to, "copied", "copy", new IoStat.Kind());
    latencies(to, "read", stat.read);
    latencies(to, "write", stat.write);
    latencies(to, "unmap", stat.unmap);
    latencies(to, "copy", new IoStat.Kind());
    return to.put("io_error", stat.errors == 0 ? Map.of() : Map.of("errors", stat.errors));
  }

  private static void counts(JsonObject to, String done, String operation, IoStat.Kind kind) {
    to.put("bytes_" + done, kind.bytes).put("num_" + operation + "_ops", kind.ops);
  }

  private static void latencies(JsonObject to, String operation, IoStat.Kind kind) {
    to.put(operation + "_latency_ticks", kind.latencyNs)
        .put("max_" + operation + "_latency_ticks", kind.maxLatencyNs)
        .put("min_" + operation + "_latency_ticks", kind.minLatencyNs);
  }
}
