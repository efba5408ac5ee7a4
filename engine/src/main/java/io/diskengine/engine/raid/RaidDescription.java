package io.diskengine.engine.raid;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Arrays as SPDK's RPCs show them. */
final class RaidDescription {
  private RaidDescription() {}

  /** The members of bdev_raid_get_bdevs after the name. */
  static Map<String, Object> of(Raid raid) {
    Map<String, Object> out = new LinkedHashMap<>();
    out.put("uuid", text(raid.uuid()));
    out.put("strip_size_kb", raid.stripSizeKb());
    out.put("state", raid.state().label());
    out.put("raid_level", raid.level().label());
    out.put("superblock", raid.hasSuperblock());
    out.put("num_base_bdevs", raid.slots().size());
    out.put("num_base_bdevs_discovered", raid.discovered());
    out.put("num_base_bdevs_operational", raid.operational());
    Rebuild rebuild = raid.rebuild;
    if (rebuild != null) {
      out.put("process", rebuild.description());
    }
    out.put("base_bdevs_list", raid.slots().stream().map(RaidDescription::of).toList());
    return out;
  }

  /** Values that are equal as long as {@link #of(Raid)} is; the level and name never change. */
  static void parts(Raid raid, List<@Nullable Object> to) {
    Rebuild rebuild = raid.rebuild;
    to.add(raid.uuid());
    to.add(raid.state());
    to.add(raid.operational());
    to.add(rebuild == null ? null : rebuild.description());
    for (Slot slot : raid.slots()) {
      to.add(slot.name);
      to.add(slot.uuid);
      to.add(slot.configured());
      to.add(slot.dataOffsetBlocks);
      to.add(slot.dataSizeBlocks);
    }
  }

  private static Map<String, @Nullable Object> of(Slot slot) {
    Map<String, @Nullable Object> out = new LinkedHashMap<>();
    out.put("name", slot.name);
    out.put("uuid", text(slot.uuid));
    out.put("is_configured", slot.configured());
    out.put("data_offset", slot.dataOffsetBlocks);
    out.put("data_size", slot.dataSizeBlocks);
    return out;
  }

  /** The parameters of bdev_raid_create. */
  static Map<String, Object> configuration(Raid raid) {
    Map<String, Object> params = new LinkedHashMap<>();
    params.put("name", raid.name());
    params.put("uuid", text(raid.uuid()));
    if (raid.stripSizeKb() != 0) {
      params.put("strip_size_kb", raid.stripSizeKb());
    }
    params.put("raid_level", raid.level().label());
    params.put(
        "base_bdevs",
        raid.slots().stream()
            .map(slot -> slot.name == null ? "removed_base_bdev_" + slot.index : slot.name)
            .toList());
    return params;
  }

  private static String text(@Nullable UUID uuid) {
    return (uuid == null ? Raid.NIL : uuid).toString();
  }
}
