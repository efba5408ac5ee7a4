package io.diskengine.testkit.spdk;

/** An error reply. */
final class RpcFault extends Exception {
  static final int EPERM = -1;
  static final int EIO = -5;
  static final int EBUSY = -16;
  static final int EEXIST = -17;
  static final int ENODEV = -19;
  static final int EINVAL = -22;
  static final int ETIMEDOUT = -110;
  static final int EALREADY = -114;
  static final int INVALID_PARAMS = -32602;
  static final int INTERNAL = -32603;

  private static final long serialVersionUID = 1;

  final int code;

  RpcFault(int code, String message) {
    super(message, null, false, false);
    this.code = code;
  }

  /** With the text of the errno. */
  static RpcFault errno(int code) {
    return new RpcFault(
        code,
        switch (code) {
          case EPERM -> "Operation not permitted";
          case EIO -> "Input/output error";
          case EBUSY -> "Device or resource busy";
          case EEXIST -> "File exists";
          case ENODEV -> "No such device";
          case EINVAL -> "Invalid argument";
          case ETIMEDOUT -> "Connection timed out";
          default -> throw new IllegalArgumentException("no text for " + code);
        });
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
