package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** What a real SPDK was asked and answered. */
final class Transcripts {
  /**
   * @param name section and title of the recording
   * @param requestText as written
   * @param replyText as answered, without the newline
   */
  record Exchange(String name, String requestText, String replyText) {
    JsonNode request() {
      return RpcCodec.parse(requestText.getBytes(UTF_8));
    }

    String method() {
      return request().path("method").asString();
    }

    JsonNode params() {
      return request().path("params");
    }

    RpcCodec.Reply reply() {
      return RpcCodec.reply(RpcCodec.parse(replyText.getBytes(UTF_8)));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static final List<Exchange> ALL = read();

  private Transcripts() {}

  static List<Exchange> of(String method) {
    return ALL.stream().filter(exchange -> exchange.method().equals(method)).toList();
  }

  /** The first result that is not empty of the recording with this name and method. */
  static JsonNode result(String name, String method) {
    return of(method).stream()
        .filter(exchange -> exchange.name().equals(name))
        .map(exchange -> exchange.reply().result())
        .filter(result -> result != null && !result.isEmpty())
        .findFirst()
        .orElseThrow(() -> new AssertionError("no result of " + method + " named " + name));
  }

  private static List<Exchange> read() {
    try (var in = Transcripts.class.getResourceAsStream("transcripts.txt")) {
      var exchanges = new ArrayList<Exchange>();
      String name = "";
      String request = "";
      for (String line : new String(in.readAllBytes(), UTF_8).split("\n")) {
        switch (line.isEmpty() ? ' ' : line.charAt(0)) {
          case '#' -> name = line.substring(2);
          case '>' -> request = line.substring(2);
          case '<' -> exchanges.add(new Exchange(name, request, line.substring(2)));
          default -> {}
        }
      }
      return List.copyOf(exchanges);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
