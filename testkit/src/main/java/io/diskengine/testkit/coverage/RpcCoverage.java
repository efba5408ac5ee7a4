package io.diskengine.testkit.coverage;

import io.diskengine.testkit.conformance.ConformanceGap;
import io.diskengine.testkit.conformance.DataPlane;
import io.diskengine.testkit.conformance.Implementation;
import io.diskengine.testkit.conformance.RawRpc;
import io.diskengine.testkit.conformance.SpdkMethods;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Makes {@code docs/coverage/rpc.md} from what the engine and SPDK answer. */
public final class RpcCoverage {
  private static final String HEAD =
      """
      # SPDK's RPC methods in the engine

      Made by `RpcCoverage` from the engine's own answers and SPDK's list (a stock `spdk_tgt`, v26.09-pre, 3230130e6a). Do not
      edit: `CoverageTest` fails when it is stale and says how to make it again. What the methods do is held by the conformance
      suite ([spdk-facts.md](spdk-facts.md)). Parameters are SPDK's; one that the engine does not know is refused as SPDK
      refuses unknown ones, never ignored.
      """;

  private final Set<String> startup;
  private final Set<String> runtime;
  private final Map<String, String> spdk;

  private RpcCoverage(Set<String> startup, Set<String> runtime) throws IOException {
    this.startup = startup;
    this.runtime = runtime;
    this.spdk = new TreeMap<>(SpdkMethods.phases());
  }

  /** The page; {@code directory} is for a socket of the engine that is asked. */
  public static String page(Path directory) throws IOException {
    try (DataPlane engine = Implementation.all().getFirst().start(directory, "coverage", true);
        RawRpc rpc = new RawRpc(engine.socket())) {
      Set<String> startup = current(rpc);
      rpc.call("framework_start_init", "");
      return new RpcCoverage(startup, current(rpc)).page();
    }
  }

  private static Set<String> current(RawRpc rpc) throws IOException {
    String list = rpc.call("rpc_get_methods", "{'current':true}");
    String names = list.substring(list.indexOf('[') + 1, list.indexOf(']')).replace("\"", "");
    return new TreeSet<>(Arrays.asList(names.split(",")));
  }

  private String page() {
    Set<String> ours = new TreeSet<>(startup);
    ours.addAll(runtime);
    List<String> lines = new ArrayList<>();
    lines.add("## Implemented: %d of %d".formatted(ours.size(), spdk.size()));
    lines.add("");
    lines.add("| method | when | SPDK |");
    lines.add("|---|---|---|");
    for (String method : ours) {
      String when =
          startup.contains(method) ? runtime.contains(method) ? "both" : "startup" : "runtime";
      String spdks = spdk.getOrDefault(method, "not there");
      lines.add("| `%s` | %s | %s |".formatted(method, when, spdks.equals(when) ? "same" : spdks));
    }
    lines.add("");
    lines.add("## Differences");
    lines.add("");
    lines.add("From `ConformanceGap`; the suite proves each. What is not here is as in SPDK.");
    lines.add("");
    lines.add("| gap | kind | what is different |");
    lines.add("|---|---|---|");
    for (ConformanceGap gap : ConformanceGap.values()) {
      if (gap.kind() == ConformanceGap.Kind.FAKE) {
        continue;
      }
      String kind = gap.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ');
      lines.add("| `%s` | %s | %s |".formatted(gap, kind, gap.reason()));
    }
    lines.add("");
    lines.add("## Not implemented");
    lines.add("");
    missing(ours)
        .forEach(
            (group, names) -> lines.add("* **%s**: %s".formatted(group, String.join(", ", names))));
    return HEAD + "\n" + String.join("\n", lines) + "\n";
  }

  /** By first word, or the first two of a device module. */
  private Map<String, List<String>> missing(Set<String> ours) {
    return spdk.keySet().stream()
        .filter(method -> !ours.contains(method))
        .collect(
            Collectors.groupingBy(
                method -> {
                  String[] words = method.split("_");
                  return words[0].equals("bdev") ? "bdev " + words[1] : words[0];
                },
                TreeMap::new,
                Collectors.toList()));
  }
}
