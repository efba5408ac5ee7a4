package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/** Holds answers against the document: the keywords that it uses, no more. */
final class OpenApi {
  private final JsonNode document;

  OpenApi(JsonNode document) {
    this.document = document;
  }

  JsonNode document() {
    return document;
  }

  /** {@code GET /v1/volumes} and so on. */
  Set<String> operations() {
    Set<String> operations = new TreeSet<>();
    document
        .get("paths")
        .properties()
        .forEach(path ->
            path.getValue()
                .propertyNames()
                .forEach(method -> operations.add(method.toUpperCase() + " " + path.getKey())));
    return operations;
  }

  JsonNode operation(String method, String template) {
    return document.at("/paths").path(template).path(method.toLowerCase());
  }

  /** A request that no operation is for must be answered with a Problem. */
  void check(String method, String pathAndQuery, int status, JsonNode body) {
    String path = pathAndQuery.split("\\?", 2)[0];
    for (var entry : document.get("paths").properties()) {
      String regex = entry.getKey().replace(".", "\\.").replaceAll("\\{[a-z]+}", "[^/]+");
      JsonNode operation = entry.getValue().path(method.toLowerCase());
      if (path.matches(regex) && !operation.isMissingNode()) {
        JsonNode response = operation.path("responses").path(Integer.toString(status));
        assertThat(response.isMissingNode())
            .as("%s %s answers %d, which is not documented: %s", method, path, status, body)
            .isFalse();
        JsonNode schema = resolve(response).at("/content/application~1json/schema");
        assertThat(body.isMissingNode()).as("body").isEqualTo(schema.isMissingNode());
        if (!schema.isMissingNode()) {
          assertThat(problems("$", schema, body)).as("%s %s", method, path).isEmpty();
        }
        return;
      }
    }
    assertThat(problems("$", document.at("/components/schemas/Problem"), body)).isEmpty();
  }

  private JsonNode resolve(JsonNode node) {
    JsonNode ref = node.get("$ref");
    return ref == null ? node : document.at(ref.stringValue().substring(1));
  }

  List<String> problems(String at, JsonNode schemaOrRef, JsonNode value) {
    JsonNode schema = resolve(schemaOrRef);
    List<String> problems = new ArrayList<>();
    String type = schema.path("type").asString("");
    boolean fits =
        switch (type) {
          case "object" -> value.isObject();
          case "array" -> value.isArray();
          case "string" -> value.isString();
          case "integer" -> value.isIntegralNumber();
          case "boolean" -> value.isBoolean();
          default -> throw new IllegalArgumentException(at + ": type " + type);
        };
    if (!fits) {
      return List.of(at + " is not " + type + ": " + value);
    }
    if (schema.has("enum") && schema.get("enum").valueStream().noneMatch(e -> e.equals(value))) {
      problems.add(at + ": " + value + " is not in the enum");
    }
    if (schema.has("pattern")
        && !value.stringValue().matches(schema.get("pattern").stringValue())) {
      problems.add(at + ": " + value + " does not match the pattern");
    }
    if (type.equals("array")) {
      for (int i = 0; i < value.size(); i++) {
        problems.addAll(problems(at + "[" + i + "]", schema.get("items"), value.get(i)));
      }
    }
    if (type.equals("object") && schema.has("properties")) {
      for (JsonNode name : schema.path("required").values()) {
        if (!value.has(name.stringValue())) {
          problems.add(at + "." + name.stringValue() + " is missing");
        }
      }
      for (var member : value.properties()) {
        JsonNode property = schema.get("properties").get(member.getKey());
        if (property == null) {
          problems.add(at + "." + member.getKey() + " is not documented");
        } else {
          problems.addAll(problems(at + "." + member.getKey(), property, member.getValue()));
        }
      }
    }
    return problems;
  }
}
