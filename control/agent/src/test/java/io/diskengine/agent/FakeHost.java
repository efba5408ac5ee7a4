package io.diskengine.agent;

import static io.diskengine.agent.FakeSpdk.json;
import static io.diskengine.agent.FakeSpdk.list;
import static io.diskengine.agent.FakeSpdk.object;

import io.diskengine.agent.FakeSpdk.Blob;
import io.diskengine.agent.FakeSpdk.Fault;
import io.diskengine.agent.FakeSpdk.Superblock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullUnmarked;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** bdev_nvme, raid1 with superblock, null bdevs and vhost of a fake. */
@NullUnmarked
final class FakeHost {
  private static final int BLOCK = 4096;

  /** Blocks that a superblock takes. */
  private static final int DATA_OFFSET = 256;

  static final class Ctl {
    JsonNode made;
    FakeSpdk node;
    String uuid;
    boolean disabled;
  }

  static final class Slot {
    String uuid;
    String bdev;
  }

  static final class Raid {
    String name;
    String uuid;
    long seq;
    boolean online;

    /** That it uses of each leg. */
    long blocks;

    String rebuilding;
    int percent;
    final List<Slot> slots = new ArrayList<>();
  }

  private final FakeSpdk self;
  final Map<String, Ctl> controllers = new LinkedHashMap<>();
  final Map<String, Raid> raids = new LinkedHashMap<>();
  final Map<String, String> nulls = new LinkedHashMap<>();
  final Map<String, String> vhosts = new LinkedHashMap<>();

  /** As they were set, by bdev. */
  final Map<String, JsonNode> limits = new LinkedHashMap<>();

  /** Vhost controllers with a guest. */
  final Set<String> guests = new LinkedHashSet<>();

  final Set<String> examined = new LinkedHashSet<>();

  /** RAIDs do not hear that a leg grows. */
  boolean deaf;

  /** Blocks of a rebuild's progress at each look. */
  int rebuildStep = 50;

  FakeHost(FakeSpdk self) {
    this.self = self;
  }

  void restart() {
    controllers.clear();
    raids.clear();
    nulls.clear();
    vhosts.clear();
    guests.clear();
    limits.clear();
    examined.clear();
  }

  Set<String> connectedTo(FakeSpdk node, String nqn) {
    Set<String> hosts = new LinkedHashSet<>();
    for (Ctl c : controllers.values()) {
      if (c.node == node && c.made.path("subnqn").asString().equals(nqn) && open(c) != null) {
        hosts.add(c.made.path("hostnqn").asString());
      }
    }
    return hosts;
  }

  private Blob open(Ctl c) {
    return c.disabled ? null : reach(c.node, c.made);
  }

  private static Blob reach(FakeSpdk node, JsonNode made) {
    FakeTarget.Sub s =
        node.isUp() ? node.target.subsystems.get(made.path("subnqn").asString()) : null;
    boolean allowed = s != null && s.hosts.contains(made.path("hostnqn").asString());
    return allowed && !s.listeners.isEmpty() ? s.blob : null;
  }

  private Ctl ctlOf(String bdev) {
    return bdev == null || !bdev.endsWith("n1")
        ? null
        : controllers.get(bdev.substring(0, bdev.length() - 2));
  }

  private Blob blob(String bdev) {
    Ctl c = ctlOf(bdev);
    return c == null ? null : open(c);
  }

  private String uuid(String bdev) {
    Ctl c = ctlOf(bdev);
    return c != null ? c.uuid : nulls.get(bdev);
  }

  /** With the limits that were set. */
  JsonNode raidBdev(String name) {
    ObjectNode b = FakeTarget.bdev(name, raids.get(name).uuid, 1L << 26);
    JsonNode set = limits.get(name);
    if (set != null) {
      ObjectNode now = (ObjectNode) b.get("assigned_rate_limits");
      now.set("rw_ios_per_sec", set.get("rw_ios_per_sec"));
      now.set("rw_mbytes_per_sec", set.get("rw_mbytes_per_sec"));
    }
    if (raids.get(name).online) {
      for (JsonNode raid : raidsJson()) {
        if (raid.path("name").asString().equals(name)) {
          ObjectNode specific = (ObjectNode) raid.deepCopy();
          specific.remove("name");
          b.putObject("driver_specific").set("raid", specific);
        }
      }
    }
    return list().add(b);
  }

  JsonNode call(String method, JsonNode p) throws Fault {
    String name = p.path("name").asString("");
    switch (method) {
      case "bdev_nvme_attach_controller" -> {
        return attach(p, name);
      }
      case "bdev_nvme_disable_controller" -> {
        Ctl c = controllers.get(name);
        if (c == null) {
          throw new Fault(-19, "No such device");
        }
        c.disabled = true;
      }
      case "bdev_nvme_detach_controller" -> {
        Raid holder = holder(name + "n1");
        if (controllers.remove(name) == null) {
          throw new Fault(-19, "No such device");
        }
        if (holder != null) {
          remove(holder, name + "n1");
        }
      }
      case "bdev_nvme_get_controllers" -> {
        return controllersJson();
      }
      case "bdev_set_qos_limit" -> {
        boolean open = guests.stream().anyMatch(g -> name.equals(vhosts.get(g)));
        if (limits.containsKey(name) && !open) {
          throw new Fault(
              -32602, "Failed to configure rate limit: Resource temporarily unavailable");
        }
        limits.put(name, p);
      }
      case "bdev_null_create" -> {
        if (nulls.putIfAbsent(name, p.path("uuid").asString()) != null) {
          throw new Fault(-17, "File exists");
        }
        return json(name);
      }
      case "bdev_null_delete" -> {
        if (nulls.remove(name) == null) {
          throw new Fault(-19, "No such device");
        }
      }
      case "bdev_examine" -> {
        if (!examined.add(name)) {
          throw new Fault(-17, "File exists");
        }
        examine(name);
      }
      case "bdev_raid_create" -> create(p, name);
      case "bdev_raid_delete" -> {
        if (raids.remove(name) == null) {
          throw new Fault(-19, "raid bdev " + name + " not found");
        }
      }
      case "bdev_raid_get_bdevs" -> {
        return raidsJson();
      }
      case "bdev_raid_add_base_bdev" ->
          add(p.path("raid_bdev").asString(), p.path("base_bdev").asString());
      case "bdev_raid_remove_base_bdev" -> {
        Raid holder = holder(name);
        if (holder == null) {
          throw new Fault(-19, "Failed to remove base bdev from raid bdev");
        }
        remove(holder, name);
      }
      case "vhost_create_blk_controller" -> {
        Raid r = raids.get(p.path("dev_name").asString());
        if (r == null || !r.online) {
          throw new Fault(-32602, "No such device");
        }
        if (vhosts.putIfAbsent(p.path("ctrlr").asString(), r.name) != null) {
          throw new Fault(-32602, "File exists");
        }
      }
      case "vhost_delete_controller" -> {
        if (guests.contains(p.path("ctrlr").asString())) {
          throw new Fault(-32602, "Device or resource busy");
        }
        if (vhosts.remove(p.path("ctrlr").asString()) == null) {
          throw new Fault(-32602, "No such device");
        }
      }
      case "vhost_get_controllers" -> {
        return vhostsJson(name.isEmpty() ? vhosts.keySet() : Set.of(name));
      }
      default -> {
        return null;
      }
    }
    return json(true);
  }

  private JsonNode attach(JsonNode p, String name) throws Fault {
    if (controllers.containsKey(name)) {
      throw new Fault(-114, "A controller named " + name + " already exists");
    }
    for (FakeSpdk n : self.fabric.nodes) {
      Blob b = reach(n, p);
      if (b != null) {
        Ctl c = new Ctl();
        c.made = p;
        c.node = n;
        c.uuid =
            n.target.subsystems.get(p.path("subnqn").asString()).namespace.path("uuid").asString();
        controllers.put(name, c);
        if (examined.contains(name + "n1")) {
          examine(name + "n1");
        }
        return list().add(name + "n1");
      }
    }
    throw new Fault(-5, "Input/output error");
  }

  private Raid holder(String bdev) {
    return raids.values().stream()
        .filter(r -> r.slots.stream().anyMatch(s -> bdev.equals(s.bdev)))
        .findFirst()
        .orElse(null);
  }

  private void create(JsonNode p, String name) throws Fault {
    Raid r = new Raid();
    r.name = name;
    r.uuid = p.path("uuid").asString();
    r.seq = 1;
    r.online = true;
    for (JsonNode base : p.path("base_bdevs")) {
      Blob b = blob(base.asString());
      boolean free = nulls.containsKey(base.asString()) || (b != null && b.superblock == null);
      if (!free || raids.containsKey(name)) {
        throw new Fault(-17, "Failed to create RAID bdev " + name + ": File exists");
      }
      r.slots.add(slot(uuid(base.asString()), base.asString()));
    }
    raids.put(name, r);
    fit(r);
    save(r);
  }

  /** As large as its smallest leg allows. */
  private void fit(Raid r) {
    r.slots.stream()
        .map(s -> blob(s.bdev))
        .filter(b -> b != null)
        .mapToLong(b -> b.bytes / BLOCK - DATA_OFFSET)
        .min()
        .ifPresent(blocks -> r.blocks = blocks);
  }

  private static Slot slot(String uuid, String bdev) {
    Slot s = new Slot();
    s.uuid = uuid;
    s.bdev = bdev;
    return s;
  }

  private void save(Raid r) {
    Set<String> missing = new HashSet<>();
    List<String> uuids = new ArrayList<>();
    for (Slot s : r.slots) {
      uuids.add(s.uuid);
      if (s.bdev == null || s.bdev.equals(r.rebuilding)) {
        missing.add(s.uuid);
      }
    }
    for (Slot s : r.slots) {
      Blob b = blob(s.bdev);
      if (b != null) {
        b.superblock = new Superblock(r.name, r.uuid, r.seq, uuids, missing);
      }
    }
  }

  private void remove(Raid r, String bdev) {
    for (Slot s : r.slots) {
      if (bdev.equals(s.bdev)) {
        s.bdev = null;
        s.uuid = FakeSpdk.ZERO_UUID;
      }
    }
    if (bdev.equals(r.rebuilding)) {
      r.rebuilding = null;
    }
    r.seq++;
    save(r);
    if (r.slots.stream().allMatch(s -> s.bdev == null)) {
      raids.remove(r.name);
    }
  }

  private void add(String raid, String base) throws Fault {
    Raid r = raids.get(raid);
    String uuid = uuid(base);
    if (r == null || uuid == null || holder(base) != null || r.rebuilding != null) {
      throw new Fault(-19, "Failed to add base bdev " + base);
    }
    for (Slot s : r.slots) {
      boolean fits = s.bdev == null && (r.online || s.uuid.equals(uuid));
      if (fits) {
        s.bdev = base;
        s.uuid = uuid;
        if (r.online) {
          r.rebuilding = base;
          r.percent = 0;
          blob(base).copied = false;
          r.seq++;
          save(r);
        } else {
          complete(r);
        }
        return;
      }
    }
    throw new Fault(-22, "Failed to add base bdev " + base + ": Invalid argument");
  }

  private void complete(Raid r) {
    if (r.slots.stream().noneMatch(s -> s.bdev == null && !s.uuid.equals(FakeSpdk.ZERO_UUID))) {
      r.online = true;
      r.seq++;
      fit(r);
      save(r);
    }
  }

  private void examine(String bdev) throws Fault {
    Blob b = blob(bdev);
    if (b == null || b.superblock == null || holder(bdev) != null) {
      return;
    }
    Superblock newest = b.superblock;
    for (String c : controllers.keySet()) {
      Blob other = blob(c + "n1");
      boolean newer =
          other != null
              && other.superblock != null
              && other.superblock.raid().equals(newest.raid())
              && other.superblock.seq() > newest.seq();
      newest = newer ? other.superblock : newest;
    }
    Raid r = raids.get(newest.raid());
    if (r != null && r.online) {
      add(r.name, bdev);
      return;
    }
    if (r == null) {
      r = new Raid();
      r.name = newest.raid();
      r.uuid = newest.uuid();
      r.seq = newest.seq();
      for (String u : newest.slots()) {
        r.slots.add(slot(newest.missing().contains(u) ? FakeSpdk.ZERO_UUID : u, null));
      }
      raids.put(r.name, r);
    }
    for (String c : controllers.keySet()) {
      for (Slot s : r.slots) {
        if (s.bdev == null && s.uuid.equals(uuid(c + "n1")) && blob(c + "n1") != null) {
          s.bdev = c + "n1";
        }
      }
    }
    complete(r);
  }

  private JsonNode controllersJson() {
    ArrayNode all = list();
    controllers.forEach((name, c) -> {
      ObjectNode path = object();
      path.put(
          "state", c.disabled ? "disabled" : open(c) != null ? "enabled" : "reconnect_is_delayed");
      ObjectNode trid = path.putObject("trid");
      for (String k : List.of("trtype", "adrfam", "traddr", "trsvcid", "subnqn")) {
        trid.set(k, c.made.get(k));
      }
      path.put("cntlid", 1);
      path.putObject("host").set("nqn", c.made.get("hostnqn"));
      all.add(object().put("name", name).set("ctrlrs", list().add(path)));
    });
    return all;
  }

  private JsonNode raidsJson() {
    ArrayNode all = list();
    for (Raid r : raids.values()) {
      ObjectNode o = object().put("name", r.name).put("uuid", r.uuid).put("strip_size_kb", 0);
      o.put("state", r.online ? "online" : "configuring").put("raid_level", "raid1");
      o.put("superblock", true).put("num_base_bdevs", r.slots.size());
      int there = (int) r.slots.stream().filter(s -> s.bdev != null).count();
      o.put("num_base_bdevs_discovered", there).put("num_base_bdevs_operational", there);
      if (r.rebuilding != null
          && (blob(r.rebuilding) == null || (r.percent += rebuildStep) >= 100)) {
        boolean done = blob(r.rebuilding) != null;
        String target = r.rebuilding;
        r.rebuilding = null;
        if (done) {
          blob(target).copied = true;
          r.seq++;
          save(r);
        }
      }
      if (r.rebuilding != null) {
        ObjectNode process =
            o.putObject("process").put("type", "rebuild").put("target", r.rebuilding);
        process.putObject("progress").put("blocks", r.percent).put("percent", r.percent);
      }
      if (!deaf) {
        fit(r);
      }
      ArrayNode bases = o.putArray("base_bdevs_list");
      for (Slot s : r.slots) {
        ObjectNode b = object().put("name", s.bdev).put("uuid", s.uuid);
        bases.add(
            b.put("is_configured", s.bdev != null)
                .put("data_offset", DATA_OFFSET)
                .put("data_size", r.blocks));
      }
      all.add(o);
    }
    return all;
  }

  private JsonNode vhostsJson(Set<String> names) {
    ArrayNode all = list();
    vhosts.forEach((name, raid) -> {
      if (!names.contains(name)) {
        return;
      }
      ObjectNode o = object().put("ctrlr", name).put("socket", "/vhost/" + name);
      ArrayNode sessions = list();
      if (guests.contains(name)) {
        sessions.add(object().put("vid", 0).put("id", 0).put("name", "s").put("started", true));
      }
      o.set("sessions", sessions);
      ObjectNode block = o.putObject("backend_specific").putObject("block");
      block.put("readonly", false).put("bdev", raids.containsKey(raid) ? raid : null);
      all.add(o);
    });
    return all;
  }
}
