package io.diskengine.api;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.DiskState;
import io.diskengine.model.FabricAddress;
import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Sizes;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.AgentWrite.AnswerPlan;
import io.diskengine.store.AgentWrite.DiskChanged;
import io.diskengine.store.AgentWrite.DiskSeen;
import io.diskengine.store.AgentWrite.DiskUp;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.LvolChanged;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.AgentWrite.MappingClean;
import io.diskengine.store.AgentWrite.MappingGone;
import io.diskengine.store.AgentWrite.NodeSeen;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import io.diskengine.store.Database;
import io.diskengine.store.Lease;
import io.diskengine.store.LeaseLostException;
import io.diskengine.store.NodeRegistration;
import io.diskengine.store.PlanRequest;
import io.diskengine.store.PostgresAgentStore;
import io.diskengine.store.WakeUps;
import io.diskengine.store.WriteResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** An agent without a data plane: confirms at once whatever the rows ask of its node. */
final class StandInAgent implements AutoCloseable {
  static final long DISK_BYTES = 1024 * Sizes.GIB;
  private static final int BLOCK_SIZE = 4096;
  private static final long RENEW_EVERY_SEC = 1;

  private final PostgresAgentStore store;
  final AgentSession session;
  private final Semaphore wakes = new Semaphore(0);
  private final WakeUps wakeUps;
  private final Thread thread;
  private long renewedNs = System.nanoTime();
  private volatile boolean held;
  private volatile boolean closed;
  private volatile boolean guest;

  /** A name that starts with {@code sn} is a storage node with one disk. */
  StandInAgent(String url, String name) {
    store = new PostgresAgentStore(new Database(TestServer.agent(url, name)));
    boolean storage = name.startsWith("sn");
    NodeRegistration registration =
        new NodeRegistration(
            name,
            storage ? NodeMode.STORAGE_NODE : NodeMode.BAREMETAL,
            "domain-" + name,
            storage ? List.of(FabricAddress.parse("tcp:127.0.0.1:4420")) : List.of());
    if (!(store.acquire(registration, "stand-in " + name) instanceof Lease.Held lease)) {
      throw new IllegalStateException(name + " is taken");
    }
    session = lease.session();
    session.write(new NodeSeen(DataPlaneState.READY, "pid-1", "SPDK v26.09"));
    if (storage) {
      addDisk(name);
    }
    wakeUps = store.listen(name, _ -> wakes.release());
    thread = Thread.ofVirtual().name("stand-in-" + name).start(this::run);
  }

  private void addDisk(String name) {
    WriteResult seen =
        session.write(
            new DiskSeen("SERIAL-" + name, 1, "file", "/d", DISK_BYTES, BLOCK_SIZE, false));
    if (!(seen instanceof WriteResult.Applied disk)) {
      throw new IllegalStateException("disk: " + seen);
    }
    long clusters = DISK_BYTES / Sizes.UNIT_BYTES;
    session.write(
        List.of(
            new DiskChanged(disk.id(), 1, DiskState.INITIALISING, null),
            new DiskUp(
                disk.id(), 2, UUID.randomUUID(), Sizes.UNIT_BYTES, clusters, clusters, true)));
  }

  /** While held it looks at nothing, as an agent whose data plane does not answer. */
  void hold(boolean on) {
    held = on;
    wakes.release();
  }

  /** A guest comes, which is seen at once, or goes, which is seen when somebody asks. */
  void guest(boolean there) {
    guest = there;
    if (there) {
      wakes.release();
    }
  }

  private void run() {
    while (!closed) {
      try {
        boolean woken = wakes.tryAcquire(RENEW_EVERY_SEC, TimeUnit.SECONDS);
        wakes.drainPermits();
        renew();
        if (woken && !held && !closed) {
          confirm();
        }
      } catch (InterruptedException | LeaseLostException e) {
        return;
      } catch (RuntimeException e) {
        if (!closed) {
          e.printStackTrace();
        }
      }
    }
  }

  private void renew() {
    long nowNs = System.nanoTime();
    if (nowNs - renewedNs >= TimeUnit.SECONDS.toNanos(RENEW_EVERY_SEC) && !closed) {
      session.renew();
      renewedNs = nowNs;
    }
  }

  private void confirm() {
    NodeView view = session.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (VmMapping vm : view.vmMappings()) {
      if (vm.guestConnected() != guest && (guest || vm.guestAsked() > 0)) {
        writes.add(new AgentWrite.GuestSeen(vm.id(), guest));
      }
    }
    for (Grant g : view.grants()) {
      if (g.state() == GrantState.REVOKING) {
        writes.add(new GrantConfirmed(g.id(), g.version(), GrantState.REVOKED, "pid-1"));
      }
    }
    for (Lvol l : view.lvols()) {
      if (l.nodeId() == session.nodeId() && l.state() == LvolState.RESIZING) {
        writes.add(new LvolUp(l.id(), l.version(), java.util.Objects.requireNonNull(l.uuid())));
      } else if (l.nodeId() == session.nodeId() && l.state() == LvolState.CREATING) {
        writes.add(new LvolUp(l.id(), l.version(), UUID.randomUUID()));
      } else if (l.nodeId() == session.nodeId() && l.state() == LvolState.DELETING) {
        writes.add(new LvolChanged(l.id(), l.version(), LvolState.DELETED, null));
      }
    }
    for (Grant g : view.grants()) {
      if (g.state() == GrantState.GRANTING) {
        writes.add(new GrantConfirmed(g.id(), g.version(), GrantState.GRANTED, "pid-1"));
      }
    }
    List<VolumeMapping> own =
        view.mappings().stream().filter(m -> m.nodeId() == session.nodeId()).toList();
    attach(view, own, writes);
    detach(view, own, writes);
    letGo(view, own, writes);
    if (!writes.isEmpty()) {
      session.write(writes);
      wakes.release(); // what was refused now is looked at again
    }
    for (PlanRequest r : session.planRequests()) {
      session.write(new AnswerPlan(r.id(), "nothing to do on " + session.nodeName()));
    }
  }

  /** Like beside like, as an agent's journal has them. */
  private void attach(NodeView view, List<VolumeMapping> own, List<AgentWrite> writes) {
    Set<Long> waiting =
        view.grants().stream()
            .filter(g -> g.state() != GrantState.GRANTED)
            .map(Grant::mappingId)
            .collect(Collectors.toSet());
    List<VolumeMapping> ready =
        own.stream()
            .filter(m -> m.state() == VolumeMappingState.ASSIGNED && !waiting.contains(m.id()))
            .toList();
    for (VolumeMapping m : ready) {
      writes.add(new MappingChanged(m.id(), m.version(), VolumeMappingState.INITIALISED));
    }
    for (VolumeMapping m : ready) {
      writes.add(new MappingClean(m.id(), m.version() + 1, false));
    }
    for (VolumeMapping m : ready) {
      writes.add(new MappingChanged(m.id(), m.version() + 2, VolumeMappingState.ATTACHED));
    }
    for (VmMapping vm : of(view, ready)) {
      String path = "/run/diskengine/" + vm.controllerName();
      writes.add(new VmMappingChanged(vm.id(), vm.version(), VmMappingState.ATTACHED, path));
    }
  }

  private void detach(NodeView view, List<VolumeMapping> own, List<AgentWrite> writes) {
    List<VolumeMapping> leaving =
        own.stream().filter(m -> m.state() == VolumeMappingState.DETACHING).toList();
    for (VmMapping vm : of(view, leaving)) {
      writes.add(new VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
    }
    for (VolumeMapping m : leaving) {
      writes.add(new MappingChanged(m.id(), m.version(), VolumeMappingState.DETACHED));
    }
  }

  /** Of mappings that were taken away from this node. */
  private static void letGo(NodeView view, List<VolumeMapping> own, List<AgentWrite> writes) {
    List<VolumeMapping> fenced =
        own.stream().filter(m -> m.state() == VolumeMappingState.FENCED).toList();
    for (VmMapping vm : of(view, fenced)) {
      writes.add(new VmMappingChanged(vm.id(), vm.version(), VmMappingState.DETACHED, null));
    }
    for (VolumeMapping m : fenced) {
      writes.add(new MappingGone(m.id(), m.version()));
    }
  }

  private static List<VmMapping> of(NodeView view, List<VolumeMapping> mappings) {
    Set<Long> ids = mappings.stream().map(VolumeMapping::id).collect(Collectors.toSet());
    return view.vmMappings().stream().filter(vm -> ids.contains(vm.mappingId())).toList();
  }

  @Override
  public void close() {
    closed = true;
    wakeUps.close();
    wakes.release();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    store.close();
  }
}
