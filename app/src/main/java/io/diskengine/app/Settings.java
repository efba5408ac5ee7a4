package io.diskengine.app;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * The settings of a daemon. {@code --db-url} is taken from the flag, else from the environment
 * ({@code DISKENGINE_DB_URL}, then older names), else from the file of {@code --config} ({@code
 * db-url = ...}).
 */
final class Settings {
  static final String HELP =
      "Each option is taken from the command line, else from the environment (--db-url is"
          + " DISKENGINE_DB_URL), else from the file of --config (db-url = ...).";

  private static final String FILE = "config";

  /**
   * One value.
   *
   * @param source where it was found, for messages
   */
  record Setting(String text, String source) {}

  private final CommandSpec spec;
  private final Map<String, String> environment;
  private final @Nullable Path file;
  private final Properties inFile = new Properties();

  /**
   * @throws ParameterException when the file cannot be read or has a key that is no option
   */
  Settings(CommandSpec spec, Map<String, String> environment) {
    this.spec = spec;
    this.environment = environment;
    this.file = find(FILE).map(s -> Path.of(s.text())).orElse(null);
    if (file != null) {
      read(file);
    }
  }

  private void read(Path from) {
    try (Reader reader = Files.newBufferedReader(from)) {
      inFile.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      throw bad("--config " + from + " cannot be read (" + e + "): give a file of NAME = VALUE");
    }
    for (String key : new TreeSet<>(inFile.stringPropertyNames())) {
      if (key.equals(FILE) || spec.findOption("--" + key) == null) {
        throw bad(from + ": \"" + key + "\" is no setting: use the long options' names without --");
      }
    }
  }

  /** The value of {@code --<name>}; {@code older} are names of environment variables. */
  Optional<Setting> find(String name, String... older) {
    OptionSpec option = spec.findOption("--" + name);
    Object flag = option == null ? null : option.getValue();
    if (flag instanceof List<?> several) {
      flag =
          several.isEmpty()
              ? null
              : String.join(",", several.stream().map(Object::toString).toList());
    }
    if (flag != null) {
      return Optional.of(new Setting(flag.toString(), "--" + name));
    }
    String variable = "DISKENGINE_" + name.toUpperCase(Locale.ROOT).replace('-', '_');
    Optional<Setting> set = environment(variable);
    for (String old : older) {
      set = set.or(() -> environment(old));
    }
    return set.or(() ->
        Optional.ofNullable(inFile.getProperty(name))
            .map(text -> new Setting(text.strip(), file + ", " + name)));
  }

  private Optional<Setting> environment(String variable) {
    return Optional.ofNullable(environment.get(variable))
        .filter(text -> !text.isBlank())
        .map(text -> new Setting(text.strip(), variable));
  }

  /** The parsed value of {@code --<name>}, empty when it is nowhere. */
  <T> Optional<T> value(String name, Function<String, T> parser, String... older) {
    return find(name, older).map(setting -> parsed(setting, parser));
  }

  /**
   * @param what the rule, for the message when it is nowhere
   */
  <T> T required(String name, String what, Function<String, T> parser, String... older) {
    return value(name, parser, older).orElseThrow(() -> bad("--" + name + " is missing: " + what));
  }

  /**
   * @param parser throws IllegalArgumentException with the value and the rule
   */
  <T> T parsed(Setting setting, Function<String, T> parser) {
    try {
      return parser.apply(setting.text());
    } catch (IllegalArgumentException e) {
      throw bad(setting.source() + ": " + e.getMessage());
    }
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** An existing regular file. */
  static Path file(String text) {
    Path path = Path.of(text);
    if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
      throw new IllegalArgumentException(
          "\"" + text + "\": must be a regular file that this user may read");
    }
    return path.toAbsolutePath().normalize();
  }

  static String jdbcUrl(String text) {
    if (!text.matches("jdbc:postgresql://\\S+/\\S+")) {
      throw new IllegalArgumentException(
          "\"" + text + "\": must be jdbc:postgresql://HOST[:PORT]/DATABASE");
    }
    return text;
  }

  static String databaseUser(String text) {
    if (!text.matches("[A-Za-z_][A-Za-z0-9_$-]{0,62}")) {
      throw new IllegalArgumentException("\"" + text + "\": must be the name of a PostgreSQL role");
    }
    return text;
  }
}
