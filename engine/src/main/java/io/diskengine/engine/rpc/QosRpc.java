package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Histogram;
import io.diskengine.engine.bdev.QosLimits;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;

/** Rate limits, and what a saved configuration says of devices whoever made them. */
public final class QosRpc implements RpcModule {
  private static final long UNCHANGED = -1;

  private final BdevLayer layer;

  public QosRpc(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("bdev_set_qos_limit", Phase.RUNTIME, this::setLimits);
  }

  private void setLimits(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long rwIos = params.u64Or("rw_ios_per_sec", UNCHANGED);
    long rwMbytes = params.u64Or("rw_mbytes_per_sec", UNCHANGED);
    long rMbytes = params.u64Or("r_mbytes_per_sec", UNCHANGED);
    long wMbytes = params.u64Or("w_mbytes_per_sec", UNCHANGED);
    params.end();
    BdevStatRpc.whenThere(
        layer,
        name,
        reply,
        bdev -> {
          if (Math.max(Math.max(rwIos, rwMbytes), Math.max(rMbytes, wMbytes)) == UNCHANGED) {
            reply.fail(new RpcFailure(BdevException.EINVAL, "No rate limits specified"));
            return;
          }
          QosLimits old = bdev.qosLimits();
          try {
            QosLimits limits =
                new QosLimits(
                    rwIos == UNCHANGED ? old.rwIosPerSec() : rwIos,
                    rwMbytes == UNCHANGED ? old.rwMbytesPerSec() : rwMbytes,
                    rMbytes == UNCHANGED ? old.rMbytesPerSec() : rMbytes,
                    wMbytes == UNCHANGED ? old.wMbytesPerSec() : wMbytes);
            layer.limits(bdev, limits, () -> reply.ok(true));
          } catch (IllegalArgumentException e) {
            reply.fail(
                new RpcFailure(
                    RpcFailure.INVALID_PARAMS,
                    "Failed to configure rate limit: " + e.getMessage()));
          }
        });
  }

  /** What follows the configuration of all modules: limits and histograms, then the wait. */
  public List<JsonObject> lastConfig() {
    List<JsonObject> entries = new ArrayList<>();
    for (Bdev bdev : layer.bdevs()) {
      QosLimits limits = bdev.qosLimits();
      if (!limits.equals(QosLimits.NONE)) {
        entries.add(entry("bdev_set_qos_limit", limitsJson(bdev, limits)));
      }
      Histogram.Spec histogram = bdev.histogram();
      if (histogram != null) {
        entries.add(entry("bdev_enable_histogram", histogramJson(bdev, histogram)));
      }
    }
    entries.add(new JsonObject().put("method", "bdev_wait_for_examine"));
    return entries;
  }

  private static JsonObject entry(String method, JsonObject params) {
    return new JsonObject().put("method", method).put("params", params);
  }

  private static JsonObject limitsJson(Bdev bdev, QosLimits limits) {
    JsonObject json = new JsonObject().put("name", bdev.name());
    putUnlessZero(json, "rw_ios_per_sec", limits.rwIosPerSec());
    putUnlessZero(json, "rw_mbytes_per_sec", limits.rwMbytesPerSec());
    putUnlessZero(json, "r_mbytes_per_sec", limits.rMbytesPerSec());
    putUnlessZero(json, "w_mbytes_per_sec", limits.wMbytesPerSec());
    return json;
  }

  private static void putUnlessZero(JsonObject json, String name, long value) {
    if (value != 0) {
      json.put(name, value);
    }
  }

  private static JsonObject histogramJson(Bdev bdev, Histogram.Spec spec) {
    JsonObject json = new JsonObject().put("name", bdev.name()).put("enable", true);
    if (spec.type() != null) {
      json.put("opc", spec.type().name().toLowerCase(java.util.Locale.ROOT));
    }
    return json.put("granularity", spec.granularity())
        .put("min_nsec", spec.minNs())
        .put("max_nsec", spec.maxNs());
  }
}
