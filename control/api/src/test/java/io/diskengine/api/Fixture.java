package io.diskengine.api;

import io.diskengine.store.Database;
import io.diskengine.store.PostgresControllerStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A controller on a database of its own, agents that confirm rows, and an HTTP client that holds
 * every answer against the OpenAPI document.
 */
final class Fixture implements AutoCloseable {
  static final OpenApi CONTRACT = new OpenApi(ReadRoutes.document());

  final String databaseUrl = TestServer.newDatabase();
  final PostgresControllerStore store =
      new PostgresControllerStore(new Database(TestServer.controller(databaseUrl)));
  final Map<String, StandInAgent> agents = new LinkedHashMap<>();
  final Controller controller;
  private final HttpClient http = HttpClient.newHttpClient();

  /** An answer that matched the document. */
  record Answer(int status, JsonNode body, java.net.http.HttpHeaders headers) {
    String text(String member) {
      return body.path(member).asString("");
    }
  }

  Fixture(String... nodes) {
    this(null, nodes);
  }

  Fixture(@Nullable Path tokenFile, String... nodes) {
    for (String node : nodes) {
      agents.put(node, new StandInAgent(databaseUrl, node));
    }
    try {
      controller =
          Controller.start(
              new ControllerConfig("127.0.0.1", 0, tokenFile, TestServer.controller(databaseUrl)),
              store);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Answer get(String path) {
    return send("GET", path, null);
  }

  Answer post(String path, String json) {
    return send("POST", path, json);
  }

  Answer put(String path, String json) {
    return send("PUT", path, json);
  }

  Answer delete(String path) {
    return send("DELETE", path, null);
  }

  Answer send(String method, String path, @Nullable String json, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(controller.uri() + path))
            .method(
                method,
                json == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(json));
    if (json != null && headers.length == 0) {
      request.header("Content-Type", "application/json");
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    try {
      HttpResponse<String> response =
          http.send(request.build(), HttpResponse.BodyHandlers.ofString());
      JsonNode body =
          response.body().isEmpty()
              ? ApiJson.MAPPER.missingNode()
              : ApiJson.MAPPER.readTree(response.body());
      CONTRACT.check(method, path, response.statusCode(), body);
      return new Answer(response.statusCode(), body, response.headers());
    } catch (IOException e) {
      throw new UncheckedIOException(method + " " + path, e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Everything that a request could change. */
  String rows() {
    StringBuilder rows = new StringBuilder();
    for (String table :
        new String[] {
          "volume", "lvol", "volume_mapping", "vm_mapping", "lvol_grant", "event", "plan_request"
        }) {
      rows.append(
          TestServer.dump(
              databaseUrl, "SELECT t::text FROM diskengine." + table + " t ORDER BY id"));
    }
    return rows.toString();
  }

  @Override
  public void close() {
    controller.close();
    agents.values().forEach(StandInAgent::close);
    store.close();
    http.close();
  }
}
