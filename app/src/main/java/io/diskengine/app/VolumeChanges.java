package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.model.Limits;
import io.diskengine.model.Sizes;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code diskengine volume resize|limit}. */
final class VolumeChanges {
  private VolumeChanges() {}

  static String text(long iops, long mbps) {
    return (iops == 0 ? "IOPS unlimited" : iops + " IOPS")
        + ", "
        + (mbps == 0 ? "MiB/s unlimited" : mbps + " MiB/s");
  }

  /** What a guest may ask of a volume. */
  static final class LimitOptions {
    @Option(
        names = "--iops",
        paramLabel = "N",
        description = "Reads and writes in a second, a multiple of 1000; 0 = no limit.")
    @Nullable Long iops;

    @Option(names = "--mbps", paramLabel = "N", description = "MiB in a second; 0 = no limit.")
    @Nullable Long mbps;

    boolean given() {
      return iops != null || mbps != null;
    }

    void check() {
      Limits.of(iops == null ? 0 : iops, mbps == null ? 0 : mbps);
    }

    Api.NewLimits body() {
      return new Api.NewLimits(iops, mbps);
    }
  }

  @Command(
      name = "limit",
      mixinStandardHelpOptions = true,
      description = "Limit what a guest may ask of a volume; what is not given has no limit.")
  static final class Limit extends VolumeCommand.OneVolume {
    @Mixin LimitOptions limits;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Limit() {}

    @Override
    int run(ApiClient client, String path) {
      limits.check();
      ApiClient.Answer answer = client.put(path + "/limits", limits.body());
      if (console.json()) {
        console.print(answer.json());
      } else {
        Api.Volume v = answer.as(Api.Volume.class);
        console.out().println("volume " + name + ": " + text(v.iopsLimit(), v.mbpsLimit()));
      }
      return ExitCode.DONE;
    }
  }

  @Command(
      name = "resize",
      mixinStandardHelpOptions = true,
      description = {
        "Grow a volume, also while a guest uses it.",
        "A volume that is not attached gets the last 4MiB when it is."
      })
  static final class Resize extends VolumeCommand.OneChange {
    @Option(
        names = "--size",
        required = true,
        paramLabel = "SIZE",
        description = "The new size, e.g. 2GiB; a multiple of 4MiB.")
    String size;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Resize() {}

    @Override
    int run(ApiClient client, String path) {
      ApiClient.Answer answer =
          client.put(
              path + "/size" + waitParameter(), new Api.NewSize(Sizes.parseVolumeSize(size)));
      if (console.json()) {
        console.print(answer.json());
      }
      Api.Volume v = answer.as(Api.Volume.class);
      if (answer.pending()) {
        return console.pending(
            "volume " + name + " does not have its new size everywhere yet", v.waitingFor(), name);
      }
      if (!console.json()) {
        console.out().println("volume " + name + " has " + Sizes.text(v.sizeBytes()));
      }
      return ExitCode.DONE;
    }
  }
}
