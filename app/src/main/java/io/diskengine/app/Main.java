package io.diskengine.app;

import java.util.Set;
import java.util.concurrent.Callable;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code diskengine} command. Every subcommand is a class of its own, listed here. */
@Command(
    name = "diskengine",
    description = "Replicated block storage for virtual machines.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    subcommands = {
      UpCommand.class,
      VolumeCommand.class,
      LookCommands.Nodes.class,
      LookCommands.Disks.class,
      LookCommands.Events.class,
      LookCommands.Why.class,
      LookCommands.Plan.class,
      RpcCommand.class,
      ConfigCommand.class,
      ControllerCommand.class,
      StorageNodeCommand.class,
      BaremetalCommand.class,
      EngineCommand.class,
      MigrateCommand.class,
      LvstoreCommand.class,
      CommandLine.HelpCommand.class,
      GenerateCompletion.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:Done.",
      "1:Failed; standard error says what and why.",
      "2:The command line, or what it names, is wrong (HTTP 4xx); nothing was changed.",
      "3:Accepted, but not done within --wait; `diskengine why` says what it waits for.",
      "69:Not there: the API, its database, the data plane's socket, or a JDK 25."
    })
public final class Main implements Callable<Integer> {
  private static final String LOG_LEVEL = "diskengine.log";

  @Spec CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  Main() {}

  /** They run on and log what they do; other commands only print. */
  private static final Set<String> DAEMONS =
      Set.of("engine", "controller", "storage-node", "baremetal");

  public static void main(String[] args) {
    if (args.length > 0 && DAEMONS.contains(args[0]) && System.getProperty(LOG_LEVEL) == null) {
      System.setProperty(LOG_LEVEL, "INFO"); // read by logback.xml
    }
    System.exit(commandLine().execute(args));
  }

  /** The whole command tree, as {@code main} runs it. */
  public static CommandLine commandLine() {
    Failures failures = new Failures();
    return new CommandLine(new Main())
        .setParameterExceptionHandler(failures)
        .setExecutionExceptionHandler(failures);
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "Missing command.");
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"diskengine " + (version == null ? "development" : version)};
    }
  }
}
