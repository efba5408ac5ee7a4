package io.diskengine.app;

/** Exit codes of every command; {@code diskengine --help} documents them. */
final class ExitCode {
  static final int DONE = 0;
  static final int FAILED = 1;

  /** The command line or what it names is wrong: HTTP 4xx, unknown RPC method, bad JSON. */
  static final int REFUSED = 2;

  /** Accepted, but not done within {@code --wait}. */
  static final int PENDING = 3;

  /** EX_UNAVAILABLE of sysexits.h: no API, no data plane, no database; the launcher: no JDK 25. */
  static final int UNAVAILABLE = 69;

  private ExitCode() {}
}
