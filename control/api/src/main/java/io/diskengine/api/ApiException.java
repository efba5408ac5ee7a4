package io.diskengine.api;

import io.diskengine.model.InvalidInput;

/** A request that is answered with an error; nothing was changed unless the code says otherwise. */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  public ApiException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  /** The message is one line: the field, the value (cut and cleaned), the rule. */
  static ApiException of(ErrorCode code, String field, String value, String rule) {
    return new ApiException(
        code, String.valueOf(new InvalidInput(field, value, rule).getMessage()));
  }

  public ErrorCode code() {
    return code;
  }

  /** One clear line: value, rule, what to do. */
  public String text() {
    return String.valueOf(getMessage());
  }
}
