package io.diskengine.engine.rpc;

import io.diskengine.spdkrpc.RpcCodec;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JacksonSerializable;

/**
 * Objects as they were written last. Agents ask for all of a kind every second or two, and little
 * of it changes: what is as it was is copied into the reply, not written again, and a list of which
 * nothing changed is one copy. Objects that are gone are forgotten. Home reactor.
 *
 * @param <K> the objects, each equal to itself only
 */
final class WrittenParts<K> {
  private record Part(List<@Nullable Object> state, JacksonSerializable json) {}

  private final BiConsumer<K, List<@Nullable Object>> state;
  private final Function<K, JsonObject> json;
  private final Map<K, Part> parts = new WeakHashMap<>();
  private List<@Nullable Object> listed = new ArrayList<>();
  private List<@Nullable Object> spare = new ArrayList<>();
  private JacksonSerializable list = RpcCodec.written(listed);

  /**
   * @param state adds to a list what the JSON of an object says: as long as it adds equal values
   *     the JSON is the same
   */
  WrittenParts(BiConsumer<K, List<@Nullable Object>> state, Function<K, JsonObject> json) {
    this.state = state;
    this.json = json;
  }

  /** The objects as an array. */
  JacksonSerializable all(Collection<K> objects) {
    List<@Nullable Object> now = spare;
    now.clear();
    for (K object : objects) {
      now.add(object);
      state.accept(object, now);
    }
    if (!now.equals(listed)) {
      spare = listed;
      listed = now;
      list = RpcCodec.written(objects.stream().map(this::of).toList());
    }
    return list;
  }

  JacksonSerializable of(K object) {
    List<@Nullable Object> now = new ArrayList<>();
    state.accept(object, now);
    Part last = parts.get(object);
    if (last == null || !last.state().equals(now)) {
      last = new Part(now, RpcCodec.written(json.apply(object)));
      parts.put(object, last);
    }
    return last.json();
  }
}
