package io.diskengine.spdkrpc;

import java.util.Optional;

/**
 * The codes that SPDK puts into errors, from three families: JSON-RPC's own, negative errno, and -1
 * for "wrong state", which is also {@code -EPERM}. The text of an errno is what {@code
 * spdk_strerror} answers.
 *
 * <p>For messages and logs. A duplicate is -17, -32602 or -32603 depending on the method, so nobody
 * may conclude from a code alone what the data plane's state is.
 */
public enum SpdkError {
  PARSE_ERROR(-32700, "Parse error"),
  INVALID_REQUEST(-32600, "Invalid request"),
  METHOD_NOT_FOUND(-32601, "Method not found"),
  INVALID_PARAMS(-32602, "Invalid parameters"),
  INTERNAL_ERROR(-32603, "Internal error"),
  EPERM(-1, "Operation not permitted"),
  ENOENT(-2, "No such file or directory"),
  EIO(-5, "Input/output error"),
  ENXIO(-6, "No such device or address"),
  EAGAIN(-11, "Resource temporarily unavailable"),
  ENOMEM(-12, "Cannot allocate memory"),
  EACCES(-13, "Permission denied"),
  EBUSY(-16, "Device or resource busy"),
  EEXIST(-17, "File exists"),
  ENODEV(-19, "No such device"),
  EINVAL(-22, "Invalid argument"),
  ENOSPC(-28, "No space left on device"),
  EROFS(-30, "Read-only file system"),
  ERANGE(-34, "Numerical result out of range"),
  ENAMETOOLONG(-36, "File name too long"),
  EILSEQ(-84, "Invalid or incomplete multibyte or wide character"),
  EOPNOTSUPP(-95, "Operation not supported"),
  EADDRINUSE(-98, "Address already in use"),
  ETIMEDOUT(-110, "Connection timed out"),
  ECONNREFUSED(-111, "Connection refused"),
  EALREADY(-114, "Operation already in progress"),
  EINPROGRESS(-115, "Operation now in progress"),
  ECANCELED(-125, "Operation canceled");

  private static final String STATE_MESSAGE = "Method may only be called ";

  private final int code;
  private final String text;

  SpdkError(int code, String text) {
    this.code = code;
    this.text = text;
  }

  public int code() {
    return code;
  }

  public String text() {
    return text;
  }

  public static Optional<SpdkError> of(int code) {
    for (SpdkError error : values()) {
      if (error.code == code) {
        return Optional.of(error);
      }
    }
    return Optional.empty();
  }

  /** For people: {@code -19 ENODEV: raid bdev r0 not found}. */
  public static String describe(int code, String message) {
    return code + of(code).map(error -> " " + error).orElse("") + ": " + message;
  }

  /** The method does not exist in this build: surely nothing was done. */
  public static boolean isUnknownMethod(RpcResult<?> result) {
    return result instanceof RpcResult.Rejected<?>(int code, String _)
        && code == METHOD_NOT_FOUND.code;
  }

  /** The method belongs to the other side of {@code framework_start_init}: nothing was done. */
  public static boolean isWrongPhase(RpcResult<?> result) {
    return result instanceof RpcResult.Rejected<?>(int code, String message)
        && code == EPERM.code
        && message.startsWith(STATE_MESSAGE);
  }

  /**
   * The parameters could not be read: unknown member, wrong type or a missing one, which SPDK does
   * not tell apart, under whichever code. Nothing was done.
   */
  public static boolean isUndecodable(RpcResult<?> result) {
    return result instanceof RpcResult.Rejected<?>(int _, String message)
        && message.startsWith("spdk_json_decode_object failed");
  }
}
