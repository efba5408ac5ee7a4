package io.diskengine.api;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** A client of the controller's API. */
public final class ApiClient implements AutoCloseable {
  public static final URI DEFAULT_URI =
      URI.create("http://" + ControllerConfig.DEFAULT_HOST + ":" + ControllerConfig.DEFAULT_PORT);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);

  /** The longest wait that a request may ask for, and then some. */
  private static final Duration REPLY_TIMEOUT = Duration.ofSeconds(Request.MAX_WAIT_SEC + 30L);

  private final URI base;
  private final @Nullable String token;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_TIMEOUT)
          .build();

  /**
   * A 2xx answer.
   *
   * @param json missing for 204
   */
  public record Answer(int status, JsonNode json) {
    /** 202: accepted, not done yet. */
    public boolean pending() {
      return status == 202;
    }

    public <T> T as(Class<T> type) {
      return ApiJson.MAPPER.treeToValue(json, type);
    }
  }

  /** The controller answered with an error. */
  public static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int status;
    private final String code;

    RefusedException(int status, String code, String message) {
      super(message);
      this.status = status;
      this.code = code;
    }

    public int status() {
      return status;
    }

    /** An {@link ErrorCode}, or a newer controller's code that this client does not know. */
    public String code() {
      return code;
    }
  }

  /** No controller answered; what was sent may have been done. */
  public static final class UnreachableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UnreachableException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * @param base {@code http://host:port}
   * @throws IllegalArgumentException when it is not such a URI
   */
  public ApiClient(URI base, @Nullable String token) {
    String scheme = base.getScheme();
    boolean rooted = base.getRawPath() == null || base.getRawPath().matches("/?");
    if (!("http".equals(scheme) || "https".equals(scheme)) || base.getHost() == null || !rooted) {
      throw new IllegalArgumentException(
          "API address \"" + base + "\": must be http://HOST:PORT, e.g. " + DEFAULT_URI);
    }
    this.base = base;
    this.token = token;
  }

  /** A name as part of a path. */
  public static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }

  public Answer get(String path) {
    return send("GET", path, null);
  }

  public Answer delete(String path) {
    return send("DELETE", path, null);
  }

  public Answer post(String path, Object body) {
    return send("POST", path, body);
  }

  public Answer put(String path, Object body) {
    return send("PUT", path, body);
  }

  private Answer send(String method, String path, @Nullable Object body) {
    BodyPublisher publisher =
        body == null
            ? BodyPublishers.noBody()
            : BodyPublishers.ofByteArray(ApiJson.MAPPER.writeValueAsBytes(body));
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(path)).timeout(REPLY_TIMEOUT).method(method, publisher);
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    HttpResponse<byte[]> response;
    try {
      response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    } catch (ConnectException | HttpConnectTimeoutException e) {
      throw new UnreachableException(
          "no API at " + base + ": is `diskengine up` running? (else give --api)", e);
    } catch (IOException e) {
      throw new UnreachableException(
          "the API at " + base + " did not answer (" + e.getMessage() + "): ask what became of it",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UnreachableException("interrupted", e);
    }
    return answer(response);
  }

  private Answer answer(HttpResponse<byte[]> response) {
    JsonNode json;
    try {
      json = ApiJson.MAPPER.readTree(response.body());
    } catch (JacksonException e) {
      throw notOurs(response, e);
    }
    if (response.statusCode() / 100 == 2) {
      return new Answer(response.statusCode(), json);
    }
    if (!json.path("code").isString() || !json.path("message").isString()) {
      throw notOurs(response, null);
    }
    throw new RefusedException(
        response.statusCode(), json.get("code").stringValue(), json.get("message").stringValue());
  }

  private RefusedException notOurs(HttpResponse<byte[]> response, @Nullable Exception cause) {
    var refused =
        new RefusedException(
            500,
            ErrorCode.INTERNAL.name(),
            base + " answers HTTP " + response.statusCode() + ", not as diskengine's API does");
    refused.initCause(cause);
    return refused;
  }

  @Override
  public void close() {
    http.close();
  }
}
