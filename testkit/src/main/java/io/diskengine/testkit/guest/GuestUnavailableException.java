package io.diskengine.testkit.guest;

/**
 * This machine cannot run a guest; the message says what is missing and the command that mends it.
 */
public final class GuestUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  GuestUnavailableException(String message) {
    super(message);
  }

  GuestUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
