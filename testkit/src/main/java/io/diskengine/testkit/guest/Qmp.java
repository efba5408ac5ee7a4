package io.diskengine.testkit.guest;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * QEMU's monitor: one JSON object a line, answers matched by id, events kept by name of the device
 * they are about.
 */
final class Qmp {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final SocketChannel channel;
  private final AtomicLong ids = new AtomicLong();
  private final ConcurrentHashMap<Long, CompletableFuture<JsonNode>> waiting =
      new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, CompletableFuture<JsonNode>> deleted =
      new ConcurrentHashMap<>();

  Qmp(SocketChannel channel) {
    this.channel = channel;
    Thread.ofVirtual().name("qmp").start(this::read);
    execute("qmp_capabilities", "{}");
  }

  /** Runs {@code command} with JSON {@code arguments}; answers what it returns. */
  JsonNode execute(String command, String arguments) {
    long id = ids.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    String line =
        "{\"execute\":\"%s\",\"arguments\":%s,\"id\":%d}\n".formatted(command, arguments, id);
    try {
      synchronized (channel) {
        ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("QEMU's monitor is closed; wanted " + line, e);
    }
    JsonNode reply = await(answer, line);
    if (reply.has("error")) {
      throw new IllegalStateException(line + " -> " + reply.path("error"));
    }
    return reply.path("return");
  }

  /**
   * Waits until QEMU says that the guest has let go of {@code device}. Ask before the {@code
   * device_del}.
   */
  CompletableFuture<JsonNode> deletionOf(String device) {
    return deleted.computeIfAbsent(device, d -> new CompletableFuture<>());
  }

  static JsonNode await(CompletableFuture<JsonNode> answer, String what) {
    try {
      return answer.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IllegalStateException("no answer from QEMU within " + TIMEOUT + ": " + what, e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("QEMU ended before it answered: " + what, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted: " + what, e);
    }
  }

  private void read() {
    IOException end = new IOException("monitor closed");
    try {
      BufferedReader in = new BufferedReader(Channels.newReader(channel, UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode message = JSON.readTree(line);
        if (message.has("id")) {
          CompletableFuture<JsonNode> answer = waiting.remove(message.path("id").asLong());
          if (answer != null) {
            answer.complete(message);
          }
        } else if (message.path("event").asString("").equals("DEVICE_DELETED")) {
          deletionOf(message.path("data").path("device").asString("")).complete(message);
        }
      }
    } catch (IOException e) {
      end = e;
    }
    for (CompletableFuture<JsonNode> answer : waiting.values()) {
      answer.completeExceptionally(end);
    }
    for (CompletableFuture<JsonNode> answer : deleted.values()) {
      answer.completeExceptionally(end);
    }
  }
}
