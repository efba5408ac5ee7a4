package io.diskengine.spdkrpc;

/**
 * The bytes are no JSON, or exceed a bound. The connection they came from can not be used further.
 */
public final class MalformedJsonException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public MalformedJsonException(String message) {
    super(message);
  }
}
