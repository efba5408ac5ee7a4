package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** The document is the contract: routes, parameters, records and codes are what it says. */
final class OpenApiTest {
  private static final OpenApi CONTRACT = Fixture.CONTRACT;

  @Test
  void documentAndRoutesNameTheSameOperationsAndParameters() {
    try (Fixture fixture = new Fixture()) {
      Set<String> routes = new TreeSet<>();
      for (Route route : fixture.controller.routes()) {
        routes.add(route.method().name() + " " + route.path());
        JsonNode operation = CONTRACT.operation(route.method().name(), route.path());
        List<String> query =
            operation
                .path("parameters")
                .valueStream()
                .filter(p -> p.get("in").stringValue().equals("query"))
                .map(p -> p.get("name").stringValue())
                .toList();
        assertThat(query).as(route.path()).containsExactlyInAnyOrderElementsOf(route.parameters());
        assertThat(operation.has("security")).as("open " + route.path()).isEqualTo(route.open());
      }
      assertThat(CONTRACT.operations()).isEqualTo(routes);
      assertThat(fixture.get("/v1/openapi.json").body()).isEqualTo(CONTRACT.document());
    }
  }

  @Test
  void documentAndRecordsHaveTheSameMembers() {
    JsonNode schemas = CONTRACT.document().at("/components/schemas");
    Set<String> records = new TreeSet<>();
    for (Class<?> type : Api.class.getDeclaredClasses()) {
      records.add(type.getSimpleName());
      JsonNode schema = schemas.path(type.getSimpleName());
      assertThat(names(schema.path("properties").propertyNames()))
          .as(type.getSimpleName())
          .isEqualTo(
              names(
                  Arrays.stream(type.getRecordComponents())
                      .map(RecordComponent::getName)
                      .toList()));
      assertThat(names(schema.path("required").valueStream().map(JsonNode::stringValue).toList()))
          .as(type.getSimpleName())
          .isEqualTo(
              names(
                  Arrays.stream(type.getRecordComponents())
                      .filter(c -> !c.getAnnotatedType().isAnnotationPresent(Nullable.class))
                      .map(RecordComponent::getName)
                      .toList()));
      for (RecordComponent c : type.getRecordComponents()) {
        JsonNode property = schema.at("/properties/" + c.getName());
        assertThat(property.path("type").asString(property.has("$ref") ? "object" : ""))
            .as(type.getSimpleName() + "." + c.getName())
            .isEqualTo(jsonType(c.getType()));
      }
    }
    assertThat(names(schemas.propertyNames())).isEqualTo(records);
  }

  private static Set<String> names(java.util.Collection<String> names) {
    return new TreeSet<>(names);
  }

  private static String jsonType(Class<?> type) {
    if (type == List.class) {
      return "array";
    }
    if (type == long.class || type == int.class || type == Integer.class || type == Long.class) {
      return "integer";
    }
    if (type == boolean.class || type == Boolean.class) {
      return "boolean";
    }
    return type.isRecord() ? "object" : "string";
  }

  @Test
  void documentListsEveryCode() {
    JsonNode codes = CONTRACT.document().at("/components/schemas/Problem/properties/code/enum");
    assertThat(codes.valueStream().map(JsonNode::stringValue))
        .containsExactlyElementsOf(
            Arrays.stream(ErrorCode.values()).map(Enum::name).collect(Collectors.toList()));
  }

  @Test
  void enumsOfTheDocumentAreTheModels() {
    assertEnum("Replica", "state", io.diskengine.model.LvolState.values(), "DELETED");
    assertEnum("Replica", "sync", io.diskengine.model.LvolSync.values());
    assertEnum("Replica", "kept", io.diskengine.model.Kept.values());
    assertEnum("NodeUse", "schedulability", io.diskengine.model.Schedulability.values());
    assertEnum("Volume", "state", io.diskengine.model.VolumeState.values(), "DELETED");
    assertEnum("Attachment", "state", Views.AttachmentState.values(), "NONE");
    assertEnum("Node", "dataPlane", io.diskengine.model.DataPlaneState.values());
    assertEnum("Node", "schedulability", io.diskengine.model.Schedulability.values());
    assertEnum("Disk", "state", io.diskengine.model.DiskState.values());
    assertEnum("Event", "severity", io.diskengine.model.Event.Severity.values());
    assertThat(enumOf("ObjectId", "kind"))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(io.diskengine.model.ObjectKind.values()).map(k -> k.text()).toList());
  }

  private static List<String> enumOf(String schema, String property) {
    return CONTRACT
        .document()
        .at("/components/schemas/" + schema + "/properties/" + property + "/enum")
        .valueStream()
        .map(JsonNode::stringValue)
        .toList();
  }

  private static void assertEnum(
      String schema, String property, Enum<?>[] values, String... never) {
    assertThat(enumOf(schema, property))
        .as((schema + "." + property).toLowerCase(Locale.ROOT))
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(values)
                .map(Enum::name)
                .filter(v -> !List.of(never).contains(v))
                .toList());
  }
}
