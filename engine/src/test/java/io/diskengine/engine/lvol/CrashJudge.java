package io.diskengine.engine.lvol;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.lvcheck.Report;
import io.diskengine.engine.lvol.CrashScene.Step;
import io.diskengine.engine.lvol.StoreState.LvolState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/**
 * Goes through the power failures of a scene's story. Each must leave a store that opens and is
 * what it was after the last acknowledged operation or, in part or whole, what it became after the
 * one under way; bytes may be those of any time since the last flush. A store that was opened again
 * works and is sound to somebody else's eyes.
 */
final class CrashJudge {
  /** Media tried at one moment; where there are more, so many of them. */
  static final int MOST_PER_MOMENT = 512;

  private final CrashScene scene;
  private final String where;
  private final Random random;
  private final long metadataEnd;
  private final Map<Long, StoreState> judged = new HashMap<>();
  private final Counts counts;

  /** What was tried, summed up over many stories. */
  static final class Counts {
    int stories;
    long moments;
    long exhausted;
    long media;
    long distinct;

    @Override
    public String toString() {
      return stories
          + " stories, "
          + moments
          + " moments ("
          + exhausted
          + " with every possible medium), "
          + media
          + " media, "
          + distinct
          + " distinct ones opened";
    }
  }

  CrashJudge(CrashScene scene, String where, Random random, Counts counts) {
    this.scene = scene;
    this.where = where;
    this.random = random;
    this.counts = counts;
    this.metadataEnd = scene.metadataEnd();
    counts.stories++;
  }

  /** Every moment of the story. */
  void everyMoment() {
    for (int moment = 1; moment <= scene.disk().moments() + 1; moment++) {
      moment(moment, MOST_PER_MOMENT);
    }
  }

  void moment(int moment, int most) {
    counts.moments++;
    CrashStates states = new CrashStates(scene.disk(), moment, metadataEnd);
    boolean all = states.forEach(most, random, medium -> check(medium, moment));
    counts.exhausted += all ? 1 : 0;
  }

  /** One of the media that a power failure at this moment may leave. */
  DiskImage medium(int moment) {
    List<DiskImage> one = new ArrayList<>();
    new CrashStates(scene.disk(), moment, metadataEnd).any(random, one::add);
    return one.getFirst();
  }

  private void check(DiskImage medium, int moment) {
    counts.media++;
    String at = where + ", moment " + moment + " of " + scene.disk().moments();
    StoreState found =
        judged.computeIfAbsent(
            medium.fingerprint(),
            f -> {
              counts.distinct++;
              return open(medium.copy(), at);
            });
    List<Step> steps = scene.steps;
    int current = 0;
    int acknowledged = 0;
    int flushed = 0;
    for (int i = 0; i < steps.size(); i++) {
      current = steps.get(i).beganAt() < moment ? i : current;
      if (steps.get(i).acknowledgedAt() < moment) {
        acknowledged = i;
        flushed = steps.get(i).flushed() ? i : flushed;
      }
    }
    String during = at + ", in \"" + steps.get(current).what() + "\"";
    attributes(found, steps.subList(acknowledged, current + 1), during);
    content(found, steps.subList(flushed, current + 1), during);
  }

  private static void attributes(StoreState found, List<Step> possible, String at) {
    if (possible.stream().noneMatch(Step::parallel)) {
      assertThat(possible.stream().map(s -> s.after().attributes()))
          .as(at)
          .contains(found.attributes());
      return;
    }
    Set<String> names = new TreeSet<>(found.lvols().keySet());
    possible.forEach(s -> names.addAll(s.after().lvols().keySet()));
    for (String name : names) {
      assertThat(possible.stream().map(s -> String.valueOf(s.after().attributes().get(name))))
          .as(at + ", " + name)
          .contains(String.valueOf(found.attributes().get(name)));
    }
  }

  private static void content(StoreState found, List<Step> possible, String at) {
    found
        .lvols()
        .forEach((name, lvol) -> {
          int blocks = lvol.content().length / CrashScene.BLOCK;
          for (int block = 0; block < blocks; block++) {
            content(name, lvol, block, possible, at);
          }
        });
  }

  private static void content(
      String name, LvolState lvol, int block, List<Step> possible, String at) {
    int from = block * CrashScene.BLOCK;
    int to = from + CrashScene.BLOCK;
    for (Step step : possible) {
      LvolState then = step.after().lvols().get(name);
      if (then != null
          && then.content().length >= to
          && Arrays.equals(lvol.content(), from, to, then.content(), from, to)) {
        return;
      }
    }
    Set<Long> values = new HashSet<>();
    for (Step step : possible) {
      LvolState then = step.after().lvols().get(name);
      if (then != null && then.content().length >= to) {
        values.add(then.word(block, CrashScene.BLOCK));
      }
    }
    assertThat(values)
        .as(at + ", " + name + " block " + block)
        .contains(lvol.word(block, CrashScene.BLOCK));
    throw new AssertionError(at + ", " + name + " block " + block + " is mixed");
  }

  /** Opens the store, looks, uses it, closes it, and has it looked at. */
  private static StoreState open(DiskImage medium, String at) {
    DiskImage crashed = medium.copy();
    try (StoreRig rig = new StoreRig(1)) {
      CrashScene.addGolden(rig);
      rig.add(new DiskBdev("disk0", CrashScene.BLOCK, medium));
      StoreState state = StoreState.of(rig);
      if (state.name().isEmpty()) {
        return state;
      }
      Report asFound = SoundStore.check(crashed, at + ", as the crash left it");
      assertThat(asFound.lvols().stream().map(Report.Lvol::name))
          .as(at)
          .containsExactlyInAnyOrderElementsOf(state.lvols().keySet());
      String name = rig.lvols.stores().iterator().next().name();
      rig.createLvol(name, "after", CrashScene.CLUSTER, true);
      assertThat(rig.unload()).isZero();
      SoundStore.checkClosed(medium, at + ", closed again");
      return state;
    }
  }
}
