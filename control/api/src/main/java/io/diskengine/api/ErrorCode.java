package io.diskengine.api;

/**
 * The closed catalogue of public error codes. A code never changes its meaning; messages may.
 * {@code openapi.json} lists the same names.
 */
public enum ErrorCode {
  /** The body is not one JSON object. */
  BAD_JSON(400),
  UNKNOWN_MEMBER(400),
  MISSING_MEMBER(400),
  /** A member has another JSON type than the document says. */
  WRONG_TYPE(400),
  UNKNOWN_PARAMETER(400),
  /** The request is not HTTP as this API speaks it. */
  BAD_REQUEST(400),
  UNAUTHORIZED(401),
  /** The object that the request names is not there. */
  NOT_FOUND(404),
  NO_SUCH_ROUTE(404),
  METHOD_NOT_ALLOWED(405),
  /** An object of this name is there with other content. */
  ALREADY_EXISTS(409),
  ATTACHED_ELSEWHERE(409),
  /** The present state forbids the request; it may be possible later. */
  WRONG_STATE(409),
  /** No set of disks can take the replicas. */
  NO_PLACE(409),
  BODY_TOO_LARGE(413),
  WRONG_MEDIA_TYPE(415),
  /** A value breaks its rule. */
  INVALID_VALUE(422),
  TOO_MANY_REQUESTS(429),
  INTERNAL(500),
  /** PostgreSQL cannot be asked: nothing is known, the request may be repeated. */
  DATABASE_UNAVAILABLE(503);

  private final int status;

  ErrorCode(int status) {
    this.status = status;
  }

  /** The HTTP status that goes with the code. */
  public int status() {
    return status;
  }
}
