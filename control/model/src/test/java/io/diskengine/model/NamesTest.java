package io.diskengine.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Golden values: disks, superblocks and guests carry these names, so they never change. */
final class NamesTest {
  private static final UUID VOLUME = UUID.fromString("3f2a9c11-7d5e-4b7a-9a52-0d1f4c6b8e90");
  private static final UUID DISK = UUID.fromString("0b0e2f34-55aa-4c1d-8e6f-7a8b9c0d1e2f");

  @Test
  void namesAreTheGoldenOnes() {
    assertThat(Names.lvstore(DISK)).isEqualTo("lvs_0b0e2f34-55aa-4c1d-8e6f-7a8b9c0d1e2f");
    String lvol = Names.lvol(42, VOLUME, 1, 3);
    assertThat(lvol).isEqualTo("v42-3f2a9c_r1_g3");
    assertThat(Names.controller(lvol)).isEqualTo("v42-3f2a9c_r1_g3");
    assertThat(Names.legBdev(lvol)).isEqualTo("v42-3f2a9c_r1_g3n1");
    assertThat(Names.raid(42, VOLUME)).isEqualTo("raid_42_3f2a9c");
    assertThat(Names.vhost(7, VOLUME)).isEqualTo("vhost7_3f2a9c");
    assertThat(Names.subsystemNqn(Names.DEFAULT_NQN_PREFIX, "c1", lvol))
        .isEqualTo("nqn.2026-11.io.diskengine:c1:v42-3f2a9c_r1_g3");
    assertThat(Names.hostNqn(Names.DEFAULT_NQN_PREFIX, "c1", "bm1"))
        .isEqualTo("nqn.2026-11.io.diskengine:c1:host:bm1");
    assertThat(Names.channel("bm1")).isEqualTo("diskengine_bm1");
  }

  @Test
  void identitiesOfALegAreTheGoldenOnes() {
    UUID namespace = Names.namespaceUuid(VOLUME, 1, 3);
    assertThat(namespace).hasToString("5596998b-8bac-3a20-82d4-92848541b82c");
    assertThat(Names.nguid(namespace)).isEqualTo("5596998B8BAC3A2082D492848541B82C");
    assertThat(Names.serial(namespace))
        .isEqualTo("DE5596998B8BAC3A20")
        .hasSizeLessThanOrEqualTo(20);
  }

  @Test
  void everySlotAndGenerationHasItsOwnIdentity() {
    Set<UUID> uuids = new HashSet<>();
    Set<String> serials = new HashSet<>();
    for (int slot = 0; slot < 15; slot++) {
      for (int generation = 1; generation <= 50; generation++) {
        UUID uuid = Names.namespaceUuid(VOLUME, slot, generation);
        uuids.add(uuid);
        serials.add(Names.serial(uuid));
      }
    }
    assertThat(uuids).hasSize(15 * 50);
    assertThat(serials).hasSize(15 * 50);
  }

  @Test
  void controllerIdRangesAreLegalAndNeverOverlap() {
    int last = 0;
    for (int slot = 0; slot < 15; slot++) {
      assertThat(Names.minCntlid(slot)).isGreaterThan(last);
      assertThat(Names.maxCntlid(slot)).isGreaterThan(Names.minCntlid(slot));
      last = Names.maxCntlid(slot);
    }
    assertThat(last).isLessThanOrEqualTo(0xFFEF);
  }

  @Test
  void longestNamesFitTheirLimits() {
    String lvol = Names.lvol(Long.MAX_VALUE, VOLUME, 14, Integer.MAX_VALUE);
    String prefix = "nqn.2026-11." + "a".repeat(90);
    assertThat(Inputs.nqnPrefix(prefix)).isEqualTo(prefix);
    assertThat(Names.subsystemNqn(prefix, "c".repeat(36), lvol)).hasSizeLessThanOrEqualTo(223);
    assertThat(Names.hostNqn(prefix, "c".repeat(36), "n".repeat(32))).hasSizeLessThanOrEqualTo(223);
    assertThat(Names.raid(Long.MAX_VALUE, VOLUME)).hasSizeLessThanOrEqualTo(63);
    assertThat(Names.channel("n".repeat(32))).hasSizeLessThanOrEqualTo(63);
  }
}
