package io.diskengine.engine.rpc;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The parameters of one request, read strictly as SPDK's {@code spdk_json_decode_object} does: a
 * wrong type, a missing member and (at {@link #end}) an unknown one are the same error.
 */
public final class RpcParams {
  private final JsonNode node;
  private final int decodeErrorCode;
  private final Set<String> read = new HashSet<>();
  private final boolean given;

  RpcParams(@Nullable JsonNode node, int decodeErrorCode) {
    this.given = node != null && !node.isNull();
    this.node = node == null || node.isNull() ? JsonNodeFactory.instance.objectNode() : node;
    this.decodeErrorCode = decodeErrorCode;
  }

  /** Called when every member was asked for: whatever else is there is an error. */
  public void end() throws RpcFailure {
    if (!node.isObject()) {
      throw undecodable();
    }
    for (String name : node.propertyNames()) {
      if (!read.contains(name)) {
        throw undecodable();
      }
    }
  }

  /** True when the request has parameters at all, be it an empty object. */
  public boolean given() {
    return given;
  }

  public boolean has(String name) {
    read.add(name);
    return node.isObject() && node.has(name);
  }

  public String string(String name) throws RpcFailure {
    JsonNode value = required(name);
    if (!value.isString()) {
      throw undecodable();
    }
    return value.stringValue();
  }

  public @Nullable String stringOrNull(String name) throws RpcFailure {
    return has(name) ? string(name) : null;
  }

  public String stringOr(String name, String fallback) throws RpcFailure {
    return has(name) ? string(name) : fallback;
  }

  public boolean boolOr(String name, boolean fallback) throws RpcFailure {
    if (!has(name)) {
      return fallback;
    }
    JsonNode value = required(name);
    if (!value.isBoolean()) {
      throw undecodable();
    }
    return value.booleanValue();
  }

  public boolean bool(String name) throws RpcFailure {
    required(name);
    return boolOr(name, false);
  }

  /** At most {@code most} numbers. */
  public long[] u64s(String name, int most) throws RpcFailure {
    JsonNode value = required(name);
    if (!value.isArray() || value.size() > most) {
      throw undecodable();
    }
    long[] numbers = new long[value.size()];
    for (int i = 0; i < numbers.length; i++) {
      JsonNode element = value.get(i);
      if (!element.isIntegralNumber() || !element.canConvertToLong() || element.longValue() < 0) {
        throw undecodable();
      }
      numbers[i] = element.longValue();
    }
    return numbers;
  }

  /** A number from {@code least} to {@code most}. */
  private long number(String name, long least, long most) throws RpcFailure {
    JsonNode value = required(name);
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw undecodable();
    }
    long number = value.longValue();
    if (number < least || number > most) {
      throw undecodable();
    }
    return number;
  }

  /** A uint64 that fits a signed long. */
  public long u64(String name) throws RpcFailure {
    return number(name, 0, Long.MAX_VALUE);
  }

  public long u64Or(String name, long fallback) throws RpcFailure {
    return has(name) ? u64(name) : fallback;
  }

  public long u32(String name) throws RpcFailure {
    return number(name, 0, 0xffff_ffffL);
  }

  public long u32Or(String name, long fallback) throws RpcFailure {
    return has(name) ? u32(name) : fallback;
  }

  public int i32Or(String name, int fallback) throws RpcFailure {
    return has(name) ? (int) number(name, Integer.MIN_VALUE, Integer.MAX_VALUE) : fallback;
  }

  public int u16Or(String name, int fallback) throws RpcFailure {
    return has(name) ? (int) number(name, 0, 0xffff) : fallback;
  }

  public @Nullable UUID uuidOrNull(String name) throws RpcFailure {
    String text = stringOrNull(name);
    if (text == null) {
      return null;
    }
    try {
      if (text.length() == 36) {
        return UUID.fromString(text);
      }
    } catch (IllegalArgumentException e) {
      throw undecodable();
    }
    throw undecodable();
  }

  public List<String> strings(String name) throws RpcFailure {
    JsonNode value = required(name);
    if (!value.isArray()) {
      throw undecodable();
    }
    List<String> strings = new ArrayList<>();
    for (JsonNode element : value) {
      if (!element.isString()) {
        throw undecodable();
      }
      strings.add(element.stringValue());
    }
    return strings;
  }

  public List<String> stringsOrEmpty(String name) throws RpcFailure {
    return has(name) ? strings(name) : List.of();
  }

  public RpcParams object(String name) throws RpcFailure {
    JsonNode value = required(name);
    if (!value.isObject()) {
      throw undecodable();
    }
    return new RpcParams(value, decodeErrorCode);
  }

  /** The error for parameters that cannot be read, with this method's code for it. */
  public RpcFailure undecodable() {
    return new RpcFailure(decodeErrorCode, RpcErrors.DECODE);
  }

  private JsonNode required(String name) throws RpcFailure {
    read.add(name);
    JsonNode value = node.isObject() ? node.get(name) : null;
    if (value == null) {
      throw undecodable();
    }
    return value;
  }
}
