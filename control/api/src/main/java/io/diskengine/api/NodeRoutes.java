package io.diskengine.api;

import static io.javalin.http.HandlerType.GET;
import static io.javalin.http.HandlerType.PUT;

import io.diskengine.model.Inputs;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Schedulability;
import io.diskengine.store.ControllerStore;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Whether nodes get new work. */
final class NodeRoutes {
  private final ControllerStore store;

  NodeRoutes(ControllerStore store) {
    this.store = store;
  }

  List<Route> routes() {
    String path = "/v1/nodes/{name}/schedulability";
    return List.of(Route.of(GET, path, this::show), Route.of(PUT, path, this::change));
  }

  private Reply show(Request request) {
    return Reply.ok(Views.use(store.nodeUse(Inputs.nodeName(request.path("name")))));
  }

  private Reply change(Request request) {
    String name = Inputs.nodeName(request.path("name"));
    String rule =
        "must be one of "
            + Arrays.stream(Schedulability.values())
                .map(Enum::name)
                .collect(Collectors.joining(", "));
    String text = request.body("schedulability").text("schedulability", rule);
    Schedulability wanted =
        Arrays.stream(Schedulability.values())
            .filter(s -> s.name().equals(text))
            .findFirst()
            .orElseThrow(() -> new InvalidInput("schedulability", text, rule));
    return Reply.ok(Views.use(store.setSchedulability(name, wanted)));
  }
}
