package io.diskengine.app;

import io.diskengine.engine.Engine;
import io.diskengine.engine.EngineOptions;
import io.diskengine.engine.reactor.ReactorOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** One data plane in the foreground. */
@Command(
    name = "engine",
    mixinStandardHelpOptions = true,
    description = "Run the built-in data plane, which answers SPDK's JSON-RPC.")
final class EngineCommand implements Callable<Integer> {
  static final String REHEARSE = "--rehearse";

  @Spec CommandSpec spec;

  @Option(
      names = {"-r", "--rpc-socket"},
      defaultValue = EngineOptions.DEFAULT_RPC_ADDRESS,
      paramLabel = "PATH|HOST:PORT",
      description = "Where RPCs are answered (default: ${DEFAULT-VALUE}).")
  String rpc;

  @Option(
      names = {"-S"},
      defaultValue = ".",
      paramLabel = "DIRECTORY",
      description = "Where vhost sockets are made (default: the current directory).")
  Path vhostDirectory;

  @Option(
      names = {"-m", "--cpumask"},
      defaultValue = "0x1",
      paramLabel = "MASK|[LIST]",
      description = "One reactor for each core named (default: ${DEFAULT-VALUE}).")
  String cores;

  @Option(
      names = "--wait-for-rpc",
      description = "Wait for framework_start_init before runtime methods are possible.")
  boolean waitForRpc;

  @Option(
      names = "--spin-us",
      defaultValue = "50",
      paramLabel = "US",
      description =
          "How long a reactor polls after its last work before it sleeps, four times as long while"
              + " it waits for a disk (default: ${DEFAULT-VALUE}).")
  long spinUs;

  @Option(
      names = {"-c", "--config", "--json"},
      paramLabel = "FILE",
      description = "Replay a saved configuration before RPCs are answered.")
  @Nullable Path config;

  @Option(
      names = "--json-ignore-init-errors",
      description = "Go on after an entry of the configuration that fails.")
  boolean ignoreInitErrors;

  @Option(names = ParentWatch.OPTION, hidden = true, description = "End when the parent ends.")
  boolean dieWithParent;

  @Option(names = REHEARSE, hidden = true, description = "Go through a restart, then end.")
  boolean rehearse;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  EngineCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (dieWithParent) {
      ParentWatch.start();
    }
    Engine engine = Engine.start(options());
    Runtime.getRuntime().addShutdownHook(new Thread(engine::close, "engine-stop"));
    if (rehearse) {
      Rehearsal.run(rpc);
    }
    engine.awaitStop();
    return 0;
  }

  private EngineOptions options() {
    try {
      return new EngineOptions(
          rpc,
          vhostDirectory,
          waitForRpc,
          ReactorOptions.of(EngineOptions.reactorsOf(cores)).withSpinUs(spinUs),
          config == null ? null : new EngineOptions.Config(config, ignoreInitErrors));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage());
    }
  }
}
