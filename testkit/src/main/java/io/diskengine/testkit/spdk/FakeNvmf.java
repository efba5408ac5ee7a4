package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The NVMe-oF target: transports, subsystems, and who is connected. */
final class FakeNvmf {
  private static final String DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery";
  private static final int REMOVE_HOST_MS = 10;
  private static final int MAX_DELETE_MS = 10;

  private final FakeSpdk self;
  private final Set<String> transports = new LinkedHashSet<>();
  private final Map<String, Subsystem> subsystems = new LinkedHashMap<>();

  /** Connections that this side holds open. */
  private final List<NvmeConnection> connections = new ArrayList<>();

  private int lastCntlid;

  FakeNvmf(FakeSpdk self) {
    this.self = self;
  }

  /** A listener's address. */
  record Listen(String trtype, String adrfam, String traddr, String trsvcid) {
    static Listen of(Params p) {
      return new Listen(p.text("trtype"), p.text("adrfam"), p.text("traddr"), p.text("trsvcid"));
    }

    boolean isAt(String address, String service) {
      return traddr.equals(address) && trsvcid.equals(service);
    }
  }

  /** One subsystem. */
  final class Subsystem {
    final String nqn;
    boolean allowAnyHost;
    String serial = "";
    String model = "";
    int minCntlid = 1;
    int maxCntlid = 0xFFEF;
    final Set<String> hosts = new LinkedHashSet<>();
    final List<Listen> listeners = new ArrayList<>();
    final Map<Integer, Namespace> namespaces = new TreeMap<>();

    Subsystem(String nqn) {
      this.nqn = nqn;
    }

    boolean allows(String hostNqn) {
      return allowAnyHost || hosts.contains(hostNqn);
    }
  }

  /** One namespace. */
  record Namespace(int nsid, FakeBdev bdev, UUID uuid, String nguid, Runnable onRemove) {}

  void restart() {
    transports.clear();
    subsystems.clear();
    connections.clear();
  }

  /** Whoever is connected notices by the sockets' end. */
  void died() {
    List<NvmeConnection> lost = List.copyOf(connections);
    connections.clear();
    lost.forEach(NvmeConnection::targetDied);
  }

  boolean listensAt(String traddr, String trsvcid) {
    return subsystems.values().stream()
        .anyMatch(s -> s.listeners.stream().anyMatch(l -> l.isAt(traddr, trsvcid)));
  }

  Map<String, Subsystem> subsystems() {
    return subsystems;
  }

  List<NvmeConnection> connections() {
    return connections;
  }

  /** NVMe-oF connect: the namespaces, or null when the host may not. */
  @Nullable Subsystem connect(NvmeConnection c, String traddr, String trsvcid) {
    Subsystem s = subsystems.get(c.nqn);
    boolean listens = s != null && s.listeners.stream().anyMatch(l -> l.isAt(traddr, trsvcid));
    if (s == null || !listens || !s.allows(c.hostNqn)) {
      return null;
    }
    lastCntlid =
        lastCntlid >= s.maxCntlid || lastCntlid < s.minCntlid ? s.minCntlid : lastCntlid + 1;
    c.cntlid = lastCntlid;
    connections.add(c);
    return s;
  }

  void closed(NvmeConnection c) {
    connections.remove(c);
  }

  /** An I/O command has arrived. */
  void execute(NvmeConnection c, int nsid, FakeIo io) {
    Subsystem s = subsystems.get(c.nqn);
    Namespace ns = s == null ? null : s.namespaces.get(nsid);
    if (ns == null) {
      io.failed();
    } else {
      ns.bdev.submit(io);
    }
  }

  private Subsystem get(String nqn) throws RpcFault {
    Subsystem s = subsystems.get(nqn);
    if (s == null) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Subsystem with NQN '" + nqn + "' not found");
    }
    return s;
  }

  private static RpcFault refused() {
    return new RpcFault(RpcFault.INVALID_PARAMS, "Invalid parameters");
  }

  private static RpcFault internal() {
    return new RpcFault(RpcFault.INTERNAL, "Internal error");
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    String nqn = p.text("nqn");
    switch (method) {
      case "nvmf_create_transport" -> {
        if (!transports.add(p.text("trtype"))) {
          throw new RpcFault(
              RpcFault.INTERNAL, "Transport type '" + p.text("trtype") + "' already exists");
        }
        reply.ok(true);
      }
      case "nvmf_get_transports" -> {
        ArrayNode all = FakeSpdk.list();
        transports.forEach(t -> all.add(FakeSpdk.object().put("trtype", t)));
        reply.ok(all);
      }
      case "nvmf_create_subsystem" -> create(p, nqn, reply);
      case "nvmf_delete_subsystem" -> {
        Subsystem s = get(nqn);
        self.later(self.time.random().nextInt(MAX_DELETE_MS), () -> delete(s, reply));
      }
      case "nvmf_subsystem_add_host" -> {
        if (!get(nqn).hosts.add(p.text("host"))) {
          throw internal();
        }
        reply.ok(true);
      }
      case "nvmf_subsystem_remove_host" -> removeHost(get(nqn), p.text("host"), reply);
      case "nvmf_subsystem_add_ns" -> addNamespace(get(nqn), p.inside("namespace"), reply);
      case "nvmf_subsystem_remove_ns" -> {
        Namespace ns = get(nqn).namespaces.get((int) p.number("nsid", 0));
        if (ns == null) {
          throw refused();
        }
        removeNamespace(get(nqn), ns);
        reply.ok(true);
      }
      case "nvmf_subsystem_add_listener" -> addListener(get(nqn), p, reply);
      case "nvmf_subsystem_remove_listener" -> {
        if (!get(nqn).listeners.remove(Listen.of(p.inside("listen_address")))) {
          throw refused();
        }
        reply.ok(true);
      }
      case "nvmf_subsystem_get_controllers" -> reply.ok(controllers(get(nqn)));
      case "nvmf_get_subsystems" -> {
        if (!nqn.isEmpty()) {
          get(nqn);
        }
        reply.ok(json(nqn));
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void create(Params p, String nqn, Reply reply) throws RpcFault {
    if (subsystems.containsKey(nqn)) {
      throw new RpcFault(RpcFault.INTERNAL, "Unable to create subsystem " + nqn);
    }
    Subsystem s = new Subsystem(nqn);
    s.allowAnyHost = p.is("allow_any_host", false);
    s.serial = p.text("serial_number");
    s.model = p.text("model_number");
    s.minCntlid = (int) p.number("min_cntlid", s.minCntlid);
    s.maxCntlid = (int) p.number("max_cntlid", s.maxCntlid);
    subsystems.put(nqn, s);
    reply.ok(true);
  }

  private void delete(Subsystem s, Reply reply) {
    if (!subsystems.remove(s.nqn, s)) {
      reply.error(RpcFault.INVALID_PARAMS, "Subsystem with NQN '" + s.nqn + "' not found");
      return;
    }
    disconnect(s, null);
    s.namespaces.values().forEach(ns -> ns.bdev.close(ns.onRemove));
    s.namespaces.values().forEach(ns -> ns.bdev.claim = null);
    reply.ok(true);
  }

  /** Answers when the host's last command is over and its connections are gone. */
  private void removeHost(Subsystem s, String host, Reply reply) throws RpcFault {
    if (!s.hosts.remove(host)) {
      throw internal();
    }
    self.later(
        self.time.random().nextInt(REMOVE_HOST_MS),
        () -> {
          disconnect(s, host);
          self.later(self.time.random().nextInt(REMOVE_HOST_MS), () -> reply.ok(true));
        });
  }

  private void disconnect(Subsystem s, @Nullable String host) {
    for (NvmeConnection c : List.copyOf(connections)) {
      if (c.nqn.equals(s.nqn) && (host == null || c.hostNqn.equals(host))) {
        connections.remove(c);
        c.closeFromTarget();
      }
    }
  }

  private void addNamespace(Subsystem s, Params p, Reply reply) throws RpcFault {
    FakeBdev bdev = self.bdevs.find(p.text("bdev_name"));
    int nsid = (int) p.number("nsid", 0);
    if (nsid == 0) {
      nsid = 1;
      while (s.namespaces.containsKey(nsid)) {
        nsid++;
      }
    }
    if (bdev == null || bdev.claim != null || s.namespaces.containsKey(nsid)) {
      throw refused();
    }
    UUID given = p.uuid("uuid");
    UUID uuid = given == null ? bdev.uuid : given;
    int id = nsid;
    Runnable onRemove =
        () -> {
          Namespace gone = s.namespaces.get(id);
          if (gone != null) {
            removeNamespace(s, gone);
          }
        };
    bdev.claim = "NVMe-oF Target";
    bdev.open(onRemove, () -> announce(s));
    s.namespaces.put(nsid, new Namespace(nsid, bdev, uuid, p.text("nguid"), onRemove));
    announce(s);
    reply.ok(nsid);
  }

  private void removeNamespace(Subsystem s, Namespace ns) {
    s.namespaces.remove(ns.nsid);
    ns.bdev.close(ns.onRemove);
    ns.bdev.claim = null;
    announce(s);
  }

  /** Namespaces have changed: hosts are told. */
  private void announce(Subsystem s) {
    for (NvmeConnection c : List.copyOf(connections)) {
      if (c.nqn.equals(s.nqn)) {
        c.namespacesChanged(s);
      }
    }
  }

  private void addListener(Subsystem s, Params p, Reply reply) throws RpcFault {
    Listen at = Listen.of(p.inside("listen_address"));
    String address = at.traddr() + ":" + at.trsvcid();
    FakeSpdk other = self.fabric.machineOf(at.traddr(), at.trsvcid());
    boolean mine = self.addresses.contains(address) || self.fabric.bind(self, at);
    if (!transports.contains(at.trtype())
        || s.listeners.contains(at)
        || !mine
        || (other != null && other != self && other.isUp())) {
      throw refused();
    }
    s.listeners.add(at);
    reply.ok(true);
  }

  private ArrayNode controllers(Subsystem s) {
    ArrayNode all = FakeSpdk.list();
    for (NvmeConnection c : connections) {
      if (c.nqn.equals(s.nqn)) {
        all.add(
            FakeSpdk.object()
                .put("cntlid", c.cntlid)
                .put("cntrltype", "io")
                .put("hostnqn", c.hostNqn)
                .put("num_io_qpairs", 1));
      }
    }
    return all;
  }

  private ArrayNode json(String only) {
    ArrayNode all = FakeSpdk.list();
    if (only.isEmpty()) {
      ObjectNode discovery = FakeSpdk.object().put("nqn", DISCOVERY).put("subtype", "Discovery");
      discovery.putArray("listen_addresses");
      discovery.put("allow_any_host", true).putArray("hosts");
      all.add(discovery);
    }
    for (Subsystem s : subsystems.values()) {
      if (only.isEmpty() || only.equals(s.nqn)) {
        all.add(json(s));
      }
    }
    return all;
  }

  private static ObjectNode json(Subsystem s) {
    ObjectNode o = FakeSpdk.object().put("nqn", s.nqn).put("subtype", "NVMe");
    ArrayNode listeners = o.putArray("listen_addresses");
    for (Listen l : s.listeners) {
      listeners.add(
          FakeSpdk.object()
              .put("trtype", l.trtype())
              .put("adrfam", l.adrfam())
              .put("traddr", l.traddr())
              .put("trsvcid", l.trsvcid()));
    }
    o.put("allow_any_host", s.allowAnyHost);
    ArrayNode hosts = o.putArray("hosts");
    s.hosts.forEach(h -> hosts.add(FakeSpdk.object().put("nqn", h)));
    o.put("serial_number", s.serial).put("model_number", s.model).put("max_namespaces", 32);
    o.put("min_cntlid", s.minCntlid).put("max_cntlid", s.maxCntlid);
    ArrayNode namespaces = o.putArray("namespaces");
    for (Namespace ns : s.namespaces.values()) {
      ObjectNode n = FakeSpdk.object().put("nsid", ns.nsid).put("bdev_name", ns.bdev.name);
      n.put("name", ns.bdev.name);
      if (!ns.nguid.isEmpty()) {
        n.put("nguid", ns.nguid);
      }
      namespaces.add(n.put("uuid", ns.uuid.toString()));
    }
    return o;
  }

  ArrayNode config() {
    ArrayNode all = FakeSpdk.list();
    for (Subsystem s : subsystems.values()) {
      for (Namespace ns : s.namespaces.values()) {
        ObjectNode entry = FakeSpdk.object().put("method", "nvmf_subsystem_add_ns");
        ObjectNode params = entry.putObject("params").put("nqn", s.nqn);
        params.putObject("namespace").put("nsid", ns.nsid).put("bdev_name", ns.bdev.name);
        all.add(entry);
      }
    }
    return all;
  }
}
