package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.model.Inputs;
import io.diskengine.model.Schedulability;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code diskengine node cordon|drain|uncordon}: whether a node gets new work. */
final class NodeCommands {
  private NodeCommands() {}

  /** A command about one node. */
  abstract static class OneNode implements Callable<Integer> {
    @Mixin Console console;

    @Parameters(paramLabel = "NODE", description = "The node.")
    String name;

    private final Schedulability wanted;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    OneNode(Schedulability wanted) {
      this.wanted = wanted;
    }

    @Override
    public final Integer call() {
      Inputs.nodeName(name);
      try (ApiClient client = console.client()) {
        ApiClient.Answer answer =
            client.put(
                "/v1/nodes/" + ApiClient.encoded(name) + "/schedulability",
                new Api.NewSchedulability(wanted.name()));
        if (console.json()) {
          console.print(answer.json());
        } else {
          print(answer.as(Api.NodeUse.class));
        }
        return ExitCode.DONE;
      }
    }

    private void print(Api.NodeUse use) {
      console
          .out()
          .println(
              "node %s is %s: %d replica(s), %d attached volume(s)"
                  .formatted(use.node(), use.schedulability(), use.replicas(), use.attachments()));
      use.staying().forEach(line -> console.out().println("  " + line));
    }
  }

  @Command(
      name = "cordon",
      mixinStandardHelpOptions = true,
      description = "Nothing new is placed on the node or attached to it.")
  static final class Cordon extends OneNode {
    Cordon() {
      super(Schedulability.CORDONED);
    }
  }

  @Command(
      name = "drain",
      mixinStandardHelpOptions = true,
      description = {
        "As cordon, and the node's replicas of attached volumes move to other storage nodes, a few at a time.",
        "Asked again it says what is left and why. Volumes of a baremetal node: `volume move`."
      })
  static final class Drain extends OneNode {
    Drain() {
      super(Schedulability.DRAINING);
    }
  }

  @Command(
      name = "uncordon",
      mixinStandardHelpOptions = true,
      description = "The node gets new work again.")
  static final class Uncordon extends OneNode {
    Uncordon() {
      super(Schedulability.ACTIVE);
    }
  }
}
