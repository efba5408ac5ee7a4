package io.diskengine.api;

import io.diskengine.model.Inputs;
import io.diskengine.model.InvalidInput;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** One HTTP request, read strictly. */
final class Request {
  static final int MAX_BODY_BYTES = 64 * 1024;
  static final int MAX_WAIT_SEC = 60;

  private final Context context;

  /**
   * @param parameters the query parameters that the route knows; any other is refused
   */
  Request(Context context, List<String> parameters) {
    this.context = context;
    for (String name : context.queryParamMap().keySet()) {
      if (!parameters.contains(name)) {
        throw ApiException.of(
            ErrorCode.UNKNOWN_PARAMETER,
            "query parameter",
            name,
            "is not known here: use " + names(parameters));
      }
      if (context.queryParams(name).size() > 1) {
        throw new InvalidInput(name, String.join(",", context.queryParams(name)), "give it once");
      }
    }
  }

  private static String names(List<String> parameters) {
    return parameters.isEmpty() ? "none" : String.join(", ", parameters);
  }

  String path(String name) {
    return context.pathParam(name);
  }

  String volumeName() {
    return Inputs.volumeName(path("name"));
  }

  @Nullable String parameter(String name) {
    return context.queryParam(name);
  }

  /** A whole number in a range; {@code absent} when the parameter is not given. */
  long number(String name, long absent, long min, long max) {
    String text = parameter(name);
    if (text == null) {
      return absent;
    }
    if (text.matches("[0-9]{1,19}")) {
      try {
        long value = Long.parseLong(text);
        if (value >= min && value <= max) {
          return value;
        }
      } catch (NumberFormatException e) {
        // told below
      }
    }
    throw new InvalidInput(
        name,
        text,
        "must be a whole number from " + min + " to " + (max == Long.MAX_VALUE ? "2^63-1" : max));
  }

  /** {@code true} or {@code false}; false when not given. */
  boolean flag(String name) {
    String text = parameter(name);
    if (text != null && !text.equals("true") && !text.equals("false")) {
      throw new InvalidInput(name, text, "must be true or false");
    }
    return "true".equals(text);
  }

  /** How long the caller is ready to wait; zero when not given. */
  Duration maxWait() {
    return Duration.ofSeconds(number("wait", 0, 0, MAX_WAIT_SEC));
  }

  /** The body's JSON object with no members but {@code known}. */
  Members body(String... known) {
    String type = context.contentType();
    if (type == null
        || !type.toLowerCase(Locale.ROOT).split(";", 2)[0].strip().equals("application/json")) {
      throw ApiException.of(
          ErrorCode.WRONG_MEDIA_TYPE,
          "Content-Type",
          type == null ? "" : type,
          "must be application/json");
    }
    try {
      byte[] body = context.req().getInputStream().readNBytes(MAX_BODY_BYTES + 1);
      if (body.length > MAX_BODY_BYTES) {
        throw new ApiException(
            ErrorCode.BODY_TOO_LARGE, "the body is longer than " + MAX_BODY_BYTES + " bytes");
      }
      return Members.of(body, known);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
