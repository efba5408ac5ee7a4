package io.diskengine.testkit.coverage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The documentation says what is so. */
class CoverageTest {
  private static final String UPDATE = "diskengine.update-docs";
  private static final Path ROOT = root();
  private static final Path DOCS = ROOT.resolve("docs");

  /** A test in the text: {@code FooTest} or {@code FooTest.itsBehaviour}. */
  private static final Pattern TEST =
      Pattern.compile("`([A-Z]\\w*[a-z0-9](?:Test|IT))(?:\\.([a-z]\\w*))?`");

  /** A row of timers.md: meaning, value, constant. */
  private static final Pattern CONSTANT =
      Pattern.compile("(\\| [^|]+ \\| )([^|]+) \\| `([a-z]+(?:\\.\\w+)+)` \\|");

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // JUnit sets the field
  CoverageTest() {}

  private static Path root() {
    Path path = Path.of("").toAbsolutePath();
    while (path != null && !Files.exists(path.resolve("mvnw"))) {
      path = path.getParent();
    }
    return Objects.requireNonNull(path, "run inside the source tree");
  }

  @Test
  void methodTableIsWhatTheEngineAnswers() throws IOException {
    Path page = DOCS.resolve("coverage/rpc.md");
    String now = RpcCoverage.page(directory);
    if (Boolean.getBoolean(UPDATE)) {
      Files.writeString(page, now);
    }
    assertThat(Files.readString(page))
        .as("%s is stale: run this test with -D%s=true", page, UPDATE)
        .isEqualTo(now);
  }

  @Test
  void everyMethodSucceedsAndFailsAsSpdksDoes() throws IOException {
    RpcOutcomes outcomes = RpcOutcomes.run(directory);
    assertThat(outcomes.differences()).as("answers that are not the expected ones").isEmpty();
    Matcher implemented =
        Pattern.compile("(?m)^\\| `(\\w+)` \\| (startup|runtime|both) ")
            .matcher(Files.readString(DOCS.resolve("coverage/rpc.md")));
    assertThat(implemented.results().map(row -> row.group(1)).toList())
        .as("methods that never succeeded")
        .hasSizeGreaterThan(90)
        .allSatisfy(method -> assertThat(outcomes.succeeded()).contains(method));
    Path page = DOCS.resolve("coverage/rpc-outcomes.md");
    if (Boolean.getBoolean(UPDATE)) {
      Files.writeString(page, outcomes.page());
    }
    assertThat(Files.readString(page))
        .as("%s is stale: run this test with -D%s=true", page, UPDATE)
        .isEqualTo(outcomes.page());
  }

  @Test
  void everyTestThatTheDocumentationNamesExists() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (Path file : filesIn(ROOT, ".java")) {
      String name = file.getFileName().toString().replace(".java", "");
      if (file.toString().contains("/src/test/")) {
        sources.merge(name, Files.readString(file), String::concat);
      }
    }
    List<String> wrong = new ArrayList<>();
    for (Path page : filesIn(DOCS, ".md")) {
      Matcher named = TEST.matcher(Files.readString(page));
      while (named.find()) {
        String source = sources.get(named.group(1));
        String method = named.group(2);
        if (source == null || method != null && !source.contains("void " + method + "(")) {
          wrong.add(ROOT.relativize(page) + ": " + named.group());
        }
      }
    }
    assertThat(wrong).as("tests that do not exist").isEmpty();
  }

  private static List<Path> filesIn(Path directory, String ending) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      return all.filter(file -> file.toString().endsWith(ending))
          .filter(file -> !file.toString().contains("/target/"))
          .toList();
    }
  }

  @Test
  void timersAndLimitsAreTheConstants() throws Exception {
    Path page = DOCS.resolve("operating/timers.md");
    List<String> now = new ArrayList<>();
    int constants = 0;
    for (String line : Files.readAllLines(page)) {
      Matcher row = CONSTANT.matcher(line);
      if (row.matches()) {
        constants++;
        now.add(row.group(1) + text(row.group(3)) + line.substring(row.end(2)));
      } else {
        assertThat(line).as("a row that names its constant").doesNotContain("` |");
        now.add(line);
      }
    }
    if (Boolean.getBoolean(UPDATE)) {
      Files.write(page, now);
    }
    assertThat(Files.readAllLines(page))
        .as("%s is stale: run this test with -D%s=true", page, UPDATE)
        .isEqualTo(now);
    assertThat(constants).isGreaterThan(20);
  }

  /** A static field, or an accessor of the record in one, with the unit that the name ends with. */
  private static String text(String constant) throws ReflectiveOperationException {
    List<String> words = List.of(("io.diskengine." + constant).split("\\."));
    int last = words.size() - 1;
    boolean accessor = Character.isLowerCase(words.get(last).charAt(0));
    int field = accessor ? last - 1 : last;
    Field found =
        Class.forName(String.join(".", words.subList(0, field))).getDeclaredField(words.get(field));
    found.setAccessible(true);
    Object value = found.get(null);
    if (accessor) {
      value = value.getClass().getMethod(words.get(last)).invoke(value);
    }
    if (value instanceof Duration duration) {
      return time(duration.toNanos());
    }
    long number = ((Number) value).longValue();
    String unit =
        words.get(last).replaceFirst(".*(_|(?=[A-Z][a-z]+$))", "").toUpperCase(Locale.ROOT);
    return switch (unit) {
      case "NS" -> time(number);
      case "MS" -> time(number * 1_000_000);
      case "SEC" -> number > 0 ? time(number * 1_000_000_000) : Long.toString(number);
      case "BYTES" -> scaled(number, 1024, "bytes", "KiB", "MiB", "GiB", "TiB");
      default -> Long.toString(number);
    };
  }

  private static String time(long ns) {
    return scaled(ns, 1000, "ns", "us", "ms", "s");
  }

  private static String scaled(long number, long step, String... units) {
    int unit = 0;
    while (unit < units.length - 1 && number != 0 && number % step == 0) {
      number /= step;
      unit++;
    }
    return number + " " + units[unit];
  }
}
