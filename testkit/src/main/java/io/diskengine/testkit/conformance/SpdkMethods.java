package io.diskengine.testkit.conformance;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/** The methods of a stock {@code spdk_tgt}. */
public final class SpdkMethods {
  private static final String LIST = "spdk-methods";

  private SpdkMethods() {}

  /** Each method with {@code startup}, {@code runtime} or {@code both}. */
  public static Map<String, String> phases() throws IOException {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(SpdkMethods.class.getResourceAsStream(LIST), LIST),
                StandardCharsets.UTF_8))) {
      return in.lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(" "))
          .collect(Collectors.toMap(words -> words[0], words -> words[1]));
    }
  }

  /** The methods of some phases. */
  public static Set<String> of(String... phases) throws IOException {
    Set<String> wanted = Set.of(phases);
    return phases().entrySet().stream()
        .filter(method -> wanted.contains(method.getValue()))
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }
}
