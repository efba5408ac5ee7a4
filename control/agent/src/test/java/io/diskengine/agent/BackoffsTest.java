package io.diskengine.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.plan.Action;
import io.diskengine.model.plan.Commit;
import io.diskengine.model.plan.Plan;
import io.diskengine.model.plan.Requeue;
import io.diskengine.model.plan.Work;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BackoffsTest {
  private static final Instant NOW = Instant.EPOCH;
  private static final ObjectRef LVOL = new ObjectRef(ObjectKind.LVOL, 3);

  private final Backoffs backoffs = new Backoffs();

  private static Work work(Action action) {
    return new Work(LVOL, 1, List.of(), List.of(action));
  }

  private static final Work LOOK = work(new Action.LookControllers("nqn"));
  private static final Work NEXT = work(new Action.RemoveNamespace("nqn"));

  /** Law 15. */
  @Test
  void whatWasDoneAndIsWantedAgainWaits() {
    backoffs.succeeded(LOOK, 0, NOW);
    assertThat(backoffs.isDue(LOOK, 1)).isTrue();
    backoffs.succeeded(LOOK, 1, NOW);
    assertThat(backoffs.isDue(LOOK, 2)).isFalse();
    assertThat(backoffs.isDue(LOOK, 1 + Backoffs.FIRST_MS)).isTrue();
  }

  @Test
  void nextStepOfWhatWasRepeatedDoesNotWait() {
    backoffs.succeeded(LOOK, 0, NOW);
    backoffs.succeeded(LOOK, 1, NOW);
    assertThat(backoffs.isDue(NEXT, 2)).isTrue();
  }

  @Test
  void everyStepWaitsAfterAFailure() {
    backoffs.failed(LVOL, "refused", 0, NOW);
    assertThat(backoffs.isDue(LOOK, 1)).isFalse();
    assertThat(backoffs.isDue(NEXT, 1)).isFalse();
  }

  private List<Work> ready(int most, Set<ObjectRef> busy, Work... works) {
    return backoffs.ready(new Plan(List.of(works), List.of(), Requeue.NEVER), busy, most, 1);
  }

  /** Found by seed 444: while it is tried nobody plans it, which is not that nobody wants it. */
  @Test
  void aTryUnderWayKeepsItsPause() {
    backoffs.failed(LVOL, "refused", -Backoffs.FIRST_MS, NOW);
    assertThat(ready(9, Set.of(), LOOK)).containsExactly(LOOK);
    assertThat(ready(9, Set.of(LVOL))).isEmpty();
    backoffs.failed(LVOL, "refused", 1, NOW);
    assertThat(backoffs.isDue(LOOK, 1 + Backoffs.FIRST_MS)).isFalse();
    assertThat(backoffs.isDue(LOOK, 1 + 2 * Backoffs.FIRST_MS)).isTrue();
  }

  /** Law 4: the next plan has the others again. */
  @Test
  void ofOneObjectOneActionIsBegunAtATime() {
    ObjectRef other = new ObjectRef(ObjectKind.LVOL, 4);
    Work elsewhere = new Work(other, 1, List.of(), LOOK.actions());
    assertThat(ready(9, Set.of(), LOOK, NEXT, elsewhere)).containsExactly(LOOK, elsewhere);
    assertThat(ready(9, Set.of(LVOL), LOOK, elsewhere)).containsExactly(elsewhere);
    assertThat(ready(1, Set.of(), LOOK, elsewhere)).containsExactly(LOOK);
  }

  @Test
  void whatFollowsOthersIsBegunWithThemOrBehindThem() {
    ObjectRef other = new ObjectRef(ObjectKind.GRANT, 4);
    Work follows = new Work(other, 1, List.of(), NEXT.actions(), Set.of(LVOL));
    assertThat(ready(9, Set.of(), LOOK, follows)).containsExactly(LOOK, follows);
    assertThat(ready(9, Set.of(LVOL), follows)).containsExactly(follows);
    assertThat(ready(9, Set.of(), follows)).isEmpty();
    assertThat(ready(1, Set.of(), LOOK, follows)).containsExactly(LOOK);
    backoffs.failed(LVOL, "refused", 0, NOW);
    assertThat(ready(9, Set.of(), LOOK, follows)).as("while what it follows waits").isEmpty();
  }

  @Test
  void whatIsOnlyPutOnRecordKeepsNothingBack() {
    Work record = new Work(LVOL, 1, List.of(new Commit.RaidCreated(1, 1)), List.of());
    assertThat(ready(9, Set.of(), record, NEXT)).containsExactly(record, NEXT);
  }
}
