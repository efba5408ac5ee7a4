package io.diskengine.engine.rpc;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.databind.JacksonSerializable;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.jsontype.TypeSerializer;

/**
 * A JSON object in the order it was written, which may name a member twice, as SPDK's
 * bdev_raid_get_bdevs does. Values: text, numbers, booleans, null, maps, lists, other objects.
 */
public final class JsonObject implements JacksonSerializable {
  private final List<String> names = new ArrayList<>();
  private final List<@Nullable Object> values = new ArrayList<>();

  public JsonObject put(String name, @Nullable Object value) {
    names.add(name);
    values.add(value);
    return this;
  }

  List<@Nullable Object> values() {
    return Collections.unmodifiableList(values);
  }

  @Override
  public void serialize(JsonGenerator out, SerializationContext context) {
    out.writeStartObject();
    for (int i = 0; i < names.size(); i++) {
      out.writeName(names.get(i));
      Object value = values.get(i);
      if (value == null) {
        out.writeNull();
      } else {
        context.writeValue(out, value);
      }
    }
    out.writeEndObject();
  }

  @Override
  public void serializeWithType(
      JsonGenerator out, SerializationContext context, TypeSerializer typeSerializer) {
    serialize(out, context);
  }
}
