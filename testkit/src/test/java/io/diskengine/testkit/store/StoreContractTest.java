package io.diskengine.testkit.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.ClusterSettings;
import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Disk;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.NodeMode;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.Reason;
import io.diskengine.model.Schedulability;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentStore;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.Database;
import io.diskengine.store.Lease;
import io.diskengine.store.Migrations;
import io.diskengine.store.NewVolume;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PostgresAgentStore;
import io.diskengine.store.PostgresControllerStore;
import io.diskengine.store.RefusedException;
import io.diskengine.store.StoreConfig;
import io.diskengine.store.WriteResult;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The contract of the store: whatever users and agents ask in whatever order, the store in memory
 * answers as the one on PostgreSQL does, and then shows every node the same rows.
 */
class StoreContractTest {
  private static final String PREFIX = "nqn.2026-11.io.diskengine";
  private static final String PASSWORD = "test-only";
  private static final List<String> NODES = List.of("sn1", "sn2", "sn3", "bm1", "bm2");
  private static final int REQUESTS = Integer.getInteger("diskengine.contract.requests", 1_500);

  /** Random identities and times, which differ by nature. */
  private static final Pattern OWN =
      Pattern.compile(
          "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
              + "|[0-9A-F]{32}|DE[0-9A-F]{16}|(?<=v\\d{1,6}-)[0-9a-f]{6}|(?<=vhost\\d{1,6}_)[0-9a-f]{6}"
              + "|\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z");

  /** One store with its sessions. */
  private static final class Side {
    final VolumeRequests controller;
    final Map<String, AgentSession> agents = new LinkedHashMap<>();

    Side(VolumeRequests controller, java.util.function.Function<String, AgentStore> stores) {
      this.controller = controller;
      for (String node : NODES) {
        Lease lease = stores.apply(node).acquire(registration(node), node);
        agents.put(node, ((Lease.Held) lease).session());
      }
    }

    String rows() {
      StringBuilder rows = new StringBuilder();
      agents.forEach((node, a) -> rows.append(node).append(": ").append(a.view()).append('\n'));
      Set<Long> some =
          controller.volumes().stream()
              .map(v -> v.volume().id())
              .filter(id -> id % 2 == 1)
              .collect(Collectors.toSet());
      agents.forEach((node, a) -> rows.append(node).append(": ").append(a.rows(some)).append('\n'));
      rows.append(controller.volumes()).append(controller.nodes()).append(controller.disks());
      controller.openIntents().forEach(i -> rows.append(i.action()).append(i.object()));
      return rows.toString();
    }
  }

  private static NodeRegistration registration(String name) {
    boolean storage = name.startsWith("sn");
    return new NodeRegistration(
        name,
        storage ? NodeMode.STORAGE_NODE : NodeMode.BAREMETAL,
        "domain-" + name,
        storage ? List.of(FabricAddress.parse("tcp:127.0.0.1:4420")) : List.of());
  }

  private static String essence(String text) {
    Map<String, String> names = new HashMap<>();
    Matcher m =
        OWN.matcher(
            text.replaceAll("leaseExpires=[^,]*", "").replaceAll("T\\d\\d:\\d\\dZ", "T00:00:00Z"));
    StringBuilder out = new StringBuilder();
    while (m.find()) {
      String own =
          m.group().contains("T")
              ? "time"
              : names.computeIfAbsent(m.group(), _ -> "id" + names.size());
      m.appendReplacement(out, own);
    }
    return m.appendTail(out).toString();
  }

  private final long seed = Long.getLong("diskengine.seed", System.nanoTime());
  private final SplittableRandom random = new SplittableRandom(seed);
  private final MemoryStore memory =
      new MemoryStore(
          Instant::now, new SplittableRandom(seed), "test", PREFIX, ClusterSettings.DEFAULTS);

  @Test
  void storesInMemoryAndOnPostgresAnswerAlike() throws Exception {
    System.out.println("StoreContractTest -Ddiskengine.seed=" + seed);
    try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
      String url = "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/postgres";
      Migrations.migrate(url, "postgres", "", "test", PREFIX);
      try (var c = DriverManager.getConnection(url, "postgres", "");
          var s = c.createStatement()) {
        s.execute("ALTER ROLE diskengine_controller LOGIN PASSWORD '" + PASSWORD + "'");
        s.execute("ALTER ROLE diskengine_agent LOGIN PASSWORD '" + PASSWORD + "'");
        s.execute("UPDATE diskengine.cluster SET lease_ttl_ms = 3600000");
      }
      List<AutoCloseable> open = new ArrayList<>();
      try {
        var controller =
            new PostgresControllerStore(
                new Database(StoreConfig.forController(url, "diskengine_controller", PASSWORD)));
        open.add(controller);
        Side postgres =
            new Side(
                VolumeRequests.of(controller),
                node -> {
                  var store =
                      new PostgresAgentStore(
                          new Database(
                              StoreConfig.forAgent(url, "diskengine_agent", PASSWORD, node)));
                  open.add(store);
                  return store;
                });
        memory.setLeaseTtlMs(3_600_000);
        Side inMemory =
            new Side(new MemoryControllerStore(memory), _ -> new MemoryAgentStore(memory));
        try (var c = DriverManager.getConnection(url, "postgres", "")) {
          compare(postgres, inMemory, () -> memory.skipIds("grant", lastGrantId(c)));
        }
      } finally {
        for (AutoCloseable c : open) {
          c.close();
        }
      }
    }
  }

  private static long lastGrantId(Connection c) {
    try (var s = c.createStatement();
        var r =
            s.executeQuery(
                "SELECT last_value - (NOT is_called)::int FROM diskengine.lvol_grant_id_seq")) {
      r.next();
      return r.getLong(1);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * @param skipIds takes over those that undone transactions of PostgreSQL used up
   */
  private void compare(Side postgres, Side inMemory, Runnable skipIds) {
    List<String> history = new ArrayList<>();
    int applied = 0;
    for (int i = 0; i < REQUESTS; i++) {
      String node = NODES.get(random.nextInt(NODES.size()));
      if (i < 2 || random.nextInt(8) == 0) {
        java.util.function.Function<VolumeRequests, Object> request = user(i);
        String one = answer(() -> request.apply(postgres.controller));
        String other = answer(() -> request.apply(inMemory.controller));
        history.add("user: " + one);
        assertThat(other).as("seed %d: %s", seed, history).isEqualTo(one);
      } else {
        String owner = node;
        List<AgentWrite> writes = new ArrayList<>();
        for (int n = 1 + random.nextInt(2); n > 0; n--) {
          AgentWrite w = write(owner);
          if (w != null) {
            writes.add(w);
          }
        }
        if (writes.stream()
            .anyMatch(
                w -> w instanceof AgentWrite.Readmit || w instanceof AgentWrite.BeginIntent)) {
          // Undone with another that is refused it would be tried again, with the next id.
          writes.subList(1, writes.size()).clear();
        }
        if (writes.isEmpty()) {
          continue;
        }
        String one = answer(() -> kinds(postgres.agents.get(owner).write(writes)));
        String other = answer(() -> kinds(inMemory.agents.get(owner).write(writes)));
        history.add(owner + ": " + writes + " -> " + one);
        applied += one.contains("Applied") ? 1 : 0;
        assertThat(other).as("seed %d: %s", seed, last(history)).isEqualTo(one);
      }
      skipIds.run();
      if (i % 5 == 0) {
        assertThat(essence(inMemory.rows()))
            .as("seed %d: %s", seed, last(history))
            .isEqualTo(essence(postgres.rows()));
      }
    }
    assertThat(applied).as("applied writes").isGreaterThan(REQUESTS / 6);
  }

  private static String last(List<String> history) {
    return String.join("\n", history.subList(Math.max(0, history.size() - 12), history.size()));
  }

  /** What was decided; texts for people differ. */
  private static String kinds(List<WriteResult> results) {
    return results.stream()
        .map(r -> r instanceof WriteResult.Applied(long id) ? "Applied " + id : "Refused")
        .toList()
        .toString();
  }

  private static String answer(Supplier<Object> request) {
    try {
      Object answer = request.get();
      return answer instanceof String s ? s : "done";
    } catch (RefusedException e) {
      return "refused: " + e.code();
    }
  }

  private java.util.function.Function<VolumeRequests, Object> user(int i) {
    String name = "v" + random.nextInt(12);
    String node = "bm" + (1 + random.nextInt(2));
    int replicas = 1 + random.nextInt(2);
    boolean force = random.nextBoolean();
    int slot = random.nextInt(2);
    String storage = random.nextBoolean() ? null : "sn" + (1 + random.nextInt(3));
    long sizeBytes = Sizes.GIB + random.nextInt(3) * Sizes.UNIT_BYTES;
    return switch (i < 2 ? 7 : random.nextInt(16)) {
      case 0, 1 -> c -> c.createVolume(new NewVolume(name, Sizes.GIB, replicas));
      case 2, 3, 4 -> c -> c.attach(name, node);
      case 5 -> c -> c.detach(name);
      case 6 -> c -> c.delete(name);
      case 7 ->
          c -> {
            c.setSchedulability(node, Schedulability.ACTIVE);
            return true;
          };
      case 8 -> c -> c.attach(name, "sn1");
      case 9 -> c -> c.detach(name, true);
      case 10, 11 -> c -> c.move(name, node, force);
      case 12, 13 -> c -> c.moveReplica(name, slot, storage);
      case 14 -> c -> c.resize(name, sizeBytes);
      default ->
          c -> {
            c.attachSuccessors();
            return true;
          };
    };
  }

  private <T> T any(Collection<T> all) {
    return all.stream().skip(random.nextInt(all.size())).findFirst().orElseThrow();
  }

  private <E extends Enum<E>> E any(Class<E> type) {
    E[] all = type.getEnumConstants();
    return all[random.nextInt(all.length)];
  }

  /** Mostly the present version. */
  private long version(long now) {
    return random.nextInt(6) == 0 ? now + random.nextInt(3) - 1 : now;
  }

  private AgentWrite write(String node) {
    MemoryState s = memory.state();
    long me =
        s.nodes.values().stream().filter(n -> n.name().equals(node)).findFirst().orElseThrow().id();
    boolean storage = node.startsWith("sn");
    if (random.nextInt(12) == 0) {
      return talk(s);
    }
    if (storage
        && (s.disks.values().stream().noneMatch(d -> d.nodeId() == me)
            || random.nextInt(20) == 0)) {
      return new AgentWrite.DiskSeen(
          "disk-" + node, 1, "file", "/d" + random.nextInt(2), 64 * Sizes.GIB, 4096, false);
    }
    Disk disk = s.disks.values().isEmpty() ? null : any(s.disks.values());
    if (storage && disk != null && (disk.state() != DiskState.UP || random.nextInt(40) == 0)) {
      return disk(disk);
    }
    Lvol l = s.lvols.values().isEmpty() ? null : any(s.lvols.values());
    if (l == null) {
      return null;
    }
    Volume v = s.volumes.at(l.volumeId());
    return storage ? storage(s, l) : baremetal(s, l, v);
  }

  private AgentWrite disk(Disk d) {
    return switch (random.nextInt(4)) {
      case 0 ->
          new AgentWrite.DiskChanged(d.id(), version(d.version()), any(DiskState.class), null);
      case 1 -> new AgentWrite.DiskChanged(d.id(), d.version(), DiskState.INITIALISING, null);
      case 2 -> new AgentWrite.DiskFree(d.id(), random.nextInt(1_000));
      default ->
          new AgentWrite.DiskUp(
              d.id(),
              version(d.version()),
              d.lvstoreUuid() != null && random.nextInt(8) > 0
                  ? d.lvstoreUuid()
                  : new UUID(d.id(), 7),
              Sizes.UNIT_BYTES,
              16_000,
              15_000,
              true);
    };
  }

  private AgentWrite storage(MemoryState s, Lvol l) {
    Grant g = s.grants.values().isEmpty() ? null : any(s.grants.values());
    if (g != null && random.nextInt(2) == 0) {
      GrantState to =
          random.nextBoolean()
              ? GrantState.GRANTED
              : random.nextInt(5) > 0 ? GrantState.REVOKED : any(GrantState.class);
      return new AgentWrite.GrantConfirmed(
          g.id(), version(g.version()), to, "i" + random.nextInt(3));
    }
    if (l.kept() != Kept.NONE && random.nextBoolean()) {
      return l.kept() == Kept.DROPPING
          ? new AgentWrite.KeptGone(l.id(), version(l.version()))
          : new AgentWrite.LvolKept(l.id(), version(l.version()), new UUID(l.id(), 8));
    }
    if (random.nextInt(3) > 0) {
      return new AgentWrite.LvolUp(
          l.id(),
          version(l.version()),
          l.uuid() == null || random.nextInt(9) == 0 ? new UUID(l.id(), 9) : l.uuid());
    }
    LvolState to = l.state() == LvolState.DELETING ? LvolState.DELETED : any(LvolState.class);
    if (to == LvolState.UP || to == LvolState.RESIZING) {
      return null;
    }
    return new AgentWrite.LvolChanged(l.id(), version(l.version()), to, null);
  }

  private AgentWrite baremetal(MemoryState s, Lvol l, Volume v) {
    VolumeMapping m = s.mappings.values().isEmpty() ? null : any(s.mappings.values());
    VmMapping vm = s.vms.values().isEmpty() ? null : any(s.vms.values());
    return switch (random.nextInt(16)) {
      case 0, 1 ->
          new AgentWrite.CommitOut(
              v.id(),
              random.nextInt(6) == 0 ? v.epoch() - 1 : v.epoch(),
              random.nextInt(8) == 0
                  ? s.lvolsOf(v.id()).stream().map(o -> o.id()).toList()
                  : List.of(l.id()),
              "cause");
      case 2 -> new AgentWrite.Readmit(l.id(), version(l.version()));
      case 3 -> new AgentWrite.RebuildStarted(l.id(), version(l.version()));
      case 4 -> new AgentWrite.InSync(l.id(), version(l.version()));
      case 5 -> new AgentWrite.RebuildProgress(l.id(), random.nextInt(101));
      case 6 -> new AgentWrite.RaidCreated(v.id(), version(v.version()));
      case 7, 8 ->
          m == null ? null : new AgentWrite.MappingChanged(m.id(), version(m.version()), next(m));
      case 9 ->
          m == null
              ? null
              : new AgentWrite.MappingClean(m.id(), version(m.version()), random.nextBoolean());
      case 10 -> m == null ? null : new AgentWrite.RaidSeen(m.id(), version(m.version()), "online");
      case 11 -> m == null ? null : new AgentWrite.MappingGone(m.id(), version(m.version()));
      case 13 ->
          new AgentWrite.SourceLost(
              v.id(),
              random.nextInt(6) == 0 ? v.epoch() - 1 : v.epoch(),
              l.id(),
              version(l.version()),
              s.lvolsOf(v.id()).stream()
                  .filter(o -> o.id() != l.id())
                  .filter(o -> o.sync() == LvolSync.IN_SYNC || random.nextInt(5) == 0)
                  .map(o -> o.id())
                  .toList(),
              "cause");
      case 14 -> new AgentWrite.GrowthMissed(v.id(), version(v.version()));
      case 12 -> vm == null ? null : new AgentWrite.GuestSeen(vm.id(), random.nextInt(3) == 0);
      default ->
          vm == null
              ? null
              : new AgentWrite.VmMappingChanged(
                  vm.id(), version(vm.version()), any(VmMappingState.class), "/run/s.sock");
    };
  }

  private VolumeMappingState next(VolumeMapping m) {
    return switch (m.state()) {
      case ASSIGNED -> VolumeMappingState.INITIALISED;
      case INITIALISED -> VolumeMappingState.ATTACHED;
      default -> any(VolumeMappingState.class);
    };
  }

  private AgentWrite talk(MemoryState s) {
    ObjectRef node = new ObjectRef(ObjectKind.NODE, 1);
    return switch (random.nextInt(5)) {
      case 0 -> new AgentWrite.NodeSeen(DataPlaneState.READY, "i" + random.nextInt(2), "26.9");
      case 1 -> new AgentWrite.BeginIntent("act", node, version(s.nodes.at(1).version()));
      case 2 -> new AgentWrite.FinishIntent(1 + random.nextInt(20), "ok");
      case 3 ->
          new AgentWrite.FinishUnknownIntents(
              s.intents.values().stream()
                  .filter(i -> i.finishedAt() == null && random.nextBoolean())
                  .map(i -> i.id())
                  .toList(),
              "lost");
      default ->
          new AgentWrite.PublishReasons(
              List.of(
                  new Reason(node, "waits", Instant.EPOCH, random.nextInt(2), null, null, null)));
    };
  }
}
