package io.diskengine.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.model.Kept;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the rows alone say. */
final class WhyTest {
  private static Lvol replica(LvolSync sync, @Nullable String noReplacement) {
    UUID id = new UUID(1, 1);
    return new Lvol(
        1,
        1,
        1,
        1,
        0,
        1,
        "v1-abcdef_r0_g1",
        id,
        1,
        "nqn",
        id,
        "",
        "",
        1,
        2,
        LvolState.UP,
        sync,
        null,
        Kept.NONE,
        null,
        noReplacement,
        1);
  }

  @Test
  void aMissingPlaceForAReplacementIsNamed() {
    String lacks = "1 replica(s) of 1GiB need 1 failure domain(s) with room, there are 0";
    assertThat(Why.lvolWaitsFor(replica(LvolSync.OUT, lacks), "sn2"))
        .isEqualTo("sn2 to come back, because there is no place for a replacement: " + lacks);
    assertThat(Why.lvolWaitsFor(replica(LvolSync.IN_SYNC, lacks), "sn2"))
        .isEqualTo("a place on another node than sn2: " + lacks);
    assertThat(Why.lvolWaitsFor(replica(LvolSync.OUT, null), "sn2"))
        .isEqualTo("a rebuild: it left the set of legs");
    assertThat(Why.lvolWaitsFor(replica(LvolSync.IN_SYNC, null), "sn2")).isNull();
  }
}
