package io.diskengine.spdkrpc;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.io.SerializedString;
import tools.jackson.databind.JacksonSerializable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.jsontype.TypeSerializer;

/**
 * JSON-RPC 2.0 messages as SPDK writes them: compact, members in the order {@code
 * jsonrpc,id,method,params} and {@code jsonrpc,id,result|error}, one newline after a reply.
 */
public final class RpcCodec {
  private static final byte[] VERSION_AND_ID =
      "{\"jsonrpc\":\"2.0\",\"id\":".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] RESULT = ",\"result\":".getBytes(StandardCharsets.US_ASCII);

  private static final byte[] END = "}\n".getBytes(StandardCharsets.US_ASCII);

  /** Ids are counted from 1: more digits than any has, fewer than a long holds. */
  private static final int MOST_ID_DIGITS = 18;

  private RpcCodec() {}

  /**
   * A reply. Exactly one of {@code result} and {@code error} is set; {@code id} may be JSON null.
   */
  public record Reply(JsonNode id, @Nullable JsonNode result, @Nullable ReplyError error) {}

  /** SPDK's error object; it has no {@code data}. */
  public record ReplyError(int code, String message) {}

  /**
   * How SPDK begins a successful reply.
   *
   * @param resultAt index of the result's first byte
   */
  record Head(long id, int resultAt) {}

  /** The head of a reply in SPDK's order and spacing with an integer id; null for any other. */
  static @Nullable Head head(byte[] reply) {
    return head(reply, 0, reply.length);
  }

  /** The same of a reply that begins somewhere, and may not be there as a whole. */
  static @Nullable Head head(byte[] bytes, int start, int end) {
    int at = after(bytes, start, end, VERSION_AND_ID);
    int digits = at;
    long id = 0;
    while (at > 0 && at < end && at - digits < MOST_ID_DIGITS && isDigit(bytes[at])) {
      id = id * 10 + bytes[at++] - '0';
    }
    int resultAt = at == digits ? -1 : after(bytes, at, end, RESULT);
    return resultAt < 0 ? null : new Head(id, resultAt);
  }

  /** The index behind the text, or -1 when it is not there with something behind it. */
  private static int after(byte[] bytes, int at, int end, byte[] text) {
    int behind = at + text.length;
    boolean there =
        at >= 0 && behind < end && Arrays.equals(bytes, at, behind, text, 0, text.length);
    return there ? behind : -1;
  }

  private static boolean isDigit(byte b) {
    return b >= '0' && b <= '9';
  }

  /**
   * A request without trailing newline.
   *
   * @param params anything that {@link RpcJson#MAPPER} writes as an object or array; left out
   *     altogether when null or empty, because SPDK rejects {@code params:{}} for methods that take
   *     none
   */
  public static byte[] request(long id, String method, @Nullable Object params) {
    var out = new ByteArrayOutputStream(256);
    ascii(out, "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":");
    out.writeBytes(RpcJson.MAPPER.writeValueAsBytes(method));
    if (params != null) {
      byte[] json = RpcJson.MAPPER.writeValueAsBytes(params);
      if (json.length > 2) {
        ascii(out, ",\"params\":");
        out.writeBytes(json);
      }
    }
    out.write('}');
    return out.toByteArray();
  }

  /**
   * A successful reply with its newline.
   *
   * @param idJson the request's id as it was written (string, integer or fraction), or {@code null}
   *     as text
   */
  public static byte[] reply(String idJson, Object result) {
    byte[] json =
        result instanceof Written(SerializedString before)
            ? before.asUnquotedUTF8()
            : RpcJson.MAPPER.writeValueAsBytes(result);
    byte[] id = idJson.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out =
        ByteBuffer.allocate(
            VERSION_AND_ID.length + id.length + RESULT.length + json.length + END.length);
    return out.put(VERSION_AND_ID).put(id).put(RESULT).put(json).put(END).array();
  }

  /** A part of replies that is written once and then copied. */
  public static JacksonSerializable written(Object part) {
    return new Written(new SerializedString(RpcJson.MAPPER.writeValueAsString(part)));
  }

  public static boolean isWritten(Object part) {
    return part instanceof Written;
  }

  private record Written(SerializedString json) implements JacksonSerializable {
    @Override
    public void serialize(JsonGenerator out, SerializationContext context) {
      out.writeRawValue(json);
    }

    @Override
    public void serializeWithType(
        JsonGenerator out, SerializationContext context, TypeSerializer typeSerializer) {
      serialize(out, context);
    }
  }

  /** An error reply with its newline; {@code idJson} as in {@link #reply}. */
  public static byte[] error(String idJson, int code, String message) {
    var out = new ByteArrayOutputStream(128);
    ascii(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    out.writeBytes(idJson.getBytes(StandardCharsets.UTF_8));
    ascii(out, ",\"error\":{\"code\":" + code + ",\"message\":");
    out.writeBytes(RpcJson.MAPPER.writeValueAsBytes(message));
    ascii(out, "}}\n");
    return out.toByteArray();
  }

  /**
   * Reads any JSON value; of duplicate members the last one counts.
   *
   * @throws MalformedJsonException when the bytes are not one JSON value
   */
  public static JsonNode parse(byte[] json) {
    try {
      return RpcJson.MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new MalformedJsonException(
          "not JSON: " + JsonSplitter.printable(json) + ": " + e.getOriginalMessage());
    }
  }

  /**
   * Reads one reply object.
   *
   * @throws MalformedJsonException when it is neither a result nor an error
   */
  public static Reply reply(JsonNode message) {
    JsonNode id = message.path("id");
    JsonNode result = message.get("result");
    if (result != null) {
      return new Reply(id, result, null);
    }
    JsonNode error = message.get("error");
    if (error == null || !error.isObject()) {
      throw new MalformedJsonException(
          "neither result nor error: "
              + JsonSplitter.printable(message.toString().getBytes(StandardCharsets.UTF_8)));
    }
    return new Reply(
        id, null, new ReplyError(error.path("code").asInt(0), error.path("message").asString("")));
  }

  private static void ascii(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
  }
}
