package io.diskengine.testkit.coverage;

import io.diskengine.testkit.conformance.DataPlane;
import io.diskengine.testkit.conformance.Implementation;
import io.diskengine.testkit.conformance.RawRpc;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes {@code docs/coverage/rpc-outcomes.md}: what every method answered in a fixed order of
 * calls, and whether it is the expected answer. The calls are in {@code rpc-steps.txt}.
 */
public final class RpcOutcomes {
  private static final Pattern STEP = Pattern.compile("(\\w+) ?(\\{.*\\})? => (ok|(-\\d+) (.*))");
  private static final Pattern ERROR =
      Pattern.compile("\"error\":\\{\"code\":(-?\\d+),\"message\":\"(.*)\"\\}");
  private static final long FILE_BYTES = 64L << 20;

  private static final String HEAD =
      """
      # What every method answered

      Made by `RpcOutcomes` from the engine's own answers to the calls in `rpc-steps.txt` (testkit). Do not edit: `CoverageTest` fails
      when it is stale, when an answer is another than the one beside its call, and when a method of [rpc.md](rpc.md) has never succeeded.
      Every error that a stock `spdk_tgt` (v26.09-pre, 3230130e6a) was seen to answer to these methods is among them, with its code and
      text, but for two: a rate limit refused with "Resource temporarily unavailable" (gap `QOS_SET_AGAIN`), and what is no request
      ("Invalid request", `WireConformanceTest`). %d calls, %d methods, %d kinds of error; names in messages are the calls'.

      | method | succeeded | errors |
      |---|---|---|
      """;

  /** What {@link #differences} names and this page shows. */
  private static final class Method {
    int succeeded;
    final Set<String> errors = new TreeSet<>();
  }

  private final Map<String, Method> methods = new TreeMap<>();
  private final List<String> differences = new ArrayList<>();
  private int calls;

  private RpcOutcomes() {}

  /** Runs all calls; {@code directory} is for sockets and files. */
  public static RpcOutcomes run(Path directory) throws IOException {
    RpcOutcomes outcomes = new RpcOutcomes();
    for (String file : List.of("a", "b", "c")) {
      try (RandomAccessFile made = new RandomAccessFile(directory.resolve(file).toFile(), "rw")) {
        made.setLength(FILE_BYTES);
      }
    }
    Map<String, String> variables =
        Map.of("$DIR", directory.toString(), "$PORT2", freePort(), "$PORT", freePort());
    Map<String, Plane> planes = new HashMap<>();
    try {
      String current = "";
      for (String line : steps()) {
        if (line.startsWith("@")) {
          current = line.substring(1);
        } else if (!line.isBlank() && !line.startsWith("#")) {
          Plane plane = planes.computeIfAbsent(current, name -> Plane.start(directory, name));
          outcomes.step(plane.rpc, line, variables);
        }
      }
    } finally {
      planes.values().forEach(Plane::close);
    }
    return outcomes;
  }

  private record Plane(DataPlane plane, RawRpc rpc) {
    /** Those that are configured before they start are named so. */
    static Plane start(Path directory, String name) {
      boolean waits = Set.of("wait", "byhand").contains(name);
      try {
        DataPlane plane = Implementation.all().getFirst().start(directory, "rpc-" + name, waits);
        return new Plane(plane, new RawRpc(plane.socket()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void close() {
      try {
        rpc.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } finally {
        plane.close();
      }
    }
  }

  private static String freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return Integer.toString(socket.getLocalPort());
    }
  }

  private static List<String> steps() throws IOException {
    try (InputStream in = RpcOutcomes.class.getResourceAsStream("rpc-steps.txt")) {
      return new String(
              Objects.requireNonNull(in, "rpc-steps.txt").readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .toList();
    }
  }

  private void step(RawRpc rpc, String line, Map<String, String> variables) throws IOException {
    Matcher step = STEP.matcher(line);
    if (!step.matches()) {
      throw new IllegalStateException("no step: " + line);
    }
    String params = Objects.requireNonNullElse(step.group(2), "");
    for (String name : List.of("$DIR", "$PORT2", "$PORT")) {
      params = params.replace(name, Objects.requireNonNull(variables.get(name)));
    }
    String answer = rpc.call(step.group(1), params);
    calls++;
    Matcher error = ERROR.matcher(answer);
    String outcome = error.matches() ? error.group(1) + " " + error.group(2) : "ok";
    Method method = methods.computeIfAbsent(step.group(1), name -> new Method());
    if (outcome.equals("ok")) {
      method.succeeded++;
    } else {
      method.errors.add("%s `%s`".formatted(error.group(1), error.group(2)));
    }
    if (!outcome.equals(step.group(3))) {
      differences.add("%s %s: %s".formatted(line, params, answer));
    }
  }

  /** Answers that were others than expected. */
  public List<String> differences() {
    return List.copyOf(differences);
  }

  /** Methods that were called with success. */
  public Set<String> succeeded() {
    Set<String> names = new TreeSet<>();
    methods.forEach((name, method) -> {
      if (method.succeeded > 0) {
        names.add(name);
      }
    });
    return names;
  }

  public String page() {
    StringBuilder page =
        new StringBuilder(
            HEAD.formatted(
                calls,
                methods.size(),
                methods.values().stream().mapToInt(m -> m.errors.size()).sum()));
    methods.forEach((name, method) ->
        page.append(
            "| `%s` | %d | %s |\n"
                .formatted(name, method.succeeded, String.join("; ", method.errors))));
    return page.toString();
  }
}
