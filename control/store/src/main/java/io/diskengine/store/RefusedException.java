package io.diskengine.store;

/** The present state forbids the request; nothing was changed. */
public final class RefusedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Closed catalogue of public codes; the API maps them to HTTP statuses. */
  public enum Code {
    NOT_FOUND,
    ALREADY_EXISTS,
    NO_PLACE,
    WRONG_STATE,
    /** As its agent last saw it; see {@link ControllerStore#askForGuest}. */
    GUEST_CONNECTED,
    ATTACHED_ELSEWHERE
  }

  private final Code code;

  public RefusedException(Code code, String message) {
    super(message);
    this.code = code;
  }

  public Code code() {
    return code;
  }
}
