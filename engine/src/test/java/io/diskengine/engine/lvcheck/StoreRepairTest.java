package io.diskengine.engine.lvcheck;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a repair mends, what it leaves alone, and that power may fail at any moment of it. */
class StoreRepairTest {
  private static final int SECTOR = 512;
  private static final int MOST_MEDIA_PER_MOMENT = 128;

  private static StoreRepair.Result repair(Medium.Writable medium) throws IOException {
    return StoreRepair.repair(medium, change -> {});
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-basic-dirty",
        "lvs-new-dirty",
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut1-chain",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2",
        "lvs-snapshot-delete-cut2-chain"
      })
  void dirtyStoreIsRecoveredAndClosed(String fixture) throws IOException {
    MemoryMedium medium = MemoryMedium.fixture(fixture);
    List<Report.Lvol> before = medium.check().lvols();
    assertThat(repair(medium)).isInstanceOf(StoreRepair.Result.Repaired.class);
    Report after = medium.check();
    assertThat(after.findings()).isEmpty();
    assertThat(after.store().clean()).isTrue();
    assertThat(after.lvols()).isEqualTo(before);
    assertThat(repair(medium)).isInstanceOf(StoreRepair.Result.Unchanged.class);
  }

  /** The masks of SPDK, byte for byte. */
  @ParameterizedTest
  @ValueSource(longs = {4096 + 5, 8192 + 5, 8192 + 6, 8192 + 1, 12288 + 5, 4096})
  void damagedMaskIsMadeAnew(long offset) throws IOException {
    MemoryMedium original = MemoryMedium.fixture("lvs-basic");
    Damage damage = new Damage(original.copy());
    damage.flip(offset);
    assertThat(damage.medium.check().consistent()).isFalse();
    assertThat(repair(damage.medium)).isInstanceOf(StoreRepair.Result.Repaired.class);
    assertThat(damage.medium.read(0, 1 << 20)).isEqualTo(original.read(0, 1 << 20));
  }

  @Test
  void pageTornByACrashComesBackFromItsShadow() throws IOException {
    Damage damage = Damage.of("lvs-basic").dirty();
    byte[] whole = damage.page(4);
    damage.shadow(64, 4, whole);
    damage.medium.write(damage.offset(4) + 512, new byte[] {1, 2, 3});
    assertThat(repair(damage.medium)).isInstanceOf(StoreRepair.Result.Repaired.class);
    assertThat(damage.medium.read(0, 1 << 20))
        .isEqualTo(MemoryMedium.fixture("lvs-basic").read(0, 1 << 20));
  }

  /** Power failed while a store that had grown got its new super block. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void superBlockTornWhileTheStoreGrowsComesBackFromItsShadow(boolean firstSector)
      throws IOException {
    Damage damage = Damage.of("lvs-ungrown").dirty();
    int pages = Bytes.i32(damage.medium.read(0, 4096), 52);
    byte[] grown = damage.medium.read(0, 4096);
    Bytes.put64(grown, 80, 48 << 20);
    MetadataPages.seal(grown);
    damage.medium.write(damage.offset(pages - 1), grown);
    if (firstSector) {
      damage.medium.write(0, Arrays.copyOf(grown, 512));
    } else {
      damage.medium.write(3584, Arrays.copyOfRange(grown, 3584, 4096));
    }
    Report found = damage.medium.check();
    assertThat(found.consistent()).as(found.findings().toString()).isTrue();
    assertThat(found.store().sizeBytes()).isEqualTo(48 << 20);
    assertThat(repair(damage.medium)).isInstanceOf(StoreRepair.Result.Repaired.class);
    assertThat(damage.medium.check().findings()).isEmpty();
    assertThat(damage.medium.check().store().sizeBytes()).isEqualTo(48 << 20);
  }

  /** What it was made from is gone, and so is the need for a mark. */
  @Test
  void unfinishedSnapshotOfNothingIsKept() throws IOException {
    Damage damage = Damage.of("lvs-basic");
    List<Report.Lvol> before = damage.medium.check().lvols();
    damage.mark(3, "SNAPTMP", 0x1_0000_0030L);
    assertThat(damage.medium.check().findings())
        .singleElement()
        .satisfies(f -> assertThat(f.rule()).isEqualTo(Rule.UNFINISHED_SNAPSHOT));
    assertThat(repair(damage.medium)).isInstanceOf(StoreRepair.Result.Repaired.class);
    assertThat(damage.medium.check().findings()).isEmpty();
    assertThat(damage.medium.check().lvols()).isEqualTo(before);
    assertThat(damage.medium.read(0, 1 << 20))
        .isEqualTo(MemoryMedium.fixture("lvs-basic").read(0, 1 << 20));
  }

  static Stream<Consumer<Damage>> decisions() {
    return Stream.of(
        d -> d.page(4, p -> p[25] = 2),
        d -> d.flip(d.offset(4) + 30),
        d -> d.flip(d.offset(1) + 30),
        d -> d.put(1, new byte[4096]),
        d -> d.page(5, p -> Bytes.put64(p, d.value(5, "SNAP"), 0x1_0000_0040L)),
        d -> d.mark(3, "SNAPTMP", 0x1_0000_0003L),
        d -> d.flip(4092),
        d -> d.page(5, p -> p[d.value(5, "name")] = 0));
  }

  @ParameterizedTest
  @MethodSource("decisions")
  void whatNeedsADecisionIsLeftAloneWithEverythingElse(Consumer<Damage> change) throws IOException {
    Damage damage = Damage.of("lvs-basic");
    change.accept(damage);
    damage.flip(8192 + 5);
    byte[] before = damage.medium.read(0, 64 << 20);
    StoreRepair.Result result = repair(damage.medium);
    assertThat(result)
        .isInstanceOfSatisfying(
            StoreRepair.Result.Unchanged.class,
            unchanged -> assertThat(unchanged.plan().obstacles()).isNotEmpty());
    assertThat(damage.medium.read(0, 64 << 20)).isEqualTo(before);
  }

  // ---- power failures

  /** Remembers writes and flushes. */
  private static final class Recording extends MemoryMedium {
    private record Write(long offset, byte[] bytes) {}

    private final MemoryMedium initial;
    private final List<Write> log = new ArrayList<>();

    Recording(MemoryMedium initial) {
      super(initial);
      this.initial = initial;
    }

    @Override
    public void write(long offset, byte[] bytes) {
      super.write(offset, bytes);
      log.add(new Write(offset, bytes.clone()));
    }

    @Override
    public void flush() {
      log.add(new Write(-1, new byte[0]));
    }

    /** Media after the first {@code count} entries: unflushed sectors are there or not. */
    List<MemoryMedium> afterPowerFailure(int count, Random random) {
      MemoryMedium sure = initial.copy();
      List<Write> open = new ArrayList<>();
      for (Write write : log.subList(0, count)) {
        if (write.offset < 0) {
          open.forEach(w -> sure.write(w.offset, w.bytes));
          open.clear();
        } else {
          for (int at = 0; at < write.bytes.length; at += SECTOR) {
            byte[] sector = Arrays.copyOfRange(write.bytes, at, at + SECTOR);
            if (!Arrays.equals(sector, sure.read(write.offset + at, SECTOR))) {
              open.add(new Write(write.offset + at, sector));
            }
          }
        }
      }
      boolean all = open.size() < 7;
      int media = all ? 1 << open.size() : MOST_MEDIA_PER_MOMENT;
      List<MemoryMedium> made = new ArrayList<>();
      for (int i = 0; i < media; i++) {
        MemoryMedium medium = sure.copy();
        for (int j = 0; j < open.size(); j++) {
          if (all ? (i & 1 << j) != 0 : random.nextBoolean()) {
            medium.write(open.get(j).offset, open.get(j).bytes);
          }
        }
        made.add(medium);
      }
      return made;
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "lvs-basic",
        "lvs-basic-dirty",
        "lvs-snapshot-create-cut1",
        "lvs-snapshot-create-cut2",
        "lvs-snapshot-delete-cut1",
        "lvs-snapshot-delete-cut2-chain"
      })
  void powerMayFailAtEveryMomentOfARepair(String fixture) throws IOException {
    Damage damage = Damage.of(fixture);
    if (fixture.equals("lvs-basic")) {
      damage.shadow(64, 4, damage.page(4));
      damage.medium.write(damage.offset(4) + 512, new byte[] {1, 2, 3});
      damage.dirty();
    }
    List<Report.Lvol> lvols = damage.medium.check().lvols();
    Recording recording = new Recording(damage.medium);
    assertThat(repair(recording)).isInstanceOf(StoreRepair.Result.Repaired.class);
    Random random = new Random(5);
    int tried = 0;
    for (int count = 0; count <= recording.log.size(); count++) {
      for (MemoryMedium medium : recording.afterPowerFailure(count, random)) {
        tried++;
        String where = fixture + ", after " + count + " of " + recording.log.size();
        Report found = medium.check();
        assertThat(found.consistent()).as(where + found.findings()).isTrue();
        assertThat(found.lvols()).as(where).isEqualTo(lvols);
        repair(medium);
        Report after = medium.check();
        assertThat(after.findings()).as(where).isEmpty();
        assertThat(after.lvols()).as(where).isEqualTo(lvols);
      }
    }
    System.out.println(fixture + ": power failed " + tried + " times in a repair");
  }
}
