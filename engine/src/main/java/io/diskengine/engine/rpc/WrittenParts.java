package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.RpcCodec;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.Supplier;
import tools.jackson.databind.JacksonSerializable;

/**
 * Objects as they were written last. Agents ask for all of a kind every second or two, and little
 * of it changes: what is as it was is copied into the reply, not written again. Objects that are
 * gone are forgotten. Home reactor.
 *
 * @param <K> the objects, each equal to itself only
 */
final class WrittenParts<K> {
  private record Part(Object state, JacksonSerializable json) {}

  private final Map<K, Part> parts = new WeakHashMap<>();

  /**
   * @param state a value that is equal as long as the JSON is
   */
  JacksonSerializable of(K object, Object state, Supplier<JsonObject> json) {
    Part last = parts.get(object);
    if (last == null || !last.state().equals(state)) {
      last = new Part(state, RpcCodec.written(json.get()));
      parts.put(object, last);
    }
    return last.json();
  }
}
