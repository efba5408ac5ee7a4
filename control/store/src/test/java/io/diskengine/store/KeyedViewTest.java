package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.NodeMode;
import io.diskengine.model.NodeView;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeRows;
import io.diskengine.store.AgentWrite.NodeSeen;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** A view that is kept up to date by the keys of wake-ups is the view that a full read gives. */
@ParameterizedClass
@EnumSource(Server.class)
final class KeyedViewTest {
  private static final int ARRIVES_WITHIN_SEC = 10;

  private final Fixture fixture;

  KeyedViewTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  /** A node as its agent keeps it. */
  private final class Kept implements AutoCloseable {
    final AgentSession session;
    private final LinkedBlockingQueue<Wake> wakes = new LinkedBlockingQueue<>();
    private final WakeUps wakeUps;
    private NodeView rows;

    Kept(String name, AgentSession session) throws InterruptedException {
      this.session = session;
      wakeUps = fixture.agentStore(name).listen(name, wakes::add);
      assertThat(wakes.poll(ARRIVES_WITHIN_SEC, TimeUnit.SECONDS)).isEqualTo(Wake.ALL);
      rows = session.view();
    }

    /** Reads only what wakes name, until nothing of the full view is missing. */
    void follows(String step, boolean mayReadAll) throws InterruptedException {
      long untilNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(ARRIVES_WITHIN_SEC);
      NodeView full = session.view();
      while (!isSame(full) && System.nanoTime() < untilNs) {
        Wake wake = wakes.poll(100, TimeUnit.MILLISECONDS);
        if (wake != null && !wake.volumes().isEmpty()) {
          read(wake.volumes());
        }
        if (wake != null && wake.all()) {
          assertThat(mayReadAll).as("%s: a wake for everything", step).isTrue();
          rows = session.view();
        }
      }
      assertThat(followed(rows)).as(step).isEqualTo(followed(full));
      assertThat(rows.disks()).as(step).containsAll(full.disks());
      assertThat(rows.peers()).as(step).containsAll(full.peers());
    }

    void read(Set<Long> volumes) {
      VolumeRows part = session.rows(volumes);
      rows = rows.knowsNodesOf(part) ? rows.with(part, volumes) : session.view();
    }

    private boolean isSame(NodeView full) {
      return followed(rows).equals(followed(full))
          && rows.disks().containsAll(full.disks())
          && rows.peers().containsAll(full.peers());
    }

    /** What becomes of volumes and mappings is not told to the storage nodes of the replicas. */
    private List<?> followed(NodeView of) {
      return of.node().mode() == NodeMode.STORAGE_NODE
          ? List.of(of.lvols(), of.grants(), of.volumes().stream().map(Volume::id).toList())
          : List.of(of.lvols(), of.grants(), of.volumes(), of.mappings(), of.vmMappings());
    }

    @Override
    public void close() {
      wakeUps.close();
    }
  }

  private static void all(String step, boolean mayReadAll, Kept... nodes)
      throws InterruptedException {
    for (Kept node : nodes) {
      node.follows(step, mayReadAll);
    }
  }

  /** Wakes of a node's own writes do not come to it: another connection of the test does them. */
  @Test
  void keysOfWakesNameEveryChangedRow() throws Exception {
    AgentSession first = fixture.storageNode("sn1");
    AgentSession second = fixture.storageNode("sn2");
    AgentSession host = fixture.agent("bm1");
    try (Kept sn1 = new Kept("sn1", first);
        Kept sn2 = new Kept("sn2", second);
        Kept bm1 = new Kept("bm1", host)) {
      for (String name : List.of("a", "b", "c")) {
        fixture.controller.createVolume(Fixture.volume(name, 2));
      }
      all("create", false, sn1, sn2, bm1);
      fixture.controller.attach("a", "bm1");
      fixture.controller.attach("b", "bm1");
      all("attach", false, sn1, sn2, bm1);
      confirm(sn1);
      all("confirmed by sn1", false, bm1);
      confirm(sn2);
      all("confirmed by sn2", false, bm1);
      written(bm1, () -> Fixture.attachAll(host));
      Fixture.applied(first, new NodeSeen(DataPlaneState.SILENT, "pid-1", "SPDK v26.09"));
      all("sn1 is silent", true, bm1);
      var mapped = fixture.controller.volume("a").orElseThrow();
      var out =
          new AgentWrite.CommitOut(
              mapped.volume().id(),
              mapped.volume().epoch(),
              List.of(mapped.lvols().getFirst().id()),
              "test");
      written(bm1, () -> Fixture.applied(host, out));
      all("a leg left", false, sn1, sn2);
      fixture.controller.detach("b", false);
      all("detach", false, sn1, sn2, bm1);
      fixture.controller.delete("c");
      all("delete", false, sn1, sn2, bm1);
    }
  }

  private void confirm(Kept node) throws InterruptedException {
    written(node, () -> Fixture.confirmAll(node.session));
  }

  /** What the node itself wrote is read as its agent does: the volumes of its own rows. */
  private static void written(Kept node, Runnable write) throws InterruptedException {
    write.run();
    Set<Long> volumes = new HashSet<>();
    node.rows.volumes().forEach(v -> volumes.add(v.id()));
    node.read(volumes);
    node.follows("its own writes", false);
  }

  @Test
  void writeAnswersTheRowsAsItLeavesThem() {
    AgentSession sn1 = fixture.storageNode("sn1");
    fixture.storageNode("sn2");
    for (String name : List.of("a", "b")) {
      fixture.controller.createVolume(Fixture.volume(name, 2));
    }
    NodeView before = sn1.view();
    var lvol = before.lvols().getFirst();
    Set<Long> volume = Set.of(lvol.volumeId());

    AgentSession.Written written =
        sn1.write(
            List.of(
                new AgentWrite.LvolUp(lvol.id(), lvol.version(), java.util.UUID.randomUUID()),
                new AgentWrite.LvolUp(lvol.id(), lvol.version(), java.util.UUID.randomUUID())),
            volume);

    assertThat(written.results()).extracting(WriteResult::applied).containsExactly(true, false);
    assertThat(written.rows()).isNotNull();
    NodeView now = sn1.view();
    assertThat(now.lvols().getFirst().version()).isEqualTo(lvol.version() + 1);
    assertThat(before.with(written.rows(), volume))
        .usingRecursiveComparison()
        .ignoringFields("cluster.sequence")
        .isEqualTo(now);
  }
}
