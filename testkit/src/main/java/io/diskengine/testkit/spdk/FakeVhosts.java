package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** vhost-user-blk controllers, and the guests at their sockets. */
public final class FakeVhosts {
  private static final int MAX_CPUS = 2;

  private final FakeSpdk self;
  private final Map<String, Controller> controllers = new LinkedHashMap<>();

  FakeVhosts(FakeSpdk self) {
    this.self = self;
  }

  /** What a front-end hears. */
  public interface Session {
    /** The process at the other end is gone, or closed the connection. */
    void disconnected();

    /** The device has another size. */
    default void resized() {}
  }

  private static final class Controller {
    final String name;
    final String socket;
    @Nullable FakeBdev bdev;
    @Nullable Session session;
    Runnable onRemove = () -> {};

    Controller(String name, String socket) {
      this.name = name;
      this.socket = socket;
    }
  }

  void restart() {
    controllers.clear();
  }

  void died() {
    List<Session> told = new ArrayList<>();
    for (Controller c : controllers.values()) {
      if (c.session != null) {
        told.add(c.session);
      }
    }
    controllers.clear();
    told.forEach(Session::disconnected);
  }

  /** A guest's front-end connects; false while nobody listens at the socket. */
  public boolean connect(String controller, Session session) {
    Controller c = self.serves() ? controllers.get(controller) : null;
    if (c == null || c.session != null) {
      return false;
    }
    c.session = session;
    return true;
  }

  /** What a guest's front-end reads as the disk's capacity; 0 without one. */
  public long capacityBytes(String controller) {
    Controller c = controllers.get(controller);
    return c == null || c.bdev == null ? 0 : c.bdev.blocks * c.bdev.blockSize;
  }

  public void disconnect(String controller, Session session) {
    Controller c = controllers.get(controller);
    if (c != null && c.session == session) {
      c.session = null;
    }
  }

  /** A request of the guest; it is answered unless the process dies before. */
  public void submit(String controller, FakeIo io) {
    self.soon(() -> {
      Controller c = controllers.get(controller);
      if (c == null || c.bdev == null) {
        io.failed();
      } else {
        c.bdev.submit(io);
      }
    });
  }

  /** The name of the device behind a controller, empty when that is gone; null: no controller. */
  public @Nullable String device(String controller) {
    Controller c = controllers.get(controller);
    return c == null ? null : c.bdev == null ? "" : c.bdev.name;
  }

  /** Controllers with the name of the device behind each. */
  public Map<String, String> exposed() {
    Map<String, String> all = new LinkedHashMap<>();
    controllers.forEach((name, c) -> all.put(name, c.bdev == null ? "" : c.bdev.name));
    return all;
  }

  boolean call(String method, Params p, Reply reply) throws RpcFault {
    switch (method) {
      case "vhost_create_blk_controller" -> create(p, reply);
      case "vhost_delete_controller" -> delete(p.text("ctrlr"), reply);
      case "vhost_get_controllers" -> {
        if (p.has("name") && !controllers.containsKey(p.text("name"))) {
          throw new RpcFault(RpcFault.INTERNAL, "No such device");
        }
        reply.ok(json(p.text("name")));
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void create(Params p, Reply reply) throws RpcFault {
    String name = p.text("ctrlr");
    if (p.has("cpumask")
            && Long.parseUnsignedLong(p.text("cpumask").replace("0x", ""), 16) >= 1L << MAX_CPUS
        || p.text("cpumask").equals("0x8000000000000000")) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Invalid argument");
    }
    if (controllers.containsKey(name)) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "File exists");
    }
    FakeBdev bdev = self.bdevs.find(p.text("dev_name"));
    if (bdev == null) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "No such device");
    }
    Controller c = new Controller(name, self.vhostDirectory + "/" + name);
    c.bdev = bdev;
    c.onRemove = () -> c.bdev = null;
    bdev.open(
        c.onRemove,
        () -> {
          if (c.session != null) {
            c.session.resized();
          }
        });
    controllers.put(name, c);
    reply.ok(true);
  }

  private void delete(String name, Reply reply) throws RpcFault {
    Controller c = controllers.get(name);
    if (c == null) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "No such device");
    }
    if (c.session != null) {
      throw new RpcFault(RpcFault.INVALID_PARAMS, "Device or resource busy");
    }
    controllers.remove(name);
    if (c.bdev != null) {
      c.bdev.close(c.onRemove);
    }
    reply.ok(true);
  }

  private ArrayNode json(String only) {
    ArrayNode all = FakeSpdk.list();
    for (Controller c : controllers.values()) {
      if (only.isEmpty() || only.equals(c.name)) {
        ObjectNode o = FakeSpdk.object().put("ctrlr", c.name).put("cpumask", "0x1");
        o.put("delay_base_us", 0).put("iops_threshold", 60000).put("socket", c.socket);
        ArrayNode sessions = o.putArray("sessions");
        if (c.session != null) {
          sessions.add(FakeSpdk.object().put("vid", 0).put("id", 0).put("name", c.name + "s0"));
        }
        ObjectNode block =
            o.putObject("backend_specific").putObject("block").put("readonly", false);
        if (c.bdev == null) {
          block.putNull("bdev");
        } else {
          block.put("bdev", c.bdev.name);
        }
        block.put("transport", "vhost_user_blk");
        all.add(o);
      }
    }
    return all;
  }
}
