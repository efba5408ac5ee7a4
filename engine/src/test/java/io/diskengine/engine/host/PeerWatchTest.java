package io.diskengine.engine.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PeerWatchTest {
  private static final long MS = 1_000_000L;
  private static final long SECOND = 1000 * MS;

  /** A controller whose keep-alives are answered before the next round, unless it is silent. */
  private static final class Fake implements PeerWatch.Asker {
    long sentNs;
    boolean out;
    int sent;
    long longestNs;

    Fake(long sentNs) {
      this.sentNs = sentNs;
    }

    @Override
    public long keepAliveSentNs() {
      return sentNs;
    }

    @Override
    public boolean keepAliveIsOut() {
      return out;
    }

    void ask(long nowNs) {
      longestNs = Math.max(longestNs, nowNs - sentNs);
      sentNs = nowNs;
      sent++;
      out = true;
    }
  }

  private static List<Fake> round(PeerWatch watch, List<Fake> all, long intervalNs, long nowNs) {
    watch.begin(nowNs, false);
    all.forEach(f -> watch.see(f, nowNs));
    List<Fake> asked = new ArrayList<>();
    for (Fake f : all) {
      if (watch.asks(f, intervalNs, nowNs)) {
        f.ask(nowNs);
        asked.add(f);
      }
    }
    return asked;
  }

  private static List<Fake> fakes(int count) {
    return IntStream.range(0, count).mapToObj(i -> new Fake(0)).toList();
  }

  @Test
  void peerThatAnswersIsAskedOftenByOneAndSeldomByEach() {
    long seed = new Random().nextLong();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    PeerWatch watch = new PeerWatch(0);
    List<Fake> all = fakes(100);
    long lastNs = 0;
    long nowNs = 0;
    for (int i = 0; i < 1200; i++) {
      nowNs += NvmeHost.TICK_NS + random.nextLong(5 * MS); // timers are late, never early
      if (!round(watch, all, 15 * SECOND, nowNs).isEmpty()) {
        assertThat(nowNs - lastNs).isBetween(1000 * MS, 1600 * MS);
        lastNs = nowNs;
      }
      all.forEach(f -> f.out = false);
    }
    assertThat(all).allSatisfy(f -> assertThat(f.longestNs).isLessThan(15_600 * MS));
    // Each about every 15 s (a little earlier, to go together with others), one every 1.5 s.
    long sent = all.stream().mapToLong(f -> f.sent).sum();
    assertThat(sent).isLessThan(600 / 13 * 100 + 600);
  }

  @Test
  void whenOneIsNotAnsweredAtOnceAllAsk() {
    PeerWatch watch = new PeerWatch(0);
    List<Fake> all = fakes(10);
    long nowNs = 0;
    List<Fake> asked = List.of();
    while (asked.isEmpty()) {
      nowNs += NvmeHost.TICK_NS;
      asked = round(watch, all, 15 * SECOND, nowNs);
    }
    assertThat(nowNs).isEqualTo(NvmeHost.KEEP_ALIVE_INTERVAL_NS);
    assertThat(asked).hasSize(1);
    assertThat(round(watch, all, 15 * SECOND, nowNs + NvmeHost.TICK_NS)).hasSize(9);
    assertThat(round(watch, all, 15 * SECOND, nowNs + 2 * NvmeHost.TICK_NS)).isEmpty();
  }

  @Test
  void whenAnotherPeerIsAskedThisOneMayBeATickEarly() {
    PeerWatch watch = new PeerWatch(0);
    long nowNs = NvmeHost.KEEP_ALIVE_INTERVAL_NS - NvmeHost.TICK_NS;
    Fake fake = new Fake(0);
    for (boolean early : new boolean[] {false, true}) {
      watch.begin(nowNs, early);
      watch.see(fake, nowNs);
      assertThat(watch.asks(fake, 15 * SECOND, nowNs)).isEqualTo(early);
    }
    assertThat(watch.dueNs()).isEqualTo(nowNs + NvmeHost.KEEP_ALIVE_INTERVAL_NS);
  }

  @Test
  void controllerWithAShortKeepAliveTimeAsksForItself() {
    PeerWatch watch = new PeerWatch(0);
    List<Fake> all = fakes(3);
    int sent = 0;
    for (long nowNs = NvmeHost.TICK_NS; nowNs <= 60 * SECOND; nowNs += NvmeHost.TICK_NS) {
      sent += round(watch, all, SECOND, nowNs).size();
      all.forEach(f -> f.out = false);
    }
    assertThat(sent).isEqualTo(3 * 60);
    assertThat(all).allSatisfy(f -> assertThat(f.longestNs).isEqualTo(SECOND));
  }
}
