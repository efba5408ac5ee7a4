package io.diskengine.engine.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import java.util.Arrays;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class HistogramTest {
  private static final Histogram.Spec EVERYTHING =
      new Histogram.Spec(null, Histogram.DEFAULT_GRANULARITY, 0, Long.MAX_VALUE);

  @Test
  void rangesDoubleAndTheFirstTwoAreExact() {
    Histogram histogram = new Histogram(EVERYTHING);
    assertThat(histogram.minRange()).isZero();
    for (long value : new long[] {0, 127, 128, 255, 256, 257, 511, 512, 1023}) {
      histogram.tally(value);
    }
    long[] buckets = histogram.buckets();
    assertThat(buckets[0]).isEqualTo(1);
    assertThat(buckets[127]).isEqualTo(1);
    assertThat(buckets[128]).isEqualTo(1);
    assertThat(buckets[255]).isEqualTo(1);
    assertThat(buckets[256]).as("256 and 257").isEqualTo(2);
    assertThat(buckets[383]).as("511").isEqualTo(1);
    assertThat(buckets[384]).as("512 to 515").isEqualTo(1);
    assertThat(buckets[511]).as("1020 to 1023").isEqualTo(1);
    assertThat(Arrays.stream(buckets).sum()).isEqualTo(9);
  }

  @Test
  void bordersCountWholeBuckets() {
    Histogram histogram = new Histogram(EVERYTHING);
    for (int value = 0; value < 65536; value++) {
      histogram.tally(value);
    }
    for (int value = 1000; value < 10000; value++) {
      histogram.tally(value);
    }
    // What SPDK counts for the same values: 1008, 10048 and 30080 are the next bucket's start.
    assertThat(histogram.below(new long[] {1000, 10000, 10011, 30000}))
        .containsExactly(1008, 10048 + 9000, 10048 + 9000, 30080 + 9000, 65536 + 9000);
  }

  @Test
  void valuesOutsideAreFoldedIntoTheOutermostBuckets() {
    Histogram histogram = new Histogram(new Histogram.Spec(null, 7, 1 << 9, 1 << 30));
    for (long value : new long[] {1, 1 << 9, 1 << 20, (1 << 30) - 1, 1L << 40}) {
      histogram.tally(value);
    }
    long[] buckets = histogram.buckets();
    assertThat(buckets[0]).isEqualTo(2);
    assertThat(buckets[buckets.length - 1]).isEqualTo(2);
    assertThat(Arrays.stream(buckets).sum()).isEqualTo(5);
  }

  @Test
  void absurdShapesAreRefused() {
    for (Runnable wrong :
        new Runnable[] {
          () -> new Histogram.Spec(null, 14, 0, 10),
          () -> new Histogram.Spec(null, -1, 0, 10),
          () -> new Histogram.Spec(null, 7, 10, 10),
          () -> new Histogram.Spec(null, 7, -1, 10)
        }) {
      assertThatThrownBy(wrong::run).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void allChannelsCountFromWhenItIsAskedForAlsoThoseThatEnded() {
    try (SteppedReactors reactors = new SteppedReactors(5)) {
      BdevLayer layer = reactors.layer();
      MallocBdev bdev = new MallocBdev("m0", UUID.randomUUID(), 512, 64);
      reactors.home(() -> layer.register(bdev));
      TestIo before = new TestIo(reactors, "m0");
      before.read(0, 0, 1);
      set(reactors, bdev, new Histogram.Spec(IoType.READ, 7, 0, Long.MAX_VALUE));
      before.read(0, 0, 1);
      before.read(1, 0, 1);
      before.write(1, 0, new byte[512]);
      before.close();
      TestIo after = new TestIo(reactors, "m0");
      after.read(1, 0, 1);
      reactors.settle();
      assertThat(Arrays.stream(get(reactors, bdev).buckets()).sum()).isEqualTo(3);
      set(reactors, bdev, EVERYTHING);
      after.write(1, 0, new byte[512]);
      assertThat(Arrays.stream(get(reactors, bdev).buckets()).sum()).isEqualTo(1);
      set(reactors, bdev, null);
      reactors.home(() ->
          assertThatThrownBy(() -> layer.histogram(bdev, sum -> {}))
              .isInstanceOf(IllegalStateException.class));
    }
  }

  private static void set(SteppedReactors reactors, Bdev bdev, Histogram.@Nullable Spec spec) {
    boolean[] done = {false};
    reactors.home(() -> reactors.layer().histogram(bdev, spec, () -> done[0] = true));
    reactors.runUntil(() -> done[0]);
  }

  private static Histogram get(SteppedReactors reactors, Bdev bdev) {
    Histogram[] got = {null};
    reactors.home(() -> reactors.layer().histogram(bdev, sum -> got[0] = sum));
    reactors.runUntil(() -> got[0] != null);
    return got[0];
  }
}
