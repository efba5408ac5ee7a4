package io.diskengine.app;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import io.diskengine.model.Inputs;
import io.diskengine.model.Sizes;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code diskengine volume}: volumes and their attachment. */
@Command(
    name = "volume",
    mixinStandardHelpOptions = true,
    description =
        "Volumes: create, list, show, attach, move, detach, resize, limit, delete; replica move.",
    subcommands = {
      VolumeCommand.Create.class,
      VolumeCommand.ListAll.class,
      VolumeCommand.Show.class,
      VolumeCommand.Attach.class,
      VolumeCommand.Move.class,
      VolumeCommand.Detach.class,
      VolumeCommand.Delete.class,
      VolumeChanges.Resize.class,
      VolumeChanges.Limit.class,
      ReplicaCommand.class
    })
final class VolumeCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  VolumeCommand() {}

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "Missing command: create, list, show, attach, move, detach, resize, limit, delete or replica");
  }

  /** A command about one volume. */
  abstract static class OneVolume implements Callable<Integer> {
    @Mixin Console console;

    @Parameters(index = "0", paramLabel = "NAME", description = "The volume.")
    String name;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    OneVolume() {}

    @Override
    public final Integer call() {
      Inputs.volumeName(name);
      try (ApiClient client = console.client()) {
        return run(client, "/v1/volumes/" + ApiClient.encoded(name));
      }
    }

    abstract int run(ApiClient client, String path);
  }

  /** A command about one volume that changes something. */
  abstract static class OneChange extends OneVolume {
    @Option(
        names = "--wait",
        defaultValue = "30",
        paramLabel = "SECONDS",
        description = "How long to wait until it is done, 0-60 (default: ${DEFAULT-VALUE}).")
    int waitSec;

    String waitParameter() {
      return console.waitParameter(waitSec);
    }
  }

  @Command(
      name = "create",
      mixinStandardHelpOptions = true,
      description = "Create a volume. Creating it again with the same values does nothing.")
  static final class Create extends OneChange {
    @Option(
        names = "--size",
        required = true,
        paramLabel = "SIZE",
        description = "E.g. 1GiB; a multiple of 4MiB. The guest sees 3MiB more.")
    String size;

    @Option(
        names = "--replicas",
        defaultValue = "2",
        paramLabel = "N",
        description = "Copies on different failure domains, 1 to 3 (default: ${DEFAULT-VALUE}).")
    int replicas;

    @Mixin VolumeChanges.LimitOptions limits;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Create() {}

    @Override
    int run(ApiClient client, String path) {
      Api.NewVolume wanted =
          new Api.NewVolume(name, Sizes.parseVolumeSize(size), Inputs.replicas(replicas));
      limits.check();
      ApiClient.Answer answer = client.post("/v1/volumes" + waitParameter(), wanted);
      if (limits.given()) {
        client.put(path + "/limits", limits.body());
      }
      if (console.json()) {
        console.print(answer.json());
      }
      Api.Volume volume = answer.as(Api.Volume.class);
      if (answer.pending()) {
        return console.pending(
            "volume " + name + " is created, but not yet AVAILABLE", volume.waitingFor(), name);
      }
      if (!console.json()) {
        console.out().println("volume " + name + " is " + volume.state());
      }
      return ExitCode.DONE;
    }
  }

  @Command(name = "list", mixinStandardHelpOptions = true, description = "All volumes.")
  static final class ListAll implements Callable<Integer> {
    @Mixin Console console;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    ListAll() {}

    @Override
    public Integer call() {
      try (ApiClient client = console.client()) {
        ApiClient.Answer answer = client.get("/v1/volumes");
        if (console.json()) {
          console.print(answer.json());
          return ExitCode.DONE;
        }
        Table table = new Table("NAME", "SIZE", "IN SYNC", "STATE", "NODE", "WAITING FOR");
        for (Api.Volume v : answer.as(Api.Volumes.class).volumes()) {
          table.row(
              v.name(),
              Table.size(v.sizeBytes()),
              inSync(v) + "/" + v.replicas(),
              state(v),
              v.attachment() == null ? null : v.attachment().node(),
              v.waitingFor());
        }
        table.print(console.out());
        return ExitCode.DONE;
      }
    }
  }

  static long inSync(Api.Volume v) {
    return v.placement().stream()
        .filter(r -> r.state().equals("UP") && r.sync().equals("IN_SYNC"))
        .count();
  }

  /** The attachment's state once the volume itself is there. */
  static String state(Api.Volume v) {
    return v.attachment() != null && v.state().equals("AVAILABLE")
        ? v.attachment().state()
        : v.state();
  }

  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description = "One volume, its replicas, its attachment.")
  static final class Show extends OneVolume {
    @Override
    int run(ApiClient client, String path) {
      ApiClient.Answer answer = client.get(path);
      if (console.json()) {
        console.print(answer.json());
        return ExitCode.DONE;
      }
      Api.Volume v = answer.as(Api.Volume.class);
      var out = console.out();
      Table facts = new Table("volume", v.name());
      facts.row("state", v.state() + (v.error() == null ? "" : ": " + v.error()));
      facts.row("size", Table.size(v.sizeBytes()) + ", guest sees " + Table.size(v.guestBytes()));
      if (v.iopsLimit() > 0 || v.mbpsLimit() > 0) {
        facts.row("limits", VolumeChanges.text(v.iopsLimit(), v.mbpsLimit()));
      }
      facts.row("replicas", inSync(v) + " of " + v.replicas() + " in sync");
      Api.Attachment a = v.attachment();
      if (a != null) {
        facts.row("attached", a.state() + " on " + a.node());
        facts.row("socket", a.socketPath());
      }
      facts.row("uuid", v.uuid());
      facts.row("created", Table.time(v.createdAt()));
      if (v.waitingFor() != null) {
        facts.row("waits for", v.waitingFor());
      }
      facts.print(out);
      out.println();
      Table replicas = new Table("SLOT", "NODE", "DISK", "LVOL", "STATE", "SYNC", "WAITING FOR");
      for (Api.Replica r : v.placement()) {
        replicas.row(
            r.slot(),
            r.node(),
            r.diskId(),
            r.name(),
            r.state(),
            r.sync()
                + (r.rebuildPercent() == null ? "" : " " + r.rebuildPercent() + "%")
                + (r.kept().equals("KEPT") ? ", old copy kept" : ""),
            r.waitingFor());
      }
      replicas.print(out);
      return ExitCode.DONE;
    }
  }

  @Command(
      name = "attach",
      mixinStandardHelpOptions = true,
      description = "Attach a volume to a baremetal node; prints what a guest needs to use it.")
  static final class Attach extends OneChange {
    @Option(
        names = "--node",
        required = true,
        paramLabel = "NODE",
        description = "The baremetal node, e.g. bm1.")
    String node;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Attach() {}

    @Override
    int run(ApiClient client, String path) {
      Inputs.nodeName(node);
      ApiClient.Answer answer =
          client.put(path + "/attachment" + waitParameter(), new Api.NewAttachment(node));
      if (console.json()) {
        console.print(answer.json());
      }
      Api.Attachment attachment = answer.as(Api.Attachment.class);
      if (answer.pending()) {
        return console.pending(
            "volume " + name + " is not attached to " + node + " yet",
            attachment.waitingFor(),
            name);
      }
      if (!console.json()) {
        GuestRecipe.print(attachment, console.out());
      }
      return ExitCode.DONE;
    }
  }

  @Command(
      name = "move",
      mixinStandardHelpOptions = true,
      description = {
        "Attach a volume to another baremetal node instead, also when the old node is dead.",
        "A node that works takes it down in order first; from one that does not it is taken away."
      })
  static final class Move extends OneChange {
    @Option(
        names = "--to",
        required = true,
        paramLabel = "NODE",
        description = "The baremetal node, e.g. bm2.")
    String node;

    @Option(
        names = "--force",
        description = {
          "Take it away from a node that works and has a guest, which gets errors from then on."
              + " Start without replicas that cannot be reached though the last stop was not clean:"
              + " what only they have is lost (also for the node where the volume is and waits)."
        })
    boolean force;

    @SuppressWarnings("NullAway.Init") // picocli sets the options
    Move() {}

    @Override
    int run(ApiClient client, String path) {
      Inputs.nodeName(node);
      ApiClient.Answer answer =
          client.post(path + "/move" + waitParameter(), new Api.NewMove(node, force));
      if (console.json()) {
        console.print(answer.json());
      }
      Api.Volume volume = answer.as(Api.Volume.class);
      if (answer.pending() || volume.attachment() == null) {
        return console.pending(
            "volume " + name + " is not attached to " + node + " yet", volume.waitingFor(), name);
      }
      if (!console.json()) {
        GuestRecipe.print(volume.attachment(), console.out());
      }
      return ExitCode.DONE;
    }
  }

  @Command(
      name = "detach",
      mixinStandardHelpOptions = true,
      description = "Detach a volume. Refused while a guest is connected to it.")
  static final class Detach extends OneChange {
    @Option(
        names = "--force",
        description =
            "Cut the node off at once, for a guest or a node that is gone: a guest that is not gets"
                + " errors. The other replicas are rebuilt at the next attach.")
    boolean force;

    @Override
    int run(ApiClient client, String path) {
      ApiClient.Answer answer =
          client.delete(path + "/attachment" + waitParameter() + (force ? "&force=true" : ""));
      if (console.json()) {
        console.print(answer.json());
      }
      if (answer.pending()) {
        return console.pending(
            "volume " + name + " is not detached yet",
            answer.as(Api.Volume.class).waitingFor(),
            name);
      }
      if (!console.json()) {
        console.out().println("volume " + name + " is detached");
      }
      return ExitCode.DONE;
    }
  }

  @Command(
      name = "delete",
      mixinStandardHelpOptions = true,
      description = "Delete a volume and its data.")
  static final class Delete extends OneChange {
    @Override
    int run(ApiClient client, String path) {
      ApiClient.Answer answer = client.delete(path + waitParameter());
      if (console.json()) {
        console.print(answer.json());
      }
      if (answer.pending()) {
        return console.pending(
            "volume " + name + " is not gone yet", answer.as(Api.Volume.class).waitingFor(), name);
      }
      if (!console.json()) {
        console.out().println("volume " + name + " is deleted");
      }
      return ExitCode.DONE;
    }
  }
}
