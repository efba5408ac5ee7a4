package io.diskengine.app;

import io.diskengine.api.ApiClient;
import io.diskengine.api.ApiJson;
import io.diskengine.api.Tokens;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/** What the commands that ask the API share: where it is, who asks, how to print. */
final class Console {
  /** How answers are printed. */
  enum Output {
    table,
    json
  }

  static final int MAX_WAIT_SEC = 60;

  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(
      names = "--api",
      defaultValue = "${env:DISKENGINE_API:-http://127.0.0.1:7600}",
      paramLabel = "URL",
      description = "The controller's API (default: ${DEFAULT-VALUE}; also DISKENGINE_API).")
  String api;

  @Option(
      names = "--token-file",
      defaultValue = "${env:DISKENGINE_TOKEN_FILE}",
      paramLabel = "FILE",
      description =
          "Holds the API token (also DISKENGINE_TOKEN_FILE; else that of `diskengine up` in"
              + " DISKENGINE_DATA_DIR or .diskengine, if there is one).")
  @Nullable Path tokenFile;

  @Option(
      names = "--output",
      defaultValue = "table",
      paramLabel = "table|json",
      description = "How to print (default: ${DEFAULT-VALUE}).")
  Output output;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  Console() {}

  ApiClient client() {
    try {
      return new ApiClient(new URI(api), token());
    } catch (URISyntaxException e) {
      throw bad(
          "API address \"" + api + "\": must be http://HOST:PORT, e.g. " + ApiClient.DEFAULT_URI);
    } catch (IllegalArgumentException e) {
      throw bad(e.getMessage());
    } catch (IOException e) {
      throw bad("token file " + tokenFile + " cannot be read: " + e.getMessage());
    }
  }

  private @Nullable String token() throws IOException {
    if (tokenFile != null) {
      return Tokens.read(tokenFile).getFirst();
    }
    Path ofUp = DataDirectory.path().resolve("token");
    return Files.isReadable(ofUp) ? Tokens.read(ofUp).getFirst() : null;
  }

  /** {@code seconds} as the API takes it. */
  String waitParameter(int seconds) {
    if (seconds < 0 || seconds > MAX_WAIT_SEC) {
      throw bad("--wait " + seconds + ": must be from 0 to " + MAX_WAIT_SEC + " seconds");
    }
    return "?wait=" + seconds;
  }

  ParameterException bad(@Nullable String message) {
    return new ParameterException(spec.commandLine(), String.valueOf(message));
  }

  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  PrintWriter err() {
    return spec.commandLine().getErr();
  }

  boolean json() {
    return output == Output.json;
  }

  /** Prints an answer as the API gave it; what has no body prints nothing. */
  void print(JsonNode json) {
    if (!json.isMissingNode()) {
      out().println(ApiJson.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(json));
    }
  }

  /** Says on standard error what an accepted request still waits for. */
  int pending(String what, @Nullable String waitingFor, String volume) {
    err()
        .println(
            what
                + (waitingFor == null ? "" : ": waits for " + waitingFor)
                + "; `diskengine why "
                + volume
                + "` says more");
    return ExitCode.PENDING;
  }
}
