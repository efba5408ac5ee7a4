package io.diskengine.app;

import io.diskengine.api.Controller;
import io.diskengine.api.ControllerConfig;
import io.diskengine.model.InvalidInput;
import io.diskengine.store.StoreConfig;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The controller: API, placement, rebuild schedule. */
@Command(
    name = "controller",
    mixinStandardHelpOptions = true,
    description = "Run the controller.",
    footer = {"", Settings.HELP})
final class ControllerCommand extends Daemon {
  private static final String RULE = "must be ADDRESS:PORT, e.g. 127.0.0.1:7600 or [::1]:7600";

  @Option(
      names = "--api-listen",
      paramLabel = "ADDRESS:PORT",
      description =
          "Where the API answers (default: "
              + ControllerConfig.DEFAULT_HOST
              + ":"
              + ControllerConfig.DEFAULT_PORT
              + ").")
  @Nullable String apiListen;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "API tokens, one on each line, mode 0600; needed off the loopback address.")
  @Nullable String tokenFile;

  ControllerCommand() {}

  private record Endpoint(String host, int port) {
    static Endpoint parse(String text) {
      int colon = text.lastIndexOf(':');
      String digits = text.substring(colon + 1);
      if (colon < 1 || !digits.matches("[0-9]{1,5}")) {
        throw new InvalidInput("API address", text, RULE);
      }
      String host = text.substring(0, colon);
      boolean bracketed = host.startsWith("[") && host.endsWith("]");
      if (!bracketed && host.indexOf(':') >= 0) {
        throw new InvalidInput("API address", text, RULE);
      }
      return new Endpoint(
          bracketed ? host.substring(1, host.length() - 1) : host, Integer.parseInt(digits));
    }
  }

  @Override
  Running prepare(Settings settings) throws IOException {
    Endpoint endpoint =
        settings
            .value("api-listen", Endpoint::parse)
            .orElse(new Endpoint(ControllerConfig.DEFAULT_HOST, ControllerConfig.DEFAULT_PORT));
    Path tokens = settings.value("token-file", Settings::file).orElse(null);
    StoreConfig database =
        StoreConfig.forController(
            url(settings),
            user(settings, "diskengine_controller"),
            password(passwordFile(settings)));
    ControllerConfig config =
        new ControllerConfig(endpoint.host(), endpoint.port(), tokens, database);
    return new Running() {
      private @Nullable Controller controller;

      @Override
      public void start() throws IOException {
        controller = Controller.start(config);
      }

      @Override
      public void close() {
        Controller started = controller;
        if (started != null) {
          started.close();
        }
      }
    };
  }
}
