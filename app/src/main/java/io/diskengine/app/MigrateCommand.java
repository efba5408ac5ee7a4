package io.diskengine.app;

import io.diskengine.model.InvalidInput;
import io.diskengine.model.Names;
import io.diskengine.store.Migrations;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code diskengine migrate}: what {@code up} does with its own PostgreSQL, for any other one. */
@Command(
    name = "migrate",
    mixinStandardHelpOptions = true,
    description = {
      "Bring a PostgreSQL database to this version's schema.",
      "Run it as the database's owner, before the daemons of a new version; again it changes nothing."
    },
    footer = {"", Settings.HELP})
final class MigrateCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Settings as lines NAME = VALUE, NAME being a long option without --.")
  @Nullable String config;

  @Option(
      names = "--db-url",
      paramLabel = "URL",
      description = "PostgreSQL: jdbc:postgresql://HOST[:PORT]/DATABASE.")
  @Nullable String dbUrl;

  @Option(
      names = "--db-user",
      paramLabel = "ROLE",
      description = "The owner of the schema; it may create roles (default: postgres).")
  @Nullable String dbUser;

  @Option(
      names = "--db-password-file",
      paramLabel = "FILE",
      description = "Holds that role's password and nothing else.")
  @Nullable String dbPasswordFile;

  @Option(
      names = "--nqn-prefix",
      defaultValue = Names.DEFAULT_NQN_PREFIX,
      paramLabel = "NQN",
      description =
          "Of a new cluster; a cluster that is there keeps its own (default: ${DEFAULT-VALUE}).")
  String nqnPrefix;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  MigrateCommand() {}

  @Override
  public Integer call() throws IOException {
    String url;
    String user;
    Path password;
    try {
      Settings settings = new Settings(spec, System.getenv());
      url = Daemon.url(settings);
      user = Daemon.user(settings, "postgres");
      password = Daemon.passwordFile(settings);
    } catch (InvalidInput e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    Migrations.migrate(url, user, Daemon.password(password), Migrations.newClusterId(), nqnPrefix);
    spec.commandLine().getOut().println(url + " has this version's schema");
    return ExitCode.DONE;
  }
}
