package io.diskengine.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class StateTest {
  private static <S extends Enum<S> & State<S>> Set<S> reachable(Class<S> type, S from) {
    Set<S> seen = EnumSet.of(from);
    boolean grew = true;
    while (grew) {
      Set<S> next = EnumSet.copyOf(seen);
      seen.forEach(s -> next.addAll(s.successors()));
      grew = seen.addAll(next);
    }
    assertThat(type.getEnumConstants()).contains(from);
    return seen;
  }

  @Test
  void everyStateIsReachableAndOnlyFinalOnesEnd() {
    assertThat(reachable(DiskState.class, DiskState.NEW)).hasSize(DiskState.values().length);
    assertThat(reachable(VolumeState.class, VolumeState.CREATING))
        .hasSize(VolumeState.values().length);
    assertThat(reachable(LvolState.class, LvolState.CREATING)).hasSize(LvolState.values().length);
    assertThat(reachable(GrantState.class, GrantState.GRANTING))
        .hasSize(GrantState.values().length);
    assertThat(reachable(VolumeMappingState.class, VolumeMappingState.ASSIGNED))
        .hasSize(VolumeMappingState.values().length);
    assertThat(reachable(VmMappingState.class, VmMappingState.ATTACHING))
        .hasSize(VmMappingState.values().length);
  }

  @Test
  void outLegNeverBecomesInSyncWithoutARebuild() {
    assertThat(LvolSync.OUT.canBecome(LvolSync.IN_SYNC)).isFalse();
    assertThat(State.sourcesOf(LvolSync.class, LvolSync.IN_SYNC))
        .containsExactly(LvolSync.REBUILDING);
  }

  @Test
  void revokedGrantAndTombstoneAreForGood() {
    assertThat(GrantState.REVOKED.isFinal()).isTrue();
    assertThat(GrantState.REVOKING.successors()).containsExactly(GrantState.REVOKED);
    assertThat(LvolState.DELETING.successors()).containsExactly(LvolState.DELETED);
    assertThat(VolumeState.DELETING.successors()).containsExactly(VolumeState.DELETED);
  }
}
