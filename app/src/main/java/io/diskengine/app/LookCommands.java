package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.api.ErrorCode;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands that only look: nodes, disks, events, why, plan. */
final class LookCommands {
  private LookCommands() {}

  /** Asks, then prints JSON or a table. */
  abstract static class Look implements Callable<Integer> {
    @Mixin Console console;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Look() {}

    @Override
    public final Integer call() {
      try (ApiClient client = console.client()) {
        ApiClient.Answer answer = ask(client);
        if (console.json()) {
          console.print(answer.json());
        } else {
          print(answer);
        }
        return ExitCode.DONE;
      }
    }

    abstract ApiClient.Answer ask(ApiClient client);

    abstract void print(ApiClient.Answer answer);
  }

  /** A command that only has subcommands. */
  abstract static class Group implements Callable<Integer> {
    @Spec CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets spec
    Group() {}

    @Override
    public final Integer call() {
      throw new ParameterException(
          spec.commandLine(), "Missing command: " + String.join(", ", spec.subcommands().keySet()));
    }
  }

  @Command(
      name = "node",
      mixinStandardHelpOptions = true,
      description = "Nodes: list, cordon, drain, uncordon.",
      subcommands = {
        NodeList.class,
        NodeCommands.Cordon.class,
        NodeCommands.Drain.class,
        NodeCommands.Uncordon.class
      })
  static final class Nodes extends Group {}

  @Command(name = "list", mixinStandardHelpOptions = true, description = "All nodes.")
  static final class NodeList extends Look {
    @Override
    ApiClient.Answer ask(ApiClient client) {
      return client.get("/v1/nodes");
    }

    @Override
    void print(ApiClient.Answer answer) {
      Table table =
          new Table(
              "NAME", "MODE", "DOMAIN", "AGENT", "DATA PLANE", "SINCE", "PLACING", "ADDRESSES");
      for (Api.Node n : answer.as(Api.Nodes.class).nodes()) {
        table.row(
            n.name(),
            n.mode(),
            n.failureDomain(),
            n.agentRunning() ? "running" : "gone",
            n.dataPlane(),
            n.dataPlaneSince() == null ? null : Table.ago(n.dataPlaneSince()),
            n.schedulability(),
            String.join(" ", n.addresses()));
      }
      table.print(console.out());
    }
  }

  @Command(
      name = "disk",
      mixinStandardHelpOptions = true,
      description = "Disks: list.",
      subcommands = DiskList.class)
  static final class Disks extends Group {}

  @Command(name = "list", mixinStandardHelpOptions = true, description = "All disks.")
  static final class DiskList extends Look {
    @Override
    ApiClient.Answer ask(ApiClient client) {
      return client.get("/v1/disks");
    }

    @Override
    void print(ApiClient.Answer answer) {
      Table table = new Table("ID", "NODE", "SERIAL", "SIZE", "FREE", "BLOCK", "STATE", "ADDRESS");
      for (Api.Disk d : answer.as(Api.Disks.class).disks()) {
        table.row(
            d.id(),
            d.node(),
            d.serial(),
            Table.size(d.sizeBytes()),
            d.totalBytes() == 0 ? null : Table.size(d.freeBytes()),
            d.blockSize(),
            d.state() + (d.health() == null ? "" : " (" + d.health() + ")"),
            d.address());
      }
      table.print(console.out());
    }
  }

  @Command(
      name = "events",
      mixinStandardHelpOptions = true,
      description = "What happened, newest last.")
  static final class Events extends Look {
    private static final int MAX = 1_000;

    @Option(
        names = "--limit",
        defaultValue = "50",
        paramLabel = "N",
        description = "The newest N, 1-1000 (default: ${DEFAULT-VALUE}).")
    int limit;

    @Option(
        names = "--before",
        paramLabel = "ID",
        description = "Only events older than the one with this id.")
    @Nullable Long before;

    @Override
    ApiClient.Answer ask(ApiClient client) {
      if (limit < 1 || limit > MAX) {
        throw console.bad("--limit " + limit + ": must be from 1 to " + MAX);
      }
      if (before != null && before < 1) {
        throw console.bad("--before " + before + ": must be the id of an event, 1 or more");
      }
      return client.get("/v1/events?limit=" + limit + (before == null ? "" : "&before=" + before));
    }

    @Override
    void print(ApiClient.Answer answer) {
      Table table = new Table("ID", "TIME", "SEVERITY", "BY", "OBJECT", "MESSAGE");
      List<Api.Event> events = answer.as(Api.Events.class).events();
      for (Api.Event e : events.reversed()) {
        table.row(
            e.id(),
            Table.time(e.at()),
            e.severity(),
            e.node() == null ? "controller" : e.node(),
            e.object().kind() + " " + e.object().name(),
            e.message());
      }
      table.print(console.out());
    }
  }

  @Command(
      name = "why",
      mixinStandardHelpOptions = true,
      description = "Why an object is not as it should be, down to the root cause.")
  static final class Why extends Look {
    /** Where a name without a kind is looked for, in this order. */
    private static final List<String> KINDS =
        List.of("volume", "node", "disk", "lvol", "vm-mapping");

    @Parameters(
        paramLabel = "OBJECT",
        description =
            "The name of a volume, node, disk (serial), lvol or vhost controller; or KIND/NAME, "
                + "e.g. disk/3.")
    String object;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Why() {}

    @Override
    ApiClient.Answer ask(ApiClient client) {
      int slash = object.indexOf('/');
      if (object.isBlank() || slash == 0 || slash == object.length() - 1) {
        throw console.bad("OBJECT \"" + Table.clean(object) + "\": must be NAME or KIND/NAME");
      }
      if (slash > 0) {
        return why(client, object.substring(0, slash), object.substring(slash + 1));
      }
      for (String kind : KINDS) {
        try {
          return why(client, kind, object);
        } catch (ApiClient.RefusedException e) {
          if (!e.code().equals(ErrorCode.NOT_FOUND.name())) {
            throw e;
          }
        }
      }
      throw console.bad(
          "OBJECT \""
              + Table.clean(object)
              + "\": there is no "
              + String.join(", ", KINDS)
              + " of this name");
    }

    private static ApiClient.Answer why(ApiClient client, String kind, String name) {
      return client.get("/v1/why/" + ApiClient.encoded(kind) + "/" + ApiClient.encoded(name));
    }

    @Override
    void print(ApiClient.Answer answer) {
      Api.Why why = answer.as(Api.Why.class);
      for (Api.WhyLevel level : why.levels()) {
        console.out().println("  ".repeat(level.depth()) + line(level));
      }
      if (!why.waiting()) {
        console.out().println("nothing waits");
      }
    }

    private static String line(Api.WhyLevel l) {
      StringBuilder line = new StringBuilder(l.object().kind() + " " + l.object().name());
      if (!l.state().isEmpty()) {
        line.append(" is ").append(l.state());
      }
      if (l.waitingFor() != null) {
        line.append(", waits for ").append(l.waitingFor());
      }
      if (l.since() != null) {
        line.append(", since ").append(Table.time(l.since()));
        line.append(" (").append(Table.ago(l.since())).append(')');
      }
      if (l.attempts() != null && l.attempts() > 0) {
        line.append(", ").append(l.attempts()).append(" attempts");
      }
      if (l.lastError() != null) {
        line.append(", last error: ").append(l.lastError());
      }
      if (l.nextTry() != null) {
        line.append(", next try ").append(Table.time(l.nextTry()));
      }
      if (l.reportedBy() != null) {
        line.append(" [").append(l.reportedBy()).append(']');
      }
      return Table.clean(line.toString());
    }
  }

  @Command(
      name = "plan",
      mixinStandardHelpOptions = true,
      description = "What the agents would do now; nothing is done.")
  static final class Plan extends Look {
    @Option(names = "--node", paramLabel = "NODE", description = "Only this node.")
    @Nullable String node;

    @Option(
        names = "--wait",
        defaultValue = "5",
        paramLabel = "SECONDS",
        description =
            "How long to wait for the agents, 0-60 (default: ${DEFAULT-VALUE}); 0 shows the plans"
                + " that they published last.")
    int waitSec;

    @Override
    ApiClient.Answer ask(ApiClient client) {
      return client.get(
          "/v1/plan"
              + console.waitParameter(waitSec)
              + (node == null ? "" : "&node=" + ApiClient.encoded(node)));
    }

    @Override
    void print(ApiClient.Answer answer) {
      for (Api.NodePlan p : answer.as(Api.Plans.class).plans()) {
        console.out().println(p.node() + (p.live() ? " (now):" : " (published last):"));
        String plan = p.plan() == null ? "no plan was ever published" : p.plan();
        plan.lines().forEach(l -> console.out().println("  " + Table.clean(l)));
      }
    }
  }
}
