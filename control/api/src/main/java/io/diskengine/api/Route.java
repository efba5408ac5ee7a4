package io.diskengine.api;

import io.javalin.http.HandlerType;
import java.util.List;

/**
 * One operation of the API.
 *
 * @param parameters the query parameters it knows
 * @param open answered without a token
 */
record Route(
    HandlerType method, String path, List<String> parameters, boolean open, Action action) {
  /** Answers a request; exceptions become error replies in one place. */
  interface Action {
    Reply answer(Request request);
  }

  static Route of(HandlerType method, String path, Action action, String... parameters) {
    return new Route(method, path, List.of(parameters), false, action);
  }

  static Route open(HandlerType method, String path, Action action) {
    return new Route(method, path, List.of(), true, action);
  }
}
