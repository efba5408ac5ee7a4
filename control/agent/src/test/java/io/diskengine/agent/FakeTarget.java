package io.diskengine.agent;

import static io.diskengine.agent.FakeSpdk.json;
import static io.diskengine.agent.FakeSpdk.list;
import static io.diskengine.agent.FakeSpdk.object;

import io.diskengine.agent.FakeSpdk.Blob;
import io.diskengine.agent.FakeSpdk.Fault;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.NullUnmarked;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** aio, lvols and the NVMe-oF target of a fake. */
@NullUnmarked
final class FakeTarget {
  private static final long CLUSTER = 4 << 20;

  static final class Store {
    String uuid;
    String name;
    long clusters;
    final Map<String, Blob> blobs = new LinkedHashMap<>();
  }

  static final class Sub {
    JsonNode made;
    final Set<String> hosts = new LinkedHashSet<>();
    final List<JsonNode> listeners = new ArrayList<>();
    JsonNode namespace;
    Blob blob;
  }

  /** By file: survives restarts. */
  final Map<String, Store> media = new LinkedHashMap<>();

  final Map<String, String> files = new LinkedHashMap<>();
  final Map<String, Store> stores = new LinkedHashMap<>();
  final Map<String, Sub> subsystems = new LinkedHashMap<>();
  final Set<String> transports = new LinkedHashSet<>();
  long diskBytes = 1L << 34;

  /** An lvol that nobody asked for. */
  void plant(String name, long bytes) {
    Blob b = new Blob();
    b.name = name;
    b.uuid = UUID.randomUUID().toString();
    b.bytes = bytes;
    media.values().iterator().next().blobs.put(name, b);
  }

  void restart() {
    files.clear();
    stores.clear();
    subsystems.clear();
    transports.clear();
  }

  JsonNode call(String method, JsonNode p, FakeSpdk self) throws Fault {
    String name = p.path("name").asString("");
    switch (method) {
      case "bdev_aio_create" -> {
        if (files.putIfAbsent(name, p.path("filename").asString()) != null) {
          throw new Fault(-17, "File exists");
        }
        return json(name);
      }
      case "bdev_examine" -> {
        if (!files.containsKey(name)) {
          return null;
        }
        Store store = media.get(files.get(name));
        if (store != null) {
          stores.put(name, store);
        }
        return json(true);
      }
      case "bdev_wait_for_examine" -> {
        return json(true);
      }
      case "bdev_get_bdevs" -> {
        return self.host.raids.containsKey(name) ? self.host.raidBdev(name) : bdevs(name);
      }
      case "bdev_lvol_create_lvstore" -> {
        String base = p.path("bdev_name").asString();
        if (!files.containsKey(base) || stores.containsKey(base)) {
          throw new Fault(-1, "Operation not permitted");
        }
        Store store = new Store();
        store.uuid = UUID.randomUUID().toString();
        store.name = p.path("lvs_name").asString();
        store.clusters = diskBytes / CLUSTER;
        stores.put(base, store);
        media.put(files.get(base), store);
        return json(store.uuid);
      }
      case "bdev_lvol_get_lvstores" -> {
        return lvstores();
      }
      case "bdev_lvol_get_lvols" -> {
        return lvols();
      }
      case "bdev_lvol_create" -> {
        return createLvol(p);
      }
      case "bdev_lvol_resize" -> {
        blob(name).bytes = p.path("size_in_mib").asLong() << 20;
        return json(true);
      }
      case "bdev_lvol_snapshot" -> {
        return snapshot(p.path("lvol_name").asString(), p.path("snapshot_name").asString());
      }
      case "bdev_lvol_delete" -> {
        return deleteLvol(name);
      }
      case "nvmf_create_transport" -> {
        transports.add(p.path("trtype").asString());
        return json(true);
      }
      case "nvmf_get_transports" -> {
        ArrayNode all = list();
        transports.forEach(t -> all.add(object().put("trtype", t)));
        return all;
      }
      default -> {
        return method.startsWith("nvmf_") ? nvmf(method, p, self) : null;
      }
    }
  }

  private JsonNode bdevs(String name) throws Fault {
    if (files.containsKey(name)) {
      ObjectNode b = bdev(name, UUID.nameUUIDFromBytes(name.getBytes()).toString(), diskBytes);
      ((ObjectNode) b.get("driver_specific")).putObject("aio").put("filename", files.get(name));
      return list().add(b);
    }
    for (Store s : stores.values()) {
      for (Blob b : s.blobs.values()) {
        if (b.uuid.equals(name) || name.equals(s.name + "/" + b.name)) {
          ObjectNode found = bdev(b.uuid, b.uuid, b.bytes);
          ObjectNode specific = (ObjectNode) found.get("driver_specific");
          specific.putObject("lvol").put("snapshot", b.snapshot);
          return list().add(found);
        }
      }
    }
    throw new Fault(-19, "No such device");
  }

  static ObjectNode bdev(String name, String uuid, long bytes) {
    ObjectNode b = object().put("name", name).put("uuid", uuid);
    b.put("block_size", 4096).put("num_blocks", bytes / 4096).put("product_name", "fake");
    b.put("claimed", false);
    b.set("aliases", list());
    b.set("supported_io_types", object());
    b.set("driver_specific", object());
    b.putObject("assigned_rate_limits")
        .put("rw_ios_per_sec", 0)
        .put("rw_mbytes_per_sec", 0)
        .put("r_mbytes_per_sec", 0)
        .put("w_mbytes_per_sec", 0);
    return b;
  }

  private JsonNode lvstores() {
    ArrayNode all = list();
    stores.forEach((base, s) ->
        all.add(
            object()
                .put("uuid", s.uuid)
                .put("name", s.name)
                .put("base_bdev", base)
                .put("total_data_clusters", s.clusters)
                .put("free_clusters", s.clusters)
                .put("block_size", 4096)
                .put("cluster_size", CLUSTER)));
    return all;
  }

  private JsonNode lvols() {
    ArrayNode all = list();
    for (Store s : stores.values()) {
      for (Blob b : s.blobs.values()) {
        ObjectNode l = object().put("alias", s.name + "/" + b.name).put("uuid", b.uuid);
        l.put("name", b.name).put("is_thin_provisioned", true);
        l.put("is_snapshot", b.snapshot).put("is_clone", false);
        l.putObject("lvs").put("name", s.name).put("uuid", s.uuid);
        all.add(l);
      }
    }
    return all;
  }

  private Store store(String name) throws Fault {
    return stores.values().stream()
        .filter(s -> s.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new Fault(-19, "No such device"));
  }

  private JsonNode createLvol(JsonNode p) throws Fault {
    Store store = store(p.path("lvs_name").asString());
    Blob b = new Blob();
    b.name = p.path("lvol_name").asString();
    b.uuid = UUID.randomUUID().toString();
    b.bytes = p.path("size_in_mib").asLong() << 20;
    if (store.blobs.putIfAbsent(b.name, b) != null) {
      throw new Fault(-17, "File exists");
    }
    return json(b.uuid);
  }

  private JsonNode snapshot(String alias, String name) throws Fault {
    Blob of = blob(alias);
    Blob b = new Blob();
    b.name = name;
    b.uuid = UUID.randomUUID().toString();
    b.bytes = of.bytes;
    b.snapshot = true;
    b.superblock = of.superblock;
    if (store(alias.substring(0, alias.indexOf('/'))).blobs.putIfAbsent(name, b) != null) {
      throw new Fault(-32602, "File exists");
    }
    return json(b.uuid);
  }

  private JsonNode deleteLvol(String alias) throws Fault {
    Store store = store(alias.substring(0, alias.indexOf('/')));
    if (store.blobs.remove(alias.substring(alias.indexOf('/') + 1)) == null) {
      throw new Fault(-19, "No such device");
    }
    return json(true);
  }

  private Blob blob(String alias) throws Fault {
    Blob b =
        alias.contains("/")
            ? store(alias.substring(0, alias.indexOf('/')))
                .blobs
                .get(alias.substring(alias.indexOf('/') + 1))
            : null;
    if (b == null) {
      throw new Fault(-32602, "Invalid parameters");
    }
    return b;
  }

  private Sub sub(String nqn) throws Fault {
    Sub s = subsystems.get(nqn);
    if (s == null) {
      throw new Fault(-32602, "Subsystem with NQN '" + nqn + "' not found");
    }
    return s;
  }

  private JsonNode nvmf(String method, JsonNode p, FakeSpdk self) throws Fault {
    String nqn = p.path("nqn").asString("");
    switch (method) {
      case "nvmf_create_subsystem" -> {
        Sub s = new Sub();
        s.made = p;
        if (subsystems.putIfAbsent(nqn, s) != null) {
          throw new Fault(-32603, "Unable to create subsystem " + nqn);
        }
      }
      case "nvmf_delete_subsystem" -> {
        sub(nqn);
        subsystems.remove(nqn);
      }
      case "nvmf_subsystem_add_host" -> {
        if (!sub(nqn).hosts.add(p.path("host").asString())) {
          throw new Fault(-32603, "Internal error");
        }
      }
      case "nvmf_subsystem_remove_host" -> {
        if (!sub(nqn).hosts.remove(p.path("host").asString())) {
          throw new Fault(-32603, "Internal error");
        }
      }
      case "nvmf_subsystem_add_ns" -> {
        Sub s = sub(nqn);
        if (s.namespace != null) {
          throw new Fault(-32602, "Invalid parameters");
        }
        s.blob = blob(p.path("namespace").path("bdev_name").asString());
        s.namespace = p.path("namespace");
        return json(1);
      }
      case "nvmf_subsystem_remove_ns" -> {
        sub(nqn).namespace = null;
        sub(nqn).blob = null;
      }
      case "nvmf_subsystem_add_listener" -> {
        if (sub(nqn).namespace == null || !transports.contains("TCP")) {
          throw new Fault(-32602, "a listener before the namespace");
        }
        sub(nqn).listeners.add(p.path("listen_address"));
      }
      case "nvmf_subsystem_remove_listener" -> sub(nqn).listeners.remove(p.path("listen_address"));
      case "nvmf_subsystem_get_controllers" -> {
        ArrayNode all = list();
        for (FakeSpdk n : self.fabric.nodes) {
          n.host
              .connectedTo(self, nqn)
              .forEach(h -> all.add(object().put("cntlid", 1).put("hostnqn", h)));
        }
        return all;
      }
      case "nvmf_get_subsystems" -> {
        if (!nqn.isEmpty()) {
          sub(nqn);
        }
        return subsystems(nqn);
      }
      default -> {
        return null;
      }
    }
    return json(true);
  }

  private JsonNode subsystems(String only) {
    ArrayNode all = list();
    ObjectNode discovery = object().put("nqn", "nqn.2014-08.org.nvmexpress.discovery");
    discovery.put("subtype", "Discovery").put("allow_any_host", true);
    discovery.set("listen_addresses", list());
    discovery.set("hosts", list());
    if (only.isEmpty()) {
      all.add(discovery);
    }
    subsystems.forEach((nqn, s) -> {
      if (!only.isEmpty() && !only.equals(nqn)) {
        return;
      }
      ObjectNode o = object().put("nqn", nqn).put("subtype", "NVMe");
      o.put("allow_any_host", s.made.path("allow_any_host").asBoolean());
      for (String k : List.of("serial_number", "min_cntlid", "max_cntlid")) {
        o.set(k, s.made.get(k));
      }
      ArrayNode hosts = o.putArray("hosts");
      s.hosts.forEach(h -> hosts.add(object().put("nqn", h)));
      o.putArray("listen_addresses").addAll(s.listeners);
      ArrayNode namespaces = o.putArray("namespaces");
      if (s.namespace != null) {
        ObjectNode ns = object().put("nsid", 1).put("bdev_name", s.blob.uuid);
        ns.set("nguid", s.namespace.get("nguid"));
        ns.set("uuid", s.namespace.get("uuid"));
        namespaces.add(ns);
      }
      all.add(o);
    });
    return all;
  }
}
