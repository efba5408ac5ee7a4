package io.diskengine.agent;

import io.diskengine.spdkrpc.RpcJson;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.NullUnmarked;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A data plane in memory behind a real socket. All fakes of a test share one fabric and one lock.
 * Bytes of disks outlive a restart, objects do not.
 */
@NullUnmarked
final class FakeSpdk implements AutoCloseable {
  static final String ZERO_UUID = "00000000-0000-0000-0000-000000000000";

  /** What all fakes of a test share. */
  static final class Fabric {
    final List<FakeSpdk> nodes = new ArrayList<>();
    final List<String> log = new ArrayList<>();
  }

  static final class Fault extends Exception {
    private static final long serialVersionUID = 1;
    final int code;

    Fault(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  private static final AtomicLong PIDS = new AtomicLong(4_000_000_000L);

  final String name;
  final Path socket;
  final Fabric fabric;
  final FakeTarget target;
  final FakeHost host;
  final Map<String, Long> calls = new ConcurrentHashMap<>();
  private final Set<String> lost = ConcurrentHashMap.newKeySet();
  private final Set<String> held = ConcurrentHashMap.newKeySet();
  private final List<SocketChannel> connections = new ArrayList<>();
  private ServerSocketChannel server;
  private long pid;
  private boolean initialised;
  private boolean autoExamine = true;
  volatile boolean stopped;
  volatile int latencyMs;

  FakeSpdk(Fabric fabric, String name, Path socket) {
    this.fabric = fabric;
    this.name = name;
    this.socket = socket;
    this.target = new FakeTarget();
    this.host = new FakeHost(this);
    fabric.nodes.add(this);
  }

  /** Starts an empty process that waits for RPC. */
  FakeSpdk start() throws IOException {
    synchronized (fabric) {
      pid = PIDS.incrementAndGet();
      initialised = false;
      autoExamine = true;
      target.restart();
      host.restart();
      Files.deleteIfExists(socket);
      server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      server.bind(UnixDomainSocketAddress.of(socket));
      ServerSocketChannel mine = server;
      Thread.ofVirtual().start(() -> accept(mine));
    }
    return this;
  }

  /** Like SIGKILL: the socket's file stays. */
  void kill() throws IOException {
    synchronized (fabric) {
      server.close();
      for (SocketChannel c : connections) {
        c.close();
      }
      connections.clear();
      fabric.log.add(name + " killed");
      pid = 0;
    }
  }

  /** Ends the connections; the process lives on. */
  void dropConnections() throws IOException {
    synchronized (fabric) {
      for (SocketChannel c : connections) {
        c.close();
      }
      connections.clear();
    }
  }

  /** As if it had been started without --wait-for-rpc. */
  void initialiseWithAutoExamine() {
    initialised = true;
  }

  boolean isUp() {
    return pid != 0 && initialised;
  }

  /** The next call of the method is executed and not answered. */
  void loseAnswerOf(String method) {
    lost.add(method);
  }

  /** Calls of the method are not executed until released. */
  void hold(String method) {
    held.add(method);
  }

  void release(String method) {
    held.remove(method);
  }

  private void accept(ServerSocketChannel from) {
    try {
      while (true) {
        SocketChannel c = from.accept();
        synchronized (fabric) {
          connections.add(c);
        }
        Thread.ofVirtual().start(() -> serve(c));
      }
    } catch (IOException closed) {
      // the end
    }
  }

  private void serve(SocketChannel c) {
    try (InputStream in = Channels.newInputStream(c)) {
      var values = RpcJson.MAPPER.readerFor(JsonNode.class).<JsonNode>readValues(in);
      while (values.hasNextValue()) {
        JsonNode request = values.nextValue();
        Thread.ofVirtual().start(() -> answer(c, request));
      }
    } catch (IOException | RuntimeException closed) {
      // the end
    }
  }

  private void answer(SocketChannel c, JsonNode request) {
    String method = request.path("method").asString();
    calls.merge(method, 1L, Long::sum);
    pause(method);
    ObjectNode reply = RpcJson.MAPPER.createObjectNode();
    reply.put("jsonrpc", "2.0");
    reply.set("id", request.get("id"));
    long running = pid;
    synchronized (fabric) {
      if (running != pid || !c.isOpen()) {
        return;
      }
      try {
        reply.set("result", call(method, request.path("params")));
      } catch (Fault f) {
        reply.putObject("error").put("code", f.code).put("message", f.getMessage());
      }
      if (!method.contains("_get_") && !method.equals("framework_wait_init")) {
        String outcome = reply.has("error") ? " -> " + reply.get("error") : "";
        fabric.log.add(name + " " + method + " " + request.path("params") + outcome);
      }
    }
    if (lost.remove(method)) {
      return;
    }
    try {
      synchronized (c) {
        ByteBuffer bytes = ByteBuffer.wrap((reply + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          c.write(bytes);
        }
      }
    } catch (IOException gone) {
      // the caller sees the end of the connection
    }
  }

  private void pause(String method) {
    try {
      if (latencyMs > 0) {
        Thread.sleep(latencyMs);
      }
      while (stopped || held.contains(method)) {
        Thread.sleep(5);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  static JsonNode json(Object value) {
    return RpcJson.MAPPER.valueToTree(value);
  }

  static ArrayNode list() {
    return RpcJson.MAPPER.createArrayNode();
  }

  static ObjectNode object() {
    return RpcJson.MAPPER.createObjectNode();
  }

  private JsonNode call(String method, JsonNode p) throws Fault {
    switch (method) {
      case "rpc_get_methods" -> {
        return json(
            initialised
                ? List.of(
                    "bdev_get_bdevs",
                    "framework_wait_init",
                    "bdev_lvol_resize",
                    "bdev_lvol_snapshot",
                    "bdev_set_qos_limit")
                : List.of(
                    "bdev_set_options",
                    "nvmf_set_max_subsystems",
                    "bdev_nvme_set_options",
                    "framework_start_init"));
      }
      case "framework_start_init" -> initialised = true;
      case "framework_wait_init", "nvmf_set_max_subsystems", "bdev_nvme_set_options" -> {}
      case "bdev_set_options" -> autoExamine = p.path("bdev_auto_examine").asBoolean();
      case "spdk_get_version" -> {
        ObjectNode v = object().put("version", "fake");
        v.putObject("fields").put("major", 26).put("minor", 9).put("patch", 0).put("suffix", "");
        return v;
      }
      case "framework_get_reactors" -> {
        return object().put("pid", pid).set("reactors", list());
      }
      case "framework_get_config" -> {
        ObjectNode entry = object().put("method", "bdev_set_options");
        entry.putObject("params").put("bdev_auto_examine", autoExamine);
        return list().add(entry);
      }
      default -> {
        if (!initialised) {
          throw new Fault(-1, "Method may only be called after framework is initialized");
        }
        JsonNode answer = target.call(method, p, this);
        answer = answer != null ? answer : host.call(method, p);
        if (answer == null) {
          throw new Fault(-32601, "Method not found");
        }
        return answer;
      }
    }
    return json(true);
  }

  Map<String, Long> callsAndReset() {
    Map<String, Long> copy = new TreeMap<>(calls);
    calls.clear();
    return copy;
  }

  @Override
  public void close() throws IOException {
    if (pid != 0) {
      kill();
    }
  }

  /** An lvol's content, as far as the fakes need it. */
  static final class Blob {
    String uuid;
    String name;
    long bytes;
    boolean snapshot;
    boolean copied;
    Superblock superblock;
  }

  record Superblock(String raid, String uuid, long seq, List<String> slots, Set<String> missing) {}

  static <K, V> Map<K, V> map() {
    return new HashMap<>();
  }

  static <T> Set<T> set() {
    return new HashSet<>();
  }
}
