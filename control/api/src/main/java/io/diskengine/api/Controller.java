package io.diskengine.api;

import io.diskengine.model.InvalidInput;
import io.diskengine.store.ControllerStore;
import io.diskengine.store.Database;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.RefusedException;
import io.diskengine.store.StoreUnavailableException;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.router.Endpoint;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.LowResourceMonitor;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The controller: the REST API over the store. It talks to no data plane; agents do what it stores.
 *
 * <p>Its state is in PostgreSQL: any number may run, none need be restarted after PostgreSQL was.
 */
public final class Controller implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Controller.class);
  private static final int MAX_REQUESTS_AT_ONCE = 1_024;

  /**
   * Connections that the kernel holds until they are accepted. With Java's default of 50 it drops
   * those beyond: their clients try again after 1, 3 and 7 s, and some are reset.
   */
  private static final int ACCEPT_BACKLOG = MAX_REQUESTS_AT_ONCE;

  /** What is being answered when the controller stops gets this long. */
  private static final int STOP_LIMIT_MS = 5_000;

  private static final String RETRY_AFTER_SEC = "2";

  private final ControllerStore store;
  private final Watch watch;
  private final Scheduler scheduler;
  private final @Nullable Tokens tokens;
  private final Semaphore slots = new Semaphore(MAX_REQUESTS_AT_ONCE);
  private final List<Route> routes = new ArrayList<>();
  private final Javalin server;
  private final String host;
  private final int port;
  private final @Nullable AutoCloseable owned;

  private Controller(ControllerConfig config, ControllerStore store, @Nullable AutoCloseable owned)
      throws IOException {
    this.store = store;
    this.owned = owned;
    host = config.host();
    port = config.port();
    tokens = config.tokenFile() == null ? null : Tokens.of(config.tokenFile());
    scheduler = new Scheduler(store);
    watch = new Watch(store, scheduler::wake);
    routes.addAll(new VolumeRoutes(this.store, watch).routes());
    routes.addAll(new NodeRoutes(this.store).routes());
    routes.addAll(new ReadRoutes(this.store, watch).routes());
    server = Javalin.create(this::configure);
  }

  /**
   * Listens when it returns. PostgreSQL may be down: requests are then answered with 503.
   *
   * @throws IllegalArgumentException when the token file or the server's settings are not safe
   * @throws IOException when the token file cannot be read
   * @throws IllegalStateException when the address is in use
   */
  public static Controller start(ControllerConfig config) throws IOException {
    PostgresControllerStore store = new PostgresControllerStore(new Database(config.database()));
    try {
      checkServer(store.database());
      return listening(new Controller(config, store, store), config);
    } catch (IOException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  /** With a store that the caller closes. */
  static Controller start(ControllerConfig config, ControllerStore store) throws IOException {
    return listening(new Controller(config, store, null), config);
  }

  private static void checkServer(Database database) {
    try {
      List<String> problems = database.serverProblems();
      if (!problems.isEmpty()) {
        throw new IllegalArgumentException(
            "PostgreSQL is not safe: " + String.join("; ", problems));
      }
    } catch (StoreUnavailableException e) {
      LOG.atWarn().log("PostgreSQL is not there yet: {}", e.getMessage());
    }
  }

  private static Controller listening(Controller controller, ControllerConfig config) {
    try {
      controller.server.start();
    } catch (RuntimeException e) {
      controller.watch.close();
      controller.scheduler.close();
      throw new IllegalStateException(
          "the API cannot listen on " + config.host() + ":" + config.port() + ": " + e.getMessage(),
          e);
    }
    LOG.atInfo().addKeyValue("uri", controller.uri()).log("API listens");
    return controller;
  }

  /** Where the API is, e.g. {@code http://127.0.0.1:7600}. */
  public URI uri() {
    String name = host.contains(":") ? "[" + host + "]" : host;
    return URI.create("http://" + name + ":" + server.port());
  }

  List<Route> routes() {
    return List.copyOf(routes);
  }

  @Override
  public void close() {
    watch.close(); // first, so that nobody who waits delays the stop
    scheduler.close();
    server.stop();
    if (owned != null) {
      try {
        owned.close();
      } catch (Exception e) {
        LOG.atWarn().log("closing the store: {}", e.getMessage());
      }
    }
  }

  private void configure(JavalinConfig config) {
    config.startup.showJavalinBanner = false;
    config.startup.showOldJavalinVersionWarning = false;
    config.startup.startupWatcherEnabled = false;
    config.concurrency.useVirtualThreads = true;
    config.http.prefer405over404 = true;
    config.jetty.modifyServer(s -> {
      s.setErrorHandler(Controller::answerMalformed);
      s.getBeans(LowResourceMonitor.class).forEach(s::removeBean); // wakes up for no check
      s.insertHandler(new GracefulHandler());
      s.setStopTimeout(STOP_LIMIT_MS);
    });
    config.jetty.addConnector(this::connector);
    for (Route route : routes) {
      config.routes.addEndpoint(
          new Endpoint(route.method(), route.path(), context -> handle(route, context)));
    }
    config.routes.exception(HttpResponseException.class, Controller::answerUnrouted);
  }

  private ServerConnector connector(Server jetty, HttpConfiguration http) {
    ServerConnector connector = new ServerConnector(jetty, new HttpConnectionFactory(http));
    connector.setHost(host);
    connector.setPort(port);
    connector.setAcceptQueueSize(ACCEPT_BACKLOG);
    return connector;
  }

  private void handle(Route route, Context context) {
    if (!slots.tryAcquire()) {
      problem(context, ErrorCode.TOO_MANY_REQUESTS, "too many requests at once: try again later");
      return;
    }
    try {
      if (tokens != null && !route.open() && !tokens.accept(context.header("Authorization"))) {
        context.header("WWW-Authenticate", "Bearer");
        throw new ApiException(
            ErrorCode.UNAUTHORIZED,
            "a token of the controller's token file is needed: Authorization: Bearer TOKEN");
      }
      Reply reply = route.action().answer(new Request(context, route.parameters()));
      write(context, reply.status(), reply.body());
    } catch (RuntimeException e) {
      answerFailure(context, e);
    } finally {
      slots.release();
    }
  }

  private static void answerFailure(Context context, RuntimeException failure) {
    switch (failure) {
      case ApiException e -> problem(context, e.code(), e.text());
      case InvalidInput e -> problem(context, ErrorCode.INVALID_VALUE, e.getMessage());
      case RefusedException e -> problem(context, code(e.code()), e.getMessage());
      case StoreUnavailableException e -> {
        LOG.atWarn().addKeyValue("path", context.path()).log("{}", e.getMessage());
        problem(
            context,
            ErrorCode.DATABASE_UNAVAILABLE,
            "PostgreSQL cannot be asked now: repeat the request in "
                + RETRY_AFTER_SEC
                + " s; volumes that are attached go on working");
      }
      default -> {
        LOG.atError()
            .addKeyValue("method", context.method())
            .addKeyValue("path", context.path())
            .setCause(failure)
            .log("request failed");
        problem(context, ErrorCode.INTERNAL, "this is a bug; the controller's log says more");
      }
    }
  }

  private static ErrorCode code(RefusedException.Code code) {
    return switch (code) {
      case NOT_FOUND -> ErrorCode.NOT_FOUND;
      case ALREADY_EXISTS -> ErrorCode.ALREADY_EXISTS;
      case NO_PLACE -> ErrorCode.NO_PLACE;
      case WRONG_STATE, GUEST_CONNECTED -> ErrorCode.WRONG_STATE;
      case ATTACHED_ELSEWHERE -> ErrorCode.ATTACHED_ELSEWHERE;
    };
  }

  /** What Javalin refuses before any route. */
  private static void answerUnrouted(HttpResponseException e, Context context) {
    switch (e.getStatus()) {
      case 404 ->
          problem(
              context,
              ErrorCode.NO_SUCH_ROUTE,
              new InvalidInput(
                      "path", context.path(), "is not part of the API: see /v1/openapi.json")
                  .getMessage());
      case 405 ->
          problem(
              context,
              ErrorCode.METHOD_NOT_ALLOWED,
              context.method() + " is not possible here: see /v1/openapi.json");
      default -> problem(context, ErrorCode.BAD_REQUEST, "this is not a request of the API");
    }
  }

  /** What Jetty refuses before Javalin: malformed HTTP, forbidden characters in the path. */
  private static boolean answerMalformed(
      org.eclipse.jetty.server.Request request,
      org.eclipse.jetty.server.Response response,
      Callback callback) {
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
    byte[] body =
        ApiJson.MAPPER.writeValueAsBytes(
            new Api.Problem(
                ErrorCode.BAD_REQUEST.name(),
                "this is not a request of the API: check path and headers"));
    Content.Sink.write(response, true, new String(body, StandardCharsets.UTF_8), callback);
    return true;
  }

  private static void problem(Context context, ErrorCode code, @Nullable String message) {
    if (code.status() == 503 || code.status() == 429) {
      context.header("Retry-After", RETRY_AFTER_SEC);
    }
    write(context, code.status(), new Api.Problem(code.name(), String.valueOf(message)));
  }

  private static void write(Context context, int status, @Nullable Object body) {
    context.status(status);
    if (body != null) {
      context.contentType("application/json").result(ApiJson.MAPPER.writeValueAsBytes(body));
    }
  }
}
