package io.diskengine.testkit.guest;

import java.time.Duration;

/** How a script in the guest ended; {@code output} is standard output and error together. */
public record CommandResult(String script, int exitCode, String output, Duration took) {
  /** This result, if the script succeeded; otherwise an {@link AssertionError} with its output. */
  public CommandResult ok() {
    if (exitCode != 0) {
      throw new AssertionError(
          "exit code " + exitCode + " in the guest: " + script + "\n" + output);
    }
    return this;
  }
}
