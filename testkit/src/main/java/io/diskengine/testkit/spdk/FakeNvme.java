package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * bdev_nvme: the RPCs about controllers. What a controller does by itself is {@link FakeCtrlr}'s.
 */
final class FakeNvme {
  private static final int MAX_DETACH_MS = 20;

  /** Between the answer to a detach and the end of the device. */
  private static final int MAX_DRAIN_MS = 30;

  /** A detach of a target that is not there waits for the reconnect that is under way. */
  private static final int DETACH_DELAYED_MS = 1_000;

  /** A detach gives up on a target that says nothing; the controller stays half gone. */
  private static final int DETACH_SILENT_MS = 10_000;

  private static final int ATTACH_SILENT_MS = 10_000;
  private static final int DETACH_LOOK_MS = 200;

  private final FakeSpdk self;
  private final Map<String, FakeCtrlr> controllers = new LinkedHashMap<>();

  /** Controllers whose connect is not over: SPDK does not list them. */
  private final List<String> connecting = new ArrayList<>();

  /** 2^n ms without acknowledgement end a connection; 0: never. */
  int ackTimeout;

  FakeNvme(FakeSpdk self) {
    this.self = self;
  }

  void restart() {
    controllers.clear();
    connecting.clear();
    ackTimeout = 0;
  }

  void died() {
    controllers.values().forEach(FakeCtrlr::died);
    controllers.clear();
    connecting.clear();
  }

  Map<String, FakeCtrlr> controllers() {
    return controllers;
  }

  void wayCut(FakeSpdk peer) {
    controllers.values().forEach(c -> c.wayCut(peer));
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    String name = p.text("name");
    switch (method) {
      case "bdev_nvme_set_options" -> {
        if (!controllers.isEmpty()) {
          throw new RpcFault(
              RpcFault.EPERM, "RPC not permitted with nvme controllers already attached");
        }
        ackTimeout = (int) p.number("transport_ack_timeout", ackTimeout);
        reply.ok(true);
      }
      case "bdev_nvme_attach_controller" -> attach(p, name, reply);
      case "bdev_nvme_disable_controller" -> {
        get(name).disable();
        self.later(self.fabric.latencyMs(), () -> reply.ok(true));
      }
      case "bdev_nvme_detach_controller" -> detach(get(name), reply);
      case "bdev_nvme_get_controllers" -> {
        if (!name.isEmpty() && !controllers.containsKey(name)) {
          throw new RpcFault(RpcFault.EINVAL, "Controller " + name + " does not exist");
        }
        reply.ok(json(name));
      }
      case "bdev_nvme_get_controller_health_info" -> {
        if (!controllers.containsKey(name)) {
          throw new RpcFault(RpcFault.INTERNAL, "Device not found");
        }
        reply.ok(health());
      }
      case "bdev_nvme_get_io_paths" ->
          reply.ok(FakeSpdk.object().set("poll_groups", FakeSpdk.list()));
      default -> {
        return false;
      }
    }
    return true;
  }

  /** A target over a fabric has nothing to tell. */
  private static ObjectNode health() {
    return FakeSpdk.object()
        .put("model_number", "SPDK bdev Controller")
        .put("critical_warning", 0)
        .put("temperature_celsius", 0)
        .put("available_spare_percentage", 0)
        .put("available_spare_threshold_percentage", 0)
        .put("percentage_used", 0)
        .put("power_cycles", 0)
        .put("media_errors", 0);
  }

  private FakeCtrlr get(String name) throws RpcFault {
    FakeCtrlr c = controllers.get(name);
    if (c == null) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    return c;
  }

  private static final Set<String> ATTACH =
      Set.of(
          "name",
          "trtype",
          "adrfam",
          "traddr",
          "trsvcid",
          "subnqn",
          "hostnqn",
          "hostaddr",
          "hostsvcid",
          "multipath",
          "ctrlr_loss_timeout_sec",
          "reconnect_delay_sec",
          "fast_io_fail_timeout_sec");

  private void attach(Params p, String name, Reply reply) throws RpcFault {
    if (name.isEmpty() || !ATTACH.containsAll(p.names())) {
      throw new RpcFault(RpcFault.INTERNAL, "spdk_json_decode_object failed");
    }
    String trtype = p.text("trtype");
    if (!trtype.equals("TCP") && !trtype.equals("RDMA")) {
      throw RpcFault.errno(RpcFault.ENODEV);
    }
    FakeCtrlr.Address at =
        new FakeCtrlr.Address(trtype, p.text("adrfam"), p.text("traddr"), p.text("trsvcid"));
    String nqn = p.text("subnqn");
    String hostNqn =
        p.has("hostnqn") ? p.text("hostnqn") : "nqn.2014-08.org.nvmexpress:uuid:" + self.name;
    FakeCtrlr known = controllers.get(name);
    String exists = "A controller named " + name + " already exists";
    if (known != null) {
      if (!known.nqn.equals(nqn)) {
        throw new RpcFault(
            RpcFault.EINVAL, exists + ", but uses a different subnqn (" + known.nqn + ")");
      }
      if (p.text("multipath").equals("disable")) {
        throw new RpcFault(RpcFault.EALREADY, exists + " and multipath is disabled");
      }
      if (known.hasPath(at)) {
        throw new RpcFault(RpcFault.EALREADY, exists + " with the specified network path");
      }
    }
    for (FakeCtrlr c : controllers.values()) {
      if (c != known && c.nqn.equals(nqn) && c.hostNqn.equals(hostNqn) && c.hasPath(at)) {
        throw RpcFault.errno(RpcFault.EEXIST);
      }
    }
    FakeCtrlr.Timers timers =
        new FakeCtrlr.Timers(
            (int) p.number("ctrlr_loss_timeout_sec", 0),
            (int) p.number("reconnect_delay_sec", 0),
            (int) p.number("fast_io_fail_timeout_sec", 0));
    if (!timers.fit()) {
      throw RpcFault.errno(RpcFault.EINVAL);
    }
    FakeCtrlr controller = known != null ? known : new FakeCtrlr(self, name, nqn, hostNqn, timers);
    connect(controller, at, reply);
  }

  private void connect(FakeCtrlr controller, FakeCtrlr.Address at, Reply reply) {
    FakeSpdk machine = self.fabric.machineOf(at.traddr(), at.trsvcid());
    boolean silent =
        machine != null
            && (machine.isStopped() || !self.fabric.isReachable(self.name, machine.name));
    if (silent) {
      self.later(ATTACH_SILENT_MS, () -> reply.error(RpcFault.errno(RpcFault.EIO)));
      return;
    }
    connecting.add(controller.name);
    self.later(
        FakeCtrlr.CONNECT_MS,
        () -> {
          connecting.remove(controller.name);
          FakeCtrlr now = controllers.get(controller.name);
          boolean taken = now != null && now != controller;
          if (taken || !controller.connect(at)) {
            reply.error(taken ? RpcFault.errno(RpcFault.EEXIST) : RpcFault.errno(RpcFault.EIO));
            return;
          }
          controllers.put(controller.name, controller);
          controller.appear();
          reply.ok(controller.bdevNames());
        });
  }

  private void detach(FakeCtrlr c, Reply reply) {
    FakeCtrlr.Reach reach = c.reach();
    c.delete();
    switch (reach) {
      case SILENT -> {
        self.later(DETACH_SILENT_MS, () -> reply.error(RpcFault.errno(RpcFault.ETIMEDOUT)));
        goneWhenHeard(c);
      }
      case AWAY -> self.later(DETACH_DELAYED_MS, () -> detached(c, reply));
      case HERE -> self.later(self.time.random().nextInt(MAX_DETACH_MS), () -> detached(c, reply));
    }
  }

  /** Accepted first, done later where somebody still uses it. */
  private void detached(FakeCtrlr c, Reply reply) {
    if (c.isInUse()) {
      reply.ok(true);
      self.later(self.time.random().nextInt(MAX_DRAIN_MS), () -> remove(c));
    } else {
      remove(c);
      reply.ok(true);
    }
  }

  private void goneWhenHeard(FakeCtrlr c) {
    self.later(
        DETACH_LOOK_MS,
        () -> {
          if (c.reach() == FakeCtrlr.Reach.SILENT) {
            goneWhenHeard(c);
          } else {
            remove(c);
          }
        });
  }

  void remove(FakeCtrlr c) {
    if (controllers.remove(c.name, c)) {
      c.removed();
    }
  }

  private ArrayNode json(String only) {
    ArrayNode all = FakeSpdk.list();
    for (FakeCtrlr c : controllers.values()) {
      if (only.isEmpty() || only.equals(c.name)) {
        ObjectNode o = FakeSpdk.object().put("name", c.name);
        c.describe(o.putArray("ctrlrs"));
        all.add(o);
      }
    }
    return all;
  }

  /** For those who look on. */
  List<String> connecting() {
    return connecting;
  }

  /** For those who look on. */
  List<String> names() {
    return new ArrayList<>(controllers.keySet());
  }
}
