package io.diskengine.engine.rpc;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A saved configuration replayed at start, as {@code spdk_tgt -c FILE} does it: entries in the
 * order of the file, one at a time, first those that are allowed before initialisation, then, after
 * it, those that are not. What lies in {@code subsystems[].config[]} are calls: {@code method} and
 * {@code params}. Whatever else the file holds is ignored.
 */
public final class ConfigReplay {
  /** A saved configuration of 10,000 lvols with exports has about 10 MiB. */
  static final long MAX_BYTES = 256L << 20;

  private static final Logger LOG = LoggerFactory.getLogger(ConfigReplay.class);

  /** SPDK accepts comments here, though not in RPC. */
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_JAVA_COMMENTS).build();

  /** Why the engine does not start. */
  public static final class ConfigException extends IOException {
    private static final long serialVersionUID = 1;

    ConfigException(String message) {
      super(message);
    }
  }

  private record Entry(
      String subsystem, int index, RpcRegistry.Method method, @Nullable JsonNode params) {
    @Override
    public String toString() {
      return "entry " + index + " of subsystem " + subsystem + ", " + method.name();
    }
  }

  private final Path file;
  private final boolean ignoreErrors;
  private final List<Entry> entries;

  private ConfigReplay(Path file, boolean ignoreErrors, List<Entry> entries) {
    this.file = file;
    this.ignoreErrors = ignoreErrors;
    this.entries = entries;
  }

  /**
   * Reads all of the file before anything is executed.
   *
   * @param ignoreErrors go on after an entry that fails; what is no entry at all is refused still
   */
  public static ConfigReplay read(Path file, boolean ignoreErrors, RpcRegistry registry)
      throws ConfigException {
    JsonNode subsystems = parse(file).path("subsystems");
    if (!subsystems.isArray() && !subsystems.isMissingNode() && !subsystems.isNull()) {
      throw wrong(file, "\"subsystems\" is no array");
    }
    List<Entry> entries = new ArrayList<>();
    for (JsonNode subsystem : subsystems) {
      JsonNode name = subsystem.path("subsystem");
      JsonNode config = subsystem.path("config");
      if (!name.isString() || !config.isArray() && !config.isNull()) {
        throw wrong(file, "a subsystem needs a name and an array \"config\"");
      }
      for (JsonNode entry : config) {
        entries.add(entry(file, name.stringValue(), entries.size() + 1, entry, registry));
      }
    }
    return new ConfigReplay(file, ignoreErrors, entries);
  }

  private static JsonNode parse(Path file) throws ConfigException {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw wrong(file, "has more than " + (MAX_BYTES >> 20) + " MiB");
      }
      JsonNode root = JSON.readTree(Files.readAllBytes(file));
      if (!root.isObject()) {
        throw wrong(file, "is no JSON object");
      }
      return root;
    } catch (ConfigException e) {
      throw e;
    } catch (NoSuchFileException e) {
      throw wrong(file, "does not exist");
    } catch (IOException e) {
      throw wrong(file, "cannot be read: " + e.getMessage());
    } catch (JacksonException e) {
      throw wrong(
          file,
          "is not JSON, line %d: %s"
              .formatted(e.getLocation().getLineNr(), e.getOriginalMessage()));
    }
  }

  private static Entry entry(
      Path file, String subsystem, int index, JsonNode json, RpcRegistry registry)
      throws ConfigException {
    JsonNode method = json.path("method");
    JsonNode params = json.get("params");
    if (!method.isString() || params != null && !params.isObject()) {
      throw wrong(
          file,
          "entry " + index + " (subsystem " + subsystem + ") needs a method, and params as object");
    }
    RpcRegistry.Method known = registry.find(method.stringValue());
    if (known == null) {
      throw wrong(
          file,
          "entry %d of subsystem %s names the method %s, which the engine does not have"
              .formatted(index, subsystem, method.stringValue()));
    }
    return new Entry(subsystem, index, known, params);
  }

  private static ConfigException wrong(Path file, String what) {
    return new ConfigException("configuration " + file + " " + what);
  }

  /**
   * Executes the entries of the present phase; blocks until the last is answered.
   *
   * @param home runs a task on the home reactor; false when that has no room for it
   */
  public void run(boolean initialised, Predicate<Runnable> home) throws ConfigException {
    for (Entry entry : entries) {
      // Those of both phases have run in the first.
      boolean startup = entry.method().phase() != RpcRegistry.Phase.RUNTIME;
      if (startup != initialised) {
        execute(entry, home);
      }
    }
  }

  private void execute(Entry entry, Predicate<Runnable> home) throws ConfigException {
    CompletableFuture<@Nullable RpcFailure> answer = new CompletableFuture<>();
    if (!home.test(() -> call(entry, answer))) {
      throw new ConfigException("the engine is too busy to replay " + file);
    }
    RpcFailure failure = answer.join();
    if (failure == null) {
      return;
    }
    String error = entry + " failed: " + failure.code() + " " + failure.getMessage();
    if (!ignoreErrors) {
      throw new ConfigException(
          "configuration "
              + file
              + ": "
              + error
              + "; mend the entry, or start with --json-ignore-init-errors");
    }
    LOG.atWarn().addKeyValue("file", file).log("configuration: {}, ignored", error);
  }

  private static void call(Entry entry, CompletableFuture<@Nullable RpcFailure> answer) {
    RpcReply reply =
        new RpcReply() {
          @Override
          public void ok(Object result) {
            answer.complete(null);
          }

          @Override
          public void fail(RpcFailure failure) {
            answer.complete(failure);
          }
        };
    RpcRegistry.Method method = entry.method();
    try {
      if (!method.takesParams() && entry.params() != null) {
        throw new RpcFailure(
            RpcFailure.INVALID_PARAMS, method.name() + " method requires no parameters");
      }
      method.handler().handle(new RpcParams(entry.params(), method.decodeErrorCode()), reply);
    } catch (RpcFailure failure) {
      answer.complete(failure);
    } catch (RuntimeException bug) {
      LOG.error("method {} failed", method.name(), bug);
      answer.complete(new RpcFailure(RpcFailure.INTERNAL_ERROR, "Internal error: " + bug));
    }
  }
}
