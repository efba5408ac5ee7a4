package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Grant;
import io.diskengine.model.GrantState;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.NodeView;
import io.diskengine.model.VmMapping;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.store.AgentWrite.CommitOut;
import io.diskengine.store.AgentWrite.GrantConfirmed;
import io.diskengine.store.AgentWrite.InSync;
import io.diskengine.store.AgentWrite.LvolChanged;
import io.diskengine.store.AgentWrite.LvolUp;
import io.diskengine.store.AgentWrite.MappingChanged;
import io.diskengine.store.AgentWrite.Readmit;
import io.diskengine.store.AgentWrite.RebuildStarted;
import io.diskengine.store.AgentWrite.VmMappingChanged;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Users and agents do random things at once, agents also from views that are stale; whatever the
 * store lets through must keep the laws, and nobody may deadlock.
 */
@ParameterizedClass
@EnumSource(Server.class)
final class StoreStressTest {
  private static final int VOLUMES = 4;
  private static final int STEPS = 150;

  private final Fixture fixture;
  private final AtomicLong applied = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();

  StoreStressTest(Server server) {
    fixture = new Fixture(server);
  }

  @AfterEach
  void close() {
    fixture.close();
  }

  /** Each row is a broken law. */
  private static final List<String> LAWS =
      List.of(
          "SELECT 'two mappings of volume ' || volume_id FROM volume_mapping"
              + " WHERE state NOT IN ('DETACHED', 'FENCED') GROUP BY volume_id HAVING count(*) > 1",
          "SELECT 'holder with another grant on lvol ' || lvol_id FROM lvol_grant"
              + " WHERE state IN ('GRANTED', 'GRANTING') GROUP BY lvol_id HAVING count(*) > 1",
          "SELECT 'no in-sync leg of ' || name FROM volume v"
              + " WHERE state NOT IN ('DELETING', 'DELETED') AND NOT EXISTS"
              + " (SELECT FROM lvol l WHERE l.volume_id = v.id AND l.sync = 'IN_SYNC')",
          "SELECT 'grant of an old epoch ' || g.id FROM lvol_grant g JOIN lvol l"
              + " ON l.id = g.lvol_id JOIN volume v ON v.id = l.volume_id"
              + " WHERE g.state IN ('GRANTED', 'GRANTING') AND g.volume_epoch <> v.epoch",
          "SELECT 'grant without a mapping ' || g.id FROM lvol_grant g JOIN volume_mapping m"
              + " ON m.id = g.mapping_id WHERE g.state IN ('GRANTED', 'GRANTING')"
              + " AND m.state IN ('DETACHED', 'FENCED')",
          "SELECT 'lvol gone with a grant ' || l.id FROM lvol l JOIN lvol_grant g"
              + " ON g.lvol_id = l.id WHERE l.state = 'DELETED' AND g.state <> 'REVOKED'",
          "SELECT 'guest without a mapping ' || vm.id FROM vm_mapping vm JOIN volume_mapping m"
              + " ON m.id = vm.mapping_id WHERE vm.state <> 'DETACHED'"
              + " AND m.state IN ('DETACHED', 'FENCED')",
          "SELECT 'volume is not there ' || v.name FROM volume v WHERE v.state = 'AVAILABLE'"
              + " AND EXISTS (SELECT FROM lvol l WHERE l.volume_id = v.id"
              + " AND l.state IN ('CREATING', 'DELETING', 'DELETED'))");

  @Test
  void lawsHoldWhateverUsersAndAgentsDoAtOnce() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random seeds = new Random(seed);
    List<Runnable> actors = new ArrayList<>();
    for (String name : List.of("sn1", "sn2")) {
      AgentSession agent = fixture.storageNode(name);
      Random random = new Random(seeds.nextLong());
      actors.add(() -> steps(random, () -> storageStep(agent, random)));
    }
    for (String name : List.of("bm1", "bm2")) {
      AgentSession agent = fixture.agent(name);
      Random random = new Random(seeds.nextLong());
      actors.add(() -> steps(random, () -> baremetalStep(agent, random)));
    }
    for (int i = 0; i < 2; i++) {
      Random random = new Random(seeds.nextLong());
      actors.add(() -> steps(random, () -> userStep(random)));
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> running = new ArrayList<>();
      actors.forEach(a -> running.add(threads.submit(a)));
      for (Future<?> f : running) {
        f.get();
      }
    }
    fixture
        .controller
        .database()
        .single(tx -> {
          for (String law : LAWS) {
            assertThat(tx.query(r -> r.getString(1), law)).isEmpty();
          }
          return 0;
        });
    for (String node : List.of("sn1", "sn2", "bm1", "bm2")) {
      assertThat(fixture.counters(node).conflicts()).as("deadlocks of " + node).isZero();
    }
    assertThat(fixture.controller.database().counters().conflicts()).isZero();
    System.out.println(applied + " applied, " + refused + " refused");
    assertThat(applied.get()).as("applied").isGreaterThan(100);
    assertThat(refused.get()).as("refused").isGreaterThan(10);
  }

  private static void steps(Random random, Runnable step) {
    for (int i = 0; i < STEPS; i++) {
      step.run();
    }
  }

  private void userStep(Random random) {
    String volume = "v" + random.nextInt(VOLUMES);
    try {
      switch (random.nextInt(6)) {
        case 0, 1 -> fixture.controller.createVolume(Fixture.volume(volume, 2));
        case 2, 3 -> fixture.controller.attach(volume, random.nextBoolean() ? "bm1" : "bm2");
        case 4 -> fixture.controller.detach(volume);
        default -> {
          if (random.nextInt(8) == 0) {
            fixture.controller.delete(volume);
          }
        }
      }
      applied.incrementAndGet();
    } catch (RefusedException e) {
      refused.incrementAndGet();
    }
  }

  private void write(AgentSession agent, List<AgentWrite> writes, Random random) {
    Collections.shuffle(writes, random);
    for (WriteResult result : agent.write(writes)) {
      (result.applied() ? applied : refused).incrementAndGet();
    }
  }

  private void storageStep(AgentSession agent, Random random) {
    NodeView view = agent.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (Lvol l : view.lvols()) {
      if (random.nextInt(3) == 0) {
        writes.add(
            random.nextBoolean() || l.state() != LvolState.DELETING
                ? new LvolUp(l.id(), l.version(), UUID.nameUUIDFromBytes(l.name().getBytes()))
                : new LvolChanged(l.id(), l.version(), LvolState.DELETED, null));
      }
    }
    for (Grant g : view.grants()) {
      GrantState to = random.nextBoolean() ? GrantState.GRANTED : GrantState.REVOKED;
      writes.add(new GrantConfirmed(g.id(), g.version(), to, "pid-1"));
    }
    write(agent, writes, random);
  }

  private void baremetalStep(AgentSession agent, Random random) {
    NodeView view = agent.view();
    List<AgentWrite> writes = new ArrayList<>();
    for (VmMapping vm : view.vmMappings()) {
      writes.add(
          new VmMappingChanged(
              vm.id(),
              vm.version(),
              random.nextBoolean()
                  ? io.diskengine.model.VmMappingState.ATTACHED
                  : io.diskengine.model.VmMappingState.DETACHED,
              "/run/s"));
    }
    for (VolumeMapping m : view.mappings()) {
      VolumeMappingState[] states = VolumeMappingState.values();
      writes.add(new MappingChanged(m.id(), m.version(), states[random.nextInt(states.length)]));
    }
    for (Volume v : view.volumes()) {
      List<Lvol> legs = view.lvols().stream().filter(l -> l.volumeId() == v.id()).toList();
      Lvol leg = legs.get(random.nextInt(legs.size()));
      writes.add(
          switch (random.nextInt(4)) {
            case 0 -> new CommitOut(v.id(), v.epoch(), List.of(leg.id()), "stress");
            case 1 -> new RebuildStarted(leg.id(), leg.version());
            case 2 -> new InSync(leg.id(), leg.version());
            default -> new Readmit(leg.id(), leg.version());
          });
      if (leg.sync() == LvolSync.OUT && random.nextBoolean()) {
        writes.add(new Readmit(leg.id(), leg.version()));
      }
    }
    write(agent, writes, random);
  }
}
