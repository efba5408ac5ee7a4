package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Histogram;
import io.diskengine.engine.bdev.IoStat;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The methods about what devices did: counters, queue depth, histograms. */
public final class BdevStatRpc implements RpcModule {
  /** SPDK_BDEV_HISTOGRAM_BORDERS_MAX_COUNT. */
  static final int MAX_BORDERS = 256;

  /** SPDK answers with the text of EFAULT. */
  private static final String NOT_COUNTED = "Bad address";

  private static final long NS_PER_US = 1000;

  /** A period beyond a day is a slip. */
  private static final long MAX_PERIOD_US = 86_400_000_000L;

  private final BdevLayer layer;

  public BdevStatRpc(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("bdev_get_iostat", Phase.RUNTIME, this::getIostat);
    registry.method("bdev_reset_iostat", Phase.RUNTIME, this::resetIostat);
    registry.method("bdev_set_qd_sampling_period", Phase.RUNTIME, this::sampleQueueDepth);
    registry.method("bdev_enable_histogram", Phase.RUNTIME, this::enableHistogram);
    registry.method("bdev_get_histogram", Phase.RUNTIME, this::getHistogram);
    registry.method("bdev_get_histogram_borders", Phase.RUNTIME, this::getBorders);
  }

  // ---- counters

  private void getIostat(RpcParams params, RpcReply reply) throws RpcFailure {
    boolean named = params.has("names");
    List<String> names = params.stringsOrEmpty("names");
    boolean perChannel = params.boolOr("per_channel", false);
    IoStat.Reset reset = resetMode(params, "reset_mode");
    params.end();
    if (perChannel && names.size() != 1) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
    Collection<Bdev> bdevs = named ? new ArrayList<>() : layer.bdevs();
    for (String name : names) {
      bdevs.add(find(name));
    }
    if (perChannel) {
      channels(bdevs.iterator().next(), reset, reply);
    } else {
      collect(List.copyOf(bdevs), new ArrayList<>(), reset, reply);
    }
  }

  private JsonObject timed() {
    return new JsonObject()
        .put("tick_rate", FrameworkRpc.TICK_RATE)
        .put("ticks", layer.home().nowNs());
  }

  private void channels(Bdev bdev, IoStat.Reset reset, RpcReply reply) {
    List<JsonObject> channels = new ArrayList<>();
    layer.forEachChannel(
        bdev,
        (channel, next) -> {
          if (channel != null) {
            JsonObject entry = new JsonObject().put("thread_id", Reactor.current().index() + 1);
            channels.add(BdevJson.stat(entry, channel.stat()));
            channel.resetStat(reset);
          }
          next.run();
        },
        () -> reply.ok(timed().put("name", bdev.name()).put("channels", channels)));
  }

  private void collect(
      List<Bdev> bdevs, List<JsonObject> done, IoStat.Reset reset, RpcReply reply) {
    if (done.size() == bdevs.size()) {
      reply.ok(timed().put("bdevs", done));
      return;
    }
    Bdev bdev = bdevs.get(done.size());
    layer.stat(
        bdev,
        reset,
        sum -> {
          done.add(BdevJson.stat(bdev, sum));
          collect(bdevs, done, reset, reply);
        });
  }

  private void resetIostat(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.stringOrNull("name");
    IoStat.Reset mode = params.has("mode") ? resetMode(params, "mode") : IoStat.Reset.ALL;
    params.end();
    resetNext(name == null ? List.copyOf(layer.bdevs()) : List.of(find(name)), 0, mode, reply);
  }

  private void resetNext(List<Bdev> bdevs, int index, IoStat.Reset mode, RpcReply reply) {
    if (index == bdevs.size()) {
      reply.ok(true);
    } else {
      layer.stat(bdevs.get(index), mode, sum -> resetNext(bdevs, index + 1, mode, reply));
    }
  }

  private static IoStat.Reset resetMode(RpcParams params, String member) throws RpcFailure {
    String name = params.stringOr(member, "none");
    for (IoStat.Reset mode : IoStat.Reset.values()) {
      if (mode.name().toLowerCase(Locale.ROOT).equals(name)) {
        return mode;
      }
    }
    throw params.undecodable();
  }

  private void sampleQueueDepth(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long periodUs = params.u64("period");
    params.end();
    Bdev bdev = find(name);
    if (periodUs > MAX_PERIOD_US) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
    layer.sampleQueueDepth(bdev, periodUs);
    reply.ok(true);
  }

  // ---- histograms

  private void enableHistogram(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    boolean enable = params.bool("enable");
    String opc = params.stringOrNull("opc");
    long granularity = params.u32Or("granularity", Histogram.DEFAULT_GRANULARITY);
    long minNs = params.u64Or("min_nsec", Histogram.DEFAULT_MIN_NS);
    long maxNs = params.u64Or("max_nsec", Histogram.DEFAULT_MAX_NS);
    params.end();
    Histogram.Spec spec;
    try {
      spec = new Histogram.Spec(type(opc), Math.toIntExact(granularity), minNs, maxNs);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw RpcFailure.ofErrno(BdevException.EINVAL);
    }
    whenThere(
        name, reply, bdev -> layer.histogram(bdev, enable ? spec : null, () -> reply.ok(true)));
  }

  private static @Nullable IoType type(@Nullable String opc) throws RpcFailure {
    if (opc == null) {
      return null;
    }
    for (IoType type : IoType.values()) {
      if (type.name().toLowerCase(Locale.ROOT).equals(opc)) {
        return type;
      }
    }
    throw new RpcFailure(RpcFailure.INTERNAL_ERROR, "Invalid Io type");
  }

  private void getHistogram(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    layer.histogram(counted(name), sum -> reply.ok(histogramJson(sum)));
  }

  private static JsonObject histogramJson(Histogram histogram) {
    long[] buckets = histogram.buckets();
    ByteBuffer bytes =
        ByteBuffer.allocate(buckets.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(buckets);
    return new JsonObject()
        .put("histogram", Base64.getEncoder().encodeToString(bytes.array()))
        .put("granularity", histogram.spec().granularity())
        .put("min_range", histogram.minRange())
        .put("max_range", histogram.maxRange())
        .put("tsc_rate", FrameworkRpc.TICK_RATE);
  }

  private void getBorders(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long[] bordersUs = params.u64s("borders", MAX_BORDERS);
    params.end();
    long[] borders =
        Arrays.stream(bordersUs)
            .map(us -> us > Long.MAX_VALUE / NS_PER_US ? Long.MAX_VALUE : us * NS_PER_US)
            .toArray();
    layer.histogram(
        counted(name),
        sum ->
            reply.ok(
                new JsonObject()
                    .put("borders_count", Arrays.stream(sum.below(borders)).boxed().toList())));
  }

  private Bdev counted(String name) throws RpcFailure {
    Bdev bdev = find(name);
    if (bdev.histogram() == null) {
      throw new RpcFailure(RpcFailure.INTERNAL_ERROR, NOT_COUNTED);
    }
    return bdev;
  }

  // ---- devices

  private Bdev find(String name) throws RpcFailure {
    Bdev bdev = layer.find(name);
    if (bdev == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    return bdev;
  }

  private void whenThere(String name, RpcReply reply, Consumer<Bdev> body) {
    whenThere(layer, name, reply, body);
  }

  /**
   * Runs the body with the device. One that is not there yet may be about to: what lies on devices
   * is examined first, so that a saved configuration finds its lvols.
   */
  static void whenThere(BdevLayer layer, String name, RpcReply reply, Consumer<Bdev> body) {
    Bdev there = layer.find(name);
    if (there != null) {
      body.accept(there);
      return;
    }
    layer.waitForExamine(() -> {
      Bdev bdev = layer.find(name);
      if (bdev == null) {
        reply.fail(RpcFailure.ofErrno(BdevException.ENODEV));
      } else {
        body.accept(bdev);
      }
    });
  }
}
