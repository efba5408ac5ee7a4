package io.diskengine.api;

/** A request that is answered with an error; nothing was changed unless the code says otherwise. */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  public ApiException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  public ErrorCode code() {
    return code;
  }

  /** One clear line: value, rule, what to do. */
  public String text() {
    return String.valueOf(getMessage());
  }
}
