package io.diskengine.engine.bdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rate limits on two reactors and virtual time. */
class QosTest {
  private static final int BLOCK = 4096;
  private static final long MS = 1_000_000;

  private final SteppedReactors reactors = new SteppedReactors(23);
  private final BdevLayer layer = reactors.layer();
  private final MallocBdev bdev = new MallocBdev("m0", UUID.randomUUID(), BLOCK, 256);

  @BeforeEach
  void register() {
    reactors.home(() -> layer.register(bdev));
  }

  @AfterEach
  void close() {
    reactors.close();
  }

  private void limit(QosLimits limits) {
    boolean[] done = {false};
    reactors.home(() -> layer.limits(bdev, limits, () -> done[0] = true));
    reactors.runUntil(() -> done[0]);
  }

  private static QosLimits ios(long perSecond) {
    return new QosLimits(perSecond, 0, 0, 0);
  }

  /** Starts {@code count} I/Os on each reactor and answers how long all of them took. */
  private long timeOf(TestIo io, int count, boolean write) {
    List<TestIo.Call> calls = new ArrayList<>();
    long startNs = reactors.nowNs();
    for (int i = 0; i < count; i++) {
      for (int reactor = 0; reactor < 2; reactor++) {
        calls.add(write ? io.startWrite(reactor, i, new byte[BLOCK]) : io.startRead(reactor, i, 1));
      }
    }
    calls.forEach(io::await);
    assertThat(calls).allSatisfy(call -> assertThat(call.status()).isZero());
    return reactors.nowNs() - startNs;
  }

  @Test
  void channelsShareTheRateOfTheirDevice() {
    TestIo io = new TestIo(reactors, "m0");
    limit(ios(2000));
    // 300 at 2 per ms; at most 4 ms of it may have been saved up
    assertThat(timeOf(io, 150, false)).isBetween(145 * MS, 152 * MS);
  }

  @Test
  void bytesAreLimitedByDirectionAndTogether() {
    TestIo io = new TestIo(reactors, "m0");
    limit(new QosLimits(0, 0, 0, 10));
    long megabyte = 128 * 2 * BLOCK; // 1 MiB at 10 MiB/s is 100 ms
    assertThat(megabyte).isEqualTo(1 << 20);
    assertThat(timeOf(io, 128, true)).isBetween(95 * MS, 102 * MS);
    assertThat(timeOf(io, 128, false)).isLessThan(5 * MS);
    limit(new QosLimits(0, 10, 0, 0));
    assertThat(timeOf(io, 128, false)).isBetween(95 * MS, 102 * MS);
  }

  @Test
  void ioThatIsLargerThanASliceIsFollowedByAPause() {
    TestIo io = new TestIo(reactors, "m0");
    limit(new QosLimits(0, 1, 0, 0)); // 1048 bytes per ms
    reactors.runForUs(5_000);
    long startNs = reactors.nowNs();
    io.await(io.startRead(0, 0, 64)); // 256 KiB on credit
    assertThat(reactors.nowNs() - startNs).isLessThan(MS);
    io.await(io.startRead(1, 0, 1));
    assertThat(reactors.nowNs() - startNs).isBetween(240 * MS, 252 * MS);
  }

  @Test
  void limitsAreSetAgainAndAgainWhileNobodyHasTheDeviceOpen() {
    limit(ios(1000));
    limit(ios(1500));
    assertThat(bdev.qosLimits().rwIosPerSec()).as("rounded up").isEqualTo(2000);
    limit(QosLimits.NONE);
    assertThat(bdev.qosLimits()).isEqualTo(QosLimits.NONE);
  }

  @Test
  void liftedLimitsLetEverythingGoAtOnce() {
    TestIo io = new TestIo(reactors, "m0");
    limit(ios(1000));
    List<TestIo.Call> calls = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      calls.add(io.startRead(i & 1, i, 1));
    }
    limit(QosLimits.NONE);
    reactors.settle();
    assertThat(calls).allSatisfy(call -> assertThat(call.done()).isTrue());
  }

  @Test
  void onlyReadsAndWritesAreLimited() {
    TestIo io = new TestIo(reactors, "m0");
    limit(ios(1000));
    long startNs = reactors.nowNs();
    for (int i = 0; i < 20; i++) {
      assertThat(io.run(i & 1, BdevIo::flush)).isZero();
      assertThat(io.run(i & 1, request -> request.unmap(0, 1))).isZero();
      assertThat(io.run(i & 1, request -> request.writeZeroes(0, 1))).isZero();
    }
    assertThat(reactors.nowNs() - startNs).isLessThan(2 * MS);
  }

  @Test
  void whatWaitsForTheRateCanBeAborted() {
    TestIo io = new TestIo(reactors, "m0");
    limit(ios(1000));
    List<TestIo.Call> calls = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      calls.add(io.startRead(1, i, 1));
    }
    TestIo.Call last = calls.getLast();
    assertThat(last.done()).isFalse();
    io.abort(1, last);
    reactors.settle();
    assertThat(last.status()).isEqualTo(IoStatus.ABORTED_BY_REQUEST);
    calls.subList(0, 19).forEach(io::await);
    assertThat(calls.subList(0, 19)).allSatisfy(call -> assertThat(call.status()).isZero());
  }

  @Test
  void quiescedBlocksHoldWhatTheRateLetsGo() {
    TestIo io = new TestIo(reactors, "m0");
    limit(ios(1000));
    List<TestIo.Call> calls = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      calls.add(io.startWrite(0, i, new byte[BLOCK]));
    }
    LbaRange all = new LbaRange(0, 256);
    boolean[] quiet = {false};
    reactors.home(() -> layer.quiesce(bdev, all, () -> quiet[0] = true));
    reactors.runUntil(() -> quiet[0]);
    reactors.runForUs(30_000);
    assertThat(calls.getLast().done()).isFalse();
    reactors.home(() -> layer.unquiesce(bdev, all, () -> {}));
    calls.forEach(io::await);
    assertThat(calls).allSatisfy(call -> assertThat(call.status()).isZero());
  }

  @Test
  void absurdRatesAreRefusedWithTheRule() {
    assertThatThrownBy(() -> ios(-1)).hasMessageContaining("rw_ios_per_sec is -1");
    assertThatThrownBy(() -> new QosLimits(0, 0, 0, Long.MAX_VALUE))
        .hasMessageContaining("w_mbytes_per_sec is 9223372036854775807, 0 to 1099511627776");
  }
}
