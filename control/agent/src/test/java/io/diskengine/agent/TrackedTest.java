package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
}
