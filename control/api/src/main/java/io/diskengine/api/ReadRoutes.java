package io.diskengine.api;

import static io.javalin.http.HandlerType.GET;

import io.diskengine.model.Inputs;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.store.ControllerStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/** Everything that can only be looked at. */
final class ReadRoutes {
  static final int MAX_EVENTS = 1_000;
  private static final int DEFAULT_EVENTS = 100;
  private static final int MAX_NAME_CHARS = 256;
  private static final String OPENAPI = "openapi.json";

  private final ControllerStore store;
  private final Watch watch;
  private final JsonNode openapi = document();

  ReadRoutes(ControllerStore store, Watch watch) {
    this.store = store;
    this.watch = watch;
  }

  /** The contract: every operation, every schema. */
  static JsonNode document() {
    try (InputStream in = ReadRoutes.class.getResourceAsStream(OPENAPI)) {
      if (in == null) {
        throw new IllegalStateException(OPENAPI + " is not in the jar");
      }
      return ApiJson.MAPPER.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<Route> routes() {
    return List.of(
        Route.of(GET, "/v1/nodes", this::nodes),
        Route.of(GET, "/v1/disks", this::disks),
        Route.of(GET, "/v1/events", this::events, "before", "limit"),
        Route.of(GET, "/v1/why/{kind}/{id}", this::why),
        Route.of(GET, "/v1/plan", this::plan, "node", "wait"),
        Route.open(GET, "/v1/health", this::health),
        Route.open(GET, "/v1/openapi.json", request -> Reply.ok(openapi)));
  }

  private Reply nodes(Request request) {
    return Reply.ok(new Api.Nodes(store.nodes().stream().map(Views::node).toList()));
  }

  private Reply disks(Request request) {
    Map<Long, String> names =
        store.nodes().stream().collect(Collectors.toMap(Node::id, Node::name));
    return Reply.ok(new Api.Disks(store.disks().stream().map(d -> Views.disk(d, names)).toList()));
  }

  private Reply events(Request request) {
    long before = request.number("before", 0, 1, Long.MAX_VALUE);
    int limit = (int) request.number("limit", DEFAULT_EVENTS, 1, MAX_EVENTS);
    return Reply.ok(
        new Api.Events(store.events(before, limit).stream().map(Views::event).toList()));
  }

  private Reply why(Request request) {
    ObjectKind kind = kind(request.path("kind"));
    String id = request.path("id");
    if (id.length() > MAX_NAME_CHARS) {
      throw new InvalidInput("id", id, "must be a name or a number");
    }
    Why why = new Why(store.volumes(), store.nodes(), store.disks(), store.reasons());
    ObjectRef object =
        why.find(kind, id)
            .orElseThrow(() ->
                ApiException.of(
                    ErrorCode.NOT_FOUND, "object", kind.text() + "/" + id, "is not there"));
    return Reply.ok(why.explain(object));
  }

  private static ObjectKind kind(String text) {
    return Arrays.stream(ObjectKind.values())
        .filter(k -> k.text().equals(text))
        .findFirst()
        .orElseThrow(() ->
            new InvalidInput(
                "kind",
                text,
                "must be one of "
                    + Arrays.stream(ObjectKind.values())
                        .map(ObjectKind::text)
                        .collect(Collectors.joining(", "))));
  }

  /** With {@code wait}, every agent is asked to plan now; those that answer in time are live. */
  private Reply plan(Request request) {
    String only = request.parameter("node");
    if (only != null) {
      Inputs.nodeName(only);
    }
    Duration maxWait = request.maxWait();
    List<Node> nodes =
        store.nodes().stream().filter(n -> only == null || n.name().equals(only)).toList();
    if (only != null && nodes.isEmpty()) {
      throw new ApiException(ErrorCode.NOT_FOUND, "there is no node " + only);
    }
    Map<String, Long> asked = new HashMap<>();
    if (!maxWait.isZero()) {
      for (Node node : nodes) {
        if (node.leaseValid()) {
          asked.put(node.name(), store.requestPlan(node.name()));
        }
      }
    }
    long endNs = System.nanoTime() + maxWait.toNanos();
    List<Api.NodePlan> plans = new ArrayList<>();
    for (Node node : nodes) {
      Long id = asked.get(node.name());
      String answer =
          id == null
              ? null
              : watch.awaitPlan(
                  id, Duration.ofNanos(Math.max(1_000_000, endNs - System.nanoTime())));
      plans.add(
          new Api.NodePlan(
              node.name(),
              answer != null,
              answer != null ? answer : store.lastPlan(node.name()).orElse(null)));
    }
    return Reply.ok(new Api.Plans(plans));
  }

  private Reply health(Request request) {
    store.cluster();
    return Reply.ok(new Api.Health("UP"));
  }
}
