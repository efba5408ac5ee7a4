package io.diskengine.model.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMappingState;
import io.diskengine.model.VolumeState;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Random histories of both planners against data planes in memory; seeds are printed. */
class PlannerHistoryTest {
  @Test
  void randomHistoriesKeepEveryAcknowledgedWrite() {
    long first = Long.getLong("diskengine.seed", 1);
    int runs = Integer.getInteger("diskengine.runs", 400);
    for (long seed = first; seed < first + runs; seed++) {
      SimWorld w = new SimWorld(new SplittableRandom(seed));
      try {
        history(w);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + ":\n" + String.join("\n", w.history), e);
      }
    }
  }

  private static void history(SimWorld w) {
    for (int i = 0; i < 12; i++) {
      w.stepStorage(0, 100);
      w.stepStorage(1, 100);
    }
    for (int i = 0; i < 120; i++) {
      event(w);
      w.check();
    }
    w.stopping = false;
    w.hosts.forEach(h -> h.compute.guests.clear());
    w.converge();
    w.checkEqual();
    w.check();
    for (Volume v : w.db.volumes.values()) {
      if (v.state() == VolumeState.DELETING) {
        assertTrue(
            w.db.lvols.values().stream()
                .filter(l -> l.volumeId() == v.id())
                .allMatch(l -> l.state() == LvolState.DELETED),
            "volume " + v.id() + " is not deleted");
      } else if (w.db.attached(v.id())) {
        assertEquals(VolumeMappingState.ATTACHED, PlannerSimulationTest.mapping(w, v.id()).state());
        assertTrue(
            PlannerSimulationTest.syncs(w, v.id()).stream().allMatch(s -> s == LvolSync.IN_SYNC));
      }
    }
  }

  private static void event(SimWorld w) {
    var random = w.random;
    List<Long> volumes = List.copyOf(w.db.volumes.keySet());
    long volume = volumes.isEmpty() ? 0 : volumes.get(random.nextInt(volumes.size()));
    switch (random.nextInt(26)) {
      case 0 -> {
        if (volumes.size() < 3 && w.db.disks.size() == 2) {
          int replicas = 1 + random.nextInt(2);
          w.db.createVolume(replicas, random.nextBoolean() ? List.of(1L, 2L) : List.of(2L, 1L));
        }
      }
      case 1, 2 -> {
        if (volume != 0
            && w.db.volume(volume).state() == VolumeState.AVAILABLE
            && !w.db.attached(volume)) {
          w.db.attach(volume);
        }
      }
      case 3 -> {
        if (volume != 0 && random.nextInt(4) == 0) {
          w.db.detach(volume);
        }
      }
      case 4 -> {
        if (volume != 0
            && random.nextInt(4) == 0
            && w.db.volume(volume).state() == VolumeState.AVAILABLE
            && !w.db.attached(volume)) {
          w.db.delete(volume);
        }
      }
      case 5 -> w.killTarget(random.nextInt(2));
      case 6, 7 -> w.startTarget(random.nextInt(2));
      case 8 -> {
        if (random.nextInt(3) == 0) {
          w.killCompute();
        }
      }
      case 9, 10, 11 -> {
        if (volume != 0) {
          w.write(volume, random.nextInt(6) == 0);
        }
      }
      case 12 -> w.compute.progress();
      case 13 -> w.compute.nowMs += 1 + random.nextInt(40_000);
      case 14 -> w.forget(random.nextBoolean() ? SimDatabase.BAREMETAL : 1 + random.nextInt(2));
      case 24 -> {
        if (volume != 0 && w.db.attached(volume) && random.nextInt(3) == 0) {
          move(w, volume);
        }
      }
      case 25 -> {
        SimWorld.Host host = w.hosts.get(random.nextInt(2));
        host.compute.guests.clear();
        if (random.nextBoolean()) {
          host.compute.guests.addAll(host.compute.vhosts.keySet());
        }
      }
      case 15, 16 -> w.stepStorage(random.nextInt(2), random.nextInt(8));
      case 17 -> w.step(w.hosts.get(random.nextInt(2)), random.nextInt(6));
      default -> {
        w.stepStorage(0, 100);
        w.stepStorage(1, 100);
        w.stepBaremetal(100);
        w.step(w.hosts.get(1), 100);
        w.compute.nowMs += 500;
      }
    }
  }

  /** As the controller does it: not to a node that has not taken down yet what it had. */
  private static void move(SimWorld w, long volume) {
    for (SimWorld.Host host : w.hosts) {
      boolean left =
          w.db.mappings.values().stream()
              .anyMatch(m ->
                  m.nodeId() == host.id
                      && m.volumeId() == volume
                      && m.state() == VolumeMappingState.FENCED
                      && !w.db.gone.contains(m.id()));
      if (!left && !w.db.holds(host.id, volume)) {
        w.history.add("volume " + volume + " is moved to " + host.id);
        w.db.move(volume, host.id);
        return;
      }
    }
  }
}
