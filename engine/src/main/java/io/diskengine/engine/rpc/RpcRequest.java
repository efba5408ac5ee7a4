package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.RpcJson;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;

/**
 * One request as it came: {@code idJson} is the id as it was written, or null for a notification;
 * {@code method} is null for what is no valid request.
 */
record RpcRequest(@Nullable String idJson, @Nullable String method, @Nullable JsonNode params) {
  /** SPDK_JSONRPC_MAX_VALUES: a request with more JSON values ends its connection. */
  static final int MAX_VALUES = 8192;

  private static final RpcRequest INVALID = new RpcRequest(null, null, null);

  /** What one top-level JSON value asks for. */
  record Message(boolean batch, List<RpcRequest> requests) {}

  /** Reads one value; null when it is no JSON or has too many values. */
  static @Nullable Message parse(byte[] json) {
    try (JsonParser parser = RpcJson.MAPPER.createParser(json)) {
      int values = 0;
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token != JsonToken.END_ARRAY && token != JsonToken.END_OBJECT) {
          values++;
        }
      }
      return values > MAX_VALUES ? null : message(json);
    } catch (JacksonException e) {
      return null;
    }
  }

  private static Message message(byte[] json) {
    try (JsonParser parser = RpcJson.MAPPER.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        return new Message(false, List.of(request(parser)));
      }
      List<RpcRequest> requests = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        requests.add(request(parser));
      }
      return requests.isEmpty()
          ? new Message(false, List.of(INVALID))
          : new Message(true, requests);
    }
  }

  /**
   * Reads the value at the parser. A member that is unknown or stands twice, a wrong version, an id
   * that is neither text nor number or a method that is no text make it invalid.
   */
  private static RpcRequest request(JsonParser parser) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return INVALID;
    }
    String id = null;
    String method = null;
    JsonNode params = null;
    boolean valid = true;
    boolean idSeen = false;
    boolean versionSeen = false;
    boolean paramsSeen = false;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String member = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (member) {
        case "jsonrpc" -> {
          valid &=
              !versionSeen && value == JsonToken.VALUE_STRING && "2.0".equals(parser.getString());
          versionSeen = true;
        }
        case "id" -> {
          valid &=
              !idSeen
                  && (value.isNumeric()
                      || value == JsonToken.VALUE_STRING
                      || value == JsonToken.VALUE_NULL);
          idSeen = true;
          id = value == JsonToken.VALUE_NULL ? null : idJson(parser, value);
        }
        case "method" -> {
          valid &= method == null && value == JsonToken.VALUE_STRING;
          method = parser.getString();
        }
        case "params" -> {
          valid &= !paramsSeen;
          paramsSeen = true;
          params = parser.readValueAsTree();
        }
        default -> valid = false;
      }
      parser.skipChildren();
    }
    return valid && method != null ? new RpcRequest(id, method, params) : INVALID;
  }

  private static String idJson(JsonParser parser, JsonToken value) {
    return value == JsonToken.VALUE_STRING
        ? RpcJson.MAPPER.writeValueAsString(parser.getString())
        : parser.getString();
  }
}
