package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentWrite.DiskChanged;
import io.diskengine.store.AgentWrite.DiskSeen;
import io.diskengine.store.AgentWrite.DiskUp;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.AgentWrite.NodeSeen;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

/** A database with a controller and agents of two storage nodes and one baremetal node. */
final class Fixture implements AutoCloseable {
  static final long DISK_BYTES = 64 * Sizes.GIB;
  private static final int BLOCK_SIZE = 4096;

  final String url;
  final PostgresControllerStore controller;
  private final List<PostgresAgentStore> stores = new ArrayList<>();
  private final Map<String, StoreCounters> counters = new HashMap<>();

  Fixture(Server server) {
    url = server.emptyDatabase();
    controller =
        new PostgresControllerStore(
            new Database(StoreConfig.forController(url, "diskengine_controller", Server.PASSWORD)));
  }

  PostgresAgentStore agentStore(String node) {
    PostgresAgentStore store =
        new PostgresAgentStore(
            new Database(StoreConfig.forAgent(url, "diskengine_agent", Server.PASSWORD, node)));
    stores.add(store);
    return store;
  }

  static NodeRegistration registration(String name) {
    return name.startsWith("sn")
        ? new NodeRegistration(
            name,
            NodeMode.STORAGE_NODE,
            "domain-" + name,
            List.of(FabricAddress.parse("tcp:127.0.0.1:4420")))
        : new NodeRegistration(name, NodeMode.BAREMETAL, "domain-" + name, List.of());
  }

  AgentSession agent(String node) {
    PostgresAgentStore store = agentStore(node);
    counters.put(node, store.database().counters());
    return held(store.acquire(registration(node), "test " + node));
  }

  static AgentSession held(Lease lease) {
    assertThat(lease).isInstanceOf(Lease.Held.class);
    return ((Lease.Held) lease).session();
  }

  /** Of the connections of the {@link #agent}. */
  StoreCounters counters(String node) {
    return Objects.requireNonNull(counters.get(node));
  }

  /** A storage node with one disk that is UP. */
  AgentSession storageNode(String name) {
    AgentSession agent = agent(name);
    applied(agent, new NodeSeen(DataPlaneState.READY, "pid-1", "SPDK v26.09"));
    long disk = addDisk(agent, "SERIAL-" + name, BLOCK_SIZE);
    assertThat(agent.view().disks()).extracting(d -> d.id()).contains(disk);
    return agent;
  }

  static long addDisk(AgentSession agent, String serial, int blockSize) {
    DiskSeen seen = new DiskSeen(serial, 1, "file", "/d", DISK_BYTES, blockSize, false);
    long disk = applied(agent, seen);
    applied(agent, new DiskChanged(disk, 1, DiskState.INITIALISING, null));
    long clusters = DISK_BYTES / Sizes.UNIT_BYTES;
    applied(
        agent, new DiskUp(disk, 2, UUID.randomUUID(), Sizes.UNIT_BYTES, clusters, clusters, true));
    return disk;
  }

  static long applied(AgentSession agent, AgentWrite write) {
    WriteResult result = agent.write(write);
    assertThat(result).as("%s", write).isInstanceOf(WriteResult.Applied.class);
    return ((WriteResult.Applied) result).id();
  }

  static String refused(AgentSession agent, AgentWrite write) {
    WriteResult result = agent.write(write);
    assertThat(result).as("%s", write).isInstanceOf(WriteResult.Refused.class);
    return ((WriteResult.Refused) result).why();
  }

  static NewVolume volume(String name, int replicas) {
    return new NewVolume(name, Sizes.GIB, replicas);
  }

  /** Confirms every lvol and grant of the storage node as its desired state says. */
  static void confirmAll(AgentSession storageNode) {
    NodeView view = storageNode.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (Grant g : view.grants()) {
      if (g.state() == GrantState.REVOKING) {
        writes.add(new GrantConfirmed(g.id(), g.version(), GrantState.REVOKED, "pid-1"));
      }
    }
    for (Lvol l : view.lvols()) {
      if (l.state() == LvolState.CREATING) {
        writes.add(new LvolUp(l.id(), l.version(), UUID.randomUUID()));
      } else if (l.state() == LvolState.DELETING) {
        writes.add(new AgentWrite.LvolChanged(l.id(), l.version(), LvolState.DELETED, null));
      }
    }
    for (Lvol l : view.lvols()) {
      if (l.kept() == Kept.TAKING) {
        writes.add(new AgentWrite.LvolKept(l.id(), l.version(), UUID.randomUUID()));
      }
    }
    for (Grant g : view.grants()) {
      if (g.state() == GrantState.GRANTING) {
        writes.add(new GrantConfirmed(g.id(), g.version(), GrantState.GRANTED, "pid-1"));
      }
    }
    assertThat(storageNode.write(writes)).allMatch(WriteResult::applied);
  }

  /** Takes the node's one mapping to ATTACHED. */
  static void attachAll(AgentSession baremetal) {
    NodeView view = baremetal.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (var m : view.mappings()) {
      long id = m.id();
      long v = m.version();
      writes.add(new MappingChanged(id, v, VolumeMappingState.INITIALISED));
      writes.add(new AgentWrite.MappingClean(id, v + 1, false));
      writes.add(new MappingChanged(id, v + 2, VolumeMappingState.ATTACHED));
    }
    for (var vm : view.vmMappings()) {
      writes.add(
          new VmMappingChanged(vm.id(), vm.version(), VmMappingState.ATTACHED, "/run/s.sock"));
    }
    assertThat(baremetal.write(writes)).allMatch(WriteResult::applied);
  }

  /** Confirms the teardown of the node's one mapping. */
  static void detachAll(AgentSession baremetal) {
    NodeView view = baremetal.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (var vm : view.vmMappings()) {
      writes.add(new VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
    }
    for (var m : view.mappings()) {
      writes.add(new MappingChanged(m.id(), m.version(), VolumeMappingState.DETACHED));
    }
    assertThat(baremetal.write(writes)).allMatch(WriteResult::applied);
  }

  /** Numbers of rows, separated by spaces. */
  String rows(String... tables) {
    return controller
        .database()
        .single(tx -> {
          List<String> counts = new ArrayList<>();
          for (String table : tables) {
            counts.add(Long.toString(tx.number("SELECT count(*) FROM " + table)));
          }
          return String.join(" ", counts);
        });
  }

  @Override
  public void close() {
    stores.forEach(PostgresAgentStore::close);
    controller.close();
  }
}
