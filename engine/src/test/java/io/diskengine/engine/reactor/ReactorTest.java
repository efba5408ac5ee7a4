package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.sim.SimWorld;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The reactor's own rules, turned by hand on virtual time. */
class ReactorTest {
  private static final long MS = 1_000_000;

  private final SimWorld world = new SimWorld(4, 2);
  private final Reactor reactor = world.reactor(0);
  private final Reactor other = world.reactor(1);
  private final List<Integer> ran = new ArrayList<>();

  @AfterEach
  void endWorld() {
    world.close();
  }

  private Task note(int number) {
    return Task.of(() -> ran.add(number));
  }

  @Test
  void timersExpireInTheOrderOfTheirDeadlines() {
    Random random = new Random(8);
    List<Integer> expected = new ArrayList<>();
    List<Timer> timers = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      int number = i;
      timers.add(Timer.of(() -> ran.add(number)));
      expected.add(i);
    }
    List<Integer> shuffled = new ArrayList<>(expected);
    Collections.shuffle(shuffled, random);
    shuffled.forEach(i -> reactor.schedule(timers.get(i), random.nextInt(1000) * MS));
    shuffled.forEach(i -> reactor.schedule(timers.get(i), (i + 1) * MS)); // re-armed
    for (int i = 0; i < 200; i += 3) {
      reactor.cancel(timers.get(i));
      expected.remove((Integer) i);
    }
    world.run(300 * MS);
    assertThat(ran).isEqualTo(expected);
    assertThat(timers).noneMatch(Timer::armed);
  }

  @Test
  void aFullMailboxIsCountedAndSendLosesNothing() {
    int more = 3 * Reactor.MAILBOX_CAPACITY;
    for (int i = 0; i < Reactor.MAILBOX_CAPACITY; i++) {
      assertThat(other.post(note(i))).isTrue();
    }
    assertThat(other.post(note(-1))).isFalse();
    assertThat(other.failedOffers()).isEqualTo(1);
    reactor.execute(() -> {
      for (int i = 0; i < more; i++) {
        reactor.send(other, note(Reactor.MAILBOX_CAPACITY + i));
      }
    });
    world.await("all messages", () -> ran.size() == Reactor.MAILBOX_CAPACITY + more, 10_000 * MS);
    for (int i = 0; i < ran.size(); i++) {
      assertThat(ran.get(i)).isEqualTo(i);
    }
  }

  @Test
  void aDeferredTaskRunsAfterItsCallerReturned() {
    reactor.execute(() -> {
      reactor.defer(
          Task.of(() -> {
            ran.add(2);
            reactor.defer(note(3));
            assertThat(ran).doesNotContain(3);
          }));
      ran.add(1);
    });
    world.run(MS);
    assertThat(ran).containsExactly(1, 2, 3);
  }

  @Test
  void aBugInOneTaskDoesNotStopTheOthers() {
    reactor.execute(() -> {
      throw new IllegalStateException("bug");
    });
    reactor.post(note(1));
    reactor.turn();
    assertThat(ran).containsExactly(1);
    assertThatThrownBy(() -> world.run(MS)).hasRootCauseMessage("bug");
  }

  @Test
  void aStaleHandleCancelsNothing() {
    int fd = reactor.kernel().openFile("/f", 0x42, 0);
    List<Integer> results = new ArrayList<>();
    Reactor.FileOp op = results::add;
    long handle = reactor.dataSync(fd, op);
    world.await("sync", () -> results.size() == 1, 10 * MS);
    world.file("/f").stall();
    long next = reactor.dataSync(fd, op);
    assertThat((int) next).as("same slot").isEqualTo((int) handle);
    assertThat(next).isNotEqualTo(handle);
    reactor.cancel(handle);
    world.run(10 * MS);
    assertThat(results).hasSize(1);
    assertThat(reactor.opsInFlight()).isEqualTo(1);
    reactor.turn();
    assertThat(reactor.oldestOpAgeNs()).isGreaterThan(9 * MS);
    world.file("/f").resume();
    world.await("sync", () -> results.size() == 2, 10 * MS);
  }

  // ---- buffers

  private final class Wait extends IoBufferPool.Waiter {
    final int number;
    long address;

    Wait(int number) {
      this.number = number;
    }

    @Override
    protected void granted(long granted) {
      ran.add(number);
      address = granted;
    }
  }

  @Test
  void waitersForBuffersAreServedInOrderAndCounted() {
    BufferReserve reserve = BufferReserve.map(2, 1);
    IoBufferPool pool = new IoBufferPool(reserve);
    Wait never = new Wait(-1);
    long small1 = pool.take(4096, never);
    long small2 = pool.take(8192, never);
    long large = pool.take(8193, never);
    assertThat(List.of(small1, small2, large)).doesNotContain(0L).doesNotHaveDuplicates();
    assertThat(pool.takeNow(1)).isZero();
    List<Wait> waits = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      waits.add(new Wait(i));
      assertThat(pool.take(i == 1 ? 100_000 : 512, waits.get(i))).isZero();
    }
    assertThat(pool.withdraw(waits.get(2))).isTrue();
    assertThat(pool.withdraw(waits.get(2))).isFalse();
    pool.give(small1);
    assertThat(ran).containsExactly(0);
    pool.give(small2);
    assertThat(ran).as("the first in line needs a large one").containsExactly(0);
    pool.give(large);
    assertThat(ran).startsWith(0, 1);
    pool.give(waits.get(1).address);
    assertThat(ran).containsExactly(0, 1, 3);
    assertThat(pool.waits()).isEqualTo(4);
    assertThatThrownBy(() -> pool.takeNow(BufferReserve.LARGE_BYTES + 1))
        .isInstanceOf(IllegalArgumentException.class);
    reserve.unmap();
  }
}
