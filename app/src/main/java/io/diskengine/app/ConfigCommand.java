package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.spdkrpc.FrameworkMethods;
import io.diskengine.spdkrpc.FrameworkMethods.ConfigEntry;
import io.diskengine.spdkrpc.MethodClass;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkError;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/**
 * The saved configuration of a data plane, for people: an agent needs none, it makes everything
 * from PostgreSQL again.
 */
@Command(
    name = "config",
    mixinStandardHelpOptions = true,
    description = "Save, compare and replay a data plane's configuration.",
    subcommands = {ConfigCommand.Save.class, ConfigCommand.Diff.class, ConfigCommand.Replay.class})
final class ConfigCommand extends LookCommands.Group {
  private static final String START = "framework_start_init";

  /** What the three commands share: a file and a data plane. */
  abstract static class OfFile implements Callable<Integer> {
    @Spec CommandSpec spec;
    @Mixin DataPlaneSocket dataPlane;

    @Parameters(index = "0", paramLabel = "FILE", description = "The saved configuration.")
    Path file;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    OfFile() {}

    ConfigDump read() {
      try {
        return ConfigDump.read(file);
      } catch (ConfigDump.BadDumpException e) {
        throw bad(String.valueOf(e.getMessage()));
      } catch (IOException e) {
        throw bad(file + ": cannot be read: " + e.getMessage());
      }
    }

    ParameterException bad(String message) {
      return new ParameterException(spec.commandLine(), Table.clean(message));
    }

    PrintWriter out() {
      return spec.commandLine().getOut();
    }

    int said(int code, String message) {
      spec.commandLine().getErr().println(spec.qualifiedName() + ": " + Table.clean(message));
      return code;
    }
  }

  @Command(
      name = "save",
      mixinStandardHelpOptions = true,
      description = {
        "Write what a data plane is configured as to FILE.",
        "The file is replaced at once or not at all; what it held stays in FILE.previous."
      })
  static final class Save extends OfFile {
    @Override
    public Integer call() {
      try (SpdkRpcClient spdk = dataPlane.connect()) {
        RpcResult<?> version = spdk.call(FrameworkMethods.version());
        if (!version.isOk()) {
          return said(ExitCode.UNAVAILABLE, ConfigCommand.why(version));
        }
        ConfigDump dump = ConfigDump.of(spdk);
        dump.write(file);
        out()
            .printf(
                "saved %d entries of %d subsystems%n",
                dump.entries().size(), dump.subsystems().size());
        return ExitCode.DONE;
      } catch (IOException e) {
        return said(ExitCode.FAILED, file + " could not be written: " + e.getMessage());
      }
    }
  }

  @Command(
      name = "diff",
      mixinStandardHelpOptions = true,
      description = {
        "Compare FILE with what a data plane is configured as now, and with PostgreSQL.",
        "'-' is only in FILE, '+' only in the data plane; with --of NODE, '?' is an export or a vhost"
            + " controller that PostgreSQL and the data plane do not agree about.",
        "Exits with 1 when anything differs."
      })
  static final class Diff extends OfFile {
    @Mixin Console console;

    @Option(
        names = "--of",
        paramLabel = "NODE",
        defaultValue = "",
        description = "Compare with what PostgreSQL has for this node, too; asks the API.")
    String of;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Diff() {}

    @Override
    public Integer call() {
      ConfigDump saved = read();
      ConfigDump now;
      try (SpdkRpcClient spdk = dataPlane.connect()) {
        RpcResult<?> version = spdk.call(FrameworkMethods.version());
        if (!version.isOk()) {
          return said(ExitCode.UNAVAILABLE, ConfigCommand.why(version));
        }
        now = ConfigDump.of(spdk);
      }
      List<String> lines = differences(saved, now);
      if (!of.isEmpty()) {
        lines.addAll(againstPostgres(now));
      }
      lines.forEach(line -> out().println(Table.clean(line)));
      if (lines.isEmpty()) {
        out().println("no difference");
      }
      return lines.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
    }

    private List<String> againstPostgres(ConfigDump now) {
      try (ApiClient client = console.client()) {
        List<Api.Volume> volumes = client.get("/v1/volumes").as(Api.Volumes.class).volumes();
        Set<String> exports = new TreeSet<>();
        Set<String> controllers = new TreeSet<>();
        for (Api.Volume volume : volumes) {
          volume.placement().stream()
              .filter(replica -> replica.node().equals(of))
              .forEach(replica -> exports.add(replica.nqn()));
          Api.Attachment attachment = volume.attachment();
          if (attachment != null && attachment.node().equals(of)) {
            String name = attachment.controllerName();
            if (name != null) {
              controllers.add(name);
            }
          }
        }
        List<String> lines =
            disagreement("export", exports, now.named("nvmf_create_subsystem", "nqn"));
        lines.addAll(
            disagreement(
                "vhost controller",
                controllers,
                now.named("vhost_create_blk_controller", "ctrlr")));
        return lines;
      }
    }
  }

  static List<String> disagreement(String what, Set<String> wanted, Set<String> present) {
    List<String> lines = new ArrayList<>();
    for (String name : wanted) {
      if (!present.contains(name)) {
        lines.add("? " + what + " " + name + ": in PostgreSQL, not in the data plane");
      }
    }
    for (String name : present) {
      if (!wanted.contains(name)) {
        lines.add("? " + what + " " + name + ": in the data plane, not in PostgreSQL");
      }
    }
    return lines;
  }

  /** Entries are compared as calls; how often one is there counts, its place does not. */
  static List<String> differences(ConfigDump saved, ConfigDump now) {
    List<String> before = new ArrayList<>(texts(saved));
    List<String> lines = new ArrayList<>();
    for (String text : texts(now)) {
      if (!before.remove(text)) {
        lines.add("+ " + text);
      }
    }
    before.forEach(text -> lines.addFirst("- " + text));
    return lines;
  }

  private static List<String> texts(ConfigDump dump) {
    return dump.entries().stream().map(ConfigDump.Located::text).toList();
  }

  @Command(
      name = "replay",
      mixinStandardHelpOptions = true,
      description = {
        "Call every entry of FILE on a data plane, in order, and say what became of each.",
        "A data plane started with --wait-for-rpc gets what is allowed before initialisation, is"
            + " initialised, then gets the rest; one that runs gets the rest.",
        "Goes on after an entry that fails; exits with 1 when one did."
      })
  static final class Replay extends OfFile {
    private int failed;
    private int called;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Replay() {}

    @Override
    public Integer call() {
      List<ConfigDump.Located> entries = read().entries();
      try (SpdkRpcClient spdk = dataPlane.connect()) {
        RpcResult<List<String>> current = spdk.call(FrameworkMethods.currentMethods());
        if (!(current instanceof RpcResult.Ok<List<String>>(List<String> names))) {
          return said(ExitCode.UNAVAILABLE, ConfigCommand.why(current));
        }
        Set<String> early = names.contains(START) ? new HashSet<>(names) : Set.of();
        for (ConfigDump.Located entry : entries) {
          if (early.contains(entry.entry().method())) {
            replay(spdk, entry);
          }
        }
        if (!early.isEmpty() && !initialised(spdk)) {
          return ExitCode.FAILED;
        }
        for (ConfigDump.Located entry : entries) {
          if (!early.contains(entry.entry().method())) {
            replay(spdk, entry);
          }
        }
      }
      out().printf("%d entries, %d failed%n", called, failed);
      return failed == 0 ? ExitCode.DONE : ExitCode.FAILED;
    }

    private boolean initialised(SpdkRpcClient spdk) {
      RpcResult<Boolean> started = spdk.call(FrameworkMethods.startInit());
      if (!started.isOk()) {
        said(ExitCode.FAILED, START + ": " + ConfigCommand.why(started));
      }
      return started.isOk();
    }

    private void replay(SpdkRpcClient spdk, ConfigDump.Located located) {
      ConfigEntry entry = located.entry();
      RpcResult<JsonNode> result =
          spdk.call(entry.request(), MethodClass.of(entry.method()).defaultDeadline());
      called++;
      failed += result.isOk() ? 0 : 1;
      String outcome = result.isOk() ? "ok" : ConfigCommand.why(result);
      out().println(Table.clean(located.subsystem() + " " + located.text() + ": " + outcome));
    }
  }

  private static String why(RpcResult<?> result) {
    return switch (result) {
      case RpcResult.Ok<?> ok -> "ok";
      case RpcResult.Rejected<?>(int code, String message) -> SpdkError.describe(code, message);
      case RpcResult.Unavailable<?>(String reason) -> reason;
      case RpcResult.Indeterminate<?> indeterminate -> indeterminate.reason();
    };
  }
}
