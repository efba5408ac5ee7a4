package io.diskengine.spdkrpc;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;

/**
 * One call to be made: a method, its parameters and how to read the result.
 *
 * @param params a record or map written as JSON object; null and empty are left out
 * @param decoder reads the {@code result} member; what it throws becomes {@link
 *     RpcResult.Indeterminate}, because the call was executed
 */
public record RpcRequest<T>(
    String method,
    @Nullable Object params,
    Function<JsonNode, T> decoder,
    MethodClass methodClass) {

  public RpcRequest {
    if (method.isBlank()) {
      throw new IllegalArgumentException("an RPC method needs a name");
    }
  }

  /** A call to any method with any parameters; the result stays JSON. */
  public static RpcRequest<JsonNode> raw(String method, @Nullable JsonNode params) {
    return new RpcRequest<>(method, params, result -> result, MethodClass.of(method));
  }

  /** The same call with its deadline and safety rules taken from another class. */
  public RpcRequest<T> as(MethodClass other) {
    return new RpcRequest<>(method, params, decoder, other);
  }

  /**
   * The same call for one who asks again and again, to be kept and submitted each time: a reply
   * that is, byte for byte, the last one is not parsed, and its value is the same object.
   */
  public RpcRequest<T> remembering() {
    return new RpcRequest<>(method, params, new RememberedReply<>(decoder), methodClass);
  }

  static <T> RpcRequest<T> of(String method, @Nullable Object params, Class<T> type) {
    return new RpcRequest<>(
        method, params, result -> RpcJson.MAPPER.treeToValue(result, type), MethodClass.of(method));
  }

  /** JSON null, which SPDK writes for some empty lists, is an empty list. */
  static <T> RpcRequest<List<T>> listOf(String method, @Nullable Object params, Class<T> element) {
    JavaType type = RpcJson.MAPPER.getTypeFactory().constructCollectionType(List.class, element);
    return new RpcRequest<>(
        method,
        params,
        result -> result.isNull() ? List.of() : RpcJson.MAPPER.treeToValue(result, type),
        MethodClass.of(method));
  }
}
