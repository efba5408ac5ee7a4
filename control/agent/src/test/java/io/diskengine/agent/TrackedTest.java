package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TrackedTest {
  private final Tracked<String> tracked = new Tracked<>(_ -> {});

  private boolean looksLike(Map<String, String> looked) {
    return tracked.merge(looked, tracked.lookStarts());
  }

  @Test
  void lookTellsWhetherItBroughtNews() {
    assertTrue(looksLike(Map.of()), "the first look, also at nothing");
    assertFalse(looksLike(Map.of()));
    assertTrue(looksLike(Map.of("a", "1")), "appeared");
    assertFalse(looksLike(Map.of("a", "1")));
    assertTrue(looksLike(Map.of("a", "2")), "changed");
    tracked.doubt("a");
    assertTrue(looksLike(Map.of("a", "2")), "no longer in doubt");
    assertTrue(looksLike(Map.of()), "gone");
    tracked.doubt("b");
    assertTrue(looksLike(Map.of()), "known to be absent");
  }

  @Test
  void lookThatBeganBeforeAMutationEndedSaysNothingOfIt() {
    looksLike(Map.of("a", "1"));
    long began = tracked.lookStarts();
    tracked.begin("a");
    tracked.end("a");
    tracked.put("a", "2");
    assertFalse(tracked.merge(Map.of(), began));
    assertTrue("2".equals(tracked.get("a")));
  }

  @Test
  void isSteadyOnlyWhileNothingHappenedSinceALookThatLeftNothingOpen() {
    assertFalse(tracked.isSteady(), "never looked at");
    looksLike(Map.of("a", "1"));
    assertTrue(tracked.isSteady());
    List<Runnable> happenings =
        List.of(
            () -> tracked.put("b", "1"),
            () -> tracked.update("a", _ -> "2"),
            () -> tracked.remove("a"),
            () -> tracked.doubt("a"),
            tracked::reset);
    for (Runnable happening : happenings) {
      happening.run();
      assertFalse(tracked.isSteady());
      looksLike(Map.of("a", "1"));
      assertTrue(tracked.isSteady());
    }
    tracked.begin("a");
    looksLike(Map.of("a", "1"));
    assertFalse(tracked.isSteady(), "a mutation is under way");
    long began = tracked.lookStarts();
    tracked.end("a");
    tracked.merge(Map.of("a", "1"), began);
    assertFalse(tracked.isSteady(), "the look began before the mutation ended");
    looksLike(Map.of("a", "1"));
    looksLike(Map.of("a", "1"));
    assertTrue(tracked.isSteady());
  }
}
