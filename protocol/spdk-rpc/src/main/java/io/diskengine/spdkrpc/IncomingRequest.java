package io.diskengine.spdkrpc;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;

/** What a server reads: one request, judged as SPDK judges it (lib/jsonrpc/jsonrpc_server.c). */
public sealed interface IncomingRequest {
  /** SPDK_JSONRPC_MAX_VALUES; brackets, member names and scalars count. */
  int MAX_VALUES = 8192;

  /** SPDK_JSONRPC_RECV_BUF_SIZE: a request of this length resets the connection. */
  int RECEIVE_BUFFER_BYTES = 256 * 1024;

  /** SPDK_JSONRPC_ID_MAX_LEN. */
  int MAX_ID_BYTES = 128;

  String NULL_ID = "null";

  /**
   * A request to execute.
   *
   * @param idJson as written, for {@link RpcCodec#reply}; {@code null} as text for a notification,
   *     whose success is not answered but whose error is
   * @param params object or array
   */
  record Call(String idJson, String method, @Nullable JsonNode params) implements IncomingRequest {
    public boolean notification() {
      return idJson.equals(NULL_ID);
    }
  }

  /** Answered with {@link SpdkError#INVALID_REQUEST}; the id is mostly not known. */
  record Invalid(String idJson) implements IncomingRequest {}

  /**
   * @param batch the reply is an array, in any order, and nothing when no element is answered
   */
  record Message(boolean batch, List<IncomingRequest> requests) {}

  /**
   * Reads one top-level value as {@link JsonSplitter} found it. An empty batch is one invalid
   * request that is answered alone.
   *
   * @throws MalformedJsonException when it is no JSON or has more than {@link #MAX_VALUES} values:
   *     SPDK closes the connection without a reply
   */
  static Message read(byte[] value) {
    try {
      requireValueCount(value);
      if (value[0] != '[') {
        return new Message(false, List.of(readOne(value, 0, value.length)));
      }
      var requests = new ArrayList<IncomingRequest>();
      try (JsonParser parser = RpcJson.MAPPER.createParser(value)) {
        parser.nextToken();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          int start = tokenStart(parser);
          requests.add(readOne(value, start, valueEnd(parser) - start));
        }
      }
      return requests.isEmpty()
          ? new Message(false, List.of(new Invalid(NULL_ID)))
          : new Message(true, List.copyOf(requests));
    } catch (JacksonException e) {
      throw new MalformedJsonException(
          "not JSON: " + JsonSplitter.printable(value) + ": " + e.getOriginalMessage());
    }
  }

  private static void requireValueCount(byte[] value) {
    int values = 0;
    try (JsonParser parser = RpcJson.MAPPER.createParser(value)) {
      while (parser.nextToken() != null) {
        parser.finishToken();
        if (++values > MAX_VALUES) {
          throw new MalformedJsonException("more than " + MAX_VALUES + " JSON values in a request");
        }
      }
    }
  }

  private static IncomingRequest readOne(byte[] value, int offset, int length) {
    if (value[offset] != '{') {
      return new Invalid(NULL_ID);
    }
    String idJson = NULL_ID;
    boolean idFits = true;
    boolean known = true;
    String method = null;
    JsonNode params = null;
    var seen = new HashSet<String>();
    try (JsonParser parser = RpcJson.MAPPER.createParser(value, offset, length)) {
      parser.nextToken();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String member = parser.currentName();
        known &= seen.add(member);
        JsonToken token = Objects.requireNonNull(parser.nextToken());
        switch (member) {
          case "jsonrpc" ->
              known &= token == JsonToken.VALUE_STRING && parser.getString().equals("2.0");
          case "method" -> {
            known &= token == JsonToken.VALUE_STRING;
            method = parser.getString();
          }
          case "id" -> {
            int start = offset + tokenStart(parser);
            int end = offset + valueEnd(parser);
            idFits = isId(token) && end - start <= MAX_ID_BYTES;
            idJson = new String(value, start, end - start, StandardCharsets.UTF_8);
          }
          case "params" -> params = RpcJson.PART.readTree(parser);
          default -> {
            known = false;
            parser.skipChildren();
          }
        }
      }
    }
    if (!known || method == null || !idFits) {
      return new Invalid(NULL_ID);
    }
    if (params == null || params.isNull()) {
      return new Call(idJson, method, null);
    }
    return params.isContainer() ? new Call(idJson, method, params) : new Invalid(idJson);
  }

  private static boolean isId(JsonToken token) {
    return token == JsonToken.VALUE_STRING || token.isNumeric() || token == JsonToken.VALUE_NULL;
  }

  private static int tokenStart(JsonParser parser) {
    return (int) parser.currentTokenLocation().getByteOffset();
  }

  private static int valueEnd(JsonParser parser) {
    parser.skipChildren();
    parser.finishToken();
    return (int) parser.currentLocation().getByteOffset();
  }
}
