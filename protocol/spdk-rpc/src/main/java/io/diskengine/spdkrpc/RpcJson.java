package io.diskengine.spdkrpc;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.lang.reflect.Constructor;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.MapperConfig;
import tools.jackson.databind.deser.std.StdDeserializer;
import tools.jackson.databind.introspect.AnnotatedMember;
import tools.jackson.databind.introspect.AnnotatedParameter;
import tools.jackson.databind.introspect.JacksonAnnotationIntrospector;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.module.SimpleModule;

/**
 * The mapping between SPDK's JSON and records: {@code snake_case} members in the order of the
 * record's components, absent instead of null, unknown members ignored when reading (replies grow
 * from release to release).
 *
 * <p>SPDK prints some negative numbers as unsigned 64 bit (a temperature of -273 is
 * 18446744073709551343): a {@code long} component takes the same 64 bits, so that -273 comes out.
 */
public final class RpcJson {
  public static final JsonMapper MAPPER = mapper();

  /** Reads one value out of the middle of a text. */
  static final ObjectReader PART =
      MAPPER.reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final BigInteger UINT64_LIMIT = BigInteger.ONE.shiftLeft(64);

  private RpcJson() {}

  private static JsonMapper mapper() {
    var factory =
        JsonFactory.builder()
            .streamReadConstraints(
                StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
            .disable(JsonWriteFeature.ESCAPE_FORWARD_SLASHES)
            .build();
    return JsonMapper.builder(factory)
        .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
        .changeDefaultPropertyInclusion(
            inclusion -> inclusion.withValueInclusion(JsonInclude.Include.NON_NULL))
        .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .annotationIntrospector(new NullMarkedComponents())
        .addModule(
            new SimpleModule("uint64")
                .addDeserializer(long.class, new Uint64(long.class))
                .addDeserializer(Long.class, new Uint64(Long.class)))
        .build();
  }

  /** A record component is required unless its type is {@link Nullable}. */
  private static final class NullMarkedComponents extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1L;

    @Override
    public @Nullable Boolean hasRequiredMarker(MapperConfig<?> config, AnnotatedMember member) {
      if (member instanceof AnnotatedParameter parameter
          && parameter.getOwner().getAnnotated() instanceof Constructor<?> constructor
          && constructor.getDeclaringClass().isRecord()) {
        return !constructor.getAnnotatedParameterTypes()[parameter.getIndex()].isAnnotationPresent(
            Nullable.class);
      }
      return super.hasRequiredMarker(config, member);
    }
  }

  private static final class Uint64 extends StdDeserializer<Long> {
    Uint64(Class<?> type) {
      super(type);
    }

    @Override
    public Long deserialize(JsonParser parser, DeserializationContext context) {
      if (parser.currentToken().isNumeric()
          && parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
        BigInteger value = parser.getBigIntegerValue();
        if (value.signum() >= 0 && value.compareTo(UINT64_LIMIT) < 0) {
          return value.longValue();
        }
      }
      return parser.getLongValue();
    }
  }
}
