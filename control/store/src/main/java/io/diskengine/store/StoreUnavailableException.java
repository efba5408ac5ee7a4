package io.diskengine.store;

/**
 * PostgreSQL could not be asked, or did not say whether a commit happened. Not a refusal: nothing
 * may be concluded, nothing is to be remembered in memory, ask again later (law 13).
 */
public final class StoreUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StoreUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
