package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.model.Inputs;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code diskengine volume replica}: where the copies of a volume are. */
@Command(
    name = "replica",
    mixinStandardHelpOptions = true,
    description = "Replicas of a volume: move.",
    subcommands = ReplicaCommand.Move.class)
final class ReplicaCommand extends LookCommands.Group {
  @Command(
      name = "move",
      mixinStandardHelpOptions = true,
      description = {
        "Copy a replica to another storage node while the volume is used, then remove it where it was.",
        "The volume must be attached: its baremetal node copies."
      })
  static final class Move extends VolumeCommand.OneChange {
    @Parameters(
        index = "1",
        paramLabel = "SLOT",
        description = "The replica's slot, as `volume show` lists it.")
    int slot;

    @Option(
        names = "--to",
        paramLabel = "NODE",
        description = "The storage node (default: the one with most room).")
    @Nullable String node;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Move() {}

    @Override
    int run(ApiClient client, String path) {
      if (slot < 0) {
        throw console.bad("SLOT " + slot + ": must be 0 or more");
      }
      if (node != null) {
        Inputs.nodeName(node);
      }
      ApiClient.Answer answer =
          client.post(
              path + "/replicas/" + slot + "/move" + waitParameter(),
              new Api.NewReplicaPlace(node));
      if (console.json()) {
        console.print(answer.json());
      }
      Api.Volume volume = answer.as(Api.Volume.class);
      if (answer.pending()) {
        return console.pending(
            "replica " + slot + " of volume " + name + " is not moved yet",
            volume.waitingFor(),
            name);
      }
      if (!console.json()) {
        console.out().println("replica " + slot + " of volume " + name + " is moved");
      }
      return ExitCode.DONE;
    }
  }
}
