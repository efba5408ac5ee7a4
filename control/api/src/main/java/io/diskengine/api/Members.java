package io.diskengine.api;

import io.diskengine.model.InvalidInput;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** The members of a request's JSON object, read strictly: no unknown ones, no coercion. */
final class Members {
  private final JsonNode object;
  private final List<String> known;

  private Members(JsonNode object, List<String> known) {
    this.object = object;
    this.known = known;
  }

  /** The object in {@code body}, which may have no members but {@code known}. */
  static Members of(byte[] body, String... known) {
    JsonNode node;
    try {
      node = ApiJson.STRICT.readTree(body);
    } catch (JacksonException e) {
      throw new ApiException(
          ErrorCode.BAD_JSON, "the body is not JSON: " + firstLine(e.getOriginalMessage()));
    }
    List<String> members = List.of(known);
    if (!node.isObject()) {
      throw new ApiException(
          ErrorCode.BAD_JSON,
          (node.isMissingNode() ? "the body is empty" : "the body is not a JSON object")
              + ": send an object with the members "
              + String.join(", ", members));
    }
    for (String name : node.propertyNames()) {
      if (!members.contains(name)) {
        throw ApiException.of(
            ErrorCode.UNKNOWN_MEMBER,
            "member",
            name,
            "is not known: use " + String.join(", ", members));
      }
    }
    return new Members(node, members);
  }

  private static String firstLine(@Nullable String message) {
    return message == null ? "unreadable" : message.lines().findFirst().orElse("unreadable");
  }

  String text(String name, String rule) {
    JsonNode node = required(name, rule);
    if (!node.isString()) {
      throw wrongType(name, node, rule);
    }
    return node.stringValue();
  }

  long integer(String name, String rule) {
    JsonNode node = required(name, rule);
    if (!node.isIntegralNumber()) {
      throw wrongType(name, node, rule);
    }
    if (!node.canConvertToLong()) {
      throw new InvalidInput(name, node.toString(), rule);
    }
    return node.longValue();
  }

  @Nullable String textOrNull(String name, String rule) {
    return object.has(name) ? text(name, rule) : null;
  }

  boolean flag(String name, boolean absent) {
    String rule = "must be true or false";
    if (!object.has(name)) {
      return absent;
    }
    JsonNode node = required(name, rule);
    if (!node.isBoolean()) {
      throw wrongType(name, node, rule);
    }
    return node.booleanValue();
  }

  long integer(String name, long absent, String rule) {
    return object.has(name) ? integer(name, rule) : absent;
  }

  private JsonNode required(String name, String rule) {
    if (!known.contains(name)) {
      throw new IllegalArgumentException(name + " is not among " + known);
    }
    JsonNode node = object.get(name);
    if (node == null) {
      throw new ApiException(ErrorCode.MISSING_MEMBER, name + " is missing: it " + rule);
    }
    return node;
  }

  private static ApiException wrongType(String name, JsonNode node, String rule) {
    String text = node.isString() ? node.stringValue() : node.toString();
    return ApiException.of(ErrorCode.WRONG_TYPE, name, text, rule);
  }
}
