package io.diskengine.app;

import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.FrameworkMethods.ConfigEntry;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A data plane's configuration as SPDK saves it: entries of method and parameters, by subsystem, in
 * the order in which they make its state again.
 */
record ConfigDump(Map<String, List<ConfigEntry>> subsystems) {
  /** More than a data plane with 10,000 exports has. */
  static final long MAX_BYTES = 256L << 20;

  private static final String PREVIOUS = ".previous";
  private static final String NEW = ".new";

  /** SPDK accepts comments in such a file. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /** An entry and the subsystem it belongs to. */
  record Located(String subsystem, ConfigEntry entry) {
    /** One line that is the same for the same call, whatever the order of its members. */
    String text() {
      JsonNode params = entry.params();
      return entry.method() + (params == null || params.isNull() ? "" : " " + sorted(params));
    }

    private static JsonNode sorted(JsonNode node) {
      if (node.isObject()) {
        ObjectNode out = JSON.createObjectNode();
        node.properties().stream()
            .sorted(Map.Entry.comparingByKey())
            .forEach(member -> out.set(member.getKey(), sorted(member.getValue())));
        return out;
      }
      if (node.isArray()) {
        ArrayNode out = JSON.createArrayNode();
        node.forEach(element -> out.add(sorted(element)));
        return out;
      }
      return node;
    }
  }

  /** What a file that is no dump is refused with: one line. */
  static final class BadDumpException extends Exception {
    private static final long serialVersionUID = 1;

    BadDumpException(String message) {
      super(message);
    }
  }

  /** Asks for it, subsystem by subsystem; a failed call is an exception. */
  static ConfigDump of(SpdkRpcClient spdk) {
    Map<String, List<ConfigEntry>> all = new LinkedHashMap<>();
    for (FrameworkMethods.Subsystem subsystem :
        spdk.call(FrameworkMethods.subsystems()).orElseThrow()) {
      String name = subsystem.subsystem();
      all.put(name, spdk.call(FrameworkMethods.config(name)).orElseThrow());
    }
    return new ConfigDump(all);
  }

  static ConfigDump read(Path file) throws BadDumpException, IOException {
    if (!Files.isRegularFile(file)) {
      throw new BadDumpException(file + ": is no file");
    }
    if (Files.size(file) > MAX_BYTES) {
      throw new BadDumpException(file + ": has more than " + (MAX_BYTES >> 20) + " MiB");
    }
    JsonNode root;
    try {
      root = JSON.readTree(Files.readAllBytes(file));
    } catch (JacksonException e) {
      throw new BadDumpException(
          "%s: is not JSON, line %d: %s"
              .formatted(
                  file,
                  e.getLocation().getLineNr(),
                  e.getOriginalMessage().lines().findFirst().orElse("")));
    }
    if (!root.path("subsystems").isArray()) {
      throw new BadDumpException(
          file + ": must be an object with the array \"subsystems\", as SPDK saves it");
    }
    Map<String, List<ConfigEntry>> all = new LinkedHashMap<>();
    for (JsonNode subsystem : root.path("subsystems")) {
      JsonNode config = subsystem.path("config");
      if (!subsystem.path("subsystem").isString() || !config.isArray() && !config.isNull()) {
        throw new BadDumpException(
            file + ": a subsystem needs a name \"subsystem\" and an array \"config\"");
      }
      List<ConfigEntry> entries =
          all.computeIfAbsent(subsystem.path("subsystem").stringValue(), n -> new ArrayList<>());
      for (JsonNode entry : config) {
        entries.add(entry(file, entry));
      }
    }
    return new ConfigDump(all);
  }

  private static ConfigEntry entry(Path file, JsonNode json) throws BadDumpException {
    JsonNode params = json.get("params");
    if (!json.path("method").isString() || params != null && !params.isObject()) {
      throw new BadDumpException(
          file + ": " + json + " is no entry: it needs a method, and params as an object");
    }
    return new ConfigEntry(json.path("method").stringValue(), params);
  }

  /** In order. */
  List<Located> entries() {
    return subsystems.entrySet().stream()
        .flatMap(of -> of.getValue().stream().map(entry -> new Located(of.getKey(), entry)))
        .toList();
  }

  /** The string parameter of every entry of a method. */
  Set<String> named(String method, String parameter) {
    Set<String> names = new TreeSet<>();
    entries().stream()
        .map(Located::entry)
        .filter(entry -> entry.method().equals(method))
        .flatMap(entry -> Stream.ofNullable(entry.params()))
        .map(params -> params.path(parameter))
        .filter(JsonNode::isString)
        .forEach(name -> names.add(name.stringValue()));
    return names;
  }

  /** Replaces the file at once, or not at all; what it held is kept beside it. */
  void write(Path file) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + NEW);
    Files.deleteIfExists(fresh);
    Files.createFile(
        fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (FileChannel out = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
      ByteBuffer bytes =
          ByteBuffer.wrap(
              (JSON.writeValueAsString(json()) + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
    if (Files.exists(file)) {
      // A second name for the same file: at no moment is there none.
      Path kept = previous(file);
      Files.deleteIfExists(kept);
      Files.createLink(kept, file);
    }
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
  }

  static Path previous(Path file) {
    return file.resolveSibling(file.getFileName() + PREVIOUS);
  }

  private JsonNode json() {
    ObjectNode root = JSON.createObjectNode();
    ArrayNode array = root.putArray("subsystems");
    subsystems.forEach((name, entries) -> {
      ObjectNode subsystem = array.addObject();
      subsystem.put("subsystem", name);
      ArrayNode config = subsystem.putArray("config");
      for (ConfigEntry entry : entries) {
        ObjectNode out = config.addObject();
        out.put("method", entry.method());
        JsonNode params = entry.params();
        if (params != null && !params.isNull()) {
          out.set("params", params);
        }
      }
    });
    return root;
  }
}
