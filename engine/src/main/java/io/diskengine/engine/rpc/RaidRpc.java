package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.raid.Raid;
import io.diskengine.engine.raid.RaidModule;
import io.diskengine.engine.raid.RaidSpec;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import tools.jackson.databind.JacksonSerializable;

/** The bdev_raid methods. */
public final class RaidRpc implements RpcModule {
  /** The levels that SPDK's parser knows; of these the module may refuse some. */
  private static final Set<String> LEVELS =
      Set.of("raid0", "0", "raid1", "1", "raid5f", "5f", "concat");

  private static final Set<String> CATEGORIES = Set.of("all", "online", "configuring", "offline");

  private final RaidModule raids;
  private final WrittenParts<Raid> written = new WrittenParts<>(Raid::describe, RaidRpc::json);

  public RaidRpc(RaidModule raids) {
    this.raids = raids;
  }

  @Override
  public void register(RpcRegistry registry) {
    parsed(registry, "bdev_raid_set_options", Phase.BOTH, this::setOptions);
    parsed(registry, "bdev_raid_get_bdevs", Phase.RUNTIME, this::getBdevs);
    parsed(registry, "bdev_raid_create", Phase.RUNTIME, this::create);
    parsed(registry, "bdev_raid_delete", Phase.RUNTIME, this::delete);
    registry.method("bdev_raid_add_base_bdev", Phase.RUNTIME, this::addBase);
    parsed(registry, "bdev_raid_remove_base_bdev", Phase.RUNTIME, this::removeBase);
    registry.config("bdev", this::config);
  }

  /** Most of these methods answer parameters that cannot be decoded with -32700. */
  private static void parsed(RpcRegistry registry, String name, Phase phase, RpcHandler handler) {
    registry.method(name, phase, RpcFailure.PARSE_ERROR, handler);
  }

  private void setOptions(RpcParams params, RpcReply reply) throws RpcFailure {
    RaidModule.Options now = raids.options();
    RaidModule.Options next =
        new RaidModule.Options(
            params.u32Or("process_window_size_kb", now.processWindowSizeKb()),
            params.u32Or("process_max_bandwidth_mb_sec", now.processMaxBandwidthMbSec()));
    params.end();
    try {
      raids.options(next);
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
    reply.ok(true);
  }

  private void getBdevs(RpcParams params, RpcReply reply) throws RpcFailure {
    String category = params.string("category");
    params.end();
    if (!CATEGORIES.contains(category)) {
      throw params.undecodable();
    }
    if (category.equals("all")) {
      reply.ok(written.all(raids.raids()));
      return;
    }
    List<JacksonSerializable> found = new ArrayList<>();
    for (Raid raid : raids.raids()) {
      if (category.equals(raid.state().label())) {
        found.add(written.of(raid));
      }
    }
    reply.ok(found);
  }

  /** SPDK writes the uuid here and again as the first member of the description. */
  private static JsonObject json(Raid raid) {
    Map<String, Object> description = raid.description();
    JsonObject entry =
        new JsonObject().put("name", raid.name()).put("uuid", description.get("uuid"));
    description.forEach(entry::put);
    return entry;
  }

  private void create(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long stripSizeKb = params.u32Or("strip_size_kb", 0);
    String level = params.string("raid_level");
    List<String> baseBdevs = params.strings("base_bdevs");
    UUID uuid = params.uuidOrNull("uuid");
    boolean superblock = params.boolOr("superblock", false);
    params.end();
    if (!LEVELS.contains(level)) {
      throw params.undecodable();
    }
    if (baseBdevs.contains("")) {
      throw new RpcFailure(
          BdevException.EINVAL, "The base bdev name cannot be empty: Invalid argument");
    }
    String refusal = "Failed to create RAID bdev " + name + ": ";
    try {
      raids.create(
          new RaidSpec(name, level, stripSizeKb, baseBdevs, superblock, uuid),
          answer(reply, refusal));
    } catch (BdevException e) {
      throw failure(refusal, e.errno());
    }
  }

  private void delete(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    boolean clearSuperblock = params.boolOr("clear_sb", false);
    params.end();
    Raid raid = raids.find(name);
    if (raid == null) {
      throw new RpcFailure(BdevException.ENODEV, "raid bdev " + name + " not found");
    }
    raids.delete(
        raid,
        clearSuperblock,
        errno -> {
          if (errno == 0) {
            reply.ok(true);
          } else {
            reply.fail(new RpcFailure(RpcFailure.INTERNAL_ERROR, RpcErrors.text(errno)));
          }
        });
  }

  private void addBase(RpcParams params, RpcReply reply) throws RpcFailure {
    String raidName = params.string("raid_bdev");
    String device = params.string("base_bdev");
    params.end();
    Raid raid = raids.find(raidName);
    if (raid == null) {
      throw new RpcFailure(
          BdevException.ENODEV, "raid bdev " + raidName + " is not found in config");
    }
    try {
      raids.addBase(raid, device, answer(reply, "Failed to add base bdev to RAID bdev: "));
    } catch (BdevException e) {
      throw failure(
          "Failed to add base bdev " + device + " to RAID bdev " + raidName + ": ", e.errno());
    }
  }

  private void removeBase(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    raids.removeBase(
        name,
        errno -> {
          if (errno == 0) {
            reply.ok(true);
          } else {
            reply.fail(new RpcFailure(errno, "Failed to remove base bdev from raid bdev"));
          }
        });
  }

  private static Done answer(RpcReply reply, String refusal) {
    return errno -> {
      if (errno == 0) {
        reply.ok(true);
      } else {
        reply.fail(failure(refusal, errno));
      }
    };
  }

  private static RpcFailure failure(String refusal, int errno) {
    return new RpcFailure(errno, refusal + RpcErrors.text(errno));
  }

  private List<JsonObject> config() {
    List<JsonObject> entries = new ArrayList<>();
    entries.add(
        new JsonObject()
            .put("method", "bdev_raid_set_options")
            .put(
                "params",
                new JsonObject()
                    .put("process_window_size_kb", raids.options().processWindowSizeKb())
                    .put(
                        "process_max_bandwidth_mb_sec",
                        raids.options().processMaxBandwidthMbSec())));
    for (Raid raid : raids.raids()) {
      // An array with a superblock is found by examination.
      if (raid.state() == Raid.State.ONLINE && !raid.hasSuperblock()) {
        entries.add(
            new JsonObject().put("method", "bdev_raid_create").put("params", raid.configuration()));
      }
    }
    return entries;
  }
}
