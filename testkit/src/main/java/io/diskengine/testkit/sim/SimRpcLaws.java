package io.diskengine.testkit.sim;

import io.diskengine.model.Kept;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Names;
import io.diskengine.model.Sizes;
import io.diskengine.testkit.spdk.FakeMedia;
import io.diskengine.testkit.spdk.FakeView;
import io.diskengine.testkit.store.MemoryState;
import java.util.Set;
import java.util.UUID;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The laws that must hold before an RPC is executed, checked on everything that is really there.
 */
final class SimRpcLaws {
  private static final JsonMapper JSON = new JsonMapper();

  /** What SPDK appends to a controller's name for its namespace. */
  private static final int LEG_SUFFIX = 2;

  private final SimWorld world;

  /** Names of lvols that were ever on record as to be deleted, and all that were ever on record. */
  private final Set<String> tombstones;

  SimRpcLaws(SimWorld world, Set<String> tombstones) {
    this.world = world;
    this.tombstones = tombstones;
  }

  private static void broken(String law, String what) {
    throw new SimLaws.Broken("law broken: " + law + ": " + what);
  }

  void executing(SimNode node, String method, String params) {
    JsonNode p = params.isEmpty() ? JSON.createObjectNode() : JSON.readTree(params);
    try {
      switch (method) {
        case "bdev_lvol_delete" -> lvolDeleted(node, p.path("name").asString(""));
        case "bdev_lvol_resize" ->
            resized(node, p.path("name").asString(""), p.path("size_in_mib").asLong(0));
        case "bdev_raid_delete" -> raidDeleted(node, p.path("name").asString(""));
        case "bdev_nvme_detach_controller", "bdev_nvme_disable_controller" ->
            controllerLeaves(node, p.path("name").asString(""));
        case "nvmf_subsystem_remove_ns", "nvmf_delete_subsystem" ->
            unexported(node, p.path("nqn").asString(""), method);
        case "nvmf_subsystem_add_listener" -> listener(node, p.path("nqn").asString(""));
        case "bdev_raid_add_base_bdev" -> overwritten(p.path("base_bdev").asString(""));
        default -> {}
      }
    } catch (SimLaws.Broken broken) {
      throw world.failure(broken.getMessage());
    }
  }

  private void lvolDeleted(SimNode node, String alias) {
    String name = alias.substring(alias.indexOf('/') + 1);
    FakeMedia.Disk disk = world.fabric.media.disk(node.disk);
    if (disk == null || !disk.blobs().containsKey(name)) {
      return;
    }
    if (!tombstones.contains(name) && !isNeedlessCopy(name)) {
      broken("nothing is deleted without mark and tombstone", name);
    }
    UUID uuid = disk.blobs().get(name).uuid;
    world.rows().lvols.values().stream()
        .filter(l -> l.name().equals(name) && l.uuid() != null && !l.uuid().equals(uuid))
        .forEach(
            l -> broken("nothing is deleted without mark and tombstone", name + " is another"));
    boolean exported =
        node.spdk.view().subsystems().stream()
            .anyMatch(s -> s.bdevs().contains(disk.blobs().get(name).uuid));
    if (exported) {
      broken("teardown order", "lvol " + name + " is deleted while it is exported");
    }
  }

  private void resized(SimNode node, String alias, long sizeMib) {
    FakeMedia.Disk disk = world.fabric.media.disk(node.disk);
    FakeMedia.Blob blob =
        disk == null ? null : disk.blobs().get(alias.substring(alias.indexOf('/') + 1));
    if (blob != null && sizeMib * Sizes.MIB < blob.sizeBytes) {
      broken("nothing shrinks", alias + " from " + blob.sizeBytes + " bytes to " + sizeMib + "MiB");
    }
  }

  /** Law 9: what was kept before a rebuild, of a replica that is in sync again or deleted. */
  private boolean isNeedlessCopy(String snapshot) {
    return world.rows().lvols.values().stream()
        .filter(l -> Names.kept(l.name()).equals(snapshot))
        .anyMatch(l -> l.kept() == Kept.DROPPING || tombstones.contains(l.name()));
  }

  private static void raidDeleted(SimNode node, String raid) {
    if (node.spdk.view().isShown(raid)) {
      broken("teardown order", raid + " is deleted under a vhost controller");
    }
  }

  /** A leg of an open RAID leaves only after it went on record as OUT. */
  private void controllerLeaves(SimNode node, String controller) {
    MemoryState s = world.rows();
    FakeView view = node.spdk.view();
    String bdev = controller + "n" + Names.NSID;
    for (FakeView.Raid r : view.raids()) {
      boolean member = r.legs().stream().anyMatch(l -> l.bdev().equals(bdev));
      if (member && view.isShown(r.name())) {
        s.lvols.values().stream()
            .filter(l -> l.name().equals(controller) && l.sync() == LvolSync.IN_SYNC)
            .filter(l -> isMappedTo(s, l.volumeId(), node)) // else it was taken away from there
            .findFirst()
            .ifPresent(l ->
                broken("a leg is OUT on record before it is disabled or detached", l.toString()));
      }
    }
  }

  private static boolean isMappedTo(MemoryState s, long volume, SimNode node) {
    return s.liveMapping(volume)
        .filter(m -> s.nodes.at(m.nodeId()).name().equals(node.name))
        .isPresent();
  }

  private static void unexported(SimNode node, String nqn, String method) {
    node.spdk.view().subsystems().stream()
        .filter(s -> s.nqn().equals(nqn) && !(s.hosts().isEmpty() && s.connected().isEmpty()))
        .findFirst()
        .ifPresent(s -> broken("teardown order", method + " under its hosts: " + s));
  }

  /** Law 9: what a replica held when it left the set is kept before a rebuild overwrites it. */
  private void overwritten(String bdev) {
    String name = bdev.substring(0, Math.max(0, bdev.length() - LEG_SUFFIX));
    world.rows().lvols.values().stream()
        .filter(l -> l.name().equals(name) && l.state() != LvolState.DELETED)
        .filter(l -> l.kept() == Kept.WANTED || l.kept() == Kept.TAKING)
        .forEach(l -> broken("what a replica held is kept before it is overwritten", l.toString()));
  }

  private static void listener(SimNode node, String nqn) {
    node.spdk.view().subsystems().stream()
        .filter(s -> s.nqn().equals(nqn) && s.anyHost())
        .findFirst()
        .ifPresent(s -> broken("exactly the granted hosts", s.toString()));
    node.spdk.view().subsystems().stream()
        .filter(s -> s.nqn().equals(nqn) && s.bdevs().isEmpty())
        .findFirst()
        .ifPresent(s -> broken("no listener without a confirmed namespace", s.toString()));
  }
}
